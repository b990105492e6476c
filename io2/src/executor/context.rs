//! What belongs to this thread: its executor, and how far the poll that runs may go. The crate has
//! no other thread-locals.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::Executor;

thread_local! {
    static CURRENT: RefCell<Option<Rc<Executor>>> = const { RefCell::new(None) };

    /// See `coop`: awaits that go on unasked, or, below 0, how many were refused since.
    pub(super) static AWAITS: Cell<i64> = const { Cell::new(0) };
}

/// Calls `f` with the executor that runs on this thread. `None` if there is none, or if the thread's
/// data are gone already.
pub(crate) fn with<R>(f: impl FnOnce(&Rc<Executor>) -> R) -> Option<R> {
    CURRENT
        .try_with(|current| current.borrow().as_ref().map(f))
        .ok()
        .flatten()
}

/// Makes an executor the thread's current one until this is dropped.
pub(super) struct Entered(());

impl Entered {
    /// `None` if the thread has a current executor.
    pub(super) fn new(executor: Rc<Executor>) -> Option<Entered> {
        CURRENT
            .try_with(|current| {
                let mut current = current.try_borrow_mut().ok()?;
                if current.is_some() {
                    return None;
                }
                *current = Some(executor);
                Some(Entered(()))
            })
            .ok()
            .flatten()
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        // The executor is dropped outside the borrow.
        let executor = CURRENT.try_with(|current| current.borrow_mut().take());
        drop(executor);
    }
}
