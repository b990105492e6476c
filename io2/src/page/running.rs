//! The poll that runs, for other threads to see.

use std::panic::Location;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU64, AtomicUsize, Ordering, fence};

use crate::clock::Ticks;

/// Words for a task's name; what is longer is cut.
const NAME_WORDS: usize = 6;
const WORD: usize = size_of::<u64>();

/// Which task an executor polls. The executor's thread writes, with plain stores; other threads may
/// read at any time, and see one poll or none, never parts of two.
pub(crate) struct Running {
    /// Counts polls; set before anything else of a poll.
    seq: AtomicU64,
    /// 0 between polls; set after everything else of a poll.
    task: AtomicU64,
    start: AtomicU64,
    victims: AtomicUsize,
    place: AtomicPtr<Location<'static>>,
    /// The poll that `span` is of.
    span_seq: AtomicU64,
    span: AtomicU64,
    /// The poll that `name` is of, the task that it is of, and the name.
    name_seq: AtomicU64,
    name_task: AtomicU64,
    name_len: AtomicUsize,
    name: [AtomicU64; NAME_WORDS],
}

/// A poll, as another thread sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Poll {
    /// The number of the poll among those of its executor's slot.
    pub(crate) seq: u64,
    pub(crate) task: u64,
    /// Perhaps cut.
    pub(crate) name: Option<String>,
    pub(crate) place: &'static Location<'static>,
    pub(crate) start: Ticks,
    /// Tasks that were ready when it began.
    pub(crate) victims: usize,
    /// The span of the task, if there is one.
    pub(crate) span: Option<u64>,
}

impl Running {
    pub(crate) const fn new() -> Self {
        Running {
            seq: AtomicU64::new(0),
            task: AtomicU64::new(0),
            start: AtomicU64::new(0),
            victims: AtomicUsize::new(0),
            place: AtomicPtr::new(ptr::null_mut()),
            span_seq: AtomicU64::new(0),
            span: AtomicU64::new(0),
            name_seq: AtomicU64::new(0),
            name_task: AtomicU64::new(0),
            name_len: AtomicUsize::new(0),
            name: [const { AtomicU64::new(0) }; NAME_WORDS],
        }
    }

    /// A poll, or a drop, of a task begins.
    #[inline]
    pub(crate) fn begin(
        &self,
        task: u64,
        name: Option<&str>,
        place: &'static Location<'static>,
        start: Ticks,
        victims: usize,
    ) {
        let seq = self.seq.load(Ordering::Relaxed) + 1;
        // Who sees this sees that no poll runs, or this one.
        self.seq.store(seq, Ordering::Release);
        // Who sees anything of the following sees this number.
        fence(Ordering::Release);
        self.start.store(start.0, Ordering::Relaxed);
        self.victims.store(victims, Ordering::Relaxed);
        let place = ptr::from_ref(place).cast_mut();
        self.place.store(place, Ordering::Relaxed);
        if let Some(name) = name {
            self.set_name(seq, task, name);
        }
        self.task.store(task, Ordering::Release);
    }

    #[inline(never)]
    fn set_name(&self, seq: u64, task: u64, name: &str) {
        self.name_seq.store(seq, Ordering::Relaxed);
        if self.name_task.load(Ordering::Relaxed) == task {
            return;
        }
        self.name_task.store(task, Ordering::Relaxed);
        let bytes = name.as_bytes();
        let bytes = &bytes[..bytes.len().min(NAME_WORDS * WORD)];
        self.name_len.store(bytes.len(), Ordering::Relaxed);
        for (word, bytes) in self.name.iter().zip(bytes.chunks(WORD)) {
            let mut padded = [0; WORD];
            padded[..bytes.len()].copy_from_slice(bytes);
            word.store(u64::from_ne_bytes(padded), Ordering::Relaxed);
        }
    }

    /// The poll that runs is within this span.
    #[cold]
    pub(crate) fn set_span(&self, span: u64) {
        self.span.store(span, Ordering::Relaxed);
        let seq = self.seq.load(Ordering::Relaxed);
        self.span_seq.store(seq, Ordering::Release);
    }

    /// It has ended.
    #[inline]
    pub(crate) fn end(&self) {
        self.task.store(0, Ordering::Relaxed);
    }

    /// The task's number, or 0: for the executor's own thread.
    #[inline]
    pub(crate) fn task(&self) -> u64 {
        self.task.load(Ordering::Relaxed)
    }

    /// How many tasks were ready when the poll began; for the executor's own thread.
    #[cfg(feature = "net")]
    #[inline]
    pub(crate) fn victims(&self) -> usize {
        self.victims.load(Ordering::Relaxed)
    }

    /// How many polls have begun, in all executors of the slot.
    #[inline]
    pub(crate) fn polls(&self) -> u64 {
        self.seq.load(Ordering::Relaxed)
    }

