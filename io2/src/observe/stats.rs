//! Counters of an executor.

use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use crate::clock;
use crate::executor::remote::{self, Slot};
use crate::executor::{context, cpu_time};
use crate::page::{About, Histogram, Watching};

/// What an executor has done so far, and what it does.
///
/// Numbers that say "at the last look" are brought up to date before the executor sleeps, and once in 64 turns
/// that do not sleep. Those of the histograms are estimates from the polls of one turn in 64, and each poll over 100 µs;
/// while a dashboard looks everything is counted.
///
/// # Examples
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// io2::spawn(async {}).await;
/// let stats = io2::stats().unwrap();
/// assert_eq!(stats.spawned, 1);
/// assert!(stats.polls >= 2);
/// # }).unwrap();
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Stats {
    /// The executor: `rt.id` in events.
    pub rt: u64,
    /// Its name.
    pub name: Option<String>,
    /// The kernel's number of its thread.
    pub thread: i32,
    /// The processor that it was started on.
    pub cpu: u32,
    /// Entries of its submission queue.
    pub ring_depth: u32,
    /// The set-up flags that the kernel took.
    pub ring_flags: &'static str,
    /// The kernel's release.
    pub kernel: String,
    /// The time slice.
    pub budget: Duration,
    /// For how long it has been running.
    pub uptime: Duration,
    /// Polls that have begun; a task that is dropped instead counts too.
    pub polls: u64,
    /// Tasks that were spawned. The future given to `run` is not among them.
    pub spawned: u64,
    /// Tasks that are alive, at the last look.
    pub live: u64,
    /// Tasks that were ready to run, at the last look.
    pub ready: u64,
    /// Operations that were submitted.
    pub submissions: u64,
    /// Completions that were taken off the rings, the runtime's own included.
    pub completions: u64,
    /// Calls into the kernel.
    pub enters: u64,
    /// Operations that the kernel works on, at the last look.
    pub in_flight: u64,
    /// How often an entry found the submission queue full.
    pub sq_full: u64,
    /// How often completions did not fit into the completion queue. None is lost.
    pub overflows: u64,
    /// How often the kernel took no submissions.
    pub busy: u64,
    /// Timers that are set, at the last look.
    pub timers: u64,
    /// Timers that have fired.
    pub timers_fired: u64,
    /// Wakes that came from other threads.
    pub remote_wakes: u64,
    /// Polls that took longer than the slice, starved ones not counted.
    pub overruns: u64,
    /// Time in polls.
    pub task_time: Duration,
    /// Time outside of polls: in the kernel, at work or asleep, and in taking completions.
    pub kernel_time: Duration,
    /// Time that the thread was on a processor, where the kernel tells, and the watchdog is on.
    pub cpu_time: Option<Duration>,
    /// The poll that runs.
    pub running: Option<Running>,
    /// How long polls take.
    pub poll_time: Histogram,
    /// How long it takes from a wake to the poll.
    pub wake_delay: Histogram,
    /// How long operations take, from the submission to the completion.
    pub latency: Histogram,
}

/// A poll that runs.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Running {
    /// The task: `task.id` in events.
    pub task: u64,
    /// Its name, the first 48 bytes of it.
    pub name: Option<String>,
    /// Where it was spawned.
    pub location: &'static Location<'static>,
    /// How long the poll has taken so far.
    pub elapsed: Duration,
    /// Tasks that were ready when it began.
    pub victims: usize,
}

/// What this thread's executor has done so far, or `None` outside one.
///
/// An example is at [`Stats`].
#[must_use]
pub fn stats() -> Option<Stats> {
    context::with(|executor| {
        executor.publish();
        let slot = executor.seat.slot;
        let about = slot.page.about();
        about.map(|about| Stats::read(slot, &about))
    })?
}

/// What all executors of the process have done so far, for any thread to ask. Nothing is asked of the
/// executors, so one that is stuck is seen, too.
///
/// # Examples
///
/// ```
/// # io2::ExecutorConfig::new().name("worker").run(async {
/// let all = std::thread::spawn(io2::observe::executors).join().unwrap();
/// assert!(all.iter().any(|stats| stats.name.as_deref() == Some("worker")));
/// # }).unwrap();
/// ```
#[must_use]
pub fn executors() -> Vec<Stats> {
    slots()
        .map(|(slot, about)| Stats::read(slot, &about))
        .collect()
}

/// Lets the histograms of all executors count everything until the result is dropped.
///
/// # Examples
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// let watching = io2::observe::watch();
/// for _ in 0..1000 {
///     io2::yield_now().await;
/// }
/// drop(watching);
/// # }).unwrap();
/// ```
pub fn watch() -> Watching {
    Watching::begin()
}

/// The slots with an executor that is alive.
pub(crate) fn slots() -> impl Iterator<Item = (&'static Slot, Arc<About>)> {
    let shown = |slot: &'static Slot| Some((slot, slot.page.about()?));
    remote::slots()
        .filter_map(shown)
        .filter(|(_, about)| !about.hidden)
}

impl Stats {
    pub(crate) fn read(slot: &Slot, about: &About) -> Stats {
        let page = &slot.page;
        let now = clock::ticks();
        let counters = &page.counters;
        let running = page.running.get().map(|poll| Running {
            task: poll.task,
            name: poll.name,
            location: poll.place,
            elapsed: page.since(now, poll.start),
            victims: poll.victims,
        });
        Stats {
            rt: about.rt,
            name: about.name.clone(),
            thread: about.thread,
            cpu: about.cpu,
            ring_depth: about.depth,
            ring_flags: about.flags,
            kernel: about.kernel.clone(),
            budget: about.budget,
            uptime: about.started.elapsed(),
            polls: page.running.polls().wrapping_sub(about.polls_before),
            spawned: counters.spawned.get(),
            live: counters.live.get(),
            ready: counters.ready.get(),
            submissions: counters.submissions.get(),
            completions: counters.completions.get(),
            enters: counters.enters.get(),
            in_flight: counters.in_flight.get(),
            sq_full: counters.sq_full.get(),
            overflows: counters.overflows.get(),
            busy: counters.busy.get(),
            timers: counters.timers.get(),
            timers_fired: counters.timers_fired.get(),
            remote_wakes: counters.remote_wakes.get(),
            overruns: counters.overruns.get(),
            task_time: Duration::from_nanos(counters.task_nanos.get()),
            kernel_time: Duration::from_nanos(counters.kernel_nanos.get()),
            cpu_time: cpu_time(slot),
            running,
            poll_time: page.poll_time.read(),
            wake_delay: page.wake_delay.read(),
            latency: page.latency.read(),
        }
    }
}
