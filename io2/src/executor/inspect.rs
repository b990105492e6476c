//! What an executor is doing, and what it has left undone: for dumps and reports.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::Executor;
use super::dump::{Dump, OperationDump, TASKS_MAX, TaskDump, TaskState};
use super::waker::key_of;
use crate::clock;
use crate::page::Meta;
use crate::slab::Key;

/// What is left of an executor that has shut down.
#[cfg(feature = "macros")]
pub(crate) struct Ledger {
    /// Descriptors that were opened and neither closed nor given away.
    pub(crate) descriptors: i64,
    /// Operations that did not end, or whose result nobody took and nobody dropped.
    pub(crate) operations: Vec<OperationDump>,
    /// Tasks that were not dropped.
    pub(crate) tasks: usize,
    /// Polls that took longer than the slice.
    pub(crate) overruns: u64,
    /// The first of them, with `Preempt::Fail`.
    pub(crate) overrun: Option<String>,
}

impl Executor {
    /// Lists what is alive now, in the order in which it came to be.
    pub(crate) fn dump(&self) -> Dump {
        let (operations, in_flight) = {
            let driver = self.driver.borrow();
            let mut in_flight = BTreeMap::new();
            for meta in driver.in_flight() {
                *in_flight.entry(meta.name).or_insert(0) += 1;
            }
            let first = driver.in_flight().take(TASKS_MAX);
            (self.notes(first), in_flight.into_iter().collect())
        };
        // The oldest operation of each task counts.
        let mut awaited: HashMap<u64, OperationDump> = HashMap::new();
        for operation in &operations {
            awaited.entry(operation.task).or_insert(*operation);
        }
        let timers = self.timers_by_task();
        let running = self.current_task();
        let now = self.slice.last();
        let tasks = self.tasks.borrow();
        let mut dumps: Vec<TaskDump> = Vec::with_capacity(tasks.len().min(TASKS_MAX));
        for (key, task) in tasks.iter().take(TASKS_MAX) {
            let header = task.header();
            let id = header.meta.id;
            let state = if id == running {
                TaskState::Running
            } else if header.queued.get() {
                TaskState::Ready
            } else if let Some(operation) = awaited.get(&id) {
                TaskState::Operation(*operation)
            } else if let Some(due) = timers.get(&(key.index, key.generation)) {
                TaskState::Timer(*due)
            } else {
                TaskState::Waiting
            };
            dumps.push(TaskDump {
                id,
                name: header.meta.name.as_deref().map(str::to_owned),
                location: header.meta.location,
                state,
                polls: header.polls.get(),
                busy: self.slice.duration(header.busy.get()),
                max_poll: self.slice.duration(header.max_poll.get()),
                age: self.slice.duration(now.since(header.born)),
            });
        }
        dumps.sort_by_key(|task| task.id);
        Dump {
            rt: self.id,
            live: tasks.len(),
            tasks: dumps,
            operations,
            in_flight,
        }
    }

    /// When the first timer of each task is due.
    fn timers_by_task(&self) -> HashMap<(u32, u32), Duration> {
        let now = clock::now();
        let here = self.slot_index();
        let mut due: HashMap<(u32, u32), Duration> = HashMap::new();
        for (deadline, waker) in self.timers.borrow().iter() {
            let Some(key) = key_of(waker).filter(|key| key.executor == here) else {
                continue;
            };
            let Key { index, generation } = key.task;
            let left = deadline.duration_since(now);
            let first = due.entry((index, generation)).or_insert(left);
            *first = left.min(*first);
        }
        due
    }

    fn notes<'a>(&self, operations: impl Iterator<Item = &'a Meta>) -> Vec<OperationDump> {
        let now = clock::ticks();
        let note = |meta: &Meta| OperationDump {
            id: meta.id,
            name: meta.name,
            fd: meta.fd,
            len: meta.len,
            task: meta.task,
            age: meta
                .since
                .map(|since| self.slice.duration(now.since(since))),
        };
        let mut notes: Vec<_> = operations.map(note).collect();
        notes.sort_by_key(|note| note.id);
        notes
    }

    /// What is left, once the executor has shut down.
    #[cfg(feature = "macros")]
    pub(crate) fn ledger(&self) -> Ledger {
        Ledger {
            descriptors: self.descriptors.get(),
            operations: self.notes(self.driver.borrow().left()),
            tasks: self.tasks.borrow().len(),
            overruns: self.page().counters.overruns.get(),
            overrun: self.first_overrun.borrow().clone(),
        }
    }
}
