//! The events. Those of WARN and ERROR are made by `report!`, which knows the way to `log`.
//!
//! Those of DEBUG may be many, so each is behind one load; the others are rare.

use std::fmt;
use std::panic::Location;
use std::time::Duration;

use super::fallback::report;
use super::micros;
use super::overrun::{Frames, Overrun};
use super::sink::{Parent, TaskSpan, note, on_debug};

/// A task in a sentence: its number, its name if it has one, and where it was spawned.
struct Who<'a>(u64, Option<&'a str>, &'static Location<'static>);

impl fmt::Display for Who<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Who(id, name, location) = *self;
        match name {
            Some(name) => write!(f, "task {id} `{name}`, spawned at {location},"),
            None => write!(f, "task {id}, spawned at {location},"),
        }
    }
}

/// The end of a task.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TaskEnd<'a> {
    pub(crate) id: u64,
    pub(crate) name: Option<&'a str>,
    /// `completed`, `cancelled` or `panicked`.
    pub(crate) outcome: &'static str,
    pub(crate) polls: u64,
    /// The time spent in all its polls.
    pub(crate) busy: Duration,
    /// Its longest poll.
    pub(crate) max_poll: Duration,
}

/// `task.end`, DEBUG.
#[inline]
pub(crate) fn task_end(span: &TaskSpan, end: &TaskEnd<'_>) {
    if on_debug() {
        note_task_end(span, end);
    }
}

#[cold]
#[inline(never)]
fn note_task_end(span: &TaskSpan, end: &TaskEnd<'_>) {
    note!(DEBUG, "io2::task", parent: span.id(), "task.end", {
        task.id = end.id,
        task.name = end.name,
        outcome = end.outcome,
        polls = end.polls,
        busy_us = micros(end.busy),
        max_poll_us = micros(end.max_poll),
    }, "task {} ended: {}", end.id, end.outcome);
}

/// The panic of a task that nobody waits for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TaskPanic<'a> {
    pub(crate) id: u64,
    pub(crate) name: Option<&'a str>,
    /// Where it was spawned.
    pub(crate) location: &'static Location<'static>,
    /// What it panicked with.
    pub(crate) message: &'a str,
}

/// `task.panic`, ERROR.
#[cold]
pub(crate) fn task_panic(span: &TaskSpan, panic: &TaskPanic<'_>) {
    report!(ERROR, "io2::task", parent: span.id(), "task.panic", {
        task.id = panic.id,
        task.name = panic.name,
        outcome = "panicked",
        loc.file = panic.location.file(),
        loc.line = panic.location.line(),
        loc.col = panic.location.column(),
    }, "{} panicked: {}", Who(panic.id, panic.name, panic.location), panic.message);
}

/// `op.orphan`, DEBUG: the future of an operation was dropped before its completion (`res` is
/// absent), or its completion found nobody who waits for it.
#[inline]
pub(crate) fn op_orphan(id: u64, code: &'static str, fd: i32, res: Option<i32>) {
    if on_debug() {
        note_op_orphan(id, code, fd, res);
    }
}

#[cold]
#[inline(never)]
fn note_op_orphan(id: u64, code: &'static str, fd: i32, res: Option<i32>) {
    note!(DEBUG, "io2::op", "op.orphan", {
        op.id = id,
        op.code = code,
        fd = fd,
        res = res,
    }, "nobody waits for this {code} any more");
}

/// An operation that goes on though its cancellation was asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OpStuck {
    pub(crate) id: u64,
    pub(crate) code: &'static str,
    /// -1: none.
    pub(crate) fd: i32,
    /// Since its cancellation was asked for.
    pub(crate) age: Duration,
    /// The task that submitted it, 0: none.
    pub(crate) task: u64,
    /// Where that was spawned, if it lives.
    pub(crate) location: Option<&'static Location<'static>>,
}

