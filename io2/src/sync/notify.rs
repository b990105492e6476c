//! Telling others that something has happened.

use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use super::wait::{Ticket, WaitList};
use crate::executor::coop;

/// Tells one task, or all that wait, that something has happened. It carries no value.
///
/// [`notify_one`](Self::notify_one) calls who has waited longest; if nobody waits, the next one who
/// comes goes on at once. [`notify_waiters`](Self::notify_waiters) calls everybody who waits, and
/// is not kept for those who come later.
///
/// # Examples
///
/// ```
/// use std::rc::Rc;
/// use io2::sync::Notify;
///
/// # io2::ExecutorConfig::new().run(async {
/// let arrived = Rc::new(Notify::new());
/// let task = io2::spawn({
///     let arrived = arrived.clone();
///     async move { arrived.notified().await }
/// });
/// // Whether the task waits already or not.
/// arrived.notify_one();
/// task.await;
/// # }).unwrap();
/// ```
pub struct Notify {
    /// Somebody was notified while nobody waited.
    kept: Cell<bool>,
    /// How often all were notified.
    rounds: Cell<u64>,
    waiting: WaitList<Call>,
}

/// What a waiter was called by.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Call {
    None,
    /// Whoever does not need it hands it on, to the first or to the last.
    One,
    Last,
    All,
}

impl Notify {
    /// Nobody was notified yet.
    pub const fn new() -> Self {
        Notify {
            kept: Cell::new(false),
            rounds: Cell::new(0),
            waiting: WaitList::new(),
        }
    }

    /// Waits to be notified.
    ///
    /// The future counts for [`notify_waiters`](Self::notify_waiters) from now on, though it waits in the
    /// queue only once it was polled or [enabled](Notified::enable). Dropping it loses nothing: a
    /// notification that it got goes on to the next.
    pub fn notified(&self) -> Notified<'_> {
        Notified {
            notify: self,
            round: self.rounds.get(),
            ticket: None,
            done: false,
        }
    }

    /// Notifies who has waited longest. If nobody waits, one notification is kept for the next who
    /// comes.
    pub fn notify_one(&self) {
        if !self.waiting.call_first(|call| *call = Call::One) {
            self.kept.set(true);
        }
    }

    /// Notifies who came last. If nobody waits, one notification is kept for the next who comes.
    pub fn notify_last(&self) {
        if !self.waiting.call_last(|call| *call = Call::Last) {
            self.kept.set(true);
        }
    }

    /// Notifies all who wait. Nothing is kept.
    pub fn notify_waiters(&self) {
        self.rounds.set(self.rounds.get() + 1);
        self.waiting.call_all(|call| *call = Call::All);
    }
}

impl Default for Notify {
    fn default() -> Self {
        Notify::new()
    }
}

impl fmt::Debug for Notify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notify")
            .field("kept", &self.kept.get())
            .finish_non_exhaustive()
    }
}

/// The future of [`Notify::notified`].
///
/// ```
/// use std::pin::pin;
///
/// let notify = io2::sync::Notify::new();
/// let mut notified = pin!(notify.notified());
/// assert!(!notified.as_mut().enable());
/// // It waits already, so nothing is kept for others.
/// notify.notify_one();
/// assert!(notified.enable());
/// ```
#[must_use = "a future does nothing unless it is awaited"]
pub struct Notified<'a> {
    notify: &'a Notify,
    /// When it was made.
    round: u64,
    ticket: Option<Ticket>,
    done: bool,
}

impl Notified<'_> {
    /// Takes a place in the queue without being polled. True if it is notified already.
    pub fn enable(mut self: Pin<&mut Self>) -> bool {
        if !self.check() && self.ticket.is_none() {
            let ticket = self.notify.waiting.join(Call::None, Waker::noop().clone());
            self.ticket = Some(ticket);
        }
        self.done
    }

    /// Whether it is notified.
    fn check(&mut self) -> bool {
        if self.done {
            return true;
        }
        let (notify, round) = (self.notify, self.round);
        let over = round != notify.rounds.get();
        match &self.ticket {
            Some(ticket) => {
                self.done = over || notify.waiting.is_called(ticket);
                if self.done
                    && let Some(ticket) = self.ticket.take()
                {
                    notify.waiting.leave(ticket);
                }
            }
            None => self.done = over || notify.kept.replace(false),
        }
        self.done
    }
}

impl Future for Notified<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        ready!(coop::proceed(cx));
        if self.check() {
            return Poll::Ready(());
        }
        let waker = cx.waker().clone();
        // That was user code, which may have notified.
        if self.check() {
            return Poll::Ready(());
        }
        match &self.ticket {
            Some(ticket) => self.notify.waiting.renew(ticket, waker),
            None => self.ticket = Some(self.notify.waiting.join(Call::None, waker)),
        }
        Poll::Pending
    }
}

impl Drop for Notified<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            match self.notify.waiting.leave(ticket).0 {
                Call::One => self.notify.notify_one(),
                Call::Last => self.notify.notify_last(),
                Call::None | Call::All => {}
            }
        }
    }
}

impl fmt::Debug for Notified<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notified")
            .field("done", &self.done)
            .finish_non_exhaustive()
    }
}
