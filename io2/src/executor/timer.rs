//! A timer of the current executor, as futures hold it.

use std::marker::PhantomData;
use std::task::{Context, Poll};

use super::context;
use super::timers::Key;
use crate::clock::{self, Instant};

/// A point in time that a future waits for. It is registered by the first poll, with the
/// executor that polls it, and forgotten when it is dropped. It may outlive that executor.
#[derive(Debug)]
pub(crate) struct Timer {
    deadline: Instant,
    registered: Option<(u64, Key)>,
    /// It belongs to the executor of its thread.
    _local: PhantomData<*const ()>,
}

impl Timer {
    pub(crate) fn new(deadline: Instant) -> Self {
        Timer {
            deadline,
            registered: None,
            _local: PhantomData,
        }
    }

    pub(crate) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Waits for another point in time.
    pub(crate) fn reset(&mut self, deadline: Instant) {
        self.forget();
        self.deadline = deadline;
    }

    /// Ready from the deadline on, never before.
    ///
    /// # Panics
    ///
    /// Outside an executor, unless the deadline is past.
    #[track_caller]
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if clock::now() >= self.deadline {
            self.forget();
            return Poll::Ready(());
        }
        // Cloning a waker is user code: nothing is borrowed.
        let waker = cx.waker().clone();
        let registered = self.registered;
        let deadline = self.deadline;
        let outcome = context::with(|executor| {
            let mut timers = executor.timers.borrow_mut();
            let mut waker = waker;
            if let Some((owner, key)) = registered
                && owner == executor.id
            {
                match timers.replace_waker(key, waker) {
                    Ok(old) => return ((owner, key), Some(old)),
                    Err(new) => waker = new,
                }
            }
            executor.note_timer();
            ((executor.id, timers.insert(deadline, waker)), None)
        });
        let Some((registered, old)) = outcome else {
            super::outside("a timer")
        };
        self.registered = Some(registered);
        drop(old);
        Poll::Pending
    }

    fn forget(&mut self) {
        if let Some((owner, key)) = self.registered.take() {
            let waker = context::with(|executor| {
                if executor.id == owner {
                    executor.timers.borrow_mut().remove(key)
                } else {
                    None
                }
            });
            // Dropped unborrowed.
            drop(waker);
        }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.forget();
    }
}
