//! Telling tasks to stop.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::{Future, poll_fn};
use std::mem;
use std::pin::{Pin, pin};
use std::rc::{Rc, Weak};
use std::task::{Context, Poll};

use super::wait::{Ticket, WaitList};
use crate::slab::{Key, Slab};

/// Asks tasks to stop. What they do about it is up to them.
///
/// A clone is the same token. A [child](Self::child_token) is cancelled with its parent, but not
/// the parent with the child. Dropping tokens cancels nothing, but a [`drop_guard`](Self::drop_guard) does.
///
/// # Examples
///
/// ```
/// use io2::sync::CancellationToken;
///
/// # io2::ExecutorConfig::new().run(async {
/// let stop = CancellationToken::new();
/// let task = io2::spawn({
///     let stop = stop.clone();
///     async move {
///         let work = std::future::pending::<()>();
///         stop.run_until_cancelled(work).await
///     }
/// });
/// stop.cancel();
/// assert_eq!(task.await, None);
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct CancellationToken {
    node: Rc<Node>,
}

struct Node {
    cancelled: Cell<bool>,
    waiting: WaitList<()>,
    /// Those that are to be cancelled with this one. Empty once it is.
    children: RefCell<Slab<Weak<Node>>>,
    /// The parent, and the key among its children.
    parent: Cell<Option<(Rc<Node>, Key)>>,
}

impl Node {
    fn new(cancelled: bool) -> Self {
        Node {
            cancelled: Cell::new(cancelled),
            waiting: WaitList::new(),
            children: RefCell::new(Slab::new(32, 32)),
            parent: Cell::new(None),
        }
    }

    fn check(&self) -> Option<()> {
        self.cancelled.get().then_some(())
    }

    fn take_children(&self) -> Slab<Weak<Node>> {
        mem::replace(&mut *self.children.borrow_mut(), Slab::new(32, 32))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // One by one: a long line of parents, each kept by its child only, must not recurse.
        let mut parent = self.parent.take();
        while let Some((node, key)) = parent {
            node.children.borrow_mut().remove(key);
            parent = Rc::into_inner(node).and_then(|node| node.parent.take());
        }
    }
}

impl CancellationToken {
    /// A token that is not cancelled.
    pub fn new() -> Self {
        CancellationToken {
            node: Rc::new(Node::new(false)),
        }
    }

    /// A token that is cancelled when this one is, or by itself.
    #[must_use = "a token does nothing by itself"]
    pub fn child_token(&self) -> CancellationToken {
        let cancelled = self.is_cancelled();
        let node = Rc::new(Node::new(cancelled));
        if !cancelled {
            let mut children = self.node.children.borrow_mut();
            let key = children.insert(Rc::downgrade(&node));
            node.parent.set(Some((self.node.clone(), key)));
        }
        CancellationToken { node }
    }

    /// Cancels this token and all its descendants, and wakes whoever waits for that.
    pub fn cancel(&self) {
        if self.node.cancelled.replace(true) {
            return;
        }
        // All are marked before anybody is woken.
        let mut marked = Vec::new();
        let mut next = Some(self.node.clone());
        let mut at = 0;
        while let Some(node) = next {
            for (_, child) in node.take_children().iter() {
                let child = child.upgrade();
                let fresh = |child: &Rc<Node>| !child.cancelled.replace(true);
                marked.extend(child.filter(fresh));
            }
            next = marked.get(at).cloned();
            at += 1;
        }
        for node in std::iter::once(&self.node).chain(&marked) {
            // It need not keep its ancestors any more, nor they its place.
            if let Some((parent, key)) = node.parent.take() {
                parent.children.borrow_mut().remove(key);
            }
            node.waiting.call_all(|()| ());
        }
    }

    /// Whether it is cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.node.cancelled.get()
    }

    /// Waits until it is cancelled.
    ///
    /// Dropping the future loses nothing.
    pub fn cancelled(&self) -> WaitForCancellationFuture<'_> {
        WaitForCancellationFuture {
            token: self,
            ticket: None,
        }
    }

    /// Waits until it is cancelled, with a token of its own.
    ///
    /// Dropping the future loses nothing.
    pub fn cancelled_owned(self) -> WaitForCancellationFutureOwned {
        WaitForCancellationFutureOwned {
            token: self,
            ticket: None,
        }
    }

    /// A guard that cancels this token when it is dropped.
    pub fn drop_guard(self) -> DropGuard {
        DropGuard { token: Some(self) }
    }

    /// A guard that cancels this token when it is dropped, and borrows it.
    pub fn drop_guard_ref(&self) -> DropGuardRef<'_> {
        DropGuardRef { token: Some(self) }
    }

    /// Runs a future until it is done, or until the token is cancelled: then it is dropped, and
    /// the output is `None`.
    ///
    /// If both happen at once, the token wins.
    pub async fn run_until_cancelled<F: Future>(&self, future: F) -> Option<F::Output> {
        let mut cancelled = pin!(self.cancelled());
        let mut future = pin!(future);
        poll_fn(|cx| {
            if cancelled.as_mut().poll(cx).is_ready() {
                return Poll::Ready(None);
            }
            future.as_mut().poll(cx).map(Some)
        })
        .await
    }

    /// As [`run_until_cancelled`](Self::run_until_cancelled), with a token of its own.
    pub async fn run_until_cancelled_owned<F: Future>(self, future: F) -> Option<F::Output> {
        self.run_until_cancelled(future).await
    }
}

