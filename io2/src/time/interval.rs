//! Something that happens again and again.

use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Duration;

use super::Instant;
use crate::executor::timer::Timer;

#[cfg(test)]
mod tests;

/// Ticks at once, and then whenever `period` has passed.
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// # io2::ExecutorConfig::new().run(async {
/// use std::time::Duration;
///
/// let mut interval = io2::time::interval(Duration::from_millis(2));
/// let first = interval.tick().await;
/// let second = interval.tick().await;
/// assert_eq!(second - first, Duration::from_millis(2));
/// # })
/// # }
/// ```
///
/// # Panics
///
/// If the period is zero.
#[track_caller]
pub fn interval(period: Duration) -> Interval {
    interval_at(Instant::now(), period)
}

/// Ticks at `start`, and then whenever `period` has passed.
///
/// # Panics
///
/// If the period is zero.
#[track_caller]
pub fn interval_at(start: Instant, period: Duration) -> Interval {
    assert!(
        !period.is_zero(),
        "the period of an interval must not be zero"
    );
    Interval {
        timer: Timer::new(start),
        period,
        missed: MissedTickBehavior::default(),
    }
}

/// What an [`Interval`] does about ticks that were due, but that nobody took.
///
/// With a period of 10 ms, and a task that takes the tick of 10 ms at once, works until 35 ms, and
/// then takes each tick as soon as it can, the ticks are taken at these times:
///
/// | behaviour | ticks taken at |
/// |---|---|
/// | `Burst` | 0, 10, 35, 35, 40, 50 |
/// | `Delay` | 0, 10, 35, 45, 55, 65 |
/// | `Skip` | 0, 10, 35, 40, 50, 60 |
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum MissedTickBehavior {
    /// The ticks that were missed follow at once, one after the other, until as many were taken as
    /// there should have been. For those who count.
    #[default]
    Burst,
    /// The next tick is a whole period after the late one was taken, and so are those after it: two
    /// ticks are never much closer than the period.
    ///
    /// A tick is late from 5 ms on, or from a tenth of the period on if that is less: what comes
    /// from waking up alone does not add up.
    Delay,
    /// The ticks that were missed are left out; the next one is where it would have been anyway, a
    /// multiple of the period from the start.
    Skip,
}

/// When a tick is late for [`MissedTickBehavior::Delay`].
const LATE: Duration = Duration::from_millis(5);

/// Ticks again and again; see [`interval`].
#[derive(Debug)]
pub struct Interval {
    /// Its deadline is the next tick.
    timer: Timer,
    period: Duration,
    missed: MissedTickBehavior,
}

impl Interval {
    /// Waits for the next tick, and returns the time that it was due at.
    ///
    /// If the future is dropped before it is ready the tick is not lost.
    pub async fn tick(&mut self) -> Instant {
        poll_fn(|cx| self.poll_tick(cx)).await
    }

    /// Like [`tick`](Interval::tick), for futures that are written by hand.
    pub fn poll_tick(&mut self, cx: &mut Context<'_>) -> Poll<Instant> {
        if self.timer.poll(cx).is_pending() {
            return Poll::Pending;
        }
        let due = self.timer.deadline();
        self.timer
            .reset(self.missed.next(due, Instant::now(), self.period));
        Poll::Ready(due)
    }

    /// The next tick is a whole period from now.
    pub fn reset(&mut self) {
        self.reset_at(Instant::now() + self.period);
    }

    /// The next tick is now.
    pub fn reset_immediately(&mut self) {
        self.reset_at(Instant::now());
    }

    /// The next tick is so much later than now.
    pub fn reset_after(&mut self, after: Duration) {
        self.reset_at(Instant::now() + after);
    }

    /// The next tick is at this time. Those after it count from there.
    pub fn reset_at(&mut self, deadline: Instant) {
        self.timer.reset(deadline);
    }

    /// The time from one tick to the next.
    #[must_use]
    pub fn period(&self) -> Duration {
        self.period
    }

    /// What happens about ticks that nobody took.
    #[must_use]
    pub fn missed_tick_behavior(&self) -> MissedTickBehavior {
        self.missed
    }

    /// Says what shall happen about ticks that nobody took.
    pub fn set_missed_tick_behavior(&mut self, behavior: MissedTickBehavior) {
        self.missed = behavior;
    }
}

impl MissedTickBehavior {
    /// When the next tick is, after the one that was `due` is taken `now`.
    fn next(self, due: Instant, now: Instant, period: Duration) -> Instant {
        let late = now - due;
        match self {
            MissedTickBehavior::Delay if late >= LATE.min(period / 10) => now + period,
            MissedTickBehavior::Burst | MissedTickBehavior::Delay => due + period,
            MissedTickBehavior::Skip => {
                // The difference of two instants fits into 64 bits, so what remains does.
                let since_last = (late.as_nanos() % period.as_nanos()) as u64;
                now + (period - Duration::from_nanos(since_last))
            }
        }
    }
}
