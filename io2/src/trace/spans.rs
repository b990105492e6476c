//! The spans: a task, its polls, submissions, completions, and calls into the kernel.

use std::panic::Location;
use std::time::Duration;

use super::micros;
use super::sink::{Entered, TaskSpan, on, span};

/// What a task is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum TaskKind {
    /// A spawned future.
    Task,
    /// The root future of an executor.
    BlockOn,
    /// A closure on a thread where it may block.
    Blocking,
}

impl TaskKind {
    fn name(self) -> &'static str {
        match self {
            TaskKind::Task => "task",
            TaskKind::BlockOn => "block_on",
            TaskKind::Blocking => "blocking",
        }
    }
}

/// A new task.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TaskInfo<'a> {
    pub(crate) kind: TaskKind,
    /// Never used again in this process.
    pub(crate) id: u64,
    pub(crate) name: Option<&'a str>,
    /// The future's size in bytes.
    pub(crate) size: usize,
    /// Where it was spawned.
    pub(crate) location: &'static Location<'static>,
    /// The executor.
    pub(crate) rt: u64,
}

impl TaskSpan {
    /// The span of a new task, or none while nobody wants spans.
    #[inline]
    pub(crate) fn new(task: &TaskInfo<'_>) -> TaskSpan {
        if !on() {
            return TaskSpan::none();
        }
        new_task(task)
    }
}

/// `runtime.spawn` and its fields are what tokio-console looks for, whatever the runtime.
#[cold]
#[inline(never)]
fn new_task(task: &TaskInfo<'_>) -> TaskSpan {
    TaskSpan::make(|| {
        span!("io2::task", parent: None, "runtime.spawn", {
            kind = task.kind.name(),
            task.id = task.id,
            task.name = task.name,
            size.bytes = task.size as u64,
            loc.file = task.location.file(),
            loc.line = task.location.line(),
            loc.col = task.location.column(),
            rt.id = task.rt,
        })
    })
}

/// A poll of a task: the task's span and in it the poll's, both entered until this is dropped.
#[derive(Debug)]
#[must_use = "the poll's span ends when this is dropped"]
pub(crate) struct PollSpan {
    // Dropped in this order: the inner one is left first.
    poll: Entered,
    _task: Entered,
}

/// Enters a task's span and a new `poll` span. `seq` counts the task's polls, `wake_delay` is the
/// time from the wake to this poll.
#[inline]
pub(crate) fn enter_poll(
    task: &TaskSpan,
    task_id: u64,
    seq: u64,
    wake_delay: Option<Duration>,
) -> PollSpan {
    if !on() {
        return PollSpan {
            poll: Entered::none(),
            _task: Entered::none(),
        };
    }
    new_poll(task, task_id, seq, wake_delay)
}

#[cold]
#[inline(never)]
fn new_poll(task: &TaskSpan, task_id: u64, seq: u64, wake_delay: Option<Duration>) -> PollSpan {
    let task = task.enter();
    // Its parent is the span just entered. Naming that one would be wrong where a subscriber was
    // set for this thread after the task was made: the id would be that of another subscriber.
    let poll = Entered::make(|| {
        span!("io2::poll", "poll", {
            task.id = task_id,
            poll.seq = seq,
            wake_delay_us = wake_delay.map(micros),
        }, later { ready, busy_us })
    });
    PollSpan { poll, _task: task }
}

impl PollSpan {
    /// Records how the poll went, and leaves both spans. A guard that is dropped instead belongs
    /// to a poll that panicked.
    #[inline]
    pub(crate) fn end(self, ready: bool, busy: Duration) {
        if !self.poll.is_none() {
            record_poll(&self.poll, ready, busy);
        }
    }
}

#[cold]
#[inline(never)]
fn record_poll(poll: &Entered, ready: bool, busy: Duration) {
    poll.record("ready", ready);
    poll.record("busy_us", micros(busy));
}

/// A submission queue entry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OpInfo {
    /// Never used again in this process.
    pub(crate) id: u64,
    /// The operation's name.
    pub(crate) code: &'static str,
    /// -1: none.
    pub(crate) fd: i32,
    pub(crate) len: u64,
    pub(crate) offset: u64,
    /// The task that submits it, 0: none.
    pub(crate) task: u64,
    /// Whether it goes to the polled ring.
    pub(crate) polled: bool,
}

