//! A queue in which every receiver gets every message.
//!
//! The queue keeps a number of messages. The sender never waits: when the queue is full it overwrites
//! the oldest. A receiver that was too slow for that is told how many it missed, by
//! [`RecvError::Lagged`], and goes on with the oldest that is left.
//!
//! # Examples
//!
//! ```
//! use io2::sync::broadcast;
//!
//! # io2::ExecutorConfig::new().run(async {
//! let (sender, mut one) = broadcast::channel(16);
//! let mut two = sender.subscribe();
//! sender.send("hello").unwrap();
//! drop(sender);
//! assert_eq!(one.recv().await, Ok("hello"));
//! assert_eq!(two.recv().await, Ok("hello"));
//! assert!(two.recv().await.is_err());
//! # }).unwrap();
//! ```

use std::cell::{Cell, RefCell};
use std::fmt;
use std::mem;
use std::rc::Rc;

use self::error::{RecvError, SendError, TryRecvError};
use super::wait::WaitList;

/// A channel that keeps so many messages, rounded up to a power of two.
///
/// # Panics
///
/// If that is none, or more than half of what a `usize` can count.
///
/// # Examples
///
/// ```
/// let (sender, mut receiver) = io2::sync::broadcast::channel(2);
/// sender.send(1).unwrap();
/// sender.send(2).unwrap();
/// assert_eq!(receiver.try_recv(), Ok(1));
/// assert_eq!(receiver.try_recv(), Ok(2));
/// ```
#[track_caller]
pub fn channel<T: Clone>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    let sender = Sender::new(capacity);
    let receiver = sender.subscribe();
    (sender, receiver)
}

struct Shared<T> {
    ring: RefCell<Ring<T>>,
    senders: Cell<usize>,
    receivers: Cell<usize>,
    /// Waits for a message, or for the last sender to go.
    on_send: WaitList<()>,
    /// Waits for the last receiver to go.
    on_close: WaitList<()>,
}

/// The messages. Each has a number, and a slot by that.
struct Ring<T> {
    /// Grows up to the capacity.
    slots: Vec<Slot<T>>,
    /// A power of two.
    capacity: usize,
    /// The number of the message that is sent next.
    next: u64,
}

/// A slot keeps its allocation. A receiver has a share of it while it clones the message, since that is
/// user code and nothing may be borrowed.
struct Slot<T> {
    message: Rc<Option<T>>,
    /// Receivers that have not seen it.
    unread: usize,
}

/// What a receiver found.
enum Found<T> {
    /// It was the last one to see it.
    Last(T),
    Shared(Rc<Option<T>>),
}

impl<T> Ring<T> {
    fn index(&self, number: u64) -> usize {
        // Less than the capacity.
        (number & (self.capacity as u64 - 1)) as usize
    }

    fn oldest(&self) -> u64 {
        self.next.saturating_sub(self.capacity as u64)
    }

    /// Takes in a message. Gives the one that it overwrites.
    fn push(&mut self, message: T, unread: usize) -> Option<Found<T>> {
        let index = self.index(self.next);
        self.next += 1;
        let Some(slot) = self.slots.get_mut(index) else {
            self.slots.push(Slot {
                message: Rc::new(Some(message)),
                unread,
            });
            return None;
        };
        slot.unread = unread;
        match Rc::get_mut(&mut slot.message) {
            Some(place) => place.replace(message).map(Found::Last),
            // Somebody clones the old one.
            None => {
                let message = Rc::new(Some(message));
                Some(Found::Shared(mem::replace(&mut slot.message, message)))
            }
        }
    }

    /// A receiver sees a message that is there.
    fn see(&mut self, number: u64) -> Found<T> {
        let index = self.index(number);
        let slot = &mut self.slots[index];
        slot.unread -= 1;
        if slot.unread == 0
            && let Some(message) = Rc::get_mut(&mut slot.message).and_then(Option::take)
        {
            return Found::Last(message);
        }
        Found::Shared(slot.message.clone())
    }
}

/// Sends to all [`Receiver`]s. It can be cloned; the channel closes when the last one is dropped.
///
/// ```
/// let (sender, receiver) = io2::sync::broadcast::channel(4);
/// let _other = receiver.resubscribe();
/// assert_eq!(sender.send('a'), Ok(2));
/// assert_eq!((sender.receiver_count(), sender.len()), (2, 1));
/// ```
pub struct Sender<T> {
    shared: Rc<Shared<T>>,
}

impl<T> Sender<T> {
    /// A channel without a receiver; [`subscribe`](Self::subscribe) makes some.
    ///
    /// # Panics
    ///
    /// As [`channel`] does.
    #[track_caller]
    pub fn new(capacity: usize) -> Self {
        assert!(capacity > 0, "a channel without room");
        assert!(
            capacity <= usize::MAX >> 1,
            "more room than half of usize::MAX"
        );
        Sender {
            shared: Rc::new(Shared {
                ring: RefCell::new(Ring {
                    slots: Vec::new(),
                    capacity: capacity.next_power_of_two(),
                    next: 0,
                }),
                senders: Cell::new(1),
                receivers: Cell::new(0),
                on_send: WaitList::new(),
                on_close: WaitList::new(),
            }),
        }
    }

    /// Sends a message, and gives how many receivers it was sent to.
    ///
    /// # Errors
    ///
    /// If there is no receiver; the message comes back.
    pub fn send(&self, value: T) -> Result<usize, SendError<T>> {
        let shared = &self.shared;
        let receivers = shared.receivers.get();
        if receivers == 0 {
            return Err(SendError(value));
        }
        let old = shared.ring.borrow_mut().push(value, receivers);
        shared.on_send.call_all(|()| ());
        drop(old);
        Ok(receivers)
    }

