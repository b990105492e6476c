//! Waiting for time to pass: sleeps, timeouts and intervals.
//!
//! Timers are exact to what the kernel can do, usually some tens of microseconds; there is no
//! coarser tick. None ends early. A turn of the executor fires what is due, so a task that
//! hogs the thread delays the timers of all the others, and is named in a warning for it.
//!
//! ```
//! use std::time::Duration;
//! use io2::time::{sleep, timeout};
//!
//! # fn main() -> std::io::Result<()> {
//! # io2::ExecutorConfig::new().run(async {
//! sleep(Duration::from_millis(2)).await;
//!
//! let never = std::future::pending::<()>();
//! assert!(timeout(Duration::from_millis(2), never).await.is_err());
//! # })
//! # }
//! ```
//!
//! What is made here belongs to the thread that made it. It waits in the executor that polls it,
//! and polling it outside an executor panics. It may outlive the executor.

mod interval;
mod sleep;
mod timeout;

pub use interval::{Interval, MissedTickBehavior, interval, interval_at};
pub use sleep::{Sleep, sleep, sleep_until};
pub use timeout::{Elapsed, Timeout, timeout, timeout_at};

pub use crate::clock::Instant;
