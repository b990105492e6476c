//! A point in time of the monotonic clock.

use std::fmt;
use std::ops::{Add, AddAssign, Sub, SubAssign};
use std::sync::OnceLock;
use std::time::Duration;

use crate::sys;

#[cfg(test)]
mod tests;

/// A point in time, read from a clock that never goes back and does not run while the machine is
/// suspended (`CLOCK_MONOTONIC`).
///
/// Timers take it, and deadlines are made from it. It is like [`std::time::Instant`], and each
/// converts into the other; but it is eight bytes, and the runtime may let it follow another clock
/// than the machine's, so programs that are to be tested under simulated time read this one only.
///
/// ```
/// use std::time::Duration;
/// use io2::time::Instant;
///
/// let start = Instant::now();
/// let deadline = start + Duration::from_millis(20);
/// assert_eq!(deadline - start, Duration::from_millis(20));
/// // Differences are never negative.
/// assert_eq!(start - deadline, Duration::ZERO);
/// ```
///
/// # Limits
///
/// It counts nanoseconds from the start of the machine in 64 bits, which is enough for 584 years.
/// `+` and `-` with a [`Duration`] stop at the two ends instead of panicking, so `Instant::now() +
/// Duration::MAX` is a deadline that never comes; [`checked_add`](Instant::checked_add) and
/// [`checked_sub`](Instant::checked_sub) tell.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant {
    nanos: u64,
}

impl Instant {
    /// The time now.
    #[must_use]
    #[inline]
    pub fn now() -> Instant {
        Instant {
            nanos: sys::monotonic_nanos(),
        }
    }

    #[inline]
    pub(crate) const fn from_nanos(nanos: u64) -> Instant {
        Instant { nanos }
    }

    /// Nanoseconds since the zero of the clock.
    #[inline]
    pub(crate) const fn as_nanos(self) -> u64 {
        self.nanos
    }

    /// How much time has passed since this instant; zero if it is in the future.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        Instant::now().duration_since(*self)
    }

    /// How much time lies between `earlier` and this instant; zero if `earlier` is the later one.
    #[must_use]
    #[inline]
    pub const fn duration_since(&self, earlier: Instant) -> Duration {
        Duration::from_nanos(self.nanos.saturating_sub(earlier.nanos))
    }

    /// How much time lies between `earlier` and this instant; `None` if `earlier` is the later
    /// one.
    #[must_use]
    pub const fn checked_duration_since(&self, earlier: Instant) -> Option<Duration> {
        match self.nanos.checked_sub(earlier.nanos) {
            Some(nanos) => Some(Duration::from_nanos(nanos)),
            None => None,
        }
    }

    /// The instant that is so much later; `None` if it cannot be represented.
    #[must_use]
    pub fn checked_add(&self, duration: Duration) -> Option<Instant> {
        let nanos = u64::try_from(duration.as_nanos()).ok()?;
        Some(Instant {
            nanos: self.nanos.checked_add(nanos)?,
        })
    }

    /// The instant that is so much earlier; `None` if it is before the zero of the clock, which is
    /// usually the start of the machine.
    #[must_use]
    pub fn checked_sub(&self, duration: Duration) -> Option<Instant> {
        let nanos = u64::try_from(duration.as_nanos()).ok()?;
        Some(Instant {
            nanos: self.nanos.checked_sub(nanos)?,
        })
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Instant")
            .field(&Duration::from_nanos(self.nanos))
            .finish()
    }
}

impl Add<Duration> for Instant {
    type Output = Instant;

    /// The instant that is so much later, or the last one.
    fn add(self, duration: Duration) -> Instant {
        self.checked_add(duration)
            .unwrap_or(Instant { nanos: u64::MAX })
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

impl Sub<Duration> for Instant {
    type Output = Instant;

    /// The instant that is so much earlier, or the zero of the clock.
    fn sub(self, duration: Duration) -> Instant {
        self.checked_sub(duration).unwrap_or(Instant { nanos: 0 })
    }
}

impl SubAssign<Duration> for Instant {
    fn sub_assign(&mut self, duration: Duration) {
        *self = *self - duration;
    }
}

impl Sub<Instant> for Instant {
    type Output = Duration;

    /// How much time lies between the two; zero if `earlier` is the later one.
    fn sub(self, earlier: Instant) -> Duration {
        self.duration_since(earlier)
    }
}

impl From<std::time::Instant> for Instant {
    /// Never earlier than the original, and later by no more than the time between two readings
    /// of the clock: what waits for the result does not wait too short.
    fn from(instant: std::time::Instant) -> Instant {
        let anchor = Anchor::get();
        match instant.checked_duration_since(anchor.std) {
            Some(after) => anchor.own + after,
            None => anchor.own - anchor.std.duration_since(instant),
        }
    }
}

impl From<Instant> for std::time::Instant {
    /// The exact inverse of the other direction.
    fn from(instant: Instant) -> std::time::Instant {
        let anchor = Anchor::get();
        match instant.checked_duration_since(anchor.own) {
            Some(after) => anchor.std + after,
            None => anchor.std - anchor.own.duration_since(instant),
        }
    }
}

/// The same moment by both types, taken once, so that conversions keep order and differences.
struct Anchor {
    std: std::time::Instant,
    own: Instant,
}

impl Anchor {
    fn get() -> &'static Anchor {
        static ANCHOR: OnceLock<Anchor> = OnceLock::new();
        ANCHOR.get_or_init(|| {
            // The thread may be interrupted between the two readings: the closest pair counts.
            let pair = |_| {
                let before = Instant::now();
                let std = std::time::Instant::now();
                let own = Instant::now();
                (own.duration_since(before), Anchor { std, own })
            };
            (0..8)
                .map(pair)
                .reduce(|best, next| if next.0 < best.0 { next } else { best })
                .map(|(_, anchor)| anchor)
                .expect("there are eight pairs")
        })
    }
}
