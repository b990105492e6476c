//! The only module that reads clocks.
//!
//! [`Instant`] is the time that users and timers see. [`Ticks`] are for measuring how long a poll
//! took: reading them costs less than half, and a [`Rate`] tells what they are worth.

mod instant;
mod ticks;

pub use instant::Instant;
pub(crate) use ticks::{Rate, Ticks, ticks};

/// The time now.
#[inline]
pub(crate) fn now() -> Instant {
    Instant::now()
}