impl Default for CancellationToken {
    fn default() -> Self {
        CancellationToken::new()
    }
}

impl PartialEq for CancellationToken {
    /// Whether both are the same token.
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.node, &other.node)
    }
}

impl Eq for CancellationToken {}

impl fmt::Debug for CancellationToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancellationToken")
            .field("is_cancelled", &self.is_cancelled())
            .finish()
    }
}

/// The future of [`CancellationToken::cancelled`].
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// let stop = io2::sync::CancellationToken::new();
/// let child = stop.child_token();
/// let wait: io2::sync::WaitForCancellationFuture<'_> = child.cancelled();
/// stop.cancel();
/// wait.await;
/// # }).unwrap();
/// ```
#[must_use = "a future does nothing unless it is awaited"]
pub struct WaitForCancellationFuture<'a> {
    token: &'a CancellationToken,
    ticket: Option<Ticket>,
}

/// The future of [`CancellationToken::cancelled_owned`].
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// let stop = io2::sync::CancellationToken::new();
/// let task = io2::spawn(stop.clone().cancelled_owned());
/// stop.cancel();
/// task.await;
/// # }).unwrap();
/// ```
#[must_use = "a future does nothing unless it is awaited"]
pub struct WaitForCancellationFutureOwned {
    token: CancellationToken,
    ticket: Option<Ticket>,
}

macro_rules! wait {
    ($name:ident $(<$life:lifetime>)?) => {
        impl Future for $name $(<$life>)? {
            type Output = ();

            fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
                let Self { token, ticket } = &mut *self;
                let node = &*token.node;
                node.waiting.poll_until(ticket, cx, || node.check())
            }
        }

        impl Drop for $name $(<$life>)? {
            fn drop(&mut self) {
                self.token.node.waiting.give_up(&mut self.ticket);
            }
        }

        impl fmt::Debug for $name $(<$life>)? {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(stringify!($name))
            }
        }
    };
}

wait!(WaitForCancellationFuture<'_>);
wait!(WaitForCancellationFutureOwned);

/// Cancels a token when it is dropped.
///
/// ```
/// let stop = io2::sync::CancellationToken::new();
/// let guard = stop.clone().drop_guard();
/// drop(guard);
/// assert!(stop.is_cancelled());
/// ```
#[derive(Debug)]
#[must_use = "the token is cancelled at once"]
pub struct DropGuard {
    token: Option<CancellationToken>,
}

impl DropGuard {
    /// Gives the token back, and cancels nothing.
    pub fn disarm(mut self) -> CancellationToken {
        self.token.take().expect("only this takes it out")
    }
}

impl Drop for DropGuard {
    fn drop(&mut self) {
        if let Some(token) = &self.token {
            token.cancel();
        }
    }
}

/// Cancels a token that it borrows when it is dropped.
///
/// ```
/// let stop = io2::sync::CancellationToken::new();
/// stop.drop_guard_ref().disarm();
/// assert!(!stop.is_cancelled());
/// drop(stop.drop_guard_ref());
/// assert!(stop.is_cancelled());
/// ```
#[derive(Debug)]
#[must_use = "the token is cancelled at once"]
pub struct DropGuardRef<'a> {
    token: Option<&'a CancellationToken>,
}

impl<'a> DropGuardRef<'a> {
    /// Gives the token back, and cancels nothing.
    pub fn disarm(mut self) -> &'a CancellationToken {
        self.token.take().expect("only this takes it out")
    }
}

impl Drop for DropGuardRef<'_> {
    fn drop(&mut self) {
        if let Some(token) = self.token {
            token.cancel();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_that_was_cancelled_leaves_no_place_behind() {
        let root = CancellationToken::new();
        for _ in 0..10 {
            let child = root.child_token();
            let grandchild = child.child_token();
            child.cancel();
            assert!(grandchild.is_cancelled());
        }
        drop(root.child_token());
        assert_eq!(root.node.children.borrow().iter().count(), 0);
        assert!(!root.is_cancelled());
    }
}
