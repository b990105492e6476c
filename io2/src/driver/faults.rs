//! What the kernel does not do on demand: faults that a test asks for, one an enter.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

/// What happens to an enter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing out of the ordinary.
    Pass,
    /// It fails with this code, and nothing is submitted.
    Fail(i32),
    /// Only so many entries are submitted, and it returns without waiting: a signal came, or memory
    /// went.
    Short(u32),
}

thread_local! {
    static LOSE_CANCELLATIONS: Cell<bool> = const { Cell::new(false) };
    static FAULTS: RefCell<VecDeque<Fault>> = const { RefCell::new(VecDeque::new()) };
}

/// Asks for faults in the next enters of this thread.
pub(crate) fn ask(faults: impl IntoIterator<Item = Fault>) {
    FAULTS.with_borrow_mut(|queue| queue.extend(faults));
}

/// How many of them have not happened yet.
pub(crate) fn left() -> usize {
    FAULTS.with_borrow(VecDeque::len)
}

/// How many entries to submit and how many completions to wait for, or the error's code.
pub(super) fn next(queued: u32, min: u32) -> Result<(u32, u32), i32> {
    match FAULTS.with_borrow_mut(VecDeque::pop_front) {
        None | Some(Fault::Pass) => Ok((queued, min)),
        Some(Fault::Fail(errno)) => Err(errno),
        Some(Fault::Short(count)) => Ok((queued.min(count), 0)),
    }
}

/// Lets the kernel hear of no cancellation of this thread, as if nothing could be cancelled.
#[cfg(feature = "tracing")]
pub(crate) fn lose_cancellations(lose: bool) {
    LOSE_CANCELLATIONS.set(lose);
}

pub(super) fn loses_cancellations() -> bool {
    LOSE_CANCELLATIONS.get()
}
