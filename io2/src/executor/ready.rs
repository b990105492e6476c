//! The run queue, first in, first out.

use std::cell::{Cell, RefCell};
use std::mem;

use crate::task::TaskRef;

/// What stands in the queue.
pub(super) enum Ready {
    /// The future that `run` was called with.
    Root,
    Task(TaskRef),
}

/// Tasks that were woken and not polled since. Each stands there at most once, so there are never
/// more of them than tasks.
///
/// The executor takes all of them at once, and polls them from a list of its own: the queue then
/// holds those of the next turn.
pub(super) struct ReadyQueue {
    queue: RefCell<Vec<Ready>>,
    root_queued: Cell<bool>,
}

impl ReadyQueue {
    pub(super) fn new() -> Self {
        ReadyQueue {
            queue: RefCell::new(Vec::new()),
            root_queued: Cell::new(false),
        }
    }

    pub(super) fn push_root(&self) {
        if !self.root_queued.replace(true) {
            self.queue.borrow_mut().push(Ready::Root);
        }
    }

    /// Queues a task unless it is queued already or has ended. True if it was not queued.
    #[inline]
    pub(super) fn push(&self, task: &TaskRef) -> bool {
        let header = task.header();
        if header.is_finished() || header.queued.replace(true) {
            return false;
        }
        self.queue.borrow_mut().push(Ready::Task(task.clone()));
        true
    }

    /// Queues a task that was just polled, and may be queued since.
    #[inline]
    pub(super) fn push_back(&self, task: TaskRef) {
        if !task.header().queued.replace(true) {
            self.queue.borrow_mut().push(Ready::Task(task));
        }
    }

    /// Takes everything. `batch`, which must be empty, lends its memory for what comes next.
    pub(super) fn take(&self, batch: &mut Vec<Ready>) {
        debug_assert!(batch.is_empty());
        mem::swap(&mut *self.queue.borrow_mut(), batch);
    }

    /// Puts back what was taken and not polled, before what has come since.
    pub(super) fn put_back(&self, batch: impl Iterator<Item = Ready>) {
        self.queue.borrow_mut().splice(0..0, batch);
    }

    /// Says that this one, which was taken, is going to be polled: from now on it may be queued again.
    #[inline]
    pub(super) fn begin(&self, ready: &Ready) {
        match ready {
            Ready::Root => self.root_queued.set(false),
            Ready::Task(task) => task.header().queued.set(false),
        }
    }

    /// Forgets everything that is queued.
    pub(super) fn clear(&self) {
        let queue = self.queue.take();
        for ready in &queue {
            self.begin(ready);
        }
        // Dropped unborrowed: the last pointer to a task may be among them.
    }

    pub(super) fn len(&self) -> usize {
        self.queue.borrow().len()
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.queue.borrow().is_empty()
    }
}

#[cfg(test)]
mod tests;
