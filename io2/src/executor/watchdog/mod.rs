//! The watchdog: a thread that looks at all executors of the process while they work, and reports a poll
//! that does not end.
//!
//! It ticks at the shortest slice of all executors, and reads what they publish; they do nothing for it.
//! When none of them has worked for 100 ms it falls asleep, and the next executor that has something to
//! do wakes it. Its own ticks tell when the whole process stood still, which is nobody's fault.

mod sched;
#[cfg(feature = "stall-stack")]
mod stack;

use std::fs::File;
use std::sync::Mutex;
use std::sync::atomic::{Ordering, fence};
use std::thread::Thread;
use std::time::Duration;

use self::sched::Sample;
pub(super) use self::sched::State;
use super::overrun::{self, Reports};
use super::remote::{self, Slot};
use crate::clock::{self, Instant, Rate, Ticks};
use crate::lock::lock;
use crate::page::{About, CALLS, Page, Poll};
use crate::trace::{self, Frame, Overrun};

/// It ticks at most this often.
const PERIOD_MIN: Duration = Duration::from_millis(1);

/// It falls asleep when nothing has happened for so long.
const PATIENCE: Duration = Duration::from_millis(100);

/// A tick that comes so much too late, or twice the period, shows that the process stood still.
const STILL: Duration = Duration::from_millis(20);

/// A poll is reported when it has taken so many slices, and again whenever that has doubled.
const FIRST_REPORT: u32 = 2;

/// So many ticks are remembered, to know what was before a poll.
const SAMPLES: usize = 16;

/// It waits to be woken: a call of [`CALLS`].
const ASLEEP: u32 = 1;

/// The thread, and the process that it is in: the child of a fork has none.
static THREAD: Mutex<Option<(u32, Thread)>> = Mutex::new(None);

static PULSE: Mutex<Pulse> = Mutex::new(Pulse {
    last: None,
    still: None,
});

/// When the watchdog ticked, and when it could not.
struct Pulse {
    /// Since when it waits for its next tick, and how long that may take; `None` while it does not.
    last: Option<(Instant, Duration)>,
    /// The last time that it did not tick when it should have.
    still: Option<(Instant, Instant)>,
}

/// What the watchdog knows of the executor of a slot.
pub(crate) struct Watch {
    pub(super) reports: Mutex<Reports>,
    seen: Mutex<Seen>,
    /// Tells the thread's use of the processor. The executor opens and closes it, so that it is gone with that.
    usage: Mutex<Option<File>>,
    #[cfg(feature = "stall-stack")]
    pub(crate) stack: stack::Trap,
}

struct Seen {
    /// The use of the processor at the last ticks, the newest last.
    samples: [Option<Sample>; SAMPLES],
    stuck: Option<Stuck>,
}

impl Seen {
    const NOTHING: Seen = Seen {
        samples: [None; SAMPLES],
        stuck: None,
    };

    fn add(&mut self, sample: Option<Sample>) {
        self.samples.rotate_left(1);
        self.samples[SAMPLES - 1] = sample;
    }

    /// What is known of this poll, if it was seen to be too long.
    fn stuck(&self, seq: u64) -> Option<&Stuck> {
        self.stuck.as_ref().filter(|stuck| stuck.seq == seq)
    }

    /// The newest one that is not later.
    fn before(&self, start: Ticks) -> Option<Sample> {
        let mut known = self.samples.iter().rev().flatten();
        known.find(|sample| sample.at <= start).copied()
    }
}

/// A poll that was seen to be too long.
#[derive(Clone)]
struct Stuck {
    seq: u64,
    /// The use of the processor before it.
    base: Option<Sample>,
    state: Option<State>,
    syscall: Option<String>,
    stack: Vec<Frame>,
    /// It is reported again when it has taken so many slices.
    next: u32,
}

/// Why a poll was long, as far as that is known.
#[derive(Default)]
pub(super) struct Cause {
    /// Time on the processor.
    pub(super) cpu: Option<Duration>,
    /// Time in which the thread could have run, and others did.
    waited: Option<Duration>,
    /// Time in which the whole process stood still. It may be the same time: a limit on the use of
    /// processors stops the thread and the watchdog at once.
    pub(super) stopped: Duration,
    pub(super) state: Option<State>,
    pub(super) syscall: Option<String>,
    pub(super) stack: Vec<Frame>,
}

