//! What is sent as it happens: the counters each second, and overruns.
//!
//! All clients share what is to be sent, and each takes it when it can. One that is slow misses snapshots,
//! which are replaced by newer ones, and at last the oldest overruns; it makes nothing pile up.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use hyper::body::Bytes;

use super::snapshot;
use crate::executor::overrun;
use crate::observe::{self, Watching};
use crate::time::{Instant, sleep};

/// How soon an overrun is sent.
const TICK: Duration = Duration::from_millis(100);

const SNAPSHOT_EVERY: Duration = Duration::from_secs(1);

/// As many overruns are kept for clients that are yet to come.
const OVERRUNS_MAX: usize = 256;

/// Where clients get their events.
#[derive(Default)]
pub(super) struct Hub {
    /// With the number of each.
    snapshot: RefCell<(u64, Bytes)>,
    overruns: RefCell<VecDeque<(u64, Bytes)>>,
    /// Those who wait for something new.
    waiting: RefCell<HashMap<u64, Waker>>,
    next_client: Cell<u64>,
    clients: Cell<usize>,
    /// Somebody looks for what is new.
    looking: Cell<bool>,
}

impl Hub {
    /// A new client.
    pub(super) fn subscribe(self: &Rc<Hub>) -> Subscription {
        let id = self.next_client.get();
        self.next_client.set(id + 1);
        self.clients.set(self.clients.get() + 1);
        if !self.looking.replace(true) {
            let hub = self.clone();
            crate::spawn(async move { hub.look().await });
        }
        Subscription {
            hub: self.clone(),
            id,
            snapshot: 0,
            overrun: 0,
            _watching: observe::watch(),
        }
    }

    /// Looks for what is new while there are clients.
    async fn look(&self) {
        let mut last: Option<Instant> = None;
        while self.clients.get() > 0 {
            let mut news = self.take_overruns();
            if last.is_none_or(|last| last.elapsed() >= SNAPSHOT_EVERY) {
                last = Some(Instant::now());
                self.take_snapshot();
                news = true;
            }
            if news {
                let waiting = std::mem::take(&mut *self.waiting.borrow_mut());
                waiting.into_values().for_each(Waker::wake);
            }
            sleep(TICK).await;
        }
        self.looking.set(false);
    }

    fn take_snapshot(&self) {
        let data = snapshot::snapshot(&observe::executors());
        let mut place = self.snapshot.borrow_mut();
        *place = (place.0 + 1, event("snapshot", &data));
    }

    fn take_overruns(&self) -> bool {
        let mut queue = self.overruns.borrow_mut();
        let last = queue.back().map_or(0, |(number, _)| *number);
        let later = overrun::kept_after(last);
        let news = !later.is_empty();
        for (number, overrun) in later {
            if queue.len() == OVERRUNS_MAX {
                queue.pop_front();
            }
            queue.push_back((number, event("overrun", &snapshot::overrun(&overrun))));
        }
        news
    }
}

/// One server-sent event. Its data is on one line.
fn event(name: &str, data: &str) -> Bytes {
    Bytes::from(format!("event: {name}\ndata: {data}\n\n"))
}

/// A client, and what it has got so far.
pub(super) struct Subscription {
    hub: Rc<Hub>,
    id: u64,
    snapshot: u64,
    overrun: u64,
    _watching: Watching,
}

impl Subscription {
    /// Gives the next event.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Bytes> {
        let hub = &self.hub;
        // First, since there are few: a storm of overruns would keep them out, and the page show what was.
        let (number, bytes) = &*hub.snapshot.borrow();
        if *number > self.snapshot {
            self.snapshot = *number;
            return Poll::Ready(bytes.clone());
        }
        {
            let overruns = hub.overruns.borrow();
            let next = overruns.partition_point(|(number, _)| *number <= self.overrun);
            if let Some((number, bytes)) = overruns.get(next) {
                self.overrun = *number;
                return Poll::Ready(bytes.clone());
            }
        }
        hub.waiting.borrow_mut().insert(self.id, cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.hub.waiting.borrow_mut().remove(&self.id);
        self.hub.clients.set(self.hub.clients.get() - 1);
    }
}
