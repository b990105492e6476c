//! Entries on their way into the kernel, and completions on their way out.

use std::cell::OnceCell;
use std::os::fd::RawFd;
use std::task::Waker;
use std::time::Duration;

use io_uring::squeue::Entry;

#[cfg(test)]
use super::faults;
use super::inflight::{Inflight, State};
use super::ring::Ring;
use super::token::{Kind, Token};
use super::{Completion, Discarded, Driver, Entered, Finished, Look, Reaped, cancel};
use crate::clock::{self, Ticks};
use crate::page::{Meta, Page, on_tape};
use crate::slab::Key;
use crate::trace;

impl Driver {
    /// # Safety
    ///
    /// What the entry points to stays valid until its last completion.
    #[inline]
    pub(super) unsafe fn push(&mut self, entry: Entry) {
        if let (true, Some(ring)) = (self.backlog.is_empty(), &mut self.ring) {
            // SAFETY: by contract.
            if unsafe { ring.push(&entry) } {
                return;
            }
            self.note_full();
        }
        self.backlog.push_back(entry);
    }

    #[cold]
    fn note_full(&mut self) {
        self.page.counters.sq_full.add(1);
        self.notices.sq_full += 1;
        self.noticed = true;
    }

    pub(super) fn push_cancel(&mut self, entry: Entry) {
        #[cfg(test)]
        if faults::loses_cancellations() {
            return;
        }
        // SAFETY: a cancellation points to nothing.
        unsafe { self.push_chore(entry, "cancel", -1) };
    }

    /// Pushes an entry of the runtime's own.
    ///
    /// # Safety
    ///
    /// As for [`push`](Self::push).
    pub(super) unsafe fn push_chore(&mut self, entry: Entry, name: &'static str, fd: RawFd) {
        let user_data = entry.get_user_data();
        self.chores.pushed(user_data, &mut self.next_id, name, fd);
        // SAFETY: by contract.
        unsafe { self.push(entry) };
    }

    /// The entries of the runtime's own that were pushed since this was called last, while somebody
    /// wants spans.
    pub(crate) fn take_chores(&mut self) -> Vec<Meta> {
        self.chores.take()
    }

    /// Moves as much of the backlog as fits into the submission queue.
    pub(super) fn fill(&mut self) {
        let Some(ring) = &mut self.ring else { return };
        while let Some(entry) = self.backlog.front() {
            // SAFETY: the backlog holds only what `push` was promised about.
            if !unsafe { ring.push(entry) } {
                return;
            }
            self.backlog.pop_front();
        }
    }

    /// Whether this is the child of a fork, to which the rings do not belong.
    pub(crate) fn is_forked(&self) -> bool {
        self.ring.as_ref().is_some_and(Ring::is_forked)
    }

    /// Whether there is anything to submit or to reap, or anything that may have completed.
    #[inline]
    pub(crate) fn look(&mut self) -> Look {
        match &mut self.ring {
            Some(_) if !self.backlog.is_empty() || self.polled.pending() > 0 => Look::Enter,
            Some(ring) => ring.look(),
            None => Look::Nothing,
        }
    }

    /// How many completions stand in the queues.
    pub(crate) fn completions(&mut self) -> u32 {
        self.ring.as_mut().map_or(0, Ring::completions) + self.polled.completions()
    }

    /// Whether the kernel has completions that only another enter brings to the queue.
    pub(crate) fn has_deferred(&mut self) -> bool {
        self.ring.as_mut().is_some_and(Ring::has_deferred)
    }

    /// How many entries the next enter would submit.
    pub(crate) fn queued(&mut self) -> u32 {
        self.fill();
        self.ring.as_mut().map_or(0, |ring| ring.queued() as u32)
    }

    /// Whether operations on the polled ring forbid the thread to sleep.
    pub(crate) fn must_poll(&self) -> bool {
        self.polled.pending() > 0
    }

    /// Submits, and waits for a completion if `wait` says so and nothing forbids it.
    pub(crate) fn enter(&mut self, wait: bool, timeout: Option<Duration>) -> Entered {
        self.fill();
        let wait = wait && self.backlog.is_empty() && !self.must_poll();
        self.polled.enter();
        let Some(ring) = &mut self.ring else {
            return Entered::NOTHING;
        };
        let idle = !wait && ring.look() != Look::Enter && ring.rung().defers();
        if idle && !ring.is_forked() {
            // Only the polled ring had anything to do.
            return Entered::NOTHING;
        }
        ring.enter(u32::from(wait), if wait { timeout } else { None })
    }

    /// Takes all completions off the rings, stores the results, and lists what is to be done.
    pub(crate) fn reap(&mut self, out: &mut Vec<Reaped>) -> u32 {
        let seen = trace::on();
        let Driver {
            ring,
            polled,
            inflight,
            again,
            chores,
            pool,
            alarm,
            page,
            ..
        } = self;
        let measure = Measure {
            page,
            now: OnceCell::new(),
        };
        let (closes, armed) = (&mut self.closes, &mut self.wakeup_armed);
        let (mut overflows, mut strays) = (0, 0);
        let mut sort = |user_data: u64, res: i32, flags: u32| {
            let completion = Completion { res, flags };
            match Token::parse(user_data) {
                Some((Kind::Operation, key)) => {
                    if let (Some(_), Some(pool)) = (completion.buffer(), pool.as_ref()) {
                        pool.taken();
                    }
                    if !complete(inflight, key, completion, again, seen, &measure, out) {
                        strays += 1;
                    }
                    return;
                }
                Some((Kind::Cancel, key)) => {
                    if cancel::came_too_early(key, res, inflight) {
                        again.push(key);
                    }
                }
                Some((Kind::Close, _)) => *closes -= 1,
                Some((Kind::Wakeup, _)) => *armed = false,
                Some((Kind::Alarm, _)) => alarm.is_set = false,
                None => strays += 1,
            }
            if let Some(meta) = chores.completed(user_data) {
                out.push(Reaped::Seen(Box::new(Finished { meta, completion })));
            }
        };
        let mut count = 0;
        if let Some(ring) = ring {
            if ring.has_overflow() {
                overflows = 1;
            }
            count += ring.reap(&mut sort);
        }
        count += polled.reap(&mut sort);
        if overflows + strays > 0 {
            page.counters.overflows.add(overflows);
            self.notices.overflows += overflows;
            self.notices.strays += strays;
            self.noticed = true;
        }
        while let Some(key) = self.again.pop() {
            self.push_cancel(cancel::operation(key));
        }
        self.page.counters.completions.add(u64::from(count));
        count
    }
}

