//! The page of an executor: what it publishes about itself, for other threads to read at any time.
//!
//! The executor's thread is the only one that writes to it, but where it says otherwise, with plain
//! stores; a reader asks nothing of the executor, so it sees also one that is stuck. Pages stand in the
//! executor's slot, which is never freed.

mod histogram;
mod meta;
mod running;
pub(crate) mod session;
mod tape;

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub(crate) use self::histogram::Buckets;
pub use self::histogram::Histogram;
pub(crate) use self::meta::Meta;
pub(crate) use self::running::{Poll, Running};
pub(crate) use self::session::{Recorded, on_tape};
pub(crate) use self::tape::{Entry, Tape};
use crate::clock::{Instant, Ticks};
use crate::lock::lock;
use crate::trace::Sink;

/// One in so many turns is measured while nobody watches.
pub(crate) const SAMPLE_EVERY: u64 = 64;

/// Ticks in nanoseconds times 2 to this.
const SCALE_BITS: u32 = 32;

/// What executors are to look at before each batch of polls: the lowest bit is the watchdog's, who wants to be
/// woken; the rest counts those who want every poll to be measured.
pub(crate) static CALLS: AtomicU32 = AtomicU32::new(0);

/// One who wants that.
const WATCHER: u32 = 2;

/// See the module.
pub(crate) struct Page {
    pub(crate) running: Running,
    pub(crate) counters: Counters,
    pub(crate) poll_time: Buckets,
    pub(crate) wake_delay: Buckets,
    pub(crate) latency: Buckets,
    /// Nanoseconds a tick, times 2³²; 0 until that is known.
    scale: AtomicU64,
    /// What the executor has recorded, if there is a recording.
    pub(crate) tape: Mutex<Option<Box<Tape>>>,
    about: Mutex<Option<Arc<About>>>,
}

/// What is known of an executor from its start.
pub(crate) struct About {
    pub(crate) rt: u64,
    pub(crate) name: Option<String>,
    /// The kernel's number of its thread.
    pub(crate) thread: i32,
    pub(crate) cpu: u32,
    pub(crate) depth: u32,
    pub(crate) flags: &'static str,
    pub(crate) kernel: String,
    pub(crate) budget: Duration,
    /// Whether overruns are looked for.
    pub(crate) judges: bool,
    pub(crate) watchdog: bool,
    /// Nobody is to be told of it.
    pub(crate) hidden: bool,
    pub(crate) started: Instant,
    /// Polls of the slot before this executor.
    pub(crate) polls_before: u64,
    /// Where the events of its thread go.
    pub(crate) sink: Sink,
}

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {
        /// What is counted.
        pub(crate) struct Counters { $($(#[$doc])* pub(crate) $name: Counter,)+ }

        impl Counters {
            const fn new() -> Self {
                Counters { $($name: Counter::new(),)+ }
            }

            /// A new executor counts from zero.
            fn clear(&self) {
                $(self.$name.set(0);)+
            }
        }
    };
}

counters! {
    /// Tasks that were spawned, the future given to `run` not among them.
    spawned,
    /// Tasks that are alive, and those of them that wait for their turn, at the last look.
    live,
    ready,
    /// Entries that went to the kernel, what came back, and what has not, at the last look.
    submissions,
    completions,
    enters,
    in_flight,
    sq_full,
    overflows,
    busy,
    /// Timers that are set, at the last look, and those that fired.
    timers,
    timers_fired,
    remote_wakes,
    /// Polls that were longer than the slice.
    overruns,
    /// Nanoseconds in polls, and in entering the kernel and reaping. Ticks would be worth less at times, as their
    /// rate is measured anew.
    task_nanos,
    kernel_nanos,
}

/// A number that one thread writes.
pub(crate) struct Counter(AtomicU64);

impl Counter {
    const fn new() -> Self {
        Counter(AtomicU64::new(0))
    }

    #[inline]
    pub(crate) fn add(&self, more: u64) {
        self.set(self.get().wrapping_add(more));
    }

    #[inline]
    pub(crate) fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Page {
    pub(crate) const fn new() -> Self {
        Page {
            running: Running::new(),
            counters: Counters::new(),
            poll_time: Buckets::new(),
            wake_delay: Buckets::new(),
            latency: Buckets::new(),
            scale: AtomicU64::new(0),
            tape: Mutex::new(None),
            about: Mutex::new(None),
        }
    }

    /// An executor begins.
    pub(crate) fn open(&self, about: About) {
        let mut place = lock(&self.about);
        self.counters.clear();
        for histogram in [&self.poll_time, &self.wake_delay, &self.latency] {
            histogram.clear();
        }
        *place = Some(Arc::new(about));
    }

    /// It has ended.
    pub(crate) fn close(&self) {
        session::executor_ends(self);
        *lock(&self.about) = None;
    }

    /// The executor that the page is of, if one is alive.
    pub(crate) fn about(&self) -> Option<Arc<About>> {
        lock(&self.about).clone()
    }

    /// Says how fast ticks run.
    pub(crate) fn set_scale(&self, scale: u64) {
        self.scale.store(scale, Ordering::Relaxed);
    }

    /// The same, for another thread to say.
    pub(crate) fn set_scale_once(&self, scale: u64) {
        if self.scale.load(Ordering::Relaxed) == 0 {
            self.set_scale(scale);
        }
    }

    /// What a number of ticks is in nanoseconds, or `None` until that is known.
    #[inline]
    pub(crate) fn nanos(&self, ticks: u64) -> Option<u64> {
        let scale = self.scale.load(Ordering::Relaxed);
        if scale == 0 {
            return None;
        }
        let nanos = (u128::from(ticks) * u128::from(scale)) >> SCALE_BITS;
        Some(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// The same as a duration, zero until the rate is known.
    pub(crate) fn duration(&self, ticks: u64) -> Duration {
        Duration::from_nanos(self.nanos(ticks).unwrap_or(0))
    }

    /// How long ago that was.
    pub(crate) fn since(&self, now: Ticks, then: Ticks) -> Duration {
        self.duration(now.since(then))
    }

    /// Whether somebody reads the histograms, so that every poll counts.
    #[inline]
    pub(crate) fn is_watched(&self) -> bool {
        CALLS.load(Ordering::Relaxed) >= WATCHER
    }

    /// How many of its like a measured poll, wake or operation stands for.
    #[inline]
    pub(crate) fn weight(&self) -> u64 {
        if self.is_watched() { 1 } else { SAMPLE_EVERY }
    }
}

/// While this is alive the histograms of all executors count everything, instead of samples; made by
/// [`watch`](crate::observe::watch). It costs the executors some 150
/// instructions a poll, and 220 an operation.
#[derive(Debug)]
#[must_use = "it counts until it is dropped"]
pub struct Watching(());

impl Watching {
    pub(crate) fn begin() -> Watching {
        CALLS.fetch_add(WATCHER, Ordering::Relaxed);
        Watching(())
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        CALLS.fetch_sub(WATCHER, Ordering::Relaxed);
    }
}
