//! Waiting for each other.

use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::wait::{Ticket, WaitList};
use crate::executor::coop;

/// Lets so many tasks wait until all of them are there. Then it begins anew.
///
/// # Examples
///
/// ```
/// use std::rc::Rc;
/// use io2::sync::Barrier;
///
/// # io2::ExecutorConfig::new().run(async {
/// let start = Rc::new(Barrier::new(3));
/// let tasks: Vec<_> = (0..3)
///     .map(|_| {
///         let start = start.clone();
///         io2::spawn(async move { start.wait().await.is_leader() })
///     })
///     .collect();
/// let mut leaders = 0;
/// for task in tasks {
///     leaders += u32::from(task.await);
/// }
/// assert_eq!(leaders, 1);
/// # }).unwrap();
/// ```
pub struct Barrier {
    size: usize,
    arrived: Cell<usize>,
    /// How often all were there.
    rounds: Cell<u64>,
    waiting: WaitList<()>,
}

impl Barrier {
    /// A barrier for so many tasks; with 0 or 1 nobody waits.
    pub const fn new(size: usize) -> Self {
        Barrier {
            size,
            arrived: Cell::new(0),
            rounds: Cell::new(0),
            waiting: WaitList::new(),
        }
    }

    /// Waits until all are there. The one that comes last is the leader.
    ///
    /// Dropping the future before it is done takes the task back out: another one must come.
    pub async fn wait(&self) -> BarrierWaitResult {
        let leader = Wait {
            barrier: self,
            round: self.rounds.get(),
            ticket: None,
        };
        BarrierWaitResult(leader.await)
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Barrier")
            .field("size", &self.size)
            .field("arrived", &self.arrived.get())
            .finish_non_exhaustive()
    }
}

/// Gives whether it came last.
struct Wait<'a> {
    barrier: &'a Barrier,
    /// The round that it waits for the end of.
    round: u64,
    ticket: Option<Ticket>,
}

impl Wait<'_> {
    fn is_over(&self) -> bool {
        self.round != self.barrier.rounds.get()
    }
}

impl Future for Wait<'_> {
    type Output = bool;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<bool> {
        ready!(coop::proceed(cx));
        let barrier = self.barrier;
        let waker = cx.waker().clone();
        if let Some(ticket) = &self.ticket {
            if self.is_over() {
                return Poll::Ready(false);
            }
            barrier.waiting.renew(ticket, waker);
            return Poll::Pending;
        }
        // It arrives only now.
        self.round = barrier.rounds.get();
        if barrier.arrived.get() + 1 < barrier.size {
            barrier.arrived.set(barrier.arrived.get() + 1);
            self.ticket = Some(barrier.waiting.join((), waker));
            return Poll::Pending;
        }
        barrier.arrived.set(0);
        barrier.rounds.set(self.round + 1);
        barrier.waiting.call_all(|()| ());
        Poll::Ready(true)
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            if !self.is_over() {
                self.barrier.arrived.set(self.barrier.arrived.get() - 1);
            }
            self.barrier.waiting.leave(ticket);
        }
    }
}

/// What [`Barrier::wait`] gives.
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// let alone = io2::sync::Barrier::new(1);
/// assert!(alone.wait().await.is_leader());
/// # }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct BarrierWaitResult(bool);

impl BarrierWaitResult {
    /// Whether this task came last. In each round exactly one does.
    pub fn is_leader(&self) -> bool {
        self.0
    }
}
