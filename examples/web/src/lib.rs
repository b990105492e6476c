//! Unpublished member of the io2 workspace.
