//! The executor of this thread: the only thread-local of the crate.

use std::cell::RefCell;
use std::rc::Rc;

use super::Executor;

thread_local! {
    static CURRENT: RefCell<Option<Rc<Executor>>> = const { RefCell::new(None) };
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
