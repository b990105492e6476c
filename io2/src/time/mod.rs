//! (being written)

pub use crate::clock::Instant;
