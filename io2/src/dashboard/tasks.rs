//! Which tasks there are: dumps, which executors make between two turns when they are asked.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Bytes;

use super::json::{Object, list, object};
use super::letter::{Gone, Letter};
use super::snapshot::{nanos, operation, overrun, poll};
use crate::executor::context;
use crate::executor::remote::Slot;
use crate::observe::stats::slots;
use crate::observe::{Dump, Stats, TaskDump, TaskState, overruns};
use crate::time::{Instant, timeout_at};

/// An executor that does not answer in that time is taken for stuck.
const PATIENCE: Duration = Duration::from_millis(200);

/// Executors are asked at most so often, however many ask for their tasks.
const FRESH: Duration = Duration::from_millis(500);

/// What is in flight is told of so late.
const RECENT: Duration = Duration::from_secs(60);

/// What is known of the tasks of each executor, by its number.
#[derive(Default)]
pub(super) struct Tasks {
    known: RefCell<HashMap<u64, Known>>,
    /// What was sent last.
    sent: RefCell<Option<(Instant, Bytes)>>,
}

#[derive(Default)]
struct Known {
    /// A question without an answer so far: there is one at most, or they would pile up.
    asked: Option<Letter<Dated>>,
    last: Option<Dated>,
}

/// A dump, and when it was made.
type Dated = (Instant, Arc<Dump>);

/// Asks an executor for a dump.
fn ask(slot: &Slot) -> Letter<Dated> {
    // It may be long before somebody looks at the answer.
    Letter::post(slot, || {
        let dump = context::with(|executor| executor.dump())?;
        Some((Instant::now(), Arc::new(dump)))
    })
}

impl Known {
    /// Takes the answer, if there is one.
    fn settle(&mut self) {
        match self.asked.as_ref().and_then(Letter::answer) {
            Some(Ok(answer)) => self.last = Some(Dated::clone(&answer)),
            Some(Err(Gone)) => {}
            None => return,
        }
        self.asked = None;
    }

    fn is_fresh(&self) -> bool {
        let last = self.last.as_ref();
        last.is_some_and(|(when, _)| when.elapsed() < FRESH)
    }
}

impl Tasks {
    /// The tasks of all executors, as JSON.
    pub(super) async fn json(&self) -> Bytes {
        if let Some((when, bytes)) = &*self.sent.borrow()
            && when.elapsed() < FRESH
        {
            return bytes.clone();
        }
        self.ask().await;
        let mut out = String::new();
        object(&mut out, |answer| {
            list(answer.field("executors"), slots(), |out, (slot, about)| {
                let stats = Stats::read(slot, &about);
                let known = self.known.borrow();
                object(out, |object| {
                    executor(object, &stats, known.get(&about.rt));
                });
            });
        });
        let bytes = Bytes::from(out);
        *self.sent.borrow_mut() = Some((Instant::now(), bytes.clone()));
        bytes
    }

    /// The last answers of executors, but for old ones.
    pub(super) fn recent(&self) -> Vec<Arc<Dump>> {
        let mut known = self.known.borrow_mut();
        let recent = known.values_mut().filter_map(|known| {
            known.settle();
            let (when, dump) = known.last.as_ref()?;
            (when.elapsed() < RECENT).then(|| dump.clone())
        });
        recent.collect()
    }

    /// Asks all executors whose last answer is not fresh, and waits for a short while.
    async fn ask(&self) {
        let letters: Vec<_> = {
            let mut known = self.known.borrow_mut();
            let alive: HashMap<u64, _> = slots().map(|(slot, about)| (about.rt, slot)).collect();
            known.retain(|rt, _| alive.contains_key(rt));
            let stale = alive.into_iter().filter_map(|(rt, slot)| {
                let known = known.entry(rt).or_default();
                known.settle();
                if known.asked.is_none() && !known.is_fresh() {
                    known.asked = Some(ask(slot));
                }
                known.asked.clone()
            });
            stale.collect()
        };
        let deadline = Instant::now() + PATIENCE;
        for letter in &letters {
            // Who does not answer is seen below.
            let _ = timeout_at(deadline, letter.wait()).await;
        }
        self.known.borrow_mut().values_mut().for_each(Known::settle);
    }
}

fn executor(out: &mut Object<'_>, stats: &Stats, known: Option<&Known>) {
    out.text("rt", &stats.rt.to_string());
    if let Some(name) = &stats.name {
        out.text("name", name);
    }
    let stuck = known.is_none_or(|known| known.asked.is_some());
    out.flag("stuck", stuck);
    if stuck && let Some(running) = &stats.running {
        object(out.field("running"), |object| poll(object, running));
        // What the watchdog has seen of it, the stack for instance.
        let kept = overruns();
        let same = kept
            .iter()
            .rfind(|each| each.rt == stats.rt && each.task == running.task && !each.ended);
        if let Some(same) = same {
            out.field("overrun").push_str(&overrun(same));
        }
    }
    let Some((when, dump)) = known.and_then(|known| known.last.as_ref()) else {
        return;
    };
    out.number("age_ns", nanos(when.elapsed()));
    out.number("live", dump.live as u64);
    list(out.field("tasks"), &dump.tasks, |out, each| {
        object(out, |object| task(object, each));
    });
    list(
        out.field("in_flight"),
        &dump.in_flight,
        |out, (name, count)| {
            object(out, |object| {
                object.text("name", name);
                object.number("count", *count as u64);
            });
        },
    );
    list(out.field("operations"), &dump.operations, |out, each| {
        object(out, |object| operation(object, each));
    });
}

fn task(out: &mut Object<'_>, task: &TaskDump) {
    out.text("id", &task.id.to_string());
    if let Some(name) = &task.name {
        out.text("name", name);
    }
    out.text("site", &task.location.to_string());
    match &task.state {
        TaskState::Running => out.text("state", "running"),
        TaskState::Ready => out.text("state", "ready"),
        TaskState::Operation(awaited) => {
            out.text("state", "operation");
            object(out.field("operation"), |object| operation(object, awaited));
        }
        TaskState::Timer(due) => {
            out.text("state", "timer");
            out.number("due_ns", nanos(*due));
        }
        TaskState::Waiting => out.text("state", "waiting"),
    }
    out.number("polls", task.polls);
    out.number("busy_ns", nanos(task.busy));
    out.number("max_poll_ns", nanos(task.max_poll));
    out.number("age_ns", nanos(task.age));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dump_is_as_old_as_its_making_however_late_it_is_looked_at() {
        let run = crate::ExecutorConfig::new().run(async {
            let slot = context::with(|executor| executor.seat.slot).expect("it runs");
            let mut known = Known {
                asked: Some(ask(slot)),
                last: None,
            };
            let letter = known.asked.clone().expect("it was asked");
            letter.wait().await;
            let late = Duration::from_millis(20);
            crate::time::sleep(late).await;
            known.settle();
            let (made, dump) = known.last.expect("it was answered");
            assert!(made.elapsed() >= late);
            assert_eq!(dump.live, 0);
        });
        run.expect("the executor starts");
    }
}
