//! The task's allocation: header and stage.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::mem;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use super::error::JoinError;
use crate::clock::Ticks;
use crate::slab::Key;
use crate::trace::{self, TaskPanic, TaskSpan};

/// What is known of a task from its birth.
pub(crate) struct TaskMeta {
    /// Never reused in a process.
    pub(crate) id: u64,
    pub(crate) name: Option<Rc<str>>,
    pub(crate) location: &'static Location<'static>,
}

/// The part of a task that does not depend on its future.
pub(crate) struct Header {
    pub(crate) meta: TaskMeta,
    /// The key of the task in its executor's slab.
    pub(crate) key: Key,
    /// The same key, packed.
    pub(crate) waker: Waker,
    pub(crate) span: TaskSpan,
    /// It stands in the ready queue.
    pub(crate) queued: Cell<bool>,
    /// Somebody asked for it to be dropped.
    pub(crate) cancelled: Cell<bool>,
    /// The stage holds an output, or held one.
    finished: Cell<bool>,
    /// No handle can take the output any more.
    pub(crate) detached: Cell<bool>,
    /// When it was last woken: kept only while somebody looks at spans.
    pub(crate) woken: Cell<Option<Ticks>>,
    pub(crate) polls: Cell<u64>,
    /// Ticks spent in polls, and in the longest one.
    pub(crate) busy: Cell<u64>,
    pub(crate) max_poll: Cell<u64>,
    join_waker: Cell<Option<Waker>>,
}

impl Header {
    pub(crate) fn new(meta: TaskMeta, key: Key, waker: Waker, span: TaskSpan) -> Self {
        Header {
            meta,
            key,
            waker,
            span,
            queued: Cell::new(false),
            cancelled: Cell::new(false),
            finished: Cell::new(false),
            detached: Cell::new(false),
            woken: Cell::new(None),
            polls: Cell::new(0),
            busy: Cell::new(0),
            max_poll: Cell::new(0),
            join_waker: Cell::new(None),
        }
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.finished.get()
    }

    /// Notes who waits for the output. Only the waker that came last is kept.
    pub(super) fn set_join_waker(&self, waker: &Waker) {
        let old = self.join_waker.take();
        let same = old.as_ref().is_some_and(|old| old.will_wake(waker));
        let new = if same { old } else { Some(waker.clone()) };
        // A waker that a clone above may have put there goes first; it is dropped unborrowed.
        drop(self.join_waker.replace(new));
    }

    /// Who waits for the output, once it is there.
    pub(crate) fn take_join_waker(&self) -> Option<Waker> {
        self.join_waker.take()
    }
}

/// How a poll of a task went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Completed,
    Panicked,
    Cancelled,
}

impl Outcome {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Outcome::Completed => "ready",
            Outcome::Panicked => "panicked",
            Outcome::Cancelled => "cancelled",
        }
    }
}

/// A task as the executor sees it.
pub(crate) trait Run {
    fn header(&self) -> &Header;

    /// Polls the future once. A panic is caught and becomes the output.
    fn poll(&self, cx: &mut Context<'_>) -> Poll<Outcome>;

    /// Drops the future where it stands; the output is then that it was cancelled.
    fn cancel(&self);

    /// Drops an output that nobody will take.
    fn discard_output(&self);

    /// Says so, as an ERROR event, if the output is a panic that nobody will take.
    fn report_panic(&self);
}

/// A task as its handle sees it.
pub(crate) trait Join<T>: Run {
    /// The output, once; `None` before the task has finished.
    fn take_output(&self) -> Option<Result<T, JoinError>>;
}

enum Stage<F: Future> {
    Running(F),
    Finished(Result<F::Output, JoinError>),
    Consumed,
}

/// Drops what a user made where its panic would be one too many.
pub(crate) fn drop_quietly<T>(value: T) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(value))) {
        // It may panic in its drop as well.
        mem::forget(payload);
    }
}

/// One task, in one allocation.
pub(crate) struct Task<F: Future> {
    header: Header,
    stage: RefCell<Stage<F>>,
}

impl<F: Future> Task<F> {
    pub(crate) fn new(header: Header, future: F) -> Rc<Self> {
        Rc::new(Task {
            header,
            stage: RefCell::new(Stage::Running(future)),
        })
    }

    fn finish(&self, output: Result<F::Output, JoinError>) {
        // Dropping the future is user code and may panic; the future must be gone either way.
        let dropped = catch_unwind(AssertUnwindSafe(|| {
            *self.stage.borrow_mut() = Stage::Consumed;
        }));
        let output = match (dropped, output) {
            (Ok(()), output) => output,
            // The first panic tells more than the one that it caused.
            (Err(payload), Err(error)) if error.is_panic() => {
                drop_quietly(payload);
                Err(error)
            }
            (Err(payload), output) => {
                drop_quietly(output);
                Err(JoinError::panic(payload))
            }
        };
        *self.stage.borrow_mut() = Stage::Finished(output);
        self.header.finished.set(true);
    }
}

impl<F: Future> Run for Task<F> {
    fn header(&self) -> &Header {
        &self.header
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<Outcome> {
        let polled = catch_unwind(AssertUnwindSafe(|| {
            let mut stage = self.stage.borrow_mut();
            let Stage::Running(future) = &mut *stage else {
                unreachable!("a finished task is not polled")
            };
            // SAFETY: the stage lives in an `Rc` that is never unwrapped, and `finish` drops the
            // future in place, so the future does not move until it is dropped.
            unsafe { Pin::new_unchecked(future) }.poll(cx)
        }));
        let (output, outcome) = match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(output)) => (Ok(output), Outcome::Completed),
            Err(payload) => (Err(JoinError::panic(payload)), Outcome::Panicked),
        };
        self.finish(output);
        Poll::Ready(outcome)
    }

    fn cancel(&self) {
        if !self.header.finished.get() {
            self.finish(Err(JoinError::cancelled()));
        }
    }

    fn discard_output(&self) {
        if self.header.finished.get() {
            let stage = mem::replace(&mut *self.stage.borrow_mut(), Stage::Consumed);
            drop(stage);
        }
    }

    fn report_panic(&self) {
        let message = match &*self.stage.borrow() {
            Stage::Finished(Err(error)) if error.is_panic() => error.to_string(),
            _ => return,
        };
        let TaskMeta { id, name, location } = &self.header.meta;
        let panic = TaskPanic {
            id: *id,
            name: name.as_deref(),
            location,
            message: &message,
        };
        trace::task_panic(&self.header.span, &panic);
    }
}

impl<F: Future> Join<F::Output> for Task<F> {
    fn take_output(&self) -> Option<Result<F::Output, JoinError>> {
        if !self.header.finished.get() {
            return None;
        }
        match mem::replace(&mut *self.stage.borrow_mut(), Stage::Consumed) {
            Stage::Finished(output) => Some(output),
            Stage::Running(_) | Stage::Consumed => {
                panic!("a JoinHandle was polled after it had given its output")
            }
        }
    }
}
