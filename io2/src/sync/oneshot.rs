//! A channel for one value, such as the answer to a request.
//!
//! # Examples
//!
//! ```
//! use io2::sync::oneshot;
//!
//! # io2::ExecutorConfig::new().run(async {
//! let (answer, question) = oneshot::channel();
//! io2::spawn(async move {
//!     let _ = answer.send(42);
//! });
//! assert_eq!(question.await, Ok(42));
//! # }).unwrap();
//! ```

use std::cell::Cell;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::wait::Listener;

/// A channel for one value.
///
/// ```
/// let (sender, mut receiver) = io2::sync::oneshot::channel();
/// sender.send("once").unwrap();
/// assert_eq!(receiver.try_recv(), Ok("once"));
/// ```
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let shared = Rc::new(Shared {
        value: Cell::new(None),
        sender_gone: Cell::new(false),
        closed: Cell::new(false),
        receiver: Listener::new(),
        sender: Listener::new(),
    });
    (
        Sender {
            shared: shared.clone(),
        },
        Receiver { shared },
    )
}

struct Shared<T> {
    value: Cell<Option<T>>,
    /// The value was sent, or never will be.
    sender_gone: Cell<bool>,
    /// The receiver wants none.
    closed: Cell<bool>,
    receiver: Listener,
    sender: Listener,
}

impl<T> Shared<T> {
    /// The value, if it is there; an error if none will come.
    fn check(&self) -> Option<Result<T, RecvError>> {
        match self.value.take() {
            Some(value) => Some(Ok(value)),
            None => self.is_over().then_some(Err(RecvError(()))),
        }
    }

    fn is_over(&self) -> bool {
        self.sender_gone.get() || self.closed.get()
    }
}

/// Sends one value to a [`Receiver`]. Dropping it tells the receiver that none will come.
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// let (sender, receiver) = io2::sync::oneshot::channel::<u8>();
/// drop(sender);
/// assert!(receiver.await.is_err());
/// # }).unwrap();
/// ```
pub struct Sender<T> {
    shared: Rc<Shared<T>>,
}

impl<T> Sender<T> {
    /// Sends the value. That it was sent does not mean that it will be received.
    ///
    /// # Errors
    ///
    /// The value comes back if the receiver is gone or closed.
    pub fn send(self, value: T) -> Result<(), T> {
        if self.shared.closed.get() {
            return Err(value);
        }
        self.shared.value.set(Some(value));
        // The drop tells the receiver.
        Ok(())
    }

    /// Waits until the receiver is gone or closed: nobody wants the value any more.
    ///
    /// Dropping the future loses nothing.
    pub async fn closed(&mut self) {
        poll_fn(|cx| self.poll_closed(cx)).await;
    }

    /// Whether the receiver is gone or closed.
    pub fn is_closed(&self) -> bool {
        self.shared.closed.get()
    }

    /// One poll of [`closed`](Self::closed).
    pub fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let shared = &self.shared;
        shared
            .sender
            .poll_until(cx, || shared.closed.get().then_some(()))
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.shared.sender.forget();
        self.shared.sender_gone.set(true);
        self.shared.receiver.call();
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("is_closed", &self.is_closed())
            .finish()
    }
}

/// Waits for the value that a [`Sender`] sends.
///
/// Awaiting it gives the value, or an error if the sender was dropped without. It can be awaited by
/// reference, in a `select!` say; dropping that reference loses nothing.
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// let (sender, mut receiver) = io2::sync::oneshot::channel();
/// receiver.close();
/// assert_eq!(sender.send("too late"), Err("too late"));
/// assert!(receiver.await.is_err());
/// # }).unwrap();
/// ```
#[must_use = "dropping it tells the sender that nobody wants the value"]
pub struct Receiver<T> {
    shared: Rc<Shared<T>>,
}

impl<T> Receiver<T> {
    /// Tells the sender that the value is not wanted. One that was sent can still be received.
    pub fn close(&mut self) {
        if !self.shared.closed.replace(true) {
            self.shared.sender.call();
        }
    }

    /// The value, if it is there.
    ///
    /// # Errors
    ///
    /// If it is not there, and if it will not come or was received already.
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        match self.shared.check() {
            Some(Ok(value)) => Ok(value),
            Some(Err(_)) => Err(TryRecvError::Closed),
            None => Err(TryRecvError::Empty),
        }
    }

    /// Whether no value is there.
    pub fn is_empty(&self) -> bool {
        let value = self.shared.value.take();
        let empty = value.is_none();
        self.shared.value.set(value);
        empty
    }

    /// Whether no value is there and none will come: it was received, or the channel is closed.
    pub fn is_terminated(&self) -> bool {
        self.is_empty() && self.shared.is_over()
    }
}

impl<T> Future for Receiver<T> {
    type Output = Result<T, RecvError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let shared = &self.shared;
        shared.receiver.poll_until(cx, || shared.check())
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.shared.receiver.forget();
        self.close();
        drop(self.shared.value.take());
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("is_empty", &self.is_empty())
            .field("is_terminated", &self.is_terminated())
            .finish()
    }
}

pub mod error {
    //! What can go wrong with a channel for one value.

    pub use super::{RecvError, TryRecvError};
}

/// The sender was dropped without sending, or the value was received already.
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// let (sender, receiver) = io2::sync::oneshot::channel::<()>();
/// drop(sender);
/// let error: io2::sync::oneshot::error::RecvError = receiver.await.unwrap_err();
/// assert_eq!(error.to_string(), "the channel is closed");
/// # }).unwrap();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecvError(());

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the channel is closed")
    }
}

impl std::error::Error for RecvError {}

/// Why there was no value at once.
///
/// ```
/// use io2::sync::oneshot::{self, error::TryRecvError};
///
/// let (sender, mut receiver) = oneshot::channel::<()>();
/// assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
/// drop(sender);
/// assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TryRecvError {
    /// It was not sent yet.
    Empty,
    /// It will not come, or was received already.
    Closed,
}

impl fmt::Display for TryRecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TryRecvError::Empty => "the channel is empty",
            TryRecvError::Closed => "the channel is closed",
        })
    }
}

impl std::error::Error for TryRecvError {}
