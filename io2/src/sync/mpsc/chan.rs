//! What both kinds of channel are made of.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::error::TryRecvError;
use crate::sync::gate::Gate;
use crate::sync::wait::{Listener, WaitList};

/// The queue, and who is at its ends.
pub(super) struct Chan<T> {
    queue: RefCell<VecDeque<T>>,
    /// One permit for each message that fits. `None` without a bound.
    gate: Option<Gate>,
    receiver: Listener,
    /// Waits for the receiver to be closed.
    on_close: WaitList<()>,
    senders: Cell<usize>,
    weak_senders: Cell<usize>,
    closed: Cell<bool>,
    receiver_gone: Cell<bool>,
    capacity: usize,
}

impl<T> Chan<T> {
    pub(super) fn new(capacity: Option<usize>) -> Self {
        Chan {
            queue: RefCell::new(VecDeque::new()),
            gate: capacity.map(Gate::new),
            receiver: Listener::new(),
            on_close: WaitList::new(),
            senders: Cell::new(0),
            weak_senders: Cell::new(0),
            closed: Cell::new(false),
            receiver_gone: Cell::new(false),
            capacity: capacity.unwrap_or(usize::MAX),
        }
    }

    // ---- the sending end --------------------------------------------------------------------

    /// The gate of a channel with a bound.
    #[inline]
    pub(super) fn gate(&self) -> &Gate {
        match &self.gate {
            Some(gate) => gate,
            None => unreachable!("only senders of a channel with a bound ask for its gate"),
        }
    }

    /// Queues a message for which a permit was taken at some time.
    pub(super) fn push_permitted(&self, value: T) {
        if self.receiver_gone.get() {
            self.give_back(1);
            drop(value);
        } else {
            self.push(value);
        }
    }

    /// Queues a message. The channel is open, and if it has a bound, a permit was taken just now.
    #[inline]
    pub(super) fn push(&self, value: T) {
        self.queue.borrow_mut().push_back(value);
        self.receiver.call();
    }

    /// Gives back permits of messages that were not sent.
    pub(super) fn give_back(&self, permits: usize) {
        if permits == 0 {
            return;
        }
        self.gate().give(permits);
        if self.closed.get() && self.is_idle() {
            // It may have waited for just these.
            self.receiver.call();
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.get()
    }

    pub(super) async fn closed(&self) {
        self.on_close
            .until(|| self.closed.get().then_some(()))
            .await;
    }

    pub(super) fn capacity(&self) -> usize {
        self.gate().available()
    }

    pub(super) fn max_capacity(&self) -> usize {
        self.capacity
    }

    pub(super) fn senders(&self) -> usize {
        self.senders.get()
    }

    pub(super) fn weak_senders(&self) -> usize {
        self.weak_senders.get()
    }

    // ---- the receiving end ------------------------------------------------------------------

    #[inline]
    pub(super) fn poll_recv(&self, cx: &Context<'_>) -> Poll<Option<T>> {
        self.receiver.poll_until(cx, || match self.try_recv() {
            Ok(value) => Some(Some(value)),
            Err(TryRecvError::Disconnected) => Some(None),
            Err(TryRecvError::Empty) => None,
        })
    }

    #[inline]
    pub(super) fn try_recv(&self) -> Result<T, TryRecvError> {
        let value = self.queue.borrow_mut().pop_front();
        match value {
            Some(value) => {
                if let Some(gate) = &self.gate {
                    gate.give(1);
                }
                Ok(value)
            }
            None if self.is_over() => Err(TryRecvError::Disconnected),
            None => Err(TryRecvError::Empty),
        }
    }

    pub(super) fn poll_recv_many(
        &self,
        cx: &Context<'_>,
        buffer: &mut Vec<T>,
        limit: usize,
    ) -> Poll<usize> {
        if limit == 0 {
            return Poll::Ready(0);
        }
        self.receiver.poll_until(cx, || {
            let count = {
                let mut queue = self.queue.borrow_mut();
                let count = queue.len().min(limit);
                buffer.extend(queue.drain(..count));
                count
            };
            if let Some(gate) = &self.gate {
                gate.give(count);
            }
            (count > 0 || self.is_over()).then_some(count)
        })
    }

    /// Nothing is in the queue and nothing will come.
    fn is_over(&self) -> bool {
        self.senders.get() == 0 || (self.closed.get() && self.is_idle())
    }

    /// No message is in the queue, and nobody holds a permit.
    fn is_idle(&self) -> bool {
        match &self.gate {
            Some(gate) => gate.free() == self.capacity,
            None => self.queue.borrow().is_empty(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.queue.borrow().len()
    }

    pub(super) fn close(&self) {
        if self.closed.replace(true) {
            return;
        }
        if let Some(gate) = &self.gate {
            gate.close();
        }
        self.on_close.call_all(|()| ());
    }

    pub(super) fn receiver_is_gone(&self) {
        self.receiver_gone.set(true);
        self.receiver.forget();
        self.close();
        let queue = std::mem::take(&mut *self.queue.borrow_mut());
        if let Some(gate) = &self.gate {
            gate.give(queue.len());
        }
        drop(queue);
    }
}

/// A share of a channel that counts as a sender.
pub(super) struct Sends<T>(Rc<Chan<T>>);

/// A share of a channel that does not count.
pub(super) struct Weak<T>(Rc<Chan<T>>);

impl<T> Sends<T> {
    pub(super) fn new(chan: &Rc<Chan<T>>) -> Self {
        chan.senders.set(chan.senders.get() + 1);
        Sends(chan.clone())
    }

    pub(super) fn chan(&self) -> &Rc<Chan<T>> {
        &self.0
    }

    pub(super) fn downgrade(&self) -> Weak<T> {
        Weak::new(&self.0)
    }
}

impl<T> std::ops::Deref for Sends<T> {
    type Target = Chan<T>;

    #[inline]
    fn deref(&self) -> &Chan<T> {
        &self.0
    }
}

impl<T> Clone for Sends<T> {
    fn clone(&self) -> Self {
        Sends::new(&self.0)
    }
}

impl<T> Drop for Sends<T> {
    fn drop(&mut self) {
        let senders = self.0.senders.get() - 1;
        self.0.senders.set(senders);
        if senders == 0 {
            self.0.receiver.call();
        }
    }
}

impl<T> Weak<T> {
    fn new(chan: &Rc<Chan<T>>) -> Self {
        chan.weak_senders.set(chan.weak_senders.get() + 1);
        Weak(chan.clone())
    }

    pub(super) fn chan(&self) -> &Chan<T> {
        &self.0
    }

    pub(super) fn upgrade(&self) -> Option<Sends<T>> {
        (self.0.senders.get() > 0).then(|| Sends::new(&self.0))
    }
}

impl<T> Clone for Weak<T> {
    fn clone(&self) -> Self {
        Weak::new(&self.0)
    }
}

impl<T> Drop for Weak<T> {
    fn drop(&mut self) {
        self.0.weak_senders.set(self.0.weak_senders.get() - 1);
    }
}
