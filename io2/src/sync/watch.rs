//! A channel that keeps only the latest value, such as a configuration or a state.
//!
//! Every receiver sees the latest value; the ones before may be missed. The sender never waits.
//!
//! # Examples
//!
//! ```
//! use io2::sync::watch;
//!
//! # io2::ExecutorConfig::new().run(async {
//! let (sender, mut receiver) = watch::channel("starting");
//! let task = io2::spawn(async move {
//!     let mut seen = vec![*receiver.borrow()];
//!     while receiver.changed().await.is_ok() {
//!         seen.push(*receiver.borrow_and_update());
//!     }
//!     seen
//! });
//! io2::yield_now().await;
//! sender.send("running").unwrap();
//! io2::yield_now().await;
//! sender.send("stopping").unwrap();
//! drop(sender);
//! assert_eq!(task.await, ["starting", "running", "stopping"]);
//! # }).unwrap();
//! ```

use std::cell::Cell;
use std::fmt;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::mem;
use std::ops::Deref;
use std::rc::Rc;

use self::error::{RecvError, SendError};
use super::wait::WaitList;
use crate::executor::coop;

/// A channel that keeps the latest value, first this one.
///
/// ```
/// let (sender, receiver) = io2::sync::watch::channel(1);
/// sender.send(2).unwrap();
/// sender.send(3).unwrap();
/// assert_eq!(*receiver.borrow(), 3);
/// ```
pub fn channel<T>(init: T) -> (Sender<T>, Receiver<T>) {
    let sender = Sender::new(init);
    let receiver = sender.subscribe();
    (sender, receiver)
}

struct Shared<T> {
    /// `None` while a closure changes it. A [`Ref`] has a share of it, so that sending need not
    /// wait for whoever looks at it.
    value: Cell<Option<Rc<T>>>,
    /// How often it has changed.
    version: Cell<u64>,
    senders: Cell<usize>,
    receivers: Cell<usize>,
    /// Waits for a change, or for the last sender to go.
    on_change: WaitList<()>,
    /// Waits for the last receiver to go.
    on_close: WaitList<()>,
}

impl<T> Shared<T> {
    #[track_caller]
    fn value(&self) -> Rc<T> {
        let Some(value) = self.value.take() else {
            panic!("a watched value was asked for in the closure that changes it");
        };
        self.value.set(Some(value.clone()));
        value
    }

    fn say_changed(&self) {
        self.version.set(self.version.get() + 1);
        self.on_change.call_all(|()| ());
    }
}

/// Sets the value that [`Receiver`]s see. It can be cloned.
///
/// ```
/// let sender = io2::sync::watch::Sender::new(vec![1]);
/// // Nobody receives.
/// assert!(sender.send(vec![]).is_err());
/// let receiver = sender.subscribe();
/// sender.send_modify(|list| list.push(2));
/// assert_eq!(*receiver.borrow(), [1, 2]);
/// assert_eq!(sender.send_replace(vec![]), [1, 2]);
/// ```
pub struct Sender<T> {
    shared: Rc<Shared<T>>,
}

impl<T> Sender<T> {
    /// A channel without a receiver; [`subscribe`](Self::subscribe) makes some.
    pub fn new(init: T) -> Self {
        Sender {
            shared: Rc::new(Shared {
                value: Cell::new(Some(Rc::new(init))),
                version: Cell::new(0),
                senders: Cell::new(1),
                receivers: Cell::new(0),
                on_change: WaitList::new(),
                on_close: WaitList::new(),
            }),
        }
    }

