//! The part of a task that does not depend on its future.

use std::cell::Cell;
use std::mem::ManuallyDrop;
use std::panic::Location;
use std::rc::Rc;
use std::task::Waker;

use crate::clock::Ticks;
use crate::slab::Key;
use crate::trace::TaskSpan;

/// What is known of a task from its birth.
pub(crate) struct TaskMeta {
    /// Never reused in a process.
    pub(crate) id: u64,
    pub(crate) name: Option<Rc<str>>,
    pub(crate) location: &'static Location<'static>,
}

/// The part of a task that does not depend on its future. What each poll touches comes first.
#[repr(C)]
pub(crate) struct Header {
    /// It stands in the ready queue.
    pub(crate) queued: Cell<bool>,
    /// Somebody asked for it to be dropped.
    pub(crate) cancelled: Cell<bool>,
    /// The future is being polled or dropped.
    entered: Cell<bool>,
    /// The stage holds an output, or held one.
    pub(super) finished: Cell<bool>,
    /// The output is gone: taken or dropped.
    pub(super) consumed: Cell<bool>,
    /// No handle can take the output any more.
    pub(crate) detached: Cell<bool>,
    /// Wakes this task. It owns nothing, so it is not dropped.
    pub(crate) waker: ManuallyDrop<Waker>,
    pub(crate) polls: Cell<u64>,
    /// Ticks spent in polls, and in the longest one.
    pub(crate) busy: Cell<u64>,
    pub(crate) max_poll: Cell<u64>,
    pub(crate) meta: TaskMeta,
    /// The key of the task in its executor's slab.
    pub(crate) key: Key,
    /// When it was spawned, to within a poll.
    pub(crate) born: Ticks,
    join_waker: Cell<Option<Waker>>,
    pub(crate) span: TaskSpan,
    /// When it was last woken, or zero: kept only while somebody looks at spans.
    woken: Cell<Ticks>,
}

impl Header {
    /// `waker` must be one that owns nothing, as those of tasks are.
    pub(crate) fn new(meta: TaskMeta, key: Key, waker: Waker, span: TaskSpan, born: Ticks) -> Self {
        Header {
            queued: Cell::new(false),
            cancelled: Cell::new(false),
            entered: Cell::new(false),
            finished: Cell::new(false),
            consumed: Cell::new(false),
            detached: Cell::new(false),
            waker: ManuallyDrop::new(waker),
            polls: Cell::new(0),
            busy: Cell::new(0),
            max_poll: Cell::new(0),
            meta,
            key,
            born,
            join_waker: Cell::new(None),
            span,
            woken: Cell::new(Ticks(0)),
        }
    }

    /// Begins a poll or a drop of the future, which is nobody else's until [`leave`](Self::leave).
    #[inline]
    pub(super) fn enter(&self) {
        assert!(
            !self.entered.replace(true) && !self.finished.get(),
            "a task was polled within its own poll, or after its end"
        );
    }

    #[inline]
    pub(super) fn leave(&self) {
        self.entered.set(false);
    }

    #[inline]
    pub(crate) fn is_finished(&self) -> bool {
        self.finished.get()
    }

    /// Whether an output waits to be taken.
    pub(super) fn has_output(&self) -> bool {
        self.finished.get() && !self.consumed.get()
    }

    /// Notes when it was woken.
    pub(crate) fn set_woken(&self, now: Ticks) {
        self.woken.set(now);
    }

    /// When it was woken, if that was noted.
    pub(crate) fn take_woken(&self) -> Option<Ticks> {
        Some(self.woken.replace(Ticks(0))).filter(|&woken| woken != Ticks(0))
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
            Outcome::Completed => "completed",
            Outcome::Panicked => "panicked",
            Outcome::Cancelled => "cancelled",
        }
    }
}