/// A submission: its span is entered until this is dropped.
#[derive(Debug)]
#[must_use = "the submission's span ends when this is dropped"]
pub(crate) struct SubmitSpan {
    _span: Entered,
}

/// Enters a `submit` span, to be held while the entry is pushed.
#[inline]
pub(crate) fn enter_submit(op: &OpInfo) -> SubmitSpan {
    if !on() {
        return SubmitSpan {
            _span: Entered::none(),
        };
    }
    new_submit(op)
}

#[cold]
#[inline(never)]
fn new_submit(op: &OpInfo) -> SubmitSpan {
    let _span = Entered::make(|| {
        span!("io2::submit", "submit", {
            op.id = op.id,
            op.code = op.code,
            fd = op.fd,
            len = op.len,
            off = op.offset,
            task.id = op.task,
            ring = if op.polled { "polled" } else { "main" },
        })
    });
    SubmitSpan { _span }
}

/// A completion queue entry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CompleteInfo {
    /// The operation's, as in its submission.
    pub(crate) id: u64,
    pub(crate) code: &'static str,
    /// The result, or a negated error code.
    pub(crate) res: i32,
    /// The kernel's flags.
    pub(crate) flags: u32,
    /// Whether more completions of this operation will come.
    pub(crate) more: bool,
    /// From the submission to this completion, where known.
    pub(crate) latency: Option<Duration>,
}

/// A completion: its span is entered until this is dropped.
#[derive(Debug)]
#[must_use = "the completion's span ends when this is dropped"]
pub(crate) struct CompleteSpan {
    _span: Entered,
}

/// Enters a `complete` span, to be held while the operation's waker runs.
#[inline]
pub(crate) fn enter_complete(completion: &CompleteInfo) -> CompleteSpan {
    if !on() {
        return CompleteSpan {
            _span: Entered::none(),
        };
    }
    new_complete(completion)
}

#[cold]
#[inline(never)]
fn new_complete(completion: &CompleteInfo) -> CompleteSpan {
    let _span = Entered::make(|| {
        span!("io2::complete", "complete", {
            op.id = completion.id,
            op.code = completion.code,
            res = completion.res,
            flags = completion.flags,
            more = completion.more,
            latency_us = completion.latency.map(micros),
        })
    });
    CompleteSpan { _span }
}

/// A call into the kernel: its span is entered until this is dropped.
#[derive(Debug)]
#[must_use = "the span of the call ends when this is dropped"]
pub(crate) struct RingSpan {
    span: Entered,
}

/// Enters an `enter` span around `io_uring_enter`, which submits `sqes` entries and waits for
/// `wait` completions, at most for `timeout`.
#[inline]
pub(crate) fn enter_ring(rt: u64, sqes: u32, wait: u32, timeout: Option<Duration>) -> RingSpan {
    if !on() {
        return RingSpan {
            span: Entered::none(),
        };
    }
    new_ring(rt, sqes, wait, timeout)
}

#[cold]
#[inline(never)]
fn new_ring(rt: u64, sqes: u32, wait: u32, timeout: Option<Duration>) -> RingSpan {
    let span = Entered::make(|| {
        span!("io2::ring", "enter", {
            rt.id = rt,
            sqes = sqes,
            wait = wait,
            timeout_us = timeout.map(micros),
        }, later { ret, errno, cqes, blocked_us })
    });
    RingSpan { span }
}

impl RingSpan {
    /// Records how the call went, and leaves the span. `errno` is 0 for success.
    #[inline]
    pub(crate) fn end(self, ret: i32, errno: i32, cqes: u32, blocked: Duration) {
        if !self.span.is_none() {
            record_ring(&self.span, ret, errno, cqes, blocked);
        }
    }
}

#[cold]
#[inline(never)]
fn record_ring(span: &Entered, ret: i32, errno: i32, cqes: u32, blocked: Duration) {
    span.record("ret", ret);
    span.record("errno", errno);
    span.record("cqes", cqes);
    span.record("blocked_us", micros(blocked));
}