    /// Sets the value.
    ///
    /// # Errors
    ///
    /// If there is no receiver; the value comes back, and is not set.
    ///
    /// # Panics
    ///
    /// In a closure that changes the value.
    #[track_caller]
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        let shared = &self.shared;
        if shared.receivers.get() == 0 {
            return Err(SendError(value));
        }
        let mut current = shared.value.take();
        let old = match &mut current {
            Some(current) => match Rc::get_mut(current) {
                Some(current) => Old::Value(mem::replace(current, value)),
                // Somebody looks at the old one.
                None => Old::Shared(mem::replace(current, Rc::new(value))),
            },
            None => panic!("a watched value was sent in the closure that changes it"),
        };
        shared.value.set(current);
        shared.say_changed();
        match old {
            Old::Value(old) => drop(old),
            Old::Shared(old) => drop(old),
        }
        Ok(())
    }

    /// Sets the value, also if there is no receiver, and gives the one before.
    ///
    /// # Panics
    ///
    /// While somebody has a [`Ref`], or in a closure that changes the value.
    #[track_caller]
    pub fn send_replace(&self, mut value: T) -> T {
        self.send_modify(|current| mem::swap(current, &mut value));
        value
    }

    /// Changes the value in its place, also if there is no receiver.
    ///
    /// If the closure panics nobody is told of a change, and the value is as the closure left it.
    ///
    /// # Panics
    ///
    /// While somebody has a [`Ref`], or in another such closure.
    #[track_caller]
    pub fn send_modify(&self, modify: impl FnOnce(&mut T)) {
        self.send_if_modified(|value| {
            modify(value);
            true
        });
    }

    /// Changes the value in its place, and tells the receivers if the closure says so. Gives what it
    /// said.
    ///
    /// If the closure panics nobody is told of a change, and the value is as the closure left it.
    ///
    /// # Panics
    ///
    /// While somebody has a [`Ref`], or in another such closure.
    #[track_caller]
    pub fn send_if_modified(&self, modify: impl FnOnce(&mut T) -> bool) -> bool {
        /// Puts the value back, also if the closure panics.
        struct PutBack<'a, T>(&'a Shared<T>, Option<Rc<T>>);

        impl<T> Drop for PutBack<'_, T> {
            fn drop(&mut self) {
                self.0.value.set(self.1.take());
            }
        }

        let shared = &*self.shared;
        let Some(value) = shared.value.take() else {
            panic!("a watched value was changed in the closure that changes it");
        };
        let mut value = PutBack(shared, Some(value));
        let modified = match value.1.as_mut().and_then(Rc::get_mut) {
            Some(value) => modify(value),
            None => panic!(
                "a watched value was changed in its place while somebody has a Ref of it: drop the \
                 Ref before the next await, or use send"
            ),
        };
        drop(value);
        if modified {
            shared.say_changed();
        }
        modified
    }

    /// The latest value.
    ///
    /// # Panics
    ///
    /// In a closure that changes the value.
    #[track_caller]
    pub fn borrow(&self) -> Ref<'_, T> {
        Ref::new(self.shared.value(), false)
    }

    /// A receiver that has seen the value that is there now.
    pub fn subscribe(&self) -> Receiver<T> {
        Receiver::new(&self.shared, self.shared.version.get())
    }

    /// Whether there is no receiver.
    pub fn is_closed(&self) -> bool {
        self.shared.receivers.get() == 0
    }

    /// Waits until there is no receiver.
    ///
    /// Dropping the future loses nothing.
    pub async fn closed(&self) {
        let closed = || self.is_closed().then_some(());
        self.shared.on_close.until(closed).await;
    }

    /// How many receivers there are.
    pub fn receiver_count(&self) -> usize {
        self.shared.receivers.get()
    }

    /// How many senders there are.
    pub fn sender_count(&self) -> usize {
        self.shared.senders.get()
    }

    /// Whether another sender sets the same value.
    pub fn same_channel(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.shared, &other.shared)
    }
}

/// What was there before. It is dropped after the receivers have been told.
enum Old<T> {
    Value(T),
    Shared(Rc<T>),
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        let shared = self.shared.clone();
        shared.senders.set(shared.senders.get() + 1);
        Sender { shared }
    }
}

impl<T: Default> Default for Sender<T> {
    fn default() -> Self {
        Sender::new(T::default())
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let senders = self.shared.senders.get() - 1;
        self.shared.senders.set(senders);
        if senders == 0 {
            self.shared.on_change.call_all(|()| ());
        }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("version", &self.shared.version.get())
            .field("receivers", &self.shared.receivers.get())
            .finish_non_exhaustive()
    }
}

/// Sees the value that a [`Sender`] sets. It can be cloned; a clone has seen what the original has.
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// let (sender, mut receiver) = io2::sync::watch::channel(0);
/// io2::spawn(async move {
///     for n in 1..=10 {
///         sender.send(n).unwrap();
///         io2::yield_now().await;
///     }
/// });
/// let value = *receiver.wait_for(|&n| n >= 5).await.unwrap();
/// assert_eq!(value, 5);
/// # }).unwrap();
/// ```
pub struct Receiver<T> {
    shared: Rc<Shared<T>>,
    /// The version that was seen last.
    seen: Cell<u64>,
}

impl<T> Receiver<T> {
    fn new(shared: &Rc<Shared<T>>, seen: u64) -> Self {
        shared.receivers.set(shared.receivers.get() + 1);
        Receiver {
            shared: shared.clone(),
            seen: Cell::new(seen),
        }
    }

