//! Operations with many completions: submitted once, and again whenever the kernel ended one that
//! should go on.

use std::fmt;
use std::rc::Rc;
use std::task::{Context, Poll};

use io_uring::squeue::Entry;

use super::Target;
use super::future::{Flight, Launch};
use crate::driver::{Completion, OrphanStream};

/// What a completion of a multishot operation amounts to.
pub(crate) enum Next<I> {
    /// One more item.
    Item(I),
    /// None; the operation goes on, and is submitted anew if this was the last completion.
    Again,
    /// None, and there will be no more.
    End,
}

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

    /// Fills the submission queue entry. Its `user_data` is set by the driver.
    fn encode(&mut self) -> Entry;

    /// Looks at a completion; `flags` are the kernel's.
    fn next(&mut self, completion: Completion) -> Next<Self::Item>;

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
    ended: bool,
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
            ended: false,
        }
    }

    pub(crate) fn operation(&self) -> &T {
        self.operation.as_ref().expect("there until the drop")
    }

    /// The next item, or `None` after the last one.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<T::Item>> {
        let operation = self.operation.as_mut().expect("there until the drop");
        loop {
            if self.ended {
                return Poll::Ready(None);
            }
            let Some(flight) = &self.flight else {
                let launch = Launch {
                    name: T::NAME,
                    target: operation.target(),
                    polled: false,
                    multishot: true,
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
            match operation.next(completion) {
                Next::Item(item) => return Poll::Ready(Some(item)),
                Next::Again => {}
                Next::End => self.ended = true,
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
        let orphan = Rc::new(Abandoned(operation));
        let waker = flight.driver.borrow_mut().orphan_stream(flight.key, orphan);
        drop(waker);
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