/// `op.stuck`, WARN.
#[cold]
pub(crate) fn op_stuck(stuck: &OpStuck) {
    let OpStuck {
        id,
        code,
        fd,
        age,
        task,
        location,
    } = *stuck;
    report!(WARN, "io2::op", "op.stuck", {
        op.id = id,
        op.code = code,
        fd = fd,
        age_ms = u64::try_from(age.as_millis()).unwrap_or(u64::MAX),
        task.id = task,
        loc.file = location.map(Location::file),
        loc.line = location.map(Location::line),
        loc.col = location.map(Location::column),
    },
        "operation {id} ({code}, descriptor {fd}, of task {task}) goes on, {age:?} after its \
         cancellation was asked for: what it owns is kept until it ends"
    );
}

/// A poll that took longer than its slice, and what is said of it only here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OverrunInfo<'a> {
    pub(crate) overrun: &'a Overrun,
    /// So many were not reported since the last one that was.
    pub(crate) suppressed: Option<u64>,
}

/// `preempt.overrun`, WARN, in the task's span.
#[cold]
pub(crate) fn overrun(span: Parent, info: &OverrunInfo<'_>) {
    let OverrunInfo {
        overrun,
        suppressed,
    } = *info;
    let stack = (!overrun.stack.is_empty()).then(|| Frames(&overrun.stack).to_string());
    report!(WARN, "io2::preempt", parent: span, "preempt.overrun", {
        rt.id = overrun.rt,
        task.id = overrun.task,
        task.name = overrun.task_name.as_deref(),
        loc.file = overrun.location.file(),
        loc.line = overrun.location.line(),
        loc.col = overrun.location.column(),
        budget_us = micros(overrun.budget),
        elapsed_us = micros(overrun.elapsed),
        overrun_us = micros(overrun.elapsed.saturating_sub(overrun.budget)),
        cpu_us = overrun.cpu.map(micros),
        phase = if overrun.ended { "after" } else { "during" },
        state = overrun.state(),
        syscall = overrun.syscall.as_deref(),
        victims = overrun.victims as u64,
        max_victim_delay_us = overrun.max_victim_delay.map(micros),
        starved = overrun.starved.then_some(true),
        stack = stack.as_deref(),
        suppressed = suppressed,
    }, "{overrun}");
}

/// `preempt.suppressed`, WARN: so many overruns in `window` had no event of their own.
#[cold]
pub(crate) fn suppressed(count: u64, window: Duration) {
    report!(WARN, "io2::preempt", "preempt.suppressed", {
        count = count,
        window_s = window.as_secs(),
    }, "{count} more overrun(s) in {window:?} were not reported one by one");
}

/// `ring.sq_full`, DEBUG: the submission queue was full, `count` times, so entries waited.
#[inline]
pub(crate) fn sq_full(rt: u64, depth: u32, inflight: u64, count: u64) {
    if on_debug() {
        note_sq_full(rt, depth, inflight, count);
    }
}

#[cold]
#[inline(never)]
fn note_sq_full(rt: u64, depth: u32, inflight: u64, count: u64) {
    note!(DEBUG, "io2::ring", "ring.sq_full", {
        rt.id = rt,
        depth = depth,
        inflight = inflight,
        count = count,
    }, "the submission queue of {depth} entries was full");
}

/// `ring.busy`, DEBUG: the kernel took no submissions, `count` times, since too many completions
/// were unread.
#[inline]
pub(crate) fn ring_busy(rt: u64, depth: u32, inflight: u64, count: u64) {
    if on_debug() {
        note_ring_busy(rt, depth, inflight, count);
    }
}

#[cold]
#[inline(never)]
fn note_ring_busy(rt: u64, depth: u32, inflight: u64, count: u64) {
    note!(DEBUG, "io2::ring", "ring.busy", {
        rt.id = rt,
        depth = depth,
        inflight = inflight,
        count = count,
    }, "the kernel took no submissions until completions were read");
}

/// `ring.overflow`, WARN: completions did not fit into the completion queue, `count` times. None is
/// lost.
#[cold]
pub(crate) fn ring_overflow(rt: u64, depth: u32, inflight: u64, count: u64) {
    report!(WARN, "io2::ring", "ring.overflow", {
        rt.id = rt,
        depth = depth,
        inflight = inflight,
        count = count,
    },
        "executor {rt}: the completion queue overflowed, {count} time(s), with {inflight} \
         operations in flight on a ring of {depth} entries; nothing is lost, but a larger \
         ring_depth is faster"
    );
}

