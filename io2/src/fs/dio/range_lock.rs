//! A lock over spans of a file, for the tasks of one thread.
//!
//! The rule, all of it: a request has the lock as soon as no earlier request that is still alive
//! conflicts with it. Two conflict if their spans meet and one of them is exclusive. So nobody
//! overtakes somebody that they conflict with, nobody starves, and requests that do not conflict
//! never wait for each other. A request is dated by its first poll, or before by `ask`.
//!
//! The lock is handed over by whoever leaves: a request that waits finds that it has the lock when
//! it is polled, and a request that is dropped, before or after it got that far, leaves too. There
//! is no wake-up that could be lost on the way.
//!
//! While there is no exclusive request, a shared one looks at nobody and allocates nothing once
//! the lists have grown. A departure looks at every waiting request and what is before it, which is
//! short work for the requests that one file has at a time.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use crate::executor;

use super::plan::Span;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Shared,
    Exclusive,
}

/// The lock. Clones are the same lock.
#[derive(Clone, Debug, Default)]
pub(super) struct RangeLock {
    requests: Rc<RefCell<Requests>>,
}

impl RangeLock {
    /// Asks for a span; nothing happens before the first poll.
    pub(super) fn lock(&self, span: Span, mode: Mode) -> Acquire {
        Acquire {
            lock: self.clone(),
            stage: Stage::New(span, mode),
        }
    }
}

/// The future of a [`Hold`]. Dropping it withdraws the request.
#[derive(Debug)]
pub(super) struct Acquire {
    lock: RangeLock,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    New(Span, Mode),
    /// In the list of requests; perhaps it has the lock by now and does not know.
    Asked(usize),
    Done,
}

impl Acquire {
    /// Dates the request now, before it is polled: who asks in one task and waits in another is
    /// served in the order of asking.
    pub(super) fn ask(mut self) -> Acquire {
        if let Stage::New(span, mode) = self.stage {
            let (key, _) = self.lock.requests.borrow_mut().enter(span, mode);
            self.stage = Stage::Asked(key);
        }
        self
    }
}

impl Future for Acquire {
    type Output = Hold;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Hold> {
        let requests = &self.lock.requests;
        let (key, mut held) = match self.stage {
            Stage::New(span, mode) => {
                let (key, held) = requests.borrow_mut().enter(span, mode);
                self.stage = Stage::Asked(key);
                (key, held)
            }
            Stage::Asked(key) => (key, requests.borrow().has_lock(key)),
            Stage::Done => panic!("the future of a range lock was polled after it was done"),
        };
        if !held {
            // A waker's methods are code of somebody else, which may come back here: none of them
            // runs while the list is borrowed, and after them it is looked at again.
            let waker = cx.waker().clone();
            let before = self.lock.requests.borrow_mut().set_waker(key, waker);
            drop(before);
            held = self.lock.requests.borrow().has_lock(key);
        }
        if !held {
            return Poll::Pending;
        }
        self.stage = Stage::Done;
        Poll::Ready(Hold {
            lock: self.lock.clone(),
            key,
        })
    }
}

impl Drop for Acquire {
    fn drop(&mut self) {
        if let Stage::Asked(key) = self.stage {
            self.lock.leave(key);
        }
    }
}

/// Has a span of the file; the drop gives it back.
#[derive(Debug)]
pub(super) struct Hold {
    lock: RangeLock,
    key: usize,
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.lock.leave(self.key);
    }
}

impl RangeLock {
    fn leave(&self, key: usize) {
        let (own, woken) = self.requests.borrow_mut().leave(key);
        drop(own);
        // All of them, also if one panics: they have the lock by now.
        for waker in woken {
            executor::wake(waker);
        }
    }
}

#[derive(Debug)]
struct Request {
    span: Span,
    mode: Mode,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Has the lock; the place in `Requests::holders`.
    Holds(usize),
    /// In `Requests::waiting`; without a waker as long as it has not been polled.
    Waits(Option<Waker>),
}

