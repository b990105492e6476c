//! The life of a task in its executor: spawned, woken, polled within its measure, ended.

use std::future::Future;
use std::mem;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use super::context::{CurrentPoll, POLL};
use super::overrun::Suspect;
use super::remote::Seat;
use super::waker::{self, GENERATION_BITS, ROOT, TaskKey};
use super::{Executor, coop, guard, wake};
use crate::clock::{self, Ticks};
use crate::page::on_tape;
use crate::slab::Key;
use crate::task::{Header, JoinHandle, Outcome, TaskMeta, TaskRef};
use crate::trace::{self, PollSpan, TaskEnd, TaskInfo, TaskKind, TaskSpan};

impl Executor {
    /// Spawns a task: one allocation.
    pub(crate) fn spawn<F>(
        &self,
        future: F,
        name: Option<Rc<str>>,
        kind: TaskKind,
        location: &'static Location<'static>,
    ) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let meta = self.meta(name, location);
        let span = self.task_span(kind, &meta, size_of::<F>());
        if self.closing.get() {
            let key = Key {
                index: 0,
                generation: 0,
            };
            let header = || Header::new(meta, key, Waker::noop().clone(), span, self.slice.last());
            let (task, handle) = TaskRef::new(&self.memory, header, future);
            task.cancel();
            return handle;
        }
        let key = self.tasks.borrow().next_key();
        self.seat.slot.inbox.prepare(key.index, key.generation);
        let waker = TaskKey {
            executor: self.slot_index(),
            task: key,
        }
        .waker();
        let header = || Header::new(meta, key, waker, span, self.slice.last());
        let (task, handle) = TaskRef::new(&self.memory, header, future);
        self.queue(&task);
        self.page().counters.spawned.add(1);
        let inserted = self.tasks.borrow_mut().insert(task);
        debug_assert_eq!(inserted, key);
        handle
    }

    fn meta(&self, name: Option<Rc<str>>, location: &'static Location<'static>) -> TaskMeta {
        let id = self.next_task.get() + 1;
        self.next_task.set(id);
        TaskMeta { id, name, location }
    }

    fn task_span(&self, kind: TaskKind, meta: &TaskMeta, size: usize) -> TaskSpan {
        if !trace::on() {
            return TaskSpan::none();
        }
        let TaskMeta { id, name, location } = meta;
        let (id, rt) = (*id, self.id);
        TaskSpan::new(&TaskInfo {
            kind,
            id,
            name: name.as_deref(),
            size,
            location,
            rt,
        })
    }

    /// Wakes the task with this key, if there is one.
    #[inline]
    pub(crate) fn wake(&self, key: Key) {
        if key.index == ROOT {
            if key.generation == root_generation(&self.seat) {
                self.ready.push_root();
            }
        } else if let Some(task) = self.tasks.borrow().get(key) {
            self.queue(task);
        }
    }

    /// Wakes whoever this wakes: mostly a task of this executor, to which it is not far.
    #[inline]
    pub(super) fn wake_up(&self, waker: Waker) {
        match waker::key_of(&waker) {
            Some(key) if key.executor == self.slot_index() && !trace::on() => {
                // It owns nothing.
                mem::forget(waker);
                self.wake(key.task);
            }
            _ => wake(waker),
        }
    }

    /// The number of the span of the task with this key. `None`, too, in the middle of something, when a
    /// subscriber must not be called.
    #[cfg(feature = "console")]
    pub(super) fn span_of(&self, key: Key) -> Option<u64> {
        drop(self.driver.try_borrow_mut().ok()?);
        drop(self.timers.try_borrow_mut().ok()?);
        let tasks = self.tasks.try_borrow_mut().ok()?;
        if key.index == ROOT {
            let here = key.generation == root_generation(&self.seat);
            return here.then(|| self.root_span.get()).flatten();
        }
        tasks.get(key)?.header().span.number()
    }

    #[inline]
    fn queue(&self, task: &TaskRef) {
        if self.ready.push(task) && (self.sampling.get() || trace::on()) {
            note_wake(task);
        }
    }

    #[inline]
    pub(super) fn poll_task(&self, task: TaskRef, waiting: usize) {
        let header = task.header();
        if header.is_finished() {
            return;
        }
        if header.cancelled.get() {
            self.cancel_task(&task);
            return;
        }
        let (polled, woken) = self.measure(header, waiting, || {
            task.poll(&mut Context::from_waker(&header.waker))
        });
        match polled {
            Poll::Ready(outcome) => self.end_task(&task, outcome),
            Poll::Pending if woken => {
                self.yielded.set(true);
                self.ready.push_back(task);
            }
            Poll::Pending => {}
        }
    }

    #[inline]
    pub(super) fn poll_root<F: Future>(
        &self,
        root: &mut Root,
        future: Pin<&mut F>,
        waiting: usize,
    ) -> Poll<F::Output> {
        let header = &root.header;
        let (polled, woken) = self.measure(header, waiting, || {
            future.poll(&mut Context::from_waker(&header.waker))
        });
        if woken {
            self.yielded.set(true);
            self.ready.push_root();
        }
        polled
    }

    /// Polls, and measures how long it takes. Tells whether the task was woken meanwhile.
    #[inline(always)]
    fn measure<R>(
        &self,
        header: &Header,
        waiting: usize,
        poll: impl FnOnce() -> Poll<R>,
    ) -> (Poll<R>, bool) {
        header.polls.set(header.polls.get() + 1);
        let seen = trace::on() || self.sampling.get();
        if seen {
            self.slice.catch_up();
        }
        let start = self.slice.last();
        let victims = waiting + self.ready.len();
        let TaskMeta { id, name, location } = &header.meta;
        let running = &self.page().running;
        running.begin(*id, name.as_deref(), location, start, victims);
        if seen {
            return self.measure_seen(header, start, waiting, poll);
        }
        POLL.with(|current| current.begin(waker::packed(&header.waker), false, coop::UNASKED));
        let polled = poll();
        let woken = POLL.with(CurrentPoll::end);
        if self.slice.is_timed() {
            let ticks = self.end_poll(header, start);
            if self.slice.is_long(ticks) {
                self.look_at(header, ticks, start, waiting);
            }
        } else {
            running.end();
            self.slice.pass();
        }
        (polled, woken)
    }

    /// The same where somebody looks: within spans if there is a subscriber, and with each wake at its time.
    #[cold]
    #[inline(never)]
    fn measure_seen<R>(
        &self,
        header: &Header,
        start: Ticks,
        waiting: usize,
        poll: impl FnOnce() -> Poll<R>,
    ) -> (Poll<R>, bool) {
        let sampling = self.sampling.get();
        let span = self.begin_seen(header, start);
        POLL.with(|current| current.begin(waker::packed(&header.waker), true, coop::UNASKED));
        let polled = poll();
        let woken = POLL.with(CurrentPoll::end);
        let ticks = self.end_poll(header, start);
        if let Some(span) = span {
            span.end(polled.is_ready(), self.slice.duration(ticks));
        }
        if sampling || self.slice.is_long(ticks) {
            self.look_at(header, ticks, start, waiting);
        }
        (polled, woken)
    }

    /// A poll has ended now; gives how long it took.
    #[inline]
    fn end_poll(&self, header: &Header, start: Ticks) -> u64 {
        self.page().running.end();
        let ticks = self.slice.mark().since(start);
        header.busy.set(header.busy.get() + ticks);
        if ticks > header.max_poll.get() {
            header.max_poll.set(ticks);
        }
        ticks
    }

    /// A poll begins that somebody looks at.
    fn begin_seen(&self, header: &Header, start: Ticks) -> Option<PollSpan> {
        let woken = header.take_woken();
        if let Some(woken) = woken
            && self.sampling.get()
            && woken >= self.sampling_since.get()
            && let Some(nanos) = self.page().nanos(start.since(woken))
        {
            self.page().wake_delay.record(nanos, self.page().weight());
        }
        if !trace::on() {
            return None;
        }
        if let Some(span) = header.span.number() {
            self.page().running.set_span(span);
        }
        let delay = woken.map(|woken| self.slice.duration(start.since(woken)));
        Some(trace::enter_poll(
            &header.span,
            header.meta.id,
            header.polls.get(),
            delay,
        ))
    }

    /// A poll has ended that was sampled, or that was long.
    #[cold]
    fn look_at(&self, header: &Header, ticks: u64, start: Ticks, waiting: usize) {
        let page = self.page();
        if let Some(nanos) = page.nanos(ticks) {
            // Each long one is counted, so it stands for itself.
            let weight = if self.slice.is_long(ticks) {
                1
            } else {
                page.weight()
            };
            page.poll_time.record(nanos, weight);
        }
        on_tape(page, |tape| {
            let TaskMeta { id, name, location } = &header.meta;
            let end = Ticks(start.0 + ticks);
            tape.poll(*id, name.as_deref(), location, start, end);
        });
        if self.slice.is_suspect(ticks) {
            let TaskMeta { id, name, location } = &header.meta;
            self.judge(&Suspect {
                span: &header.span,
                task: *id,
                name: name.as_deref(),
                location,
                seq: page.running.polls(),
                start,
                ticks,
                victims: waiting + self.ready.len(),
                waited: waiting > 0,
            });
        }
    }

    /// Drops a task's future where nothing of the executor is borrowed.
    pub(super) fn cancel_task(&self, task: &TaskRef) {
        if task.header().is_finished() {
            return;
        }
        let TaskMeta { id, name, location } = &task.header().meta;
        let running = &self.page().running;
        running.begin(
            *id,
            name.as_deref(),
            location,
            self.slice.last(),
            self.ready.len(),
        );
        task.cancel();
        running.end();
        self.end_task(task, Outcome::Cancelled);
        // The next one is not to answer for this one's time.
        self.slice.mark();
    }

    /// Forgets a task that has ended, and tells whoever waits for it.
    fn end_task(&self, task: &TaskRef, outcome: Outcome) {
        let header = task.header();
        let removed = self.tasks.borrow_mut().remove(header.key);
        drop(removed);
        if header.detached.get() {
            task.report_panic();
            guard("a task's output", || task.discard_output());
        }
        if let Some(waker) = header.take_join_waker() {
            self.wake_up(waker);
        }
        if trace::on_debug() {
            trace::task_end(
                &header.span,
                &TaskEnd {
                    id: header.meta.id,
                    name: header.meta.name.as_deref(),
                    outcome: outcome.name(),
                    polls: header.polls.get(),
                    busy: self.slice.duration(header.busy.get()),
                    max_poll: self.slice.duration(header.max_poll.get()),
                },
            );
        }
        // A handle may keep the task's memory. One that panicked may still have to be reported.
        if !matches!(outcome, Outcome::Panicked) {
            header.span.end();
        }
    }
}

/// The future that `run` was called with: it is in no slab, and need not be `'static`.
pub(super) struct Root {
    header: Header,
}

impl Root {
    pub(super) fn new(
        executor: &Executor,
        location: &'static Location<'static>,
        size: usize,
    ) -> Root {
        let meta = executor.meta(Some(Rc::from("main")), location);
        let span = executor.task_span(TaskKind::BlockOn, &meta, size);
        #[cfg(feature = "console")]
        executor.root_span.set(span.number());
        let key = Key {
            index: ROOT,
            generation: root_generation(&executor.seat),
        };
        let waker = TaskKey {
            executor: executor.slot_index(),
            task: key,
        }
        .waker();
        Root {
            header: Header::new(meta, key, waker, span, executor.slice.last()),
        }
    }
}

/// Sets the root's key apart from that of the slot's last executor.
pub(super) fn root_generation(seat: &Seat) -> u32 {
    seat.incarnation & ((1 << GENERATION_BITS) - 1)
}

/// Keeps when a task was woken.
#[cold]
fn note_wake(task: &TaskRef) {
    task.header().set_woken(clock::ticks());
}
