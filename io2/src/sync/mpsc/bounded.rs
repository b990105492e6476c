//! The channel with a bound.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use super::chan::{Chan, Sends, Weak};
use super::error::{SendError, TryRecvError, TrySendError};
use super::permit::{OwnedPermit, Permit, PermitIterator};
use crate::executor::coop;
use crate::sync::TryAcquireError;
use crate::sync::gate::{PERMITS_MAX, Take};

/// A channel that holds so many messages; who sends more waits.
///
/// See the [module](super) for how it is closed.
///
/// # Panics
///
/// With no room at all, or with more than [`Semaphore::MAX_PERMITS`](crate::sync::Semaphore::MAX_PERMITS).
///
/// # Examples
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// let (sender, mut receiver) = io2::sync::mpsc::channel(1);
/// let task = io2::spawn(async move {
///     for n in 1..=3 {
///         // Waits until the one before has been received.
///         sender.send(n).await.unwrap();
///     }
/// });
/// assert_eq!(receiver.recv().await, Some(1));
/// assert_eq!(receiver.recv().await, Some(2));
/// assert_eq!(receiver.recv().await, Some(3));
/// assert_eq!(receiver.recv().await, None);
/// # task.await;
/// # }).unwrap();
/// ```
#[track_caller]
pub fn channel<T>(buffer: usize) -> (Sender<T>, Receiver<T>) {
    assert!(buffer > 0, "a channel without room");
    assert!(
        buffer <= PERMITS_MAX,
        "more room than Semaphore::MAX_PERMITS"
    );
    let chan = Rc::new(Chan::new(Some(buffer)));
    let sends = Sends::new(&chan);
    (Sender { sends }, Receiver { chan })
}

/// Sends to a [`Receiver`]. It can be cloned; the channel closes when the last one is dropped.
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// let (sender, mut receiver) = io2::sync::mpsc::channel(10);
/// sender.clone().send("a").await.unwrap();
/// sender.try_send("b").unwrap();
/// assert_eq!((sender.capacity(), sender.max_capacity()), (8, 10));
/// assert_eq!(receiver.recv().await, Some("a"));
/// # }).unwrap();
/// ```
pub struct Sender<T> {
    sends: Sends<T>,
}

impl<T> Sender<T> {
    pub(super) fn from_sends(sends: Sends<T>) -> Self {
        Sender { sends }
    }

    /// Sends a message, and waits for room if there is none.
    ///
    /// That it was sent does not mean that it will be received: the receiver may be dropped before.
    ///
    /// Dropping the future before it is done drops the message unsent; use
    /// [`reserve`](Self::reserve) to keep it.
    ///
    /// # Errors
    ///
    /// If the receiver is gone or closed; the message comes back.
    #[inline]
    pub fn send(&self, value: T) -> impl Future<Output = Result<(), SendError<T>>> {
        Send {
            chan: &self.sends,
            take: self.sends.gate().take(1),
            value: Some(value),
        }
    }