#[derive(Debug, Default)]
struct Requests {
    /// By key; a key belongs to one `Acquire` or `Hold`, so a slot is reused only after that
    /// has gone.
    slots: Vec<Option<Request>>,
    free: Vec<usize>,
    holders: Vec<usize>,
    /// In the order in which they came.
    waiting: VecDeque<usize>,
    /// How many of the holders and the waiting are exclusive.
    exclusive: usize,
}

impl Requests {
    /// Adds a request, and says whether it has the lock at once.
    fn enter(&mut self, span: Span, mode: Mode) -> (usize, bool) {
        // Without an exclusive request on either side there are no conflicts.
        let peaceful = mode == Mode::Shared && self.exclusive == 0;
        let held = peaceful || !self.is_blocked(span, mode, self.waiting.len());
        self.exclusive += usize::from(mode == Mode::Exclusive);
        let key = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() - 1
        });
        let state = if held {
            self.holders.push(key);
            State::Holds(self.holders.len() - 1)
        } else {
            self.waiting.push_back(key);
            State::Waits(None)
        };
        self.slots[key] = Some(Request { span, mode, state });
        (key, held)
    }

    /// Whether a holder or one of the first `earlier` in the queue conflicts.
    fn is_blocked(&self, span: Span, mode: Mode, earlier: usize) -> bool {
        let mut before = self.holders.iter().chain(self.waiting.iter().take(earlier));
        before.any(|&key| {
            let other = self.request(key);
            let exclusive = mode == Mode::Exclusive || other.mode == Mode::Exclusive;
            exclusive && span.meets(&other.span)
        })
    }

    fn request(&self, key: usize) -> &Request {
        self.slots[key]
            .as_ref()
            .expect("a key is in one list as long as its slot is filled")
    }

    fn has_lock(&self, key: usize) -> bool {
        matches!(self.request(key).state, State::Holds(_))
    }

    /// Notes whom to wake, and gives back the waker that is not needed any more.
    fn set_waker(&mut self, key: usize, waker: Waker) -> Option<Waker> {
        match self.slots[key].as_mut().map(|request| &mut request.state) {
            Some(State::Waits(old)) => old.replace(waker),
            _ => Some(waker),
        }
    }

    /// Takes a request out. Its own waker, and the wakers of those who have the lock now, are
    /// given back, to be dropped and woken when nothing is borrowed.
    fn leave(&mut self, key: usize) -> (Option<Waker>, Vec<Waker>) {
        let request = self.slots[key].take().expect("a request leaves once");
        self.free.push(key);
        self.exclusive -= usize::from(request.mode == Mode::Exclusive);
        let own = match request.state {
            State::Holds(place) => {
                self.holders.swap_remove(place);
                if let Some(&moved) = self.holders.get(place) {
                    self.set_holds(moved, place);
                }
                None
            }
            State::Waits(waker) => {
                let place = self.waiting.iter().position(|&other| other == key);
                self.waiting
                    .remove(place.expect("a request that waits is in the queue"));
                waker
            }
        };
        (own, self.hand_over())
    }

    /// Gives the lock to everybody whom nobody blocks any more.
    fn hand_over(&mut self) -> Vec<Waker> {
        // Stays without an allocation unless somebody is woken.
        let mut woken = Vec::new();
        let mut place = 0;
        while let Some(&key) = self.waiting.get(place) {
            let Request { span, mode, .. } = *self.request(key);
            if self.is_blocked(span, mode, place) {
                place += 1;
                continue;
            }
            self.waiting.remove(place);
            self.holders.push(key);
            if let State::Waits(Some(waker)) = self.set_holds(key, self.holders.len() - 1) {
                woken.push(waker);
            }
        }
        woken
    }

    fn set_holds(&mut self, key: usize, place: usize) -> State {
        let request = self.slots[key].as_mut().expect("a holder's slot is filled");
        std::mem::replace(&mut request.state, State::Holds(place))
    }
}

#[cfg(test)]
mod tests;
