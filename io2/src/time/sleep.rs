//! A future that is ready at a point in time.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use super::Instant;
use crate::executor::timer::Timer;

/// Waits until so much time has passed since the call.
///
/// A duration of zero is over at once; to let other tasks run there is
/// [`yield_now`](crate::yield_now). `Duration::MAX` never ends.
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// # io2::ExecutorConfig::new().run(async {
/// use std::time::Duration;
/// use io2::time::{Instant, sleep};
///
/// let start = Instant::now();
/// sleep(Duration::from_millis(3)).await;
/// assert!(start.elapsed() >= Duration::from_millis(3));
/// # })
/// # }
/// ```
pub fn sleep(duration: Duration) -> Sleep {
    Sleep {
        timer: Timer::after(duration),
    }
}

/// Waits until a point in time; not at all if it has passed.
pub fn sleep_until(deadline: Instant) -> Sleep {
    Sleep {
        timer: Timer::new(deadline),
    }
}

/// The future of [`sleep`] and [`sleep_until`].
///
/// To drop it forgets the timer. It may be polled again after it was ready, and stays ready until
/// [`reset`](Sleep::reset) gives it another deadline.
#[derive(Debug)]
#[must_use = "a sleep does nothing unless it is awaited"]
pub struct Sleep {
    timer: Timer,
}

impl Sleep {
    /// When it is over.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.timer.deadline()
    }

    /// Whether it is over now.
    #[must_use]
    pub fn is_elapsed(&self) -> bool {
        Instant::now() >= self.deadline()
    }

    /// Waits for another point in time instead. Whoever waits for it already must poll it
    /// again, as after every change of what a future waits for.
    pub fn reset(&mut self, deadline: Instant) {
        self.timer.reset(deadline);
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.timer.poll(cx)
    }
}
