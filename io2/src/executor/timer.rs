//! A timer of the current executor, as futures hold it.

use std::marker::PhantomData;
use std::mem;
use std::task::{Context, Poll};
use std::time::Duration;

use super::context;
use super::timers::Key;
use crate::clock::{self, Instant};

/// A point in time that a future waits for. It is registered by the first poll, with the
/// executor that polls it, and forgotten when it is dropped. It may outlive that executor.
#[derive(Debug)]
pub(crate) struct Timer {
    deadline: Instant,
    registered: Option<(u64, Key)>,
    /// It was made from a duration just now: its first poll need not look at the clock again.
    fresh: bool,
    /// It belongs to the executor of its thread.
    _local: PhantomData<*const ()>,
}

impl Timer {
    pub(crate) fn new(deadline: Instant) -> Self {
        Timer {
            deadline,
            registered: None,
            fresh: false,
            _local: PhantomData,
        }
    }

    /// A timer for a point in time that is so far away.
    ///
    /// If it is over by the time of its first poll, that is not noticed at once but at the executor's
    /// next turn.
    pub(crate) fn after(duration: Duration) -> Self {
        Timer {
            fresh: !duration.is_zero(),
            ..Timer::new(clock::now() + duration)
        }
    }

    pub(crate) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Waits for another point in time.
    pub(crate) fn reset(&mut self, deadline: Instant) {
        self.forget();
        self.fresh = false;
        self.deadline = deadline;
    }

    /// Ready from the deadline on, never before.
    ///
    /// # Panics
    ///
    /// Outside an executor, unless the deadline is past.
    #[track_caller]
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !mem::take(&mut self.fresh) && self.is_over() {
            self.forget();
            return Poll::Ready(());
        }
        // Cloning a waker is user code: nothing is borrowed.
        let mut waker = Some(cx.waker().clone());
        let registered = self.registered;
        let deadline = self.deadline;
        let outcome = context::with(|executor| {
            let mut timers = executor.timers.borrow_mut();
            let mut waker = waker.take().expect("put there above");
            if let Some((owner, key)) = registered
                && owner == executor.id
            {
                match timers.replace_waker(key, waker) {
                    Ok(old) => return ((owner, key), Some(old)),
                    Err(new) => waker = new,
                }
            }
            let key = timers.insert(deadline, waker);
            // Before all others. One that is past counts as due now, so it may seem later than it is.
            if timers.next_deadline().is_some_and(|next| next >= deadline) {
                executor.note_timer();
            }
            ((executor.id, key), None)
        });
        let Some((registered, old)) = outcome else {
            super::outside("a timer")
        };
        self.registered = Some(registered);
        drop(old);
        Poll::Pending
    }

    /// Whether the deadline is past. One that has fired is, and costs no look at the clock.
    fn is_over(&self) -> bool {
        let fired = self.registered.is_some_and(|(owner, key)| {
            let fired = context::with(|executor| {
                executor.id == owner && executor.timers.borrow().waker(key).is_none()
            });
            fired == Some(true)
        });
        fired || clock::now() >= self.deadline
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