    /// The latest value. It does not count as seen.
    ///
    /// # Panics
    ///
    /// In a closure that changes the value.
    #[track_caller]
    pub fn borrow(&self) -> Ref<'_, T> {
        Ref::new(self.shared.value(), self.is_news())
    }

    /// The latest value, which counts as seen from now on.
    ///
    /// # Panics
    ///
    /// In a closure that changes the value.
    #[track_caller]
    pub fn borrow_and_update(&mut self) -> Ref<'_, T> {
        let news = self.is_news();
        let value = self.shared.value();
        self.mark_unchanged();
        Ref::new(value, news)
    }

    /// Whether the value is one that was not seen yet.
    ///
    /// # Errors
    ///
    /// If there is no sender any more.
    pub fn has_changed(&self) -> Result<bool, RecvError> {
        if self.shared.senders.get() == 0 {
            return Err(RecvError(()));
        }
        Ok(self.is_news())
    }

    /// Makes the value count as not seen.
    pub fn mark_changed(&mut self) {
        self.seen.set(self.shared.version.get().wrapping_sub(1));
    }

    /// Makes the value count as seen.
    pub fn mark_unchanged(&mut self) {
        self.seen.set(self.shared.version.get());
    }

    /// Waits for a value that was not seen yet, and makes it count as seen.
    ///
    /// Dropping the future loses nothing.
    ///
    /// # Errors
    ///
    /// If the value was seen and there is no sender any more.
    pub async fn changed(&mut self) -> Result<(), RecvError> {
        self.shared.on_change.until(|| self.check()).await
    }

    /// Waits for a value that the closure accepts, which may be the one that is there, and makes it count as
    /// seen.
    ///
    /// Dropping the future loses nothing.
    ///
    /// # Errors
    ///
    /// If there is no sender any more and the last value is not accepted.
    ///
    /// # Panics
    ///
    /// If the closure does.
    pub async fn wait_for(
        &mut self,
        mut accept: impl FnMut(&T) -> bool,
    ) -> Result<Ref<'_, T>, RecvError> {
        // The value that is there may be accepted again and again.
        poll_fn(|cx| coop::proceed(cx)).await;
        let mut news = self.is_news();
        loop {
            self.mark_unchanged();
            let value = self.shared.value();
            if accept(&value) {
                return Ok(Ref::new(value, news));
            }
            drop(value);
            self.changed().await?;
            news = true;
        }
    }

    /// Whether another receiver sees the same value.
    pub fn same_channel(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.shared, &other.shared)
    }

    fn is_news(&self) -> bool {
        self.seen.get() != self.shared.version.get()
    }

    fn check(&self) -> Option<Result<(), RecvError>> {
        if self.is_news() {
            self.seen.set(self.shared.version.get());
            return Some(Ok(()));
        }
        (self.shared.senders.get() == 0).then_some(Err(RecvError(())))
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        Receiver::new(&self.shared, self.seen.get())
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let receivers = self.shared.receivers.get() - 1;
        self.shared.receivers.set(receivers);
        if receivers == 0 {
            self.shared.on_close.call_all(|()| ());
        }
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("is_news", &self.is_news())
            .finish_non_exhaustive()
    }
}

/// A look at the value of a channel.
///
/// It shows the value as it was when the look began. [`send`](Sender::send) does not wait for it, it sets a
/// value beside the one that is looked at; what changes the value in its place cannot go on
/// before the look ends. So it should not be held over an await.
///
/// ```
/// let (sender, receiver) = io2::sync::watch::channel(1);
/// let before = receiver.borrow();
/// sender.send(2).unwrap();
/// assert_eq!((*before, *receiver.borrow()), (1, 2));
/// assert!(receiver.borrow().has_changed());
/// ```
pub struct Ref<'a, T> {
    value: Rc<T>,
    news: bool,
    /// A look does not outlive what it looks through, so that it may become a real borrow.
    through: PhantomData<&'a T>,
}

impl<T> Ref<'_, T> {
    fn new(value: Rc<T>, news: bool) -> Self {
        Ref {
            value,
            news,
            through: PhantomData,
        }
    }

    /// Whether the receiver had not seen this value before.
    pub fn has_changed(&self) -> bool {
        self.news
    }
}

impl<T> Deref for Ref<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: fmt::Debug> fmt::Debug for Ref<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

pub mod error {
    //! What can go wrong with a watched value.

    use std::error::Error;
    use std::fmt;

    /// There is no receiver. The value comes back in the field.
    ///
    /// ```
    /// let (sender, receiver) = io2::sync::watch::channel(1);
    /// drop(receiver);
    /// assert_eq!(sender.send(2).unwrap_err().0, 2);
    /// ```
    #[derive(Clone, Copy, PartialEq, Eq)]
    pub struct SendError<T>(pub T);

    impl<T> fmt::Debug for SendError<T> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("SendError(..)")
        }
    }

    impl<T> fmt::Display for SendError<T> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("the channel has no receiver")
        }
    }

    impl<T> Error for SendError<T> {}

    /// There is no sender any more.
    ///
    /// ```
    /// # io2::ExecutorConfig::new().run(async {
    /// let (sender, mut receiver) = io2::sync::watch::channel(1);
    /// drop(sender);
    /// let error = receiver.changed().await.unwrap_err();
    /// assert_eq!(error.to_string(), "the channel is closed");
    /// # }).unwrap();
    /// ```
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct RecvError(pub(super) ());

    impl fmt::Display for RecvError {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("the channel is closed")
        }
    }

    impl Error for RecvError {}
}
