//! An operation with a guard: somebody who holds what it needs and sees what comes of it.

use std::fmt::Debug;
use std::io;
use std::task::{Context, Poll};

use io_uring::squeue::Entry;

use super::{Operation, Target};

/// What stands beside an operation from its making to its last completion, wherever it is by then:
/// in its future, or in the driver's slot because the future was dropped. So it is the place for
/// what must not be given back while the kernel works, a lock for instance; it is dropped when the
/// operation has been finished or discarded.
pub trait Guard: Debug + Unpin + 'static {
    /// Asks whether the operation may be submitted; an error is its result, without a submission.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let _ = cx;
        Poll::Ready(Ok(()))
    }

    /// The operation is about to be submitted, perhaps once more after a refusal to poll.
    fn start(&mut self) {}

    /// As [`Operation::polled`].
    fn polled(&self) -> bool {
        false
    }

    /// As [`Operation::poll_refused`]. The driver may be borrowed here: nothing is traced or woken.
    fn poll_refused(&mut self) {}

    /// The last completion came, or the operation was never submitted. The guard may change what
    /// the operation is told.
    fn done(&mut self, result: io::Result<u32>) -> io::Result<u32> {
        result
    }
}

/// An operation that has a guard, and the output of one that has none.
#[derive(Debug)]
pub struct Guarded<T, G> {
    op: T,
    guard: G,
}

impl<T: Operation, G: Guard> Guarded<T, G> {
    pub(crate) fn new(op: T, guard: G) -> Guarded<T, G> {
        Guarded { op, guard }
    }
}

// SAFETY: everything that concerns memory is left to `op`, which keeps the contract by itself;
// moving `self` moves it like any other value.
unsafe impl<T: Operation, G: Guard> Operation for Guarded<T, G> {
    type Output = T::Output;
    type Side = T::Side;
    const NAME: &'static str = T::NAME;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.guard.poll_ready(cx)
    }

    fn side(&mut self) -> T::Side {
        self.op.side()
    }

    fn encode(&mut self, side: *mut T::Side) -> Entry {
        self.guard.start();
        self.op.encode(side)
    }

    fn finish(mut self, side: T::Side, result: io::Result<u32>) -> T::Output {
        let result = self.guard.done(result);
        self.op.finish(side, result)
    }

    fn discard(mut self, side: T::Side, result: io::Result<u32>) {
        let result = self.guard.done(result);
        self.op.discard(side, result);
    }

    fn target(&self) -> Target {
        self.op.target()
    }

    fn polled(&self) -> bool {
        self.guard.polled()
    }

    fn poll_refused(&mut self) {
        self.guard.poll_refused();
    }
}
