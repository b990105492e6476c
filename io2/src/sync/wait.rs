//! Who waits: the queue that everything in this module is made of.
//!
//! A future that waits has a [`Ticket`]: a place in its list, from which it is called, or which it
//! leaves. A list keeps the memory of its places, so once there have been as many waiters as there
//! get, waiting allocates nothing.
//!
//! Wakers are user code: cloning, waking or dropping one may call back into whatever is made of
//! this list. So nothing is borrowed then. What a call means is stored first, then the waker is
//! woken; and a future that has cloned its waker looks again whether it still has to wait.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use crate::executor::{coop, drop_waker, wake};
use crate::slab::{Key, Slab};

/// Waiters, first come first served. Each carries a value, which the call may change.
pub(super) struct WaitList<P> {
    links: RefCell<Links<P>>,
    /// How many wait to be called.
    queued: Cell<usize>,
}

/// A place in a list. Whoever has it leaves by [`WaitList::leave`].
#[derive(Debug)]
pub(super) struct Ticket(Key);

struct Links<P> {
    places: Slab<Place<P>>,
    queued: Ends,
    /// Called all at once, and not woken yet.
    calling: Ends,
}

#[derive(Clone, Copy)]
struct Ends {
    first: Option<Key>,
    last: Option<Key>,
}

struct Place<P> {
    payload: P,
    state: State,
    waker: Option<Waker>,
    before: Option<Key>,
    after: Option<Key>,
}

/// How far a waiter has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Queued,
    /// Called; its waker is still to be woken.
    Calling,
    Called,
}

/// A ticket's place is in the slab until it leaves.
const KEPT: &str = "a ticket has its place until it leaves";

impl<P: Copy> WaitList<P> {
    pub(super) const fn new() -> Self {
        WaitList {
            links: RefCell::new(Links {
                places: Slab::new(32, 32),
                queued: Ends::NONE,
                calling: Ends::NONE,
            }),
            queued: Cell::new(0),
        }
    }

    /// Whether nobody waits to be called.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.queued.get() == 0
    }

    /// Queues a waiter.
    pub(super) fn join(&self, payload: P, waker: Waker) -> Ticket {
        let mut links = self.links.borrow_mut();
        let key = links.places.insert(Place {
            payload,
            state: State::Queued,
            waker: Some(waker),
            before: None,
            after: None,
        });
        links.append(key);
        self.queued.set(self.queued.get() + 1);
        Ticket(key)
    }

    /// Sets the waker that is woken when the waiter is called.
    pub(super) fn renew(&self, ticket: &Ticket, waker: Waker) {
        let old = self.links.borrow_mut().place(ticket.0).waker.replace(waker);
        if let Some(old) = old {
            drop_waker(old);
        }
    }

    /// Whether the waiter was called.
    pub(super) fn is_called(&self, ticket: &Ticket) -> bool {
        self.links.borrow_mut().place(ticket.0).state != State::Queued
    }

    /// Takes a waiter out. Gives its value, and whether it was called.
    pub(super) fn leave(&self, ticket: Ticket) -> (P, bool) {
        let place = {
            let mut links = self.links.borrow_mut();
            if links.place(ticket.0).state != State::Called {
                links.unlink(ticket.0);
            }
            links.places.remove(ticket.0).expect(KEPT)
        };
        let called = place.state != State::Queued;
        if !called {
            self.queued.set(self.queued.get() - 1);
        }
        if let Some(waker) = place.waker {
            drop_waker(waker);
        }
        (place.payload, called)
    }

    /// What the first waiter carries.
    pub(super) fn first(&self) -> Option<P> {
        let mut links = self.links.borrow_mut();
        let first = links.queued.first?;
        Some(links.place(first).payload)
    }

    /// Calls the waiter that came first. False if there is none.
    pub(super) fn call_first(&self, set: impl FnOnce(&mut P)) -> bool {
        let first = self.links.borrow().queued.first;
        self.call(first, set)
    }

    /// Calls the waiter that came last. False if there is none.
    pub(super) fn call_last(&self, set: impl FnOnce(&mut P)) -> bool {
        let last = self.links.borrow().queued.last;
        self.call(last, set)
    }

    fn call(&self, key: Option<Key>, set: impl FnOnce(&mut P)) -> bool {
        let Some(key) = key else {
            return false;
        };
        let waker = {
            let mut links = self.links.borrow_mut();
            links.unlink(key);
            let place = links.place(key);
            place.state = State::Called;
            set(&mut place.payload);
            place.waker.take()
        };
        self.queued.set(self.queued.get() - 1);
        if let Some(waker) = waker {
            wake(waker);
        }
        true
    }

    /// Calls all that wait now, and none that begins to while they are woken.
    pub(super) fn call_all(&self, set: impl Fn(&mut P)) {
        if self.is_empty() {
            return;
        }
        self.queued.set(0);
        self.links.borrow_mut().call_queued(set);
        loop {
            let next = self.links.borrow_mut().next_called();
            match next {
                Some(waker) => wake(waker),
                None => break,
            }
        }
    }

    /// Shows the values of all that were called and have not left.
    pub(super) fn for_each_called(&self, mut see: impl FnMut(P)) {
        for (_, place) in self.links.borrow().places.iter() {
            if place.state != State::Queued {
                see(place.payload);
            }
        }
    }
}

impl WaitList<()> {
    /// Waits in this list until `check` gives something. It is asked again at each call.
    pub(super) fn until<T, F>(&self, check: F) -> Until<'_, F>
    where
        F: FnMut() -> Option<T>,
    {
        Until {
            list: self,
            ticket: None,
            check,
        }
    }

