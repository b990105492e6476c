//! Durations, counted by their order of magnitude.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Each power of two is divided into so many buckets, so a bucket is at most a quarter wide.
const SUB_BITS: u32 = 2;
const SUB: u64 = 1 << SUB_BITS;

/// What takes longer than 2⁴⁰ ns, 18 minutes, is counted with the longest.
const TOP_BITS: u32 = 40;
const COUNT: usize = ((TOP_BITS - SUB_BITS + 1) as usize) << SUB_BITS;

/// Which bucket a number of nanoseconds falls into.
#[inline]
fn index(nanos: u64) -> usize {
    if nanos < SUB {
        return nanos as usize;
    }
    let top = nanos.ilog2();
    let sub = (nanos >> (top - SUB_BITS)) & (SUB - 1);
    let index = (u64::from(top - SUB_BITS + 1) << SUB_BITS) | sub;
    (index as usize).min(COUNT - 1)
}

/// The first number of nanoseconds that falls into a later bucket.
fn bound(index: usize) -> u64 {
    let next = index as u64 + 1;
    if next < SUB {
        return next;
    }
    let top = (next >> SUB_BITS) as u32 + SUB_BITS - 1;
    (SUB | (next & (SUB - 1))) << (top - SUB_BITS)
}

/// A histogram that one thread writes and others read.
pub(crate) struct Buckets {
    counts: [AtomicU64; COUNT],
    sum: AtomicU64,
    max: AtomicU64,
}

impl Buckets {
    pub(crate) const fn new() -> Self {
        Buckets {
            counts: [const { AtomicU64::new(0) }; COUNT],
            sum: AtomicU64::new(0),
            max: AtomicU64::new(0),
        }
    }

    /// Counts a duration, which stands for `weight` of its like.
    #[inline]
    pub(crate) fn record(&self, nanos: u64, weight: u64) {
        let add = |place: &AtomicU64, more: u64| {
            let sum = place.load(Ordering::Relaxed).wrapping_add(more);
            place.store(sum, Ordering::Relaxed);
        };
        add(&self.counts[index(nanos)], weight);
        add(&self.sum, nanos.wrapping_mul(weight));
        if nanos > self.max.load(Ordering::Relaxed) {
            self.max.store(nanos, Ordering::Relaxed);
        }
    }

    pub(super) fn clear(&self) {
        for place in self.counts.iter().chain([&self.sum, &self.max]) {
            place.store(0, Ordering::Relaxed);
        }
    }

    pub(crate) fn read(&self) -> Histogram {
        let load = |place: &AtomicU64| place.load(Ordering::Relaxed);
        Histogram {
            counts: self.counts.iter().map(load).collect(),
            sum: load(&self.sum),
            max: load(&self.max),
        }
    }
}

/// How often durations of each order of magnitude occurred. A bucket is at most a quarter as wide as the
/// durations in it, so quantiles are that exact.
///
/// # Examples
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// let stats = io2::stats().unwrap();
/// if let Some(p99) = stats.poll_time.quantile(0.99) {
///     println!("99 of 100 polls take at most {p99:?}");
/// }
/// # }).unwrap();
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Histogram {
    counts: Vec<u64>,
    sum: u64,
    max: u64,
}

impl Histogram {
    /// How many durations there are. Those that were sampled count for all that they stand for.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// All durations together.
    #[must_use]
    pub fn sum(&self) -> Duration {
        Duration::from_nanos(self.sum)
    }

    /// The longest one that was seen.
    #[must_use]
    pub fn max(&self) -> Duration {
        Duration::from_nanos(self.max)
    }

    /// The duration that a share `q` of all, from 0 to 1, does not exceed; `None` if there are none.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<Duration> {
        let count = self.count();
        if count == 0 {
            return None;
        }
        let rank = ((count as f64 * q.clamp(0.0, 1.0)).ceil() as u64).max(1);
        let mut sum = 0;
        for (bound, count) in self.buckets() {
            sum += count;
            if sum >= rank {
                return Some(bound.min(self.max()));
            }
        }
        Some(self.max())
    }

    /// The buckets that are not empty: a duration that those in it stay below, and how many there are.
    pub fn buckets(&self) -> impl Iterator<Item = (Duration, u64)> + '_ {
        let all = self.counts.iter().enumerate();
        let filled = all.filter(|&(_, &count)| count > 0);
        filled.map(|(index, &count)| (Duration::from_nanos(bound(index)), count))
    }
}

impl fmt::Debug for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Histogram")
            .field("count", &self.count())
            .field("p50", &self.quantile(0.5))
            .field("p99", &self.quantile(0.99))
            .field("max", &self.max())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn buckets_follow_each_other_without_a_gap() {
        for at in 0..COUNT - 1 {
            let first_after = bound(at);
            assert_eq!(index(first_after - 1), at, "before {first_after}");
            assert_eq!(index(first_after), at + 1, "{first_after}");
        }
        assert_eq!(index(u64::MAX), COUNT - 1);
    }

    proptest! {
        #[test]
        fn a_quantile_is_at_most_a_quarter_too_long(
            mut nanos in prop::collection::vec(1..10_000_000_000_u64, 1..200),
            q in 0.0..=1.0_f64,
        ) {
            let buckets = Buckets::new();
            for &each in &nanos {
                buckets.record(each, 1);
            }
            let histogram = buckets.read();
            prop_assert_eq!(histogram.count(), nanos.len() as u64);
            prop_assert_eq!(histogram.sum(), Duration::from_nanos(nanos.iter().sum()));
            nanos.sort_unstable();
            let rank = ((nanos.len() as f64 * q).ceil() as usize).max(1);
            let exact = nanos[rank - 1] as f64;
            let found = histogram.quantile(q).unwrap().as_nanos() as f64;
            prop_assert!(found >= exact && found <= exact * 1.25 + 1.0, "{found} for {exact}");
            prop_assert_eq!(histogram.max().as_nanos() as u64, *nanos.last().unwrap());
        }
    }

    #[test]
    fn a_duration_counts_for_all_that_it_stands_for() {
        let buckets = Buckets::new();
        buckets.record(1_000, 64);
        buckets.record(1_000_000, 1);
        let histogram = buckets.read();
        assert_eq!(histogram.count(), 65);
        assert!(histogram.quantile(0.5).unwrap() < Duration::from_micros(2));
        assert_eq!(histogram.quantile(1.0), Some(Duration::from_millis(1)));
        assert_eq!(Histogram::default().quantile(0.5), None);
    }
}