impl Cause {
    /// Of a poll that took so long, for a part of which the process stood still: by two samples, the first of which
    /// is from before it, and by what the watchdog saw.
    fn new(
        from: Option<Sample>,
        to: Option<Sample>,
        elapsed: Duration,
        stopped: Duration,
        stuck: Option<Stuck>,
    ) -> Cause {
        let between = |value: fn(&Sample) -> u64| {
            let spent = value(&to?).saturating_sub(value(&from?));
            Some(Duration::from_nanos(spent).min(elapsed))
        };
        let (state, syscall, stack) = stuck
            .map(|stuck| (stuck.state, stuck.syscall, stuck.stack))
            .unwrap_or_default();
        Cause {
            cpu: between(|sample| sample.run),
            waited: between(|sample| sample.wait),
            stopped,
            state,
            syscall,
            stack,
        }
    }

    /// Whether the poll would have been short enough if the thread had had the processor to itself.
    pub(super) fn is_starved(&self, elapsed: Duration, budget: Duration) -> bool {
        let waited = self.waited.unwrap_or_default().max(self.stopped);
        elapsed.saturating_sub(waited) < budget
    }
}

impl Watch {
    pub(crate) const fn new() -> Watch {
        Watch {
            reports: Mutex::new(Reports::new()),
            usage: Mutex::new(None),
            seen: Mutex::new(Seen::NOTHING),
            #[cfg(feature = "stall-stack")]
            stack: stack::Trap::new(),
        }
    }

    /// Why a poll of the calling thread was long.
    #[cold]
    pub(super) fn cause(&self, page: &Page, seq: u64, start: Ticks, end: Ticks) -> Cause {
        let now = clock::now();
        let elapsed = page.since(end, start);
        let stopped = lock(&PULSE).stopped(now - elapsed, now);
        let (stuck, base) = {
            let seen = lock(&self.seen);
            let stuck = seen.stuck(seq).cloned();
            let base = match &stuck {
                Some(stuck) => stuck.base,
                None => seen.before(start),
            };
            (stuck, base)
        };
        Cause::new(base, self.sample(), elapsed, stopped, stuck)
    }

    /// The executor of this thread begins to be watched.
    pub(super) fn open(&self) {
        *lock(&self.usage) = sched::open();
        let mut seen = lock(&self.seen);
        *seen = Seen::NOTHING;
        // What the first polls are compared with.
        seen.add(self.sample());
    }

    /// It has ended.
    pub(super) fn close(&self) {
        *lock(&self.usage) = None;
    }

    /// The use of the processor by the executor's thread.
    fn sample(&self) -> Option<Sample> {
        Sample::read(lock(&self.usage).as_ref()?)
    }
}

/// How long the thread of a slot has been on a processor, where the kernel tells.
pub(crate) fn cpu_time(slot: &Slot) -> Option<Duration> {
    Some(Duration::from_nanos(slot.watch.sample()?.run))
}

impl Pulse {
    /// The next tick is to come within the limit.
    fn expect(&mut self, now: Instant, limit: Duration) {
        self.last = Some((now, limit));
    }

    /// It came. What the watchdog does from now on may take long: that says nothing of the process.
    fn came(&mut self, now: Instant) {
        if let Some((before, limit)) = self.last.take()
            && now - before > limit
        {
            // It may have been at any time since the last tick.
            self.still = Some((before, now));
        }
    }

    /// How long the process stood still in this time.
    fn stopped(&self, from: Instant, to: Instant) -> Duration {
        let overlap = |start: Instant, end: Instant| end.min(to).duration_since(start.max(from));
        let before = self.still.map(|(start, end)| overlap(start, end));
        // A tick that should have come and has not.
        let now = self.last.and_then(|(last, limit)| {
            let due = last + limit;
            (to > due).then(|| overlap(last, to))
        });
        before.unwrap_or_default() + now.unwrap_or_default()
    }
}

/// Lets the watchdog look at the executors, if it is asleep. For each batch of polls that somebody calls for.
pub(super) fn wake_if_asleep() {
    if CALLS.load(Ordering::Relaxed) & ASLEEP != 0 {
        wake();
    }
}

fn is_asleep() -> bool {
    CALLS.load(Ordering::SeqCst) & ASLEEP != 0
}

fn set_awake() -> bool {
    CALLS.fetch_and(!ASLEEP, Ordering::SeqCst) & ASLEEP != 0
}

#[cold]
#[inline(never)]
fn wake() {
    if set_awake()
        && let Some((_, thread)) = &*lock(&THREAD)
    {
        thread.unpark();
    }
}