    /// One poll of such a wait. The ticket is left when something was given.
    pub(super) fn poll_until<T>(
        &self,
        ticket: &mut Option<Ticket>,
        cx: &Context<'_>,
        mut check: impl FnMut() -> Option<T>,
    ) -> Poll<T> {
        ready!(coop::proceed(cx));
        let mut waker = None;
        loop {
            if let Some(value) = check() {
                self.give_up(ticket);
                return Poll::Ready(value);
            }
            let Some(waker) = waker.take() else {
                waker = Some(cx.waker().clone());
                continue;
            };
            match ticket {
                Some(ticket) if !self.is_called(ticket) => self.renew(ticket, waker),
                // None yet, or called, but not for what it waits for.
                ticket => {
                    let old = ticket.replace(self.join((), waker));
                    if let Some(old) = old {
                        self.leave(old);
                    }
                }
            }
            return Poll::Pending;
        }
    }

    /// Ends a wait that [`poll_until`](Self::poll_until) began.
    pub(super) fn give_up(&self, ticket: &mut Option<Ticket>) {
        if let Some(ticket) = ticket.take() {
            self.leave(ticket);
        }
    }
}

impl Ends {
    const NONE: Ends = Ends {
        first: None,
        last: None,
    };
}

impl<P> Links<P> {
    fn place(&mut self, key: Key) -> &mut Place<P> {
        self.places.get_mut(key).expect(KEPT)
    }

    fn append(&mut self, key: Key) {
        let last = self.queued.last.replace(key);
        match last {
            Some(last) => self.place(last).after = Some(key),
            None => self.queued.first = Some(key),
        }
        self.place(key).before = last;
    }

    /// Takes a place out of the list that it is in.
    fn unlink(&mut self, key: Key) {
        let place = self.place(key);
        let state = place.state;
        let (before, after) = (place.before.take(), place.after.take());
        if let Some(before) = before {
            self.place(before).after = after;
        }
        if let Some(after) = after {
            self.place(after).before = before;
        }
        let ends = match state {
            State::Queued => &mut self.queued,
            _ => &mut self.calling,
        };
        if ends.first == Some(key) {
            ends.first = after;
        }
        if ends.last == Some(key) {
            ends.last = before;
        }
    }

    /// Moves all that are queued to the end of those that are being called.
    fn call_queued(&mut self, set: impl Fn(&mut P)) {
        let queued = std::mem::replace(&mut self.queued, Ends::NONE);
        let mut next = queued.first;
        while let Some(key) = next {
            let place = self.place(key);
            place.state = State::Calling;
            set(&mut place.payload);
            next = place.after;
        }
        match (self.calling.last, queued.first) {
            (Some(last), Some(first)) => {
                self.place(last).after = Some(first);
                self.place(first).before = Some(last);
                self.calling.last = queued.last;
            }
            (None, _) => self.calling = queued,
            (_, None) => {}
        }
    }

    fn next_called(&mut self) -> Option<Waker> {
        let key = self.calling.first?;
        self.unlink(key);
        let place = self.place(key);
        place.state = State::Called;
        place.waker.take()
    }
}

/// The future of [`WaitList::until`].
pub(super) struct Until<'a, F> {
    list: &'a WaitList<()>,
    ticket: Option<Ticket>,
    check: F,
}

// The check is never pinned.
impl<F> Unpin for Until<'_, F> {}

impl<T, F: FnMut() -> Option<T>> Future for Until<'_, F> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let this = &mut *self;
        this.list.poll_until(&mut this.ticket, cx, &mut this.check)
    }
}

impl<F> Drop for Until<'_, F> {
    fn drop(&mut self) {
        self.list.give_up(&mut self.ticket);
    }
}

/// The one place where the only waiter of its kind waits, such as a channel's receiver.
pub(super) struct Listener {
    waker: Cell<Option<Waker>>,
    /// Spares the look at the waker when nobody waits.
    listens: Cell<bool>,
}

impl Listener {
    pub(super) const fn new() -> Self {
        Listener {
            waker: Cell::new(None),
            listens: Cell::new(false),
        }
    }

    /// One poll of a wait until `check` gives something.
    #[inline]
    pub(super) fn poll_until<T>(
        &self,
        cx: &Context<'_>,
        mut check: impl FnMut() -> Option<T>,
    ) -> Poll<T> {
        ready!(coop::proceed(cx));
        if let Some(value) = check() {
            return Poll::Ready(value);
        }
        self.listen(cx, check)
    }

    // Apart from the rest, so that the rest is small enough to be inlined.
    #[inline(never)]
    fn listen<T>(&self, cx: &Context<'_>, mut check: impl FnMut() -> Option<T>) -> Poll<T> {
        let waker = cx.waker().clone();
        // That was user code, which may have done what is waited for.
        if let Some(value) = check() {
            return Poll::Ready(value);
        }
        let old = self.waker.replace(Some(waker));
        self.listens.set(true);
        if let Some(old) = old {
            drop_waker(old);
        }
        Poll::Pending
    }

    /// Whoever waited is gone.
    pub(super) fn forget(&self) {
        self.listens.set(false);
        if let Some(waker) = self.waker.take() {
            drop_waker(waker);
        }
    }

    /// Wakes whoever waits.
    #[inline]
    pub(super) fn call(&self) {
        if self.listens.get() {
            self.call_listener();
        }
    }

    #[cold]
    fn call_listener(&self) {
        self.listens.set(false);
        if let Some(waker) = self.waker.take() {
            wake(waker);
        }
    }
}
