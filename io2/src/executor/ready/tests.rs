use std::collections::VecDeque;
use std::future::pending;
use std::panic::Location;
use std::rc::Rc;
use std::task::Waker;

use proptest::prelude::*;

use super::*;
use crate::clock::Ticks;
use crate::slab::Key;
use crate::task::{Header, Memory, TaskMeta};
use crate::trace::TaskSpan;

const TASKS: usize = 5;

/// Stands for the future that `run` was called with.
const ROOT: usize = TASKS;

#[derive(Clone, Debug)]
enum Step {
    Wake(usize),
    /// A turn that polls at most so many; each poll wakes another one, and some end the task.
    Turn(usize, Vec<(usize, bool)>),
    Clear,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let polls = prop::collection::vec((0..=TASKS, prop::bool::weighted(0.1)), 0..8);
    let step = prop_oneof![
        8 => (0..=TASKS).prop_map(Step::Wake),
        4 => (0..8_usize, polls).prop_map(|(most, polls)| Step::Turn(most, polls)),
        1 => Just(Step::Clear),
    ];
    prop::collection::vec(step, 0..60)
}

fn task(memory: &Rc<Memory>, index: usize) -> TaskRef {
    let meta = TaskMeta {
        id: index as u64,
        name: None,
        location: Location::caller(),
    };
    let key = Key {
        index: index as u32,
        generation: 0,
    };
    let header = || Header::new(meta, key, Waker::noop().clone(), TaskSpan::none(), Ticks(0));
    TaskRef::new(memory, header, pending::<()>()).0
}

fn number(ready: &Ready) -> usize {
    match ready {
        Ready::Root => ROOT,
        Ready::Task(task) => task.header().meta.id as usize,
    }
}

proptest! {
    #[test]
    fn each_stands_in_the_queue_once_and_in_the_order_of_the_first_wake(steps in steps()) {
        let memory = Rc::new(Memory::new());
        let tasks: Vec<_> = (0..TASKS).map(|index| task(&memory, index)).collect();
        let queue = ReadyQueue::new();
        let mut model: VecDeque<usize> = VecDeque::new();
        let wake = |model: &mut VecDeque<usize>, who: usize| {
            let ended = who != ROOT && tasks[who].header().is_finished();
            let expected = !ended && !model.contains(&who);
            if who == ROOT {
                queue.push_root();
            } else {
                assert_eq!(queue.push(&tasks[who]), expected);
            }
            if expected {
                model.push_back(who);
            }
        };
        let mut batch = Vec::new();
        for step in steps {
            match step {
                Step::Wake(who) => wake(&mut model, who),
                Step::Turn(most, polls) => {
                    queue.take(&mut batch);
                    prop_assert!(queue.is_empty());
                    let mut polls = polls.into_iter();
                    let mut batch = batch.drain(..);
                    for _ in 0..most {
                        let Some(ready) = batch.next() else { break };
                        // What ended while it stood there is passed over by who polls.
                        let who = number(&ready);
                        prop_assert_eq!(model.pop_front(), Some(who));
                        queue.begin(&ready);
                        if let Some((other, ends)) = polls.next() {
                            wake(&mut model, other);
                            if ends && who != ROOT {
                                tasks[who].cancel();
                            }
                        }
                    }
                    queue.put_back(batch);
                }
                Step::Clear => {
                    queue.clear();
                    model.clear();
                }
            }
            prop_assert_eq!(queue.len(), model.len());
            let held: Vec<_> = queue.queue.borrow().iter().map(number).collect();
            prop_assert_eq!(held, Vec::from(model.clone()));
        }
        queue.clear();
        // The queue keeps none of them.
        for task in &tasks {
            prop_assert!(!task.header().queued.get());
        }
    }
}
