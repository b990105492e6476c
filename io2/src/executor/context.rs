//! What belongs to this thread: its executor, and the poll that runs. The crate has no other
//! thread-locals. None of them has a destructor, which each access would have to look after.

use std::cell::{Cell, RefCell};
use std::mem::ManuallyDrop;
use std::rc::Rc;

use super::Executor;

thread_local! {
    static CURRENT: RefCell<Option<ManuallyDrop<Rc<Executor>>>> = const { RefCell::new(None) };

    pub(super) static POLL: CurrentPoll = const { CurrentPoll::new() };
}

/// The poll that runs on this thread.
pub(super) struct CurrentPoll {
    /// The packed key of its task, or 0 between polls.
    key: Cell<u64>,
    /// Somebody is to be told when it is woken, so wakes are not put off.
    told: Cell<bool>,
    /// The task was woken since the poll began.
    woken: Cell<bool>,
    /// See `coop`: awaits that go on unasked, or, below 0, how many were refused since.
    pub(super) awaits: Cell<i64>,
}

impl CurrentPoll {
    const fn new() -> Self {
        CurrentPoll {
            key: Cell::new(0),
            told: Cell::new(false),
            woken: Cell::new(false),
            awaits: Cell::new(0),
        }
    }

    /// A poll of the task with this packed key begins.
    #[inline]
    pub(super) fn begin(&self, key: u64, told: bool, awaits: i64) {
        self.key.set(key);
        self.told.set(told);
        self.woken.set(false);
        self.awaits.set(awaits);
    }

    /// It has ended. True if the task was woken meanwhile.
    #[inline]
    pub(super) fn end(&self) -> bool {
        self.key.set(0);
        self.woken.get()
    }

    /// Keeps it in mind if this wakes the task that is polled. True if nothing more is to be done: it is queued
    /// again after the poll, where whoever polls has it at hand.
    #[inline]
    pub(super) fn wake(&self, key: u64) -> bool {
        if self.key.get() != key {
            return false;
        }
        self.woken.set(true);
        !self.told.get()
    }
}

/// Calls `f` with the executor that runs on this thread. `None` if there is none.
#[inline]
pub(crate) fn with<R>(f: impl FnOnce(&Rc<Executor>) -> R) -> Option<R> {
    CURRENT.with(|current| current.borrow().as_ref().map(|executor| f(executor)))
}

/// Makes an executor the thread's current one until this is dropped.
pub(super) struct Entered(());

impl Entered {
    /// The thread must have no current executor.
    pub(super) fn new(executor: Rc<Executor>) -> Entered {
        let before = CURRENT.with(|current| current.replace(Some(ManuallyDrop::new(executor))));
        debug_assert!(before.is_none(), "a thread has one executor at a time");
        Entered(())
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        // The executor is dropped outside the borrow.
        let executor = CURRENT.with(|current| current.borrow_mut().take());
        drop(executor.map(ManuallyDrop::into_inner));
    }
}
