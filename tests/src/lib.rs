//! Unpublished member of the io2 workspace.

pub mod observed;