    /// Sends a message if there is room.
    ///
    /// # Errors
    ///
    /// If there is none, or if the receiver is gone or closed; the message comes back.
    #[inline]
    pub fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        match self.sends.gate().try_take(1) {
            Ok(()) => {
                self.sends.push(value);
                Ok(())
            }
            Err(TryAcquireError::NoPermits) => Err(TrySendError::Full(value)),
            Err(TryAcquireError::Closed) => Err(TrySendError::Closed(value)),
        }
    }

    /// Waits for room for one message and reserves it.
    ///
    /// Dropping the future gives up the place in the queue; nothing is lost.
    ///
    /// # Errors
    ///
    /// If the receiver is gone or closed.
    pub async fn reserve(&self) -> Result<Permit<'_, T>, SendError<()>> {
        self.take(1).await?;
        Ok(Permit::new(&self.sends))
    }

    /// Waits for room for so many messages and reserves it.
    ///
    /// Dropping the future gives up the place in the queue; nothing is lost.
    ///
    /// # Errors
    ///
    /// If the receiver is gone or closed, or if the channel never has that much room.
    pub async fn reserve_many(&self, count: usize) -> Result<PermitIterator<'_, T>, SendError<()>> {
        if count > self.max_capacity() {
            return Err(SendError(()));
        }
        self.take(count).await?;
        Ok(PermitIterator::new(&self.sends, count))
    }

    /// Waits for room for one message and reserves it for whoever has the permit, which this sender
    /// becomes.
    ///
    /// Dropping the future drops the sender.
    ///
    /// # Errors
    ///
    /// If the receiver is gone or closed.
    pub async fn reserve_owned(self) -> Result<OwnedPermit<T>, SendError<()>> {
        self.take(1).await?;
        Ok(OwnedPermit::new(self.sends))
    }

    /// Reserves room for one message if there is some.
    ///
    /// # Errors
    ///
    /// If there is none, or if the receiver is gone or closed.
    pub fn try_reserve(&self) -> Result<Permit<'_, T>, TrySendError<()>> {
        self.try_take(1)?;
        Ok(Permit::new(&self.sends))
    }

    /// Reserves room for so many messages if there is that much.
    ///
    /// # Errors
    ///
    /// If there is not, or if the receiver is gone or closed.
    pub fn try_reserve_many(
        &self,
        count: usize,
    ) -> Result<PermitIterator<'_, T>, TrySendError<()>> {
        self.try_take(count)?;
        Ok(PermitIterator::new(&self.sends, count))
    }

    /// Reserves room for one message if there is some, for whoever has the permit, which this
    /// sender becomes.
    ///
    /// # Errors
    ///
    /// If there is none, or if the receiver is gone or closed; the sender comes back.
    pub fn try_reserve_owned(self) -> Result<OwnedPermit<T>, TrySendError<Self>> {
        match self.try_take(1) {
            Ok(()) => Ok(OwnedPermit::new(self.sends)),
            Err(TrySendError::Full(())) => Err(TrySendError::Full(self)),
            Err(TrySendError::Closed(())) => Err(TrySendError::Closed(self)),
        }
    }

    /// Waits until the receiver is gone or closed: nobody wants messages any more.
    ///
    /// Dropping the future loses nothing.
    pub async fn closed(&self) {
        self.sends.closed().await;
    }

    /// Whether the receiver is gone or closed.
    pub fn is_closed(&self) -> bool {
        self.sends.is_closed()
    }

    /// For how many messages there is room now. While a sender waits there is none.
    pub fn capacity(&self) -> usize {
        self.sends.capacity()
    }

    /// For how many messages there is room in all.
    pub fn max_capacity(&self) -> usize {
        self.sends.max_capacity()
    }

    /// Whether another sender sends to the same receiver.
    pub fn same_channel(&self, other: &Self) -> bool {
        Rc::ptr_eq(self.sends.chan(), other.sends.chan())
    }

    /// A sender that does not keep the channel open.
    #[must_use = "a weak sender does nothing by itself"]
    pub fn downgrade(&self) -> WeakSender<T> {
        WeakSender {
            weak: self.sends.downgrade(),
        }
    }

    /// How many senders there are.
    pub fn strong_count(&self) -> usize {
        self.sends.senders()
    }

    /// How many weak senders there are.
    pub fn weak_count(&self) -> usize {
        self.sends.weak_senders()
    }

    async fn take(&self, count: usize) -> Result<(), SendError<()>> {
        let taken = self.sends.gate().take(count).await;
        taken.map_err(|_| SendError(()))
    }

    fn try_take(&self, count: usize) -> Result<(), TrySendError<()>> {
        match self.sends.gate().try_take(count) {
            Ok(()) => Ok(()),
            Err(TryAcquireError::NoPermits) => Err(TrySendError::Full(())),
            Err(TryAcquireError::Closed) => Err(TrySendError::Closed(())),
        }
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Sender {
            sends: self.sends.clone(),
        }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("capacity", &self.capacity())
            .field("is_closed", &self.is_closed())
            .finish()
    }
}

/// The future of `send`.
struct Send<'a, T> {
    chan: &'a Chan<T>,
    take: Take<'a>,
    value: Option<T>,
}

// The value is never pinned.
impl<T> Unpin for Send<'_, T> {}