/// Makes the thread, unless there is one.
pub(super) fn start() {
    let process = std::process::id();
    let mut thread = lock(&THREAD);
    if thread.as_ref().is_some_and(|(owner, _)| *owner == process) {
        drop(thread);
        wake_if_asleep();
        return;
    }
    set_awake();
    let builder = std::thread::Builder::new().name("io2-watchdog".to_owned());
    match builder.spawn(|| Watchdog::new().run()) {
        Ok(handle) => *thread = Some((process, handle.thread().clone())),
        Err(error) => {
            drop(thread);
            trace::advice(format_args!(
                "polls that do not end will not be reported while they run: no thread to watch \
                 them ({error})"
            ));
        }
    }
}

/// What the thread keeps from tick to tick.
struct Watchdog {
    /// An executor that is stuck from its start on has not found out how fast its clock runs.
    rate: Rate,
    activity: u64,
    /// When something was seen to happen last.
    active: Option<Instant>,
}

impl Watchdog {
    fn new() -> Watchdog {
        Watchdog {
            rate: Rate::new(),
            activity: NOBODY,
            active: None,
        }
    }

    fn run(mut self) {
        loop {
            let period = watched().map(|(_, about)| about.budget).min();
            let Some(period) = period else {
                // Whatever happens from now on comes of somebody new.
                self.activity = NOBODY;
                self.sleep();
                continue;
            };
            let period = period.max(PERIOD_MIN);
            let limit = period + STILL.max(2 * period);
            lock(&PULSE).expect(clock::now(), limit);
            std::thread::sleep(period);
            let now = clock::now();
            lock(&PULSE).came(now);
            if self.tick(now) {
                self.active = Some(now);
            } else if self.active.is_none_or(|active| now - active >= PATIENCE) {
                self.sleep();
            }
        }
    }

    /// Looks at all executors. True if one of them has worked since the last tick.
    fn tick(&mut self, now: Instant) -> bool {
        let mut running = false;
        for (slot, about) in watched() {
            running |= slot.page.running.task() != 0;
            self.look(slot, &about, now);
        }
        let activity = activity();
        let before = std::mem::replace(&mut self.activity, activity);
        running || activity != before
    }

    /// Waits until an executor has something to do.
    fn sleep(&mut self) {
        lock(&PULSE).last = None;
        CALLS.fetch_or(ASLEEP, Ordering::SeqCst);
        // An executor that has just read that it is awake has published what it does by then.
        std::thread::sleep(PERIOD_MIN);
        fence(Ordering::SeqCst);
        if activity() != self.activity {
            set_awake();
        }
        while is_asleep() {
            std::thread::park();
        }
        self.active = Some(clock::now());
    }

    fn look(&mut self, slot: &'static Slot, about: &About, now: Instant) {
        let page = &slot.page;
        self.rate.refine(clock::ticks());
        if let Some(scale) = self.rate.scale() {
            page.set_scale_once(scale);
        }
        let sample = slot.watch.sample();
        lock(&slot.watch.seen).add(sample);
        let Some(poll) = page.running.get() else {
            return;
        };
        let elapsed = page.since(clock::ticks(), poll.start);
        let stopped = lock(&PULSE).stopped(now - elapsed, now);
        let busy = elapsed.saturating_sub(stopped);
        let known = lock(&slot.watch.seen).stuck(poll.seq).cloned();
        let next = known.as_ref().map_or(FIRST_REPORT, |stuck| stuck.next);
        if busy < about.budget.saturating_mul(next) {
            return;
        }
        let (base, stack) = match known {
            Some(stuck) => (stuck.base, stuck.stack),
            None => (lock(&slot.watch.seen).before(poll.start), Vec::new()),
        };
        let (state, syscall) = sched::whereabouts(about.thread);
        // The thread is interrupted once for a poll, if it reacts.
        let stack = if stack.is_empty() {
            stack_of(slot, &poll)
        } else {
            stack
        };
        let mut later = next;
        while later < u32::MAX && busy >= about.budget.saturating_mul(later) {
            later = later.saturating_mul(2);
        }
        let stuck = Stuck {
            seq: poll.seq,
            base,
            state,
            syscall,
            stack,
            next: later,
        };
        lock(&slot.watch.seen).stuck = Some(stuck.clone());
        // It may have ended meanwhile; then it has been judged, or is.
        if page.running.is(poll.seq) {
            let cause = Cause::new(base, sample, elapsed, stopped, Some(stuck));
            tell(slot, about, poll, elapsed, cause);
        }
    }
}

/// The slots with an executor that is to be watched.
fn watched() -> impl Iterator<Item = (&'static Slot, std::sync::Arc<About>)> {
    remote::slots()
        .filter_map(|slot| Some((slot, slot.page.about()?)))
        .filter(|(_, about)| about.watchdog && about.judges)
}

/// The activity where there are none.
const NOBODY: u64 = 0;

