//! The channel without a bound.

use std::fmt;
use std::future::{Future, poll_fn};
use std::rc::Rc;
use std::task::{Context, Poll};

use super::chan::{Chan, Sends, Weak};
use super::error::{SendError, TryRecvError};

/// A channel that holds whatever is sent. Sending never waits.
///
/// Its memory is bounded only by what is sent faster than it is received, so something else must
/// bound that. See the [module](super) for how it is closed.
///
/// # Examples
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// let (sender, mut receiver) = io2::sync::mpsc::unbounded_channel();
/// sender.send(1).unwrap();
/// sender.send(2).unwrap();
/// drop(sender);
/// assert_eq!(receiver.recv().await, Some(1));
/// assert_eq!(receiver.recv().await, Some(2));
/// assert_eq!(receiver.recv().await, None);
/// # }).unwrap();
/// ```
pub fn unbounded_channel<T>() -> (UnboundedSender<T>, UnboundedReceiver<T>) {
    let chan = Rc::new(Chan::new(None));
    let sends = Sends::new(&chan);
    (UnboundedSender { sends }, UnboundedReceiver { chan })
}

/// Sends to an [`UnboundedReceiver`]. It can be cloned; the channel closes when the last one is
/// dropped.
///
/// ```
/// let (sender, mut receiver) = io2::sync::mpsc::unbounded_channel();
/// let other = sender.clone();
/// other.send('a').unwrap();
/// assert!(other.same_channel(&sender));
/// assert_eq!(receiver.try_recv(), Ok('a'));
/// ```
pub struct UnboundedSender<T> {
    sends: Sends<T>,
}

impl<T> UnboundedSender<T> {
    /// Sends a message.
    ///
    /// # Errors
    ///
    /// If the receiver is gone or closed; the message comes back.
    #[inline]
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        if self.sends.is_closed() {
            return Err(SendError(value));
        }
        self.sends.push(value);
        Ok(())
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

    /// Whether another sender sends to the same receiver.
    pub fn same_channel(&self, other: &Self) -> bool {
        Rc::ptr_eq(self.sends.chan(), other.sends.chan())
    }

    /// A sender that does not keep the channel open.
    #[must_use = "a weak sender does nothing by itself"]
    pub fn downgrade(&self) -> WeakUnboundedSender<T> {
        WeakUnboundedSender {
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
}

impl<T> Clone for UnboundedSender<T> {
    fn clone(&self) -> Self {
        UnboundedSender {
            sends: self.sends.clone(),
        }
    }
}

impl<T> fmt::Debug for UnboundedSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnboundedSender")
            .field("is_closed", &self.is_closed())
            .finish()
    }
}

/// A sender that does not keep the channel open.
///
/// ```
/// let (sender, _receiver) = io2::sync::mpsc::unbounded_channel::<()>();
/// let weak = sender.downgrade();
/// assert_eq!((weak.strong_count(), weak.weak_count()), (1, 1));
/// drop(sender);
/// assert!(weak.upgrade().is_none());
/// ```
pub struct WeakUnboundedSender<T> {
    weak: Weak<T>,
}

impl<T> WeakUnboundedSender<T> {
    /// A sender, if there is still one.
    pub fn upgrade(&self) -> Option<UnboundedSender<T>> {
        let sends = self.weak.upgrade()?;
        Some(UnboundedSender { sends })
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

impl<T> Clone for WeakUnboundedSender<T> {
    fn clone(&self) -> Self {
        WeakUnboundedSender {
            weak: self.weak.clone(),
        }
    }
}

impl<T> fmt::Debug for WeakUnboundedSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WeakUnboundedSender")
    }
}

/// Receives what [`UnboundedSender`]s send.
///
/// ```
/// let (sender, mut receiver) = io2::sync::mpsc::unbounded_channel();
/// sender.send("kept").unwrap();
/// receiver.close();
/// assert!(sender.send("refused").is_err());
/// assert_eq!(receiver.try_recv(), Ok("kept"));
/// ```
pub struct UnboundedReceiver<T> {
    chan: Rc<Chan<T>>,
}

impl<T> UnboundedReceiver<T> {
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

    /// Lets nobody send any more. Messages that were sent are still received.
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

impl<T> Drop for UnboundedReceiver<T> {
    fn drop(&mut self) {
        self.chan.receiver_is_gone();
    }
}

impl<T> fmt::Debug for UnboundedReceiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnboundedReceiver")
            .field("len", &self.len())
            .field("is_closed", &self.is_closed())
            .finish()
    }
}