/// `buf.exhausted`, WARN: a receive found no buffer in the pool of `depth` buffers that is the group `group`, for
/// the `count`th time. It waits for one.
#[cold]
#[cfg(any(feature = "net", all(test, feature = "tracing")))]
pub(crate) fn buf_exhausted(rt: u64, group: u16, depth: u16, inflight: u64, count: u64) {
    report!(WARN, "io2::ring", "buf.exhausted", {
        rt.id = rt,
        depth = depth,
        inflight = inflight,
        group = group,
        count = count,
    },
        "executor {rt}: the pool of {depth} buffers for receives is empty, for the {count}. time: \
         they wait until buffers are dropped; make recv_pool larger, or keep buffers shorter"
    );
}

/// `ring.poll_fallback`, INFO: direct I/O on this device goes to the main ring.
#[cold]
pub(crate) fn poll_fallback(dev: &str, reason: &str) {
    note!(INFO, "io2::ring", "ring.poll_fallback", {
        dev = dev,
        reason = reason,
    }, "direct I/O on {dev} is not polled: {reason}");
}

/// An executor that starts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RtStart<'a> {
    pub(crate) rt: u64,
    pub(crate) name: Option<&'a str>,
    /// The processor that it starts on.
    pub(crate) cpu: u32,
    pub(crate) depth: u32,
    /// The slice, unless overruns are not looked for.
    pub(crate) preempt: Option<Duration>,
    /// The kernel's release.
    pub(crate) kernel: &'a str,
    /// The flags that the ring was set up with.
    pub(crate) flags: &'a str,
}

/// `rt.start`, INFO.
#[cold]
pub(crate) fn rt_start(start: &RtStart<'_>) {
    note!(INFO, "io2::rt", "rt.start", {
        rt.id = start.rt,
        rt.name = start.name,
        cpu = start.cpu,
        depth = start.depth,
        preempt_us = start.preempt.map(micros),
        kernel = start.kernel,
        setup.flags = start.flags,
    }, "executor {} starts", start.rt);
}

/// `rt.stop`, INFO: of the operations in flight when the executor began to stop, `drained`
/// completed before the deadline; it took `duration`.
#[cold]
pub(crate) fn rt_stop(rt: u64, inflight: u64, drained: u64, duration: Duration) {
    note!(INFO, "io2::rt", "rt.stop", {
        rt.id = rt,
        inflight = inflight,
        drained = drained,
        dur_ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
    }, "executor {rt} has stopped");
}

/// `rt.leak`, ERROR: `ops` operations did not complete in the time `waited`, so `bytes` of memory
/// that the kernel may still write to are leaked.
#[cold]
pub(crate) fn rt_leak(rt: u64, ops: u64, bytes: u64, waited: Duration) {
    report!(ERROR, "io2::rt", "rt.leak", {
        rt.id = rt,
        ops = ops,
        bytes = bytes,
    },
        "executor {rt}: {ops} operation(s) did not complete within {waited:?} (shutdown_timeout), \
         so their memory ({bytes} bytes) and descriptors are leaked: the kernel may still use them"
    );
}

/// `rt.advice`, WARN: what could be set up better on this machine. `text` says how.
#[cold]
pub(crate) fn advice(text: fmt::Arguments<'_>) {
    report!(WARN, "io2::rt", "rt.advice", {}, "{text}");
}

/// `local.leak`, ERROR: a value that is kept to one thread was dropped on another, so it is leaked.
/// `what` is its type.
#[cold]
pub(crate) fn local_leak(what: &str) {
    report!(ERROR, "io2::task", "local.leak", {
        what = what,
    },
        "a value that `io2::compat::local` keeps to its thread was dropped on another one, so it is \
         leaked: let whatever holds it run, and end, on the io2 executor that made it. It is {what}"
    );
}