/// A number that changes when such an executor does anything.
fn activity() -> u64 {
    watched().fold(NOBODY, |sum, (slot, _)| {
        let page = &slot.page;
        sum.wrapping_add(page.running.polls())
            .wrapping_add(page.counters.enters.get())
    })
}

/// Reports a poll that runs.
fn tell(slot: &Slot, about: &About, poll: Poll, elapsed: Duration, cause: Cause) {
    let starved = cause.is_starved(elapsed, about.budget);
    let overrun = Overrun {
        rt: about.rt,
        rt_name: about.name.clone(),
        task: poll.task,
        task_name: poll.name,
        location: poll.place,
        poll: poll.seq,
        at: clock::now(),
        budget: about.budget,
        elapsed,
        cpu: cause.cpu,
        ended: false,
        blocked: cause.state.map(State::is_blocked),
        syscall: cause.syscall,
        victims: poll.victims,
        max_victim_delay: (poll.victims > 0).then_some(elapsed),
        starved,
        stack: cause.stack,
    };
    about.sink.within(|| {
        overrun::report(&slot.watch.reports, &overrun, |info| {
            trace::overrun(trace::parent(poll.span), info);
        });
    });
    overrun::keep(overrun);
}

#[cfg(feature = "stall-stack")]
fn stack_of(slot: &'static Slot, poll: &Poll) -> Vec<Frame> {
    slot.watch.stack.take(poll.seq)
}

#[cfg(not(feature = "stall-stack"))]
fn stack_of(_: &'static Slot, _: &Poll) -> Vec<Frame> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Instant {
        static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
        *START.get_or_init(clock::now) + Duration::from_millis(ms)
    }

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_poll_that_was_long_only_since_the_process_stood_still_is_not_blamed() {
        let pulse = Pulse {
            last: Some((at(500), ms(40))),
            still: Some((at(100), at(300))),
        };
        assert_eq!(pulse.stopped(at(0), at(90)), ms(0));
        assert_eq!(pulse.stopped(at(50), at(200)), ms(100));
        assert_eq!(pulse.stopped(at(90), at(310)), ms(200));
        assert_eq!(pulse.stopped(at(310), at(520)), ms(0));
        // The tick that should have come by 540 has not.
        assert_eq!(pulse.stopped(at(450), at(900)), ms(400));
        // While it sleeps it is not expected to tick.
        let asleep = Pulse {
            last: None,
            ..pulse
        };
        assert_eq!(asleep.stopped(at(450), at(900)), ms(0));
    }

    #[test]
    fn while_the_watchdog_works_it_is_not_expected_to_tick() {
        let mut pulse = Pulse {
            last: None,
            still: None,
        };
        pulse.expect(at(0), ms(40));
        pulse.came(at(10));
        // It reports what it saw, which takes a second, and this poll began before the report.
        assert_eq!(pulse.stopped(at(5), at(900)), ms(0));
        // A tick that came too late is remembered.
        pulse.expect(at(1000), ms(40));
        pulse.came(at(1100));
        assert_eq!(pulse.stopped(at(1020), at(1300)), ms(80));
    }

    #[test]
    fn the_same_time_is_not_taken_off_twice() {
        let cause = Cause {
            waited: Some(ms(80)),
            stopped: ms(80),
            ..Cause::default()
        };
        // 60 ms of it were its own.
        assert!(!cause.is_starved(ms(140), ms(10)));
        assert!(cause.is_starved(ms(85), ms(10)));
    }

    #[test]
    fn who_waited_for_the_processor_is_starved_and_who_waited_in_the_kernel_is_not() {
        let cause = |waited| Cause {
            waited: Some(waited),
            ..Cause::default()
        };
        assert!(cause(ms(45)).is_starved(ms(50), ms(10)));
        assert!(!cause(ms(5)).is_starved(ms(50), ms(10)));
        assert!(!Cause::default().is_starved(ms(50), ms(10)));
    }

    #[test]
    fn the_use_of_the_processor_is_that_between_two_samples() {
        let sample = |run, wait| {
            Some(Sample {
                at: Ticks(0),
                run,
                wait,
            })
        };
        let used = |from, to| {
            let cause = Cause::new(from, to, ms(20), Duration::ZERO, None);
            (cause.cpu, cause.waited)
        };
        let million = 1_000_000;
        assert_eq!(
            used(sample(million, 0), sample(4 * million, 2 * million)),
            (Some(ms(3)), Some(ms(2)))
        );
        // It was not more than all of the time.
        assert_eq!(used(sample(0, 0), sample(90 * million, 0)).0, Some(ms(20)));
        assert_eq!(used(None, sample(0, 0)), (None, None));
    }
}