/// Notes how long operations took, for the histogram and for recordings.
struct Measure {
    page: &'static Page,
    /// Read when the first completion asks for it.
    now: OnceCell<Ticks>,
}

impl Measure {
    fn now(&self) -> Ticks {
        *self.now.get_or_init(clock::ticks)
    }

    /// The first completion of an operation.
    #[inline]
    fn first(&self, meta: &Meta, completion: Completion) {
        if let Some(since) = meta.since {
            self.count(meta, since, completion);
        }
    }

    /// One of many of an operation.
    #[inline]
    fn each(&self, meta: &Meta, completion: Completion) {
        if self.page.is_watched() {
            self.record(meta, completion);
        }
    }

    #[cold]
    fn count(&self, meta: &Meta, since: Ticks, completion: Completion) {
        let page = self.page;
        if let Some(nanos) = page.nanos(self.now().since(since)) {
            page.latency.record(nanos, page.weight());
        }
        self.record(meta, completion);
    }

    #[cold]
    fn record(&self, meta: &Meta, completion: Completion) {
        on_tape(self.page, |tape| {
            tape.completed(*meta, self.now(), completion.res, completion.has_more())
        });
    }
}

/// Stores a result in its slot. False if the slot is not known.
fn complete(
    inflight: &mut Inflight,
    key: Key,
    completion: Completion,
    cancel: &mut Vec<Key>,
    seen: bool,
    measure: &Measure,
    out: &mut Vec<Reaped>,
) -> bool {
    let Some(slot) = inflight.slots.get_mut(key) else {
        return false;
    };
    let last = !completion.has_more();
    if !seen
        && last
        && slot.first.is_none()
        && let State::Waiting(waker) = &mut slot.state
    {
        // As nearly all do.
        let waker = waker.take();
        measure.first(&slot.meta, completion);
        slot.state = State::Done(completion);
        inflight.pending -= 1;
        if let Some(waker) = waker {
            out.push(Reaped::Wake(waker));
        }
        return true;
    }
    let meta = slot.meta;
    let finished = Finished { meta, completion };
    match &mut slot.state {
        State::Done(_) => return false,
        State::Streaming(stream) => {
            if stream.ended {
                return false;
            }
            measure.each(&meta, completion);
            stream.queue.push_back(completion);
            stream.ended = last;
            if !last && stream.is_full() && slot.cancels == 0 {
                slot.cancels = 1;
                cancel.push(key);
            }
            match stream.waker.take() {
                Some(waker) => out.push(wake(waker, finished, seen)),
                None => see(finished, seen, out),
            }
            if last {
                inflight.pending -= 1;
            }
        }
        State::OrphanedStream(orphan) => {
            out.push(Reaped::DiscardNext(orphan.clone(), Box::new(finished)));
            if last {
                inflight.pending -= 1;
                // The count that the list holds is dropped last, unborrowed.
                inflight.slots.remove(key);
            }
        }
        State::Waiting(_) | State::Orphaned(_) => {
            if slot.first.is_none() {
                measure.first(&slot.meta, completion);
            }
            let first = *slot.first.get_or_insert(completion);
            // The kernel is not done with the memory before the last one.
            if last {
                inflight.pending -= 1;
                complete_single(inflight, key, first, finished, seen, out);
            } else {
                if let State::Orphaned(orphan) = &mut slot.state {
                    out.extend(orphan.settle().map(Reaped::Settle));
                }
                see(finished, seen, out);
            }
        }
    }
    true
}

fn complete_single(
    inflight: &mut Inflight,
    key: Key,
    result: Completion,
    finished: Finished,
    seen: bool,
    out: &mut Vec<Reaped>,
) {
    let Some(slot) = inflight.slots.get_mut(key) else {
        return;
    };
    match std::mem::replace(&mut slot.state, State::Done(result)) {
        State::Waiting(Some(waker)) => out.push(wake(waker, finished, seen)),
        State::Orphaned(orphan) => {
            let side = inflight.sides.take(key.index);
            inflight.slots.remove(key);
            out.push(Reaped::Discard(Box::new(Discarded {
                orphan,
                side,
                result,
                finished,
            })));
        }
        _ => see(finished, seen, out),
    }
}

fn wake(waker: Waker, finished: Finished, seen: bool) -> Reaped {
    if seen {
        Reaped::WakeSeen(waker, Box::new(finished))
    } else {
        Reaped::Wake(waker)
    }
}

/// A completion for which nothing has to be done.
fn see(finished: Finished, seen: bool, out: &mut Vec<Reaped>) {
    if seen {
        out.push(Reaped::Seen(Box::new(finished)));
    }
}
