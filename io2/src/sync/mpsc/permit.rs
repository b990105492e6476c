//! Room in a channel, reserved for a message that is made later.

use std::fmt;
use std::mem;

use super::bounded::Sender;
use super::chan::{Chan, Sends};

/// Room for one message. Sending it cannot fail and never waits.
///
/// Dropping it gives the room back.
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// let (sender, mut receiver) = io2::sync::mpsc::channel(1);
/// let permit = sender.reserve().await.unwrap();
/// assert_eq!(sender.capacity(), 0);
/// permit.send("there was room");
/// assert_eq!(receiver.recv().await, Some("there was room"));
/// # }).unwrap();
/// ```
#[must_use = "dropping it gives the room back"]
pub struct Permit<'a, T> {
    chan: &'a Chan<T>,
}

impl<'a, T> Permit<'a, T> {
    pub(super) fn new(chan: &'a Chan<T>) -> Self {
        Permit { chan }
    }

    /// Sends a message. If the receiver was dropped meanwhile the message is, too.
    pub fn send(self, value: T) {
        self.chan.push_permitted(value);
        mem::forget(self);
    }
}

impl<T> Drop for Permit<'_, T> {
    fn drop(&mut self) {
        self.chan.give_back(1);
    }
}

impl<T> fmt::Debug for Permit<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Permit")
    }
}

/// Room for some messages: gives a [`Permit`] for each.
///
/// Dropping it gives the room that is left back.
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// let (sender, mut receiver) = io2::sync::mpsc::channel(3);
/// let mut room = sender.reserve_many(3).await.unwrap();
/// room.next().unwrap().send("one");
/// drop(room);
/// assert_eq!(sender.capacity(), 2);
/// assert_eq!(receiver.recv().await, Some("one"));
/// # }).unwrap();
/// ```
#[must_use = "dropping it gives the room back"]
pub struct PermitIterator<'a, T> {
    chan: &'a Chan<T>,
    left: usize,
}

impl<'a, T> PermitIterator<'a, T> {
    pub(super) fn new(chan: &'a Chan<T>, left: usize) -> Self {
        PermitIterator { chan, left }
    }
}

impl<'a, T> Iterator for PermitIterator<'a, T> {
    type Item = Permit<'a, T>;

    fn next(&mut self) -> Option<Permit<'a, T>> {
        self.left = self.left.checked_sub(1)?;
        Some(Permit::new(self.chan))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<T> ExactSizeIterator for PermitIterator<'_, T> {}
impl<T> std::iter::FusedIterator for PermitIterator<'_, T> {}

impl<T> Drop for PermitIterator<'_, T> {
    fn drop(&mut self) {
        self.chan.give_back(self.left);
    }
}

impl<T> fmt::Debug for PermitIterator<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PermitIterator")
            .field("left", &self.left)
            .finish()
    }
}

/// Room for one message, together with the [`Sender`] that reserved it.
///
/// Dropping it gives the room back.
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// let (sender, mut receiver) = io2::sync::mpsc::channel(1);
/// let permit = sender.reserve_owned().await.unwrap();
/// let task = io2::spawn(async move { permit.send(1) });
/// let sender = task.await;
/// assert_eq!(receiver.recv().await, Some(1));
/// drop(sender);
/// assert_eq!(receiver.recv().await, None);
/// # }).unwrap();
/// ```
#[must_use = "dropping it gives the room back"]
pub struct OwnedPermit<T> {
    /// `None` once it is used.
    sends: Option<Sends<T>>,
}

impl<T> OwnedPermit<T> {
    pub(super) fn new(sends: Sends<T>) -> Self {
        OwnedPermit { sends: Some(sends) }
    }

    /// Sends a message and gives the sender back. If the receiver was dropped meanwhile the message
    /// is, too.
    pub fn send(mut self, value: T) -> Sender<T> {
        let sends = self.sends.take().expect(UNUSED);
        sends.push_permitted(value);
        Sender::from_sends(sends)
    }

    /// Gives back the room, and the sender.
    pub fn release(mut self) -> Sender<T> {
        let sends = self.sends.take().expect(UNUSED);
        sends.give_back(1);
        Sender::from_sends(sends)
    }

    /// Whether this is room in the same channel as that of another one.
    pub fn same_channel(&self, other: &Self) -> bool {
        match (&self.sends, &other.sends) {
            (Some(a), Some(b)) => std::rc::Rc::ptr_eq(a.chan(), b.chan()),
            _ => false,
        }
    }
}

/// Only `send` and `release` take the sender out, and they take the permit by value.
const UNUSED: &str = "an owned permit is used once";

impl<T> Drop for OwnedPermit<T> {
    fn drop(&mut self) {
        if let Some(sends) = &self.sends {
            sends.give_back(1);
        }
    }
}

impl<T> fmt::Debug for OwnedPermit<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OwnedPermit")
    }
}