    /// A receiver of all messages that are sent from now on.
    pub fn subscribe(&self) -> Receiver<T> {
        Receiver::new(&self.shared)
    }

    /// How many messages are there that some receiver has not seen.
    pub fn len(&self) -> usize {
        let ring = self.shared.ring.borrow();
        // Who has not seen a message has not seen the later ones either.
        let unread = (ring.oldest()..ring.next).rev();
        unread
            .take_while(|&number| ring.slots[ring.index(number)].unread > 0)
            .count()
    }

    /// Whether every receiver has seen every message.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many receivers there are.
    pub fn receiver_count(&self) -> usize {
        self.shared.receivers.get()
    }

    /// Waits until there is no receiver.
    ///
    /// Dropping the future loses nothing.
    pub async fn closed(&self) {
        let closed = || (self.shared.receivers.get() == 0).then_some(());
        self.shared.on_close.until(closed).await;
    }

    /// Whether another sender sends to the same receivers.
    pub fn same_channel(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.shared, &other.shared)
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        let shared = self.shared.clone();
        shared.senders.set(shared.senders.get() + 1);
        Sender { shared }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let senders = self.shared.senders.get() - 1;
        self.shared.senders.set(senders);
        if senders == 0 {
            self.shared.on_send.call_all(|()| ());
        }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("receivers", &self.shared.receivers.get())
            .field("len", &self.len())
            .finish()
    }
}

/// Receives all messages that are sent from when it was made.
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// use io2::sync::broadcast::{self, error::RecvError};
///
/// let (sender, mut receiver) = broadcast::channel(2);
/// for n in 1..=5 {
///     sender.send(n).unwrap();
/// }
/// // It was too slow for three of them.
/// assert_eq!(receiver.recv().await, Err(RecvError::Lagged(3)));
/// assert_eq!(receiver.recv().await, Ok(4));
/// assert_eq!(receiver.recv().await, Ok(5));
/// # }).unwrap();
/// ```
pub struct Receiver<T> {
    shared: Rc<Shared<T>>,
    /// The number of the message that it sees next.
    next: Cell<u64>,
}

impl<T> Receiver<T> {
    fn new(shared: &Rc<Shared<T>>) -> Self {
        shared.receivers.set(shared.receivers.get() + 1);
        Receiver {
            shared: shared.clone(),
            next: Cell::new(shared.ring.borrow().next),
        }
    }

    /// How many messages it has not received, those included that it has missed.
    pub fn len(&self) -> usize {
        (self.shared.ring.borrow().next - self.next.get()) as usize
    }

    /// Whether it has received all messages.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether no sender is left.
    pub fn is_closed(&self) -> bool {
        self.shared.senders.get() == 0
    }

    /// Another receiver, of all messages that are sent from now on.
    pub fn resubscribe(&self) -> Self {
        Receiver::new(&self.shared)
    }

    /// How many senders there are.
    pub fn sender_strong_count(&self) -> usize {
        self.shared.senders.get()
    }

    /// Whether another receiver receives from the same senders.
    pub fn same_channel(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.shared, &other.shared)
    }

    /// The next message, if there is one, or what is said instead of it.
    fn find(&self) -> Result<Found<T>, TryRecvError> {
        let mut ring = self.shared.ring.borrow_mut();
        let number = self.next.get();
        if number == ring.next {
            return Err(match self.shared.senders.get() {
                0 => TryRecvError::Closed,
                _ => TryRecvError::Empty,
            });
        }
        let oldest = ring.oldest();
        if number < oldest {
            self.next.set(oldest);
            return Err(TryRecvError::Lagged(oldest - number));
        }
        self.next.set(number + 1);
        Ok(ring.see(number))
    }

    /// Passes over a message before `end` that is there. Gives it if nobody else is to see it.
    fn skip(&self, end: u64) -> Option<Found<T>> {
        let mut ring = self.shared.ring.borrow_mut();
        let number = self.next.get().max(ring.oldest());
        if number >= end {
            return None;
        }
        self.next.set(number + 1);
        Some(ring.see(number))
    }
}

impl<T: Clone> Receiver<T> {
    /// Waits for the next message.
    ///
    /// Dropping the future loses nothing.
    ///
    /// # Errors
    ///
    /// [`RecvError::Lagged`] if messages were overwritten before it received them; it goes on
    /// with the oldest that is left. [`RecvError::Closed`] once nothing is left and there is no
    /// sender any more.
    pub async fn recv(&mut self) -> Result<T, RecvError> {
        self.shared
            .on_send
            .until(|| match self.try_take() {
                Ok(message) => Some(Ok(message)),
                Err(TryRecvError::Empty) => None,
                Err(TryRecvError::Closed) => Some(Err(RecvError::Closed)),
                Err(TryRecvError::Lagged(missed)) => Some(Err(RecvError::Lagged(missed))),
            })
            .await
    }

    /// The next message, if it is there.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv), and if there is none.
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        self.try_take()
    }

    fn try_take(&self) -> Result<T, TryRecvError> {
        match self.find()? {
            Found::Last(message) => Ok(message),
            Found::Shared(message) => Ok((*message)
                .clone()
                .expect("only the last one to see it takes it out")),
        }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        // Not counted for what is sent from now on, by the drop of a message, say.
        let receivers = self.shared.receivers.get() - 1;
        self.shared.receivers.set(receivers);
        if receivers == 0 {
            self.shared.on_close.call_all(|()| ());
        }
        let end = self.shared.ring.borrow().next;
        while let Some(message) = self.skip(end) {
            drop(message);
        }
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("len", &self.len())
            .field("is_closed", &self.is_closed())
            .finish()
    }
}

pub mod error;