    /// Whether this poll still runs.
    pub(crate) fn is(&self, seq: u64) -> bool {
        self.task.load(Ordering::Acquire) != 0 && self.seq.load(Ordering::Acquire) == seq
    }

    /// The poll that runs. `None` between polls, and for one that ends or begins just now.
    pub(crate) fn get(&self) -> Option<Poll> {
        let seq = self.seq.load(Ordering::Acquire);
        let task = self.task.load(Ordering::Acquire);
        if task == 0 {
            return None;
        }
        let place = self.place.load(Ordering::Relaxed);
        let start = Ticks(self.start.load(Ordering::Relaxed));
        let victims = self.victims.load(Ordering::Relaxed);
        let name = (self.name_seq.load(Ordering::Relaxed) == seq).then(|| self.name());
        let span = (self.span_seq.load(Ordering::Acquire) == seq)
            .then(|| self.span.load(Ordering::Relaxed));
        fence(Ordering::Acquire);
        let same =
            self.seq.load(Ordering::Relaxed) == seq && self.task.load(Ordering::Relaxed) == task;
        if !same || place.is_null() {
            return None;
        }
        Some(Poll {
            seq,
            task,
            name,
            // SAFETY: only `begin` stores a pointer that is not null, and it stores references to
            // statics, which stay valid and are never written to.
            place: unsafe { &*place },
            start,
            victims,
            span,
        })
    }

    fn name(&self) -> String {
        let mut bytes = [0; NAME_WORDS * WORD];
        for (word, place) in self.name.iter().zip(bytes.chunks_mut(WORD)) {
            place.copy_from_slice(&word.load(Ordering::Relaxed).to_ne_bytes());
        }
        let len = self.name_len.load(Ordering::Relaxed).min(bytes.len());
        // One that was cut within a character loses that one.
        let text = String::from_utf8_lossy(&bytes[..len]);
        text.trim_end_matches(char::REPLACEMENT_CHARACTER)
            .to_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::*;

    fn see(running: &'static Running) -> Option<Poll> {
        std::thread::spawn(|| running.get()).join().unwrap()
    }

    #[test]
    fn another_thread_sees_which_task_runs_and_where_it_was_spawned() {
        static RUNNING: Running = Running::new();
        assert_eq!(see(&RUNNING), None);
        let place = Location::caller();
        RUNNING.begin(7, Some("seven"), place, Ticks(99), 3);
        let poll = Poll {
            seq: 1,
            task: 7,
            name: Some("seven".to_owned()),
            place,
            start: Ticks(99),
            victims: 3,
            span: None,
        };
        assert_eq!(see(&RUNNING), Some(poll.clone()));
        assert!(RUNNING.is(1));
        RUNNING.set_span(5);
        let span = Some(5);
        assert_eq!(see(&RUNNING), Some(Poll { span, ..poll }));
        RUNNING.end();
        assert_eq!(see(&RUNNING), None);
        assert!(!RUNNING.is(1));
    }

    #[test]
    fn a_poll_has_no_name_and_no_span_of_the_one_before() {
        static RUNNING: Running = Running::new();
        let place = Location::caller();
        RUNNING.begin(7, Some("seven"), place, Ticks(0), 0);
        RUNNING.set_span(5);
        RUNNING.end();
        RUNNING.begin(8, None, place, Ticks(0), 0);
        let poll = see(&RUNNING).unwrap();
        assert_eq!((poll.name, poll.span), (None, None));
        RUNNING.end();
        // The name of the same task is there already.
        RUNNING.begin(7, Some("seven"), place, Ticks(0), 0);
        assert_eq!(see(&RUNNING).unwrap().name.as_deref(), Some("seven"));
        RUNNING.end();
        // A long one is cut between two characters.
        let long = "ä".repeat(30);
        RUNNING.begin(9, Some(&format!("x{long}")), place, Ticks(0), 0);
        let name = see(&RUNNING).unwrap().name.unwrap();
        assert_eq!(name, format!("x{}", "ä".repeat(23)));
    }

    #[test]
    fn a_reader_never_sees_parts_of_two_polls() {
        static RUNNING: Running = Running::new();
        static STOP: AtomicBool = AtomicBool::new(false);
        let writer = std::thread::spawn(|| {
            let place = Location::caller();
            let mut number = 0;
            while !STOP.load(Ordering::Relaxed) {
                number += 1;
                let name = number.to_string();
                RUNNING.begin(number, Some(&name), place, Ticks(number), number as usize);
                std::hint::spin_loop();
                RUNNING.end();
            }
        });
        let mut seen = 0;
        while seen < 1000 {
            let Some(poll) = RUNNING.get() else { continue };
            seen += 1;
            assert_eq!(poll.seq, poll.task);
            assert_eq!(poll.start, Ticks(poll.task));
            assert_eq!(poll.victims as u64, poll.task);
            assert_eq!(poll.name, Some(poll.task.to_string()));
        }
        STOP.store(true, Ordering::Relaxed);
        writer.join().unwrap();
    }
}
