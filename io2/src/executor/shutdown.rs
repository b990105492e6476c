//! The end of an executor: tasks are dropped, operations cancelled and drained, descriptors closed.
//!
//! The order matters. Tasks go first, inside the context, so that what they drop can still use
//! the ring; then everything in flight is cancelled and waited for; only when the kernel has nothing
//! left are the rings closed. What does not end in time is leaked, memory and descriptors,
//! since closing a ring does not stop the kernel from writing.

#[cfg(all(test, feature = "tracing"))]
mod tests;

use std::mem;
use std::rc::Rc;
use std::time::Duration;

use super::{Executor, guard, overrun};
use crate::clock;
use crate::task::TaskRef;
use crate::trace;

/// How long a wait of the drain takes at most, before cancellations are sent again.
const PAUSE: Duration = Duration::from_millis(20);

impl Executor {
    pub(super) fn shut_down(&self) {
        let start = clock::now();
        let inflight = self.driver.borrow().pending() as u64;
        self.closing.set(true);
        self.drop_tasks();
        for mail in self.seat.slot.refuse_mail() {
            guard("a closure sent by a Handle", || drop(mail));
        }
        self.drain();
        let left = self.driver.borrow().pending();
        let undrained = !self.driver.borrow().is_drained();
        if undrained {
            if !self.driver.borrow().is_forked() {
                self.say_stuck(Duration::ZERO);
                let bytes = self.driver.borrow().in_flight().map(|meta| meta.len).sum();
                trace::rt_leak(self.id, left as u64, bytes, start.elapsed());
            }
            self.driver.borrow_mut().abandon();
            // The kernel may still write to what its slots own.
            mem::forget(Rc::clone(&self.driver));
        }
        self.driver.borrow_mut().shut();
        overrun::flush(&self.seat.slot.watch.reports);
        trace::rt_stop(
            self.id,
            inflight,
            inflight.saturating_sub(left as u64),
            start.elapsed(),
        );
    }

    fn drop_tasks(&self) {
        // Nothing is spawned any more, so once is enough; a task may still end another one.
        let tasks: Vec<TaskRef> = self
            .tasks
            .borrow()
            .iter()
            .map(|(_, task)| task.clone())
            .collect();
        for task in tasks {
            self.cancel_task(&task);
        }
        self.ready.clear();
    }

    fn drain(&self) {
        let deadline = clock::now() + self.config.shutdown_timeout;
        let mut cancel_at = clock::now();
        let mut completed = None;
        while !self.driver.borrow().is_drained() {
            let now = clock::now();
            // Past the deadline it goes on while it gets anywhere, and cancels nothing again, so that it
            // ends; but once everything is cancelled: what then ends at once is not leaked.
            let before = completed.replace(self.page().counters.completions.get());
            let late = before.is_some() && now >= deadline;
            if late && before == completed {
                return;
            }
            if now >= cancel_at && !late {
                self.driver.borrow_mut().cancel_all();
                cancel_at = now + PAUSE;
            }
            let limit = deadline.duration_since(now).min(PAUSE);
            if self.enter(!limit.is_zero(), Some(limit)).is_err() {
                return;
            }
            // Wakes of the drain: for tasks that are gone.
            self.ready.clear();
        }
    }
}
