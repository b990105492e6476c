//! Operations with many completions: submitted once, and again whenever the kernel ended one that
//! should go on.

use std::fmt;
use std::rc::Rc;
use std::task::{Context, Poll};

use io_uring::squeue::Entry;

use super::Target;
use super::future::{Flight, Launch};
use crate::driver::{Completion, OrphanStream};
use crate::trace;

/// A kernel operation with many completions.
///
/// # Safety
///
/// The entry that `encode` returns may hold addresses of only these: memory that `self` owns on
/// the heap, and static memory. It must stay valid until the operation is dropped, and no safe code
/// may be able to reach it before.
pub(crate) unsafe trait MultishotOperation: Unpin + 'static {
    /// What the operation yields.
    type Item;

    /// The operation's name in spans and in lists of operations in flight.
    const NAME: &'static str;

    /// How many completions may wait to be taken. With so many the operation is cancelled, which makes
    /// one more; the operation is submitted anew when they have been taken. The kernel may be faster, so
    /// that a few more come.
    fn most_waiting(&self) -> usize;

    /// Fills the submission queue entry. Its `user_data` is set by the driver.
    fn encode(&mut self) -> Entry;

    /// Looks at a completion. `None` if it brings nothing: the operation goes on, and is submitted anew
    /// if this was the last completion.
    fn next(&mut self, completion: Completion) -> Option<Self::Item>;

    /// Disposes of a completion that nobody waits for any more.
    fn discard(&self, completion: Completion);

    /// What the operation works on.
    fn target(&self) -> Target;
}

/// A stream of a multishot operation's items. Dropping it cancels the operation; what it still
/// yields is disposed of.
pub(crate) struct Multishot<T: MultishotOperation> {
    /// `None` only while this is being dropped.
    operation: Option<T>,
    flight: Option<Flight>,
}

struct Abandoned<T: MultishotOperation>(T);

impl<T: MultishotOperation> OrphanStream for Abandoned<T> {
    fn discard(&self, completion: Completion) {
        self.0.discard(completion);
    }
}

impl<T: MultishotOperation> Multishot<T> {
    pub(crate) fn new(operation: T) -> Self {
        Multishot {
            operation: Some(operation),
            flight: None,
        }
    }

    /// Whether the kernel has it, or completions of it wait to be taken.
    pub(crate) fn is_in_flight(&self) -> bool {
        self.flight.is_some()
    }

    /// Asks the kernel to end it. What has come until then is still yielded.
    pub(crate) fn stop(&self) {
        if let Some(flight) = &self.flight {
            flight.driver.borrow_mut().cancel(flight.key);
        }
    }

    /// The next item.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<T::Item> {
        let operation = self.operation.as_mut().expect("there until the drop");
        loop {
            let Some(flight) = &self.flight else {
                let launch = Launch {
                    name: T::NAME,
                    target: operation.target(),
                    polled: false,
                    multishot: Some(operation.most_waiting()),
                };
                // SAFETY: the operation promises that the entry points only to what it owns; it stays in
                // here, and goes to the slot when this is dropped.
                self.flight = Some(unsafe { launch.submit(cx, |_| operation.encode()) });
                return Poll::Pending;
            };
            let next = flight.driver.borrow_mut().next(flight.key);
            let Some((completion, last)) = next else {
                flight.wait(cx);
                return Poll::Pending;
            };
            if last.is_some() {
                self.flight = None;
            }
            if let Some(item) = operation.next(completion) {
                return Poll::Ready(item);
            }
        }
    }
}

impl<T: MultishotOperation> Drop for Multishot<T> {
    fn drop(&mut self) {
        let (Some(flight), Some(operation)) = (self.flight.take(), self.operation.take()) else {
            return;
        };
        loop {
            let next = flight.driver.borrow_mut().next(flight.key);
            match next {
                Some((completion, last)) => {
                    operation.discard(completion);
                    if last.is_some() {
                        return;
                    }
                }
                None => break,
            }
        }
        let Flight { driver, key, .. } = flight;
        let meta = driver.borrow().meta(key);
        let orphan = Rc::new(Abandoned(operation));
        let waker = driver.borrow_mut().orphan_stream(key, orphan);
        drop(waker);
        if let Some(meta) = meta {
            trace::op_orphan(meta.id, meta.name, meta.fd, None);
        }
    }
}

impl<T: MultishotOperation> fmt::Debug for Multishot<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Multishot")
            .field("operation", &T::NAME)
            .field("in_flight", &self.flight.is_some())
            .finish()
    }
}
