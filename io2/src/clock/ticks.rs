//! The cheapest clock there is, and how fast it runs.

#[cfg(target_arch = "x86_64")]
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use super::{Instant, now};
use crate::sys;

#[cfg(test)]
mod tests;

/// A reading of the processor's time stamp counter where it is a clock, else of the monotonic
/// clock in nanoseconds. Comparable within a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticks(pub(crate) u64);

impl Ticks {
    /// How many ticks lie between `earlier` and this; 0 if the processors' counters differ
    /// by more than that.
    #[inline]
    pub(crate) fn since(self, earlier: Ticks) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// The ticks now.
#[inline]
pub(crate) fn ticks() -> Ticks {
    #[cfg(target_arch = "x86_64")]
    if counter_is_clock() {
        return Ticks(sys::time_stamp_counter());
    }
    Ticks(sys::monotonic_nanos())
}

/// Whether ticks are nanoseconds already.
fn ticks_are_nanos() -> bool {
    #[cfg(target_arch = "x86_64")]
    return !counter_is_clock();
    #[cfg(not(target_arch = "x86_64"))]
    return true;
}

/// Whether the time stamp counter runs evenly and alike on all processors; decided once a process.
#[cfg(target_arch = "x86_64")]
#[inline]
fn counter_is_clock() -> bool {
    const UNKNOWN: u8 = 0;
    const YES: u8 = 1;
    const NO: u8 = 2;
    static DECISION: AtomicU8 = AtomicU8::new(UNKNOWN);

    #[cold]
    fn decide() -> bool {
        const SOURCE: &str = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
        let source = std::fs::read_to_string(SOURCE).unwrap_or_default();
        let usable = source_allows(&source, || {
            std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default()
        });
        // Threads that decide at the same time decide alike, or nearly: the first one counts.
        let decision = if usable { YES } else { NO };
        match DECISION.compare_exchange(UNKNOWN, decision, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => usable,
            Err(decided) => decided == YES,
        }
    }

    match DECISION.load(Ordering::Relaxed) {
        YES => true,
        NO => false,
        _ => decide(),
    }
}

/// The kernel watches the counter and leaves the clock source `tsc` when it is not even. The clocks
/// of hypervisors are made from the counter too, which may be used if it never changes its pace.
#[cfg(target_arch = "x86_64")]
fn source_allows(source: &str, cpuinfo: impl FnOnce() -> String) -> bool {
    match source.trim() {
        "tsc" => true,
        "kvm-clock" | "hyperv_clocksource_tsc_page" | "xen" => {
            let cpuinfo = cpuinfo();
            let flags = cpuinfo
                .lines()
                .find(|line| line.starts_with("flags"))
                .unwrap_or_default();
            let has = |flag| flags.split_ascii_whitespace().any(|word| word == flag);
            has("constant_tsc") && has("nonstop_tsc")
        }
        _ => false,
    }
}

/// How fast the ticks run: measured over all the time since the executor started, so the longer it
/// runs the more exact it is.
#[derive(Debug)]
pub(crate) struct Rate {
    base: Sample,
    /// Nanoseconds a tick, times 2³². `None` until enough time has passed.
    scale: Option<u64>,
    /// The reverse, ticks a nanosecond times 2³², never too many; a guess while `scale` is `None`.
    /// Kept, since a multiplication is much cheaper than a division of so many bits.
    reverse: u64,
    /// Before these ticks another measurement would not be much better.
    due: u64,
}

/// The same moment by both clocks.
#[derive(Clone, Copy, Debug)]
struct Sample {
    ticks: Ticks,
    instant: Instant,
}

/// No counter is slower than this, in ticks a nanosecond as a ratio: 1 to 2, so 500 MHz.
const SLOWEST: (u64, u64) = (1, 2);

/// The shortest time to measure over: the two readings of a sample are less than 100 ns apart,
/// which is then one part in ten thousand.
const BASELINE_MIN: Duration = Duration::from_millis(1);

const SCALE_BITS: u32 = 32;

impl Rate {
    /// Begins to measure. Does not wait, so at first nothing is known.
    pub(crate) fn new() -> Rate {
        let base = Sample::take();
        let scale = ticks_are_nanos().then_some(1 << SCALE_BITS);
        Rate {
            base,
            scale,
            reverse: reverse(scale),
            due: base.ticks.0,
        }
    }

