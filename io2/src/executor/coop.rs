//! How awaits that are always ready give way: a loop over a full channel never waits, and would keep
//! its task on the thread for good.
//!
//! Each such await asks [`proceed`] first. The first few in a poll go on unasked, so every poll gets
//! on by something, and asking costs next to nothing. Then the clock is looked at: while the slice lasts
//! some more go on. Once it is over they are refused until the poll ends, all of them, or a `select!`
//! over two channels would always find one ready.

use std::task::{Context, Poll};

use super::context::{self, POLL};

/// Awaits that go on before the clock is looked at again.
pub(super) const UNASKED: i64 = 128;

/// Refusals in one poll. Something else than the executor polls the future over and over, such as a
/// `block_on` within a task, and does not let the poll end: it must get on.
const REFUSALS_MAX: i64 = 128;

/// Awaits before the next look where no executor runs.
const OUTSIDE: i64 = 1 << 20;

/// Whether an await that may be ready should go on. If not, the task is woken for later; nothing
/// must have been taken or changed by then.
#[inline]
pub(crate) fn proceed(cx: &Context<'_>) -> Poll<()> {
    POLL.with(|poll| {
        let left = poll.awaits.get();
        if left > 0 {
            poll.awaits.set(left - 1);
            return Poll::Ready(());
        }
        look(cx, left)
    })
}

#[cold]
fn look(cx: &Context<'_>, left: i64) -> Poll<()> {
    let more = match context::with(|executor| executor.need_preempt()) {
        None => OUTSIDE,
        Some(true) if left > -REFUSALS_MAX => {
            set(left - 1);
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Some(_) => UNASKED,
    };
    set(more - 1);
    Poll::Ready(())
}

#[inline]
fn set(awaits: i64) {
    POLL.with(|poll| poll.awaits.set(awaits));
}

/// Lets all awaits go on until it is dropped.
pub(crate) struct Unconstrained {
    before: i64,
}

impl Unconstrained {
    pub(crate) fn new() -> Self {
        Unconstrained {
            before: POLL.with(|poll| poll.awaits.replace(i64::MAX)),
        }
    }
}

impl Drop for Unconstrained {
    fn drop(&mut self) {
        set(self.before);
    }
}
