//! Permits that are handed out first come first served: what semaphores, locks and bounded channels
//! are made of.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::semaphore::{AcquireError, TryAcquireError};
use super::wait::{Ticket, WaitList};
use crate::executor::coop;

/// The most permits there may be.
pub(super) const PERMITS_MAX: usize = usize::MAX >> 3;

/// Permits, and who waits for how many.
///
/// Nobody overtakes: while somebody waits, those that come later wait too, however many permits are
/// free. A call hands the permits over, so nobody can take them in between.
pub(super) struct Gate {
    free: Cell<usize>,
    closed: Cell<bool>,
    waiting: WaitList<usize>,
}

impl Gate {
    /// # Panics
    ///
    /// With more permits than there may be.
    #[track_caller]
    pub(super) const fn new(permits: usize) -> Self {
        assert!(
            permits <= PERMITS_MAX,
            "more permits than Semaphore::MAX_PERMITS"
        );
        Gate {
            free: Cell::new(permits),
            closed: Cell::new(false),
            waiting: WaitList::new(),
        }
    }

    /// Permits that nobody has.
    pub(super) fn free(&self) -> usize {
        self.free.get()
    }

    /// Permits that can be had at once.
    pub(super) fn available(&self) -> usize {
        if self.waiting.is_empty() {
            self.free.get()
        } else {
            0
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.get()
    }

    /// Takes permits if that is possible without waiting.
    #[inline]
    pub(super) fn try_take(&self, permits: usize) -> Result<(), TryAcquireError> {
        if self.closed.get() {
            return Err(TryAcquireError::Closed);
        }
        let free = self.free.get();
        if permits > free || !(self.waiting.is_empty() || permits == 0) {
            return Err(TryAcquireError::NoPermits);
        }
        self.free.set(free - permits);
        Ok(())
    }

    /// Waits for permits.
    #[inline]
    pub(super) fn take(&self, permits: usize) -> Take<'_> {
        Take {
            gate: self,
            permits,
            ticket: None,
        }
    }

    /// Adds permits.
    ///
    /// # Panics
    ///
    /// With more permits than there may be.
    #[track_caller]
    pub(super) fn add(&self, permits: usize) {
        assert!(
            permits <= PERMITS_MAX && self.free.get() <= PERMITS_MAX - permits,
            "more permits than Semaphore::MAX_PERMITS"
        );
        self.give(permits);
    }

    /// Gives permits back that were taken, and serves who waits.
    #[inline]
    pub(super) fn give(&self, permits: usize) {
        // No overflow: who adds permits past the greatest number is refused. Those that were taken
        // before that may come back later, which is far from the end of the type.
        self.free.set(self.free.get() + permits);
        if !self.waiting.is_empty() {
            self.serve();
        }
    }

    /// Takes up to so many permits that can be had at once out of the world. Gives how many.
    pub(super) fn forget(&self, permits: usize) -> usize {
        let forgotten = permits.min(self.free.get());
        self.free.set(self.free.get() - forgotten);
        forgotten
    }

    /// Hands permits to those who came first, as far as they go.
    #[cold]
    fn serve(&self) {
        while let Some(permits) = self.waiting.first() {
            let free = self.free.get();
            if permits > free || self.closed.get() {
                break;
            }
            self.free.set(free - permits);
            self.waiting.call_first(|_| ());
        }
    }

    /// Lets nobody take permits any more. Who waits is called, and told.
    pub(super) fn close(&self) {
        if self.closed.replace(true) {
            return;
        }
        // What was handed over and not collected comes back: its future will find the gate closed.
        let mut free = self.free.get();
        self.waiting.for_each_called(|permits| free += permits);
        self.free.set(free);
        self.waiting.call_all(|_| ());
    }
}

/// A wait for permits. When it is ready they belong to whoever polled it.
pub(super) struct Take<'a> {
    gate: &'a Gate,
    permits: usize,
    ticket: Option<Ticket>,
}

impl Take<'_> {
    /// One poll, without a look at the time slice.
    #[inline]
    pub(super) fn poll_take(&mut self, cx: &Context<'_>) -> Poll<Result<(), AcquireError>> {
        if let Some(result) = self.check() {
            return Poll::Ready(result);
        }
        self.wait(cx)
    }

    #[inline]
    fn check(&mut self) -> Option<Result<(), AcquireError>> {
        if self.ticket.is_some() {
            return self.check_ticket();
        }
        match self.gate.try_take(self.permits) {
            Ok(()) => Some(Ok(())),
            Err(TryAcquireError::Closed) => Some(Err(AcquireError::new())),
            Err(TryAcquireError::NoPermits) => None,
        }
    }

    #[cold]
    fn check_ticket(&mut self) -> Option<Result<(), AcquireError>> {
        let gate = self.gate;
        let closed = gate.is_closed();
        let ticket = self
            .ticket
            .take_if(|ticket| closed || gate.waiting.is_called(ticket))?;
        gate.waiting.leave(ticket);
        Some(if closed {
            Err(AcquireError::new())
        } else {
            Ok(())
        })
    }

    #[inline(never)]
    fn wait(&mut self, cx: &Context<'_>) -> Poll<Result<(), AcquireError>> {
        let waker = cx.waker().clone();
        // That was user code, which may have given permits.
        if let Some(result) = self.check() {
            return Poll::Ready(result);
        }
        match &self.ticket {
            Some(ticket) => self.gate.waiting.renew(ticket, waker),
            None => self.ticket = Some(self.gate.waiting.join(self.permits, waker)),
        }
        Poll::Pending
    }

    /// Gives up: permits that were handed over go on to the next, and so does the turn.
    #[cold]
    fn abandon(&self, ticket: Ticket) {
        let gate = self.gate;
        let (permits, called) = gate.waiting.leave(ticket);
        if gate.is_closed() {
            return;
        }
        if called {
            gate.give(permits);
        } else {
            // Those behind may want less.
            gate.serve();
        }
    }
}

impl Future for Take<'_> {
    type Output = Result<(), AcquireError>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        ready!(coop::proceed(cx));
        self.poll_take(cx)
    }
}

impl Drop for Take<'_> {
    #[inline]
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.abandon(ticket);
        }
    }
}

/// Permits that go back to their gate when this is dropped.
pub(super) struct Held<'a> {
    pub(super) gate: &'a Gate,
    pub(super) permits: usize,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if self.permits > 0 {
            self.gate.give(self.permits);
        }
    }
}