impl<T> Future for Send<'_, T> {
    type Output = Result<(), SendError<T>>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        ready!(coop::proceed(cx));
        let taken = ready!(self.take.poll_take(cx));
        let value = self.value.take().expect("polled after it was done");
        Poll::Ready(match taken {
            Ok(()) => {
                self.chan.push(value);
                Ok(())
            }
            Err(_) => Err(SendError(value)),
        })
    }
}

/// A sender that does not keep the channel open.
///
/// ```
/// let (sender, _receiver) = io2::sync::mpsc::channel::<()>(1);
/// let weak = sender.downgrade();
/// assert!(weak.upgrade().is_some());
/// drop(sender);
/// assert!(weak.upgrade().is_none());
/// ```
pub struct WeakSender<T> {
    weak: Weak<T>,
}

impl<T> WeakSender<T> {
    /// A sender, if there is still one.
    pub fn upgrade(&self) -> Option<Sender<T>> {
        self.weak.upgrade().map(Sender::from_sends)
    }

    /// How many senders there are.
    pub fn strong_count(&self) -> usize {
        self.weak.chan().senders()
    }

    /// How many weak senders there are.
    pub fn weak_count(&self) -> usize {
        self.weak.chan().weak_senders()
    }
}

impl<T> Clone for WeakSender<T> {
    fn clone(&self) -> Self {
        WeakSender {
            weak: self.weak.clone(),
        }
    }
}

impl<T> fmt::Debug for WeakSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WeakSender")
    }
}

/// Receives what [`Sender`]s send.
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// let (sender, mut receiver) = io2::sync::mpsc::channel(10);
/// for n in 0..5 {
///     sender.send(n).await.unwrap();
/// }
/// assert_eq!(receiver.recv().await, Some(0));
/// let mut batch = Vec::new();
/// assert_eq!(receiver.recv_many(&mut batch, 100).await, 4);
/// assert_eq!(batch, [1, 2, 3, 4]);
/// # }).unwrap();
/// ```
pub struct Receiver<T> {
    chan: Rc<Chan<T>>,
}

impl<T> Receiver<T> {
    /// Waits for the next message. `None` once nothing is left and nothing will come.
    ///
    /// Dropping the future loses nothing.
    #[inline]
    pub fn recv(&mut self) -> impl Future<Output = Option<T>> {
        poll_fn(|cx| self.chan.poll_recv(cx))
    }

    /// Waits for messages, and adds up to `limit` of them to the buffer. Gives how many: 0 once nothing
    /// is left and nothing will come, or if the limit is 0.
    ///
    /// Dropping the future loses nothing.
    pub async fn recv_many(&mut self, buffer: &mut Vec<T>, limit: usize) -> usize {
        poll_fn(|cx| self.chan.poll_recv_many(cx, buffer, limit)).await
    }

    /// The next message, if it is there.
    ///
    /// # Errors
    ///
    /// If none is there, and if none will come.
    #[inline]
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        self.chan.try_recv()
    }

    /// Lets nobody send any more. Messages that were sent are still received, those of permits, too.
    pub fn close(&mut self) {
        self.chan.close();
    }

    /// Whether nothing can be sent: it was closed, or all senders are gone.
    pub fn is_closed(&self) -> bool {
        self.chan.is_closed() || self.chan.senders() == 0
    }

    /// Whether no message is there.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many messages are there.
    pub fn len(&self) -> usize {
        self.chan.len()
    }

    /// For how many messages there is room now. While a sender waits there is none.
    pub fn capacity(&self) -> usize {
        self.chan.capacity()
    }

    /// For how many messages there is room in all.
    pub fn max_capacity(&self) -> usize {
        self.chan.max_capacity()
    }

    /// How many senders there are.
    pub fn sender_strong_count(&self) -> usize {
        self.chan.senders()
    }

    /// How many weak senders there are.
    pub fn sender_weak_count(&self) -> usize {
        self.chan.weak_senders()
    }

    /// One poll of [`recv`](Self::recv).
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.chan.poll_recv(cx)
    }

    /// One poll of [`recv_many`](Self::recv_many).
    pub fn poll_recv_many(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut Vec<T>,
        limit: usize,
    ) -> Poll<usize> {
        self.chan.poll_recv_many(cx, buffer, limit)
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.chan.receiver_is_gone();
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
