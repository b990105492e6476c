//! The run queue, first in, first out.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use crate::task::TaskRef;

/// What stands in the queue.
pub(super) enum Ready {
    /// The future that `run` was called with.
    Root,
    Task(TaskRef),
}

/// Tasks that were woken and not polled since. Each stands there at most once, so there are never
/// more of them than tasks.
pub(super) struct ReadyQueue {
    queue: RefCell<VecDeque<Ready>>,
    root_queued: Cell<bool>,
}

impl ReadyQueue {
    pub(super) fn new() -> Self {
        ReadyQueue {
            queue: RefCell::new(VecDeque::new()),
            root_queued: Cell::new(false),
        }
    }

    pub(super) fn push_root(&self) {
        if !self.root_queued.replace(true) {
            self.queue.borrow_mut().push_back(Ready::Root);
        }
    }

    /// Queues a task unless it is queued already or has ended. True if it was not queued.
    pub(super) fn push(&self, task: &TaskRef) -> bool {
        let header = task.header();
        if header.is_finished() || header.queued.replace(true) {
            return false;
        }
        self.queue.borrow_mut().push_back(Ready::Task(task.clone()));
        true
    }

    pub(super) fn pop(&self) -> Option<Ready> {
        let ready = self.queue.borrow_mut().pop_front();
        match &ready {
            Some(Ready::Root) => self.root_queued.set(false),
            Some(Ready::Task(task)) => task.header().queued.set(false),
            None => {}
        }
        ready
    }

    pub(super) fn len(&self) -> usize {
        self.queue.borrow().len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.borrow().is_empty()
    }
}
