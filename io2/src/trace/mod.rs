//! Every span and event of the runtime is made here, and nothing else names a target or a field.
//!
//! * [`spans`]: tasks, polls, submissions, completions and calls into the kernel, all TRACE.
//! * [`events`]: what is worth a line: overruns, panics, leaks, start and stop.
//! * [`Overrun`]: what is said of a poll that was too long, for users to read as well.
//! * `waker`: what is done with wakers, TRACE, with the feature `console`.
//! * `sink`: what a span is made of. It has two forms: `enabled` writes to `tracing`, and
//!   `disabled`, without that feature, is empty: every span is a zero-sized value, and [`on`] is a
//!   constant, so that the code behind it is gone. Names and fields are written once, above them.
//! * [`fallback`]: a WARN or an ERROR is never lost for want of a subscriber, it goes to `log`.
//!
//! Rules for callers:
//!
//! * A subscriber is user code: it may block, panic or call the runtime. Call nothing from here,
//!   and drop no span or guard, while the driver or the context is borrowed. What a subscriber
//!   panics with stops at this module. What it makes the runtime do is not traced again.
//! * The functions called for each poll or operation begin with [`on`], one load; the rest of
//!   them is out of line. Ask [`on`] before reading a clock for their sake.

#[cfg(any(feature = "dashboard", all(test, feature = "tracing")))]
mod dashboard;
mod events;
mod fallback;
#[cfg(all(test, feature = "tracing"))]
pub(crate) mod kept;
mod overrun;
#[cfg_attr(feature = "tracing", path = "enabled.rs")]
#[cfg_attr(not(feature = "tracing"), path = "disabled.rs")]
mod sink;
mod spans;
#[cfg(all(test, feature = "tracing"))]
mod tests;
#[cfg(feature = "console")]
mod waker;

#[cfg(any(feature = "dashboard", all(test, feature = "tracing")))]
pub(crate) use dashboard::{dashboard, dashboard_failed};
#[cfg(any(feature = "net", all(test, feature = "tracing")))]
pub(crate) use events::buf_exhausted;
pub(crate) use events::{
    OpStuck, OverrunInfo, RtStart, TaskEnd, TaskPanic, advice, local_leak, op_orphan, op_stuck,
    overrun, poll_fallback, ring_busy, ring_overflow, rt_leak, rt_start, rt_stop, sq_full,
    suppressed, task_end, task_panic,
};
pub use overrun::{Frame, Overrun};
#[cfg(feature = "dashboard")]
pub(crate) use sink::silence;
pub(crate) use sink::{Sink, TaskSpan, on, on_debug, parent};
pub(crate) use spans::{
    CompleteInfo, CompleteSpan, OpInfo, PollSpan, TaskInfo, TaskKind, enter_complete, enter_poll,
    enter_ring, enter_submit,
};
#[cfg(feature = "console")]
pub(crate) use waker::{WakerOp, waker};

use std::time::Duration;

/// Whole microseconds, as durations are recorded.
fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// Calls a subscriber or a logger, and stops its panic: the panic hook has reported that, and a
/// broken sink must not take the runtime down, nor be the second panic of an unwinding thread.
#[cfg(any(feature = "tracing", feature = "log"))]
fn contain<R>(call: impl FnOnce() -> R) -> Option<R> {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(value) => Some(value),
        Err(payload) => {
            // What it panicked with may itself panic when it is dropped.
            if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
                std::mem::forget(second);
            }
            None
        }
    }
}
