//! What an executor is doing, and what it has left undone: for reports, and for nothing else.

use std::fmt;
use std::panic::Location;

use super::Executor;
use crate::driver::Meta;

/// What is alive in an executor.
#[derive(Default)]
pub(crate) struct Snapshot {
    /// Without the future that `run` was called with.
    pub(crate) tasks: Vec<TaskNote>,
    pub(crate) operations: Vec<OperationNote>,
}

/// What is left of an executor that has shut down.
pub(crate) struct Ledger {
    /// Descriptors that were opened and neither closed nor given away.
    pub(crate) descriptors: i64,
    /// Operations that did not end, or whose result nobody took and nobody dropped.
    pub(crate) operations: Vec<OperationNote>,
    /// Tasks that were not dropped.
    pub(crate) tasks: usize,
    /// Polls that took longer than the slice.
    pub(crate) overruns: u64,
    /// The first of them, with `Preempt::Fail`.
    pub(crate) overrun: Option<String>,
}

/// A task that is alive.
pub(crate) struct TaskNote {
    id: u64,
    name: Option<String>,
    location: &'static Location<'static>,
    polls: u64,
}

/// An operation that the kernel works on.
pub(crate) struct OperationNote(Meta);

impl Executor {
    /// Lists what is alive now, in the order in which it came to be.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let mut tasks: Vec<TaskNote> = Vec::new();
        for (_, task) in self.tasks.borrow().iter() {
            let header = task.header();
            tasks.push(TaskNote {
                id: header.meta.id,
                name: header.meta.name.as_deref().map(str::to_owned),
                location: header.meta.location,
                polls: header.polls.get(),
            });
        }
        tasks.sort_by_key(|task| task.id);
        let driver = self.driver.borrow();
        let operations = notes(driver.in_flight());
        Snapshot { tasks, operations }
    }

    /// What is left, once the executor has shut down.
    pub(crate) fn ledger(&self) -> Ledger {
        Ledger {
            descriptors: self.descriptors.get(),
            operations: notes(self.driver.borrow().left()),
            tasks: self.tasks.borrow().len(),
            overruns: self.slice.overruns(),
            overrun: self.slice.first_overrun(),
        }
    }
}

fn notes<'a>(operations: impl Iterator<Item = &'a Meta>) -> Vec<OperationNote> {
    let mut notes: Vec<_> = operations.map(|meta| OperationNote(*meta)).collect();
    notes.sort_by_key(|note| note.0.id);
    notes
}

impl fmt::Display for TaskNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "task {}", self.id)?;
        if let Some(name) = &self.name {
            write!(f, " {name:?}")?;
        }
        write!(
            f,
            ", spawned at {}, polled {} times",
            self.location, self.polls
        )
    }
}

impl fmt::Display for OperationNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Meta {
            id, name, fd, task, ..
        } = self.0;
        write!(f, "{name}, operation {id}")?;
        if fd >= 0 {
            write!(f, ", on descriptor {fd}")?;
        }
        if task != 0 {
            write!(f, ", of task {task}")?;
        }
        Ok(())
    }
}
