//! The attributes of the io2 runtime.