    /// Measures again if that makes the rate noticeably better: at first after a millisecond, then
    /// whenever the time since the start has doubled. `now` are the ticks now. True if it measured.
    #[inline]
    pub(crate) fn refine(&mut self, now: Ticks) -> bool {
        let due = now.0 >= self.due && !ticks_are_nanos();
        if due {
            self.measure();
        }
        due
    }

    #[cold]
    fn measure(&mut self) {
        let sample = Sample::take();
        let elapsed = sample.instant.duration_since(self.base.instant);
        let ticks = sample.ticks.since(self.base.ticks);
        if elapsed < BASELINE_MIN || ticks == 0 {
            return;
        }
        let scale = scale(elapsed, ticks);
        // One of the clocks stood still, as they may while the machine is suspended: begin again.
        if self
            .scale
            .is_some_and(|old| scale.abs_diff(old) > old / 100)
        {
            self.base = sample;
            self.scale = None;
            self.reverse = reverse(None);
            self.due = sample.ticks.0;
            return;
        }
        self.scale = Some(scale);
        self.reverse = reverse(self.scale);
        self.due = sample.ticks.0.saturating_add(ticks);
    }

    /// Nanoseconds a tick, times 2³², once that is known.
    pub(crate) fn scale(&self) -> Option<u64> {
        self.scale
    }

    /// What a number of ticks is in time.
    pub(crate) fn duration(&self, ticks: u64) -> Duration {
        let scale = self.scale.unwrap_or_else(|| {
            // Not known yet: what has been since the start must do.
            let sample = Sample::take();
            let elapsed = sample.instant.duration_since(self.base.instant);
            scale(elapsed, sample.ticks.since(self.base.ticks).max(1))
        });
        let nanos = (u128::from(ticks) * u128::from(scale)) >> SCALE_BITS;
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// A number of ticks that take no longer than this duration: whoever has counted fewer
    /// need not read the clock. Far less than that at first, later less by a thousandth.
    pub(crate) fn ticks_for(&self, duration: Duration) -> u64 {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let ticks = (u128::from(nanos) * u128::from(self.reverse)) >> SCALE_BITS;
        u64::try_from(ticks).unwrap_or(u64::MAX)
    }
}

/// Ticks a nanosecond, times 2³²: at least a thousandth less than the exact number, for the clocks
/// do not stay in step to the last digit.
fn reverse(scale: Option<u64>) -> u64 {
    let reverse = match scale {
        Some(scale) => {
            let exact = (1_u128 << (2 * SCALE_BITS)) / u128::from(scale.max(1));
            exact - exact.div_ceil(1024)
        }
        None => (1_u128 << SCALE_BITS) * u128::from(SLOWEST.0) / u128::from(SLOWEST.1),
    };
    u64::try_from(reverse).unwrap_or(u64::MAX)
}

/// Nanoseconds a tick, times 2³².
fn scale(elapsed: Duration, ticks: u64) -> u64 {
    let scale = (elapsed.as_nanos() << SCALE_BITS) / u128::from(ticks);
    u64::try_from(scale).unwrap_or(u64::MAX)
}

impl Sample {
    fn take() -> Sample {
        // The thread may be interrupted between the two readings: the closest pair counts.
        let pair = |_| {
            let before = ticks();
            let instant = now();
            let after = ticks();
            let gap = after.since(before);
            (
                gap,
                Sample {
                    ticks: Ticks(before.0 + gap / 2),
                    instant,
                },
            )
        };
        (0..4)
            .map(pair)
            .reduce(|best, next| if next.0 < best.0 { next } else { best })
            .map(|(_, sample)| sample)
            .expect("there are four pairs")
    }
}
