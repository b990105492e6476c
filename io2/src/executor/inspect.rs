//! What an executor is doing, and what it has left undone: for dumps and reports.

use std::collections::{BTreeMap, HashMap};

use super::Executor;
use super::dump::{Dump, OperationDump, TASKS_MAX, TaskDump, TaskState};
use super::waker::key_of;
use crate::clock::{self, Instant, Ticks};
use crate::page::Meta;
use crate::slab::Key;
use crate::task::TaskRef;

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

/// A task that a dump lists, and what it waits for.
struct Listed<'a> {
    id: u64,
    key: Key,
    task: &'a TaskRef,
    /// The oldest of its operations.
    operation: Option<&'a Meta>,
    /// The first of its timers.
    timer: Option<Instant>,
}

impl Executor {
    /// Lists what is alive now, in the order in which it came to be.
    pub(crate) fn dump(&self) -> Dump {
        self.dump_of(TASKS_MAX)
    }

    /// The same, at most so many tasks and operations.
    fn dump_of(&self, max: usize) -> Dump {
        let (tasks, driver) = (self.tasks.borrow(), self.driver.borrow());
        let all = tasks.iter().map(|(key, task)| Listed {
            id: task.header().meta.id,
            key,
            task,
            operation: None,
            timer: None,
        });
        let mut listed: Vec<Listed<'_>> = all.collect();
        keep_oldest(&mut listed, max, |task| task.id);
        let mut in_flight = BTreeMap::new();
        let mut operations: Vec<&Meta> = Vec::new();
        for meta in driver.in_flight() {
            *in_flight.entry(meta.name).or_insert(0) += 1;
            operations.push(meta);
            if let Ok(place) = listed.binary_search_by_key(&meta.task, |task| task.id) {
                let first = &mut listed[place].operation;
                *first =
                    Some(first.map_or(meta, |first| if meta.id < first.id { meta } else { first }));
            }
        }
        keep_oldest(&mut operations, max, |meta| meta.id);
        self.find_timers(&mut listed);
        let tasks_listed = listed.iter().map(|task| self.task_dump(task)).collect();
        Dump {
            rt: self.id,
            live: tasks.len(),
            tasks: tasks_listed,
            operations: self.notes(operations),
            in_flight: in_flight.into_iter().collect(),
        }
    }

    /// Finds the first timer of each listed task. There may be far more timers than that, and the tasks wait
    /// meanwhile: those of others are passed over.
    fn find_timers(&self, listed: &mut [Listed<'_>]) {
        let places = listed.iter().enumerate();
        let places: HashMap<u32, usize> = places.map(|(at, task)| (task.key.index, at)).collect();
        let here = self.slot_index();
        for (deadline, waker) in self.timers.borrow().iter() {
            if let Some(key) = key_of(waker).filter(|key| key.executor == here)
                && let Some(&place) = places.get(&key.task.index)
                && listed[place].key == key.task
            {
                let first = &mut listed[place].timer;
                *first = Some(first.map_or(deadline, |first| first.min(deadline)));
            }
        }
    }

    fn task_dump(&self, listed: &Listed<'_>) -> TaskDump {
        let header = listed.task.header();
        let state = if listed.id == self.current_task() {
            TaskState::Running
        } else if header.queued.get() {
            TaskState::Ready
        } else if let Some(meta) = listed.operation {
            TaskState::Operation(self.note(meta, clock::ticks()))
        } else if let Some(deadline) = listed.timer {
            TaskState::Timer(deadline.duration_since(clock::now()))
        } else {
            TaskState::Waiting
        };
        TaskDump {
            id: listed.id,
            name: header.meta.name.as_deref().map(str::to_owned),
            location: header.meta.location,
            state,
            polls: header.polls.get(),
            busy: self.slice.duration(header.busy.get()),
            max_poll: self.slice.duration(header.max_poll.get()),
            age: self.slice.duration(self.slice.last().since(header.born)),
        }
    }

    fn notes<'a>(&self, operations: impl IntoIterator<Item = &'a Meta>) -> Vec<OperationDump> {
        let now = clock::ticks();
        let operations = operations.into_iter();
        operations.map(|meta| self.note(meta, now)).collect()
    }

    fn note(&self, meta: &Meta, now: Ticks) -> OperationDump {
        OperationDump {
            id: meta.id,
            name: meta.name,
            fd: meta.fd,
            len: meta.len,
            task: meta.task,
            age: meta
                .since
                .map(|since| self.slice.duration(now.since(since))),
        }
    }

    /// What is left, once the executor has shut down.
    #[cfg(feature = "macros")]
    pub(crate) fn ledger(&self) -> Ledger {
        let mut operations = self.notes(self.driver.borrow().left());
        operations.sort_by_key(|operation| operation.id);
        Ledger {
            descriptors: self.descriptors.get(),
            operations,
            tasks: self.tasks.borrow().len(),
            overruns: self.page().counters.overruns.get(),
            overrun: self.first_overrun.borrow().clone(),
        }
    }
}

/// Keeps the oldest of these, so many at most, in the order of their numbers.
fn keep_oldest<T>(all: &mut Vec<T>, max: usize, number: impl Fn(&T) -> u64) {
    if all.len() > max {
        all.select_nth_unstable_by_key(max, &number);
        all.truncate(max);
    }
    all.sort_unstable_by_key(number);
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::os::fd::OwnedFd;
    use std::pin::Pin;
    use std::task::{Context, Waker};

    use super::*;
    use crate::ExecutorConfig;
    use crate::executor::context;
    use crate::fs::File;

    fn dump_of(max: usize) -> Dump {
        context::with(|executor| executor.dump_of(max)).expect("in an executor")
    }

    #[test]
    fn a_dump_that_does_not_list_all_lists_the_oldest() {
        let ran = ExecutorConfig::new().run(async {
            let first = crate::spawn(pending::<()>());
            let mut kept = vec![crate::spawn(pending::<()>()), crate::spawn(pending::<()>())];
            crate::yield_now().await;
            let ids = |dump: &Dump| -> Vec<u64> { dump.tasks.iter().map(|task| task.id).collect() };
            let before = ids(&dump_of(3));
            // A younger one takes the place of the first.
            first.cancel().await;
            kept.push(crate::spawn(pending::<()>()));
            let dump = dump_of(2);
            assert_eq!(ids(&dump), before[1..]);
            assert_eq!(dump.live, 3);
        });
        ran.unwrap();
    }

    #[test]
    fn a_listed_task_has_its_operation_though_older_ones_fill_the_list() {
        let ran = ExecutorConfig::new().run(async {
            let (reader, _writer) = std::io::pipe().unwrap();
            let file = File::from_std(OwnedFd::from(reader).into());
            let mut reads: Vec<_> = (0..3).map(|_| file.read(vec![0; 8])).collect();
            for read in &mut reads {
                let mut cx = Context::from_waker(Waker::noop());
                assert!(Pin::new(read).poll(&mut cx).is_pending());
            }
            let task = crate::spawn(async move { file.read(vec![0; 8]).await });
            crate::op::nop().await.unwrap();
            let dump = dump_of(2);
            assert_eq!(dump.operations.len(), 2);
            assert_eq!(dump.in_flight, [("read", 4)]);
            let state = &dump.tasks[0].state;
            let TaskState::Operation(operation) = state else {
                panic!("{state:?}")
            };
            assert!(operation.id > dump.operations[1].id);
            drop((task, reads));
        });
        ran.unwrap();
    }
}
