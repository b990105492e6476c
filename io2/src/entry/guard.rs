//! The thread that watches the tests of a process: it ends what takes too long.
//!
//! A test that is late is told so by a wake of its root, and fails by itself. One that does not
//! react is in a poll that never returns; nothing can interrupt that, so the thread says what it can
//! see from outside and aborts the process. It is one thread for all tests, made by the first one;
//! what it watches is bounded by the tests that run at once.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::task::Waker;
use std::time::Duration;

use super::say;
use crate::clock::{self, Instant};
use crate::executor::remote::Slot;
use crate::lock::lock;

/// What a test that ended in time is granted for its shutdown, beside its `shutdown_timeout`.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);

struct Guard {
    tests: Mutex<Vec<Entry>>,
    news: Condvar,
}

static GUARD: OnceLock<Guard> = OnceLock::new();

struct Entry {
    test: Arc<Test>,
    stage: Stage,
    deadline: Instant,
}

/// What happens at the deadline.
#[derive(Clone, Copy)]
enum Stage {
    /// The test is late: it is told so.
    Running,
    /// It was told: it should have reacted.
    Told,
    /// It has reacted, or its body is done: it should have shut down.
    Ending,
}

/// One test, as its own thread and the guard both see it.
pub(super) struct Test {
    name: String,
    /// The directory of its thread in /proc.
    thread: Option<PathBuf>,
    timeout: Duration,
    shutdown: Duration,
    late: AtomicBool,
    ending: AtomicBool,
    root: OnceLock<(Waker, &'static Slot)>,
}

impl Test {
    /// Says who runs the test, as soon as it is known.
    pub(super) fn started(&self, root: &Waker, slot: &'static Slot) {
        if self.root.get().is_none() {
            let _ = self.root.set((root.clone(), slot));
        }
    }

    /// Whether its time is over.
    pub(super) fn is_late(&self) -> bool {
        self.late.load(Ordering::Acquire)
    }

    /// Says that the body is done, one way or the other.
    pub(super) fn ending(&self) {
        self.ending.store(true, Ordering::Release);
    }
}

/// Watches a test until this is dropped.
pub(super) struct Watch(Arc<Test>);

impl Watch {
    /// Begins to watch the calling thread's test.
    pub(super) fn new(name: &str, timeout: Duration, shutdown: Duration) -> Watch {
        let test = Arc::new(Test {
            name: name.to_owned(),
            thread: std::fs::read_link("/proc/thread-self")
                .map(|own| PathBuf::from("/proc").join(own))
                .ok(),
            timeout,
            shutdown,
            late: AtomicBool::new(false),
            ending: AtomicBool::new(false),
            root: OnceLock::new(),
        });
        let guard = guard();
        let deadline = clock::now() + timeout;
        lock(&guard.tests).push(Entry {
            test: test.clone(),
            stage: Stage::Running,
            deadline,
        });
        guard.news.notify_one();
        Watch(test)
    }
}

impl std::ops::Deref for Watch {
    type Target = Test;

    fn deref(&self) -> &Test {
        &self.0
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        lock(&guard().tests).retain(|entry| !Arc::ptr_eq(&entry.test, &self.0));
    }
}

fn guard() -> &'static Guard {
    let mut is_new = false;
    let guard = GUARD.get_or_init(|| {
        is_new = true;
        Guard {
            tests: Mutex::new(Vec::new()),
            news: Condvar::new(),
        }
    });
    if is_new {
        let thread = std::thread::Builder::new().name("io2-test-guard".to_owned());
        if let Err(error) = thread.spawn(|| guard.run()) {
            say(format_args!(
                "tests that hang will not be ended: no thread to watch them ({error})"
            ));
        }
    }
    guard
}

impl Guard {
    fn run(&self) {
        let mut tests = lock(&self.tests);
        loop {
            let now = clock::now();
            for entry in tests.iter_mut().filter(|entry| entry.deadline <= now) {
                entry.advance(now);
            }
            let next = tests.iter().map(|entry| entry.deadline).min();
            tests = match next {
                None => self
                    .news
                    .wait(tests)
                    .unwrap_or_else(PoisonError::into_inner),
                Some(next) => {
                    let wait = next.duration_since(now);
                    let waited = self.news.wait_timeout(tests, wait);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }
}

impl Entry {
    /// The deadline has passed.
    fn advance(&mut self, now: Instant) {
        let test = &*self.test;
        (self.stage, self.deadline) = match self.stage {
            Stage::Running if !test.ending.load(Ordering::Acquire) => {
                test.late.store(true, Ordering::Release);
                if let Some((root, _)) = test.root.get() {
                    root.wake_by_ref();
                }
                (Stage::Told, now + patience(test.timeout))
            }
            Stage::Running | Stage::Told if test.ending.load(Ordering::Acquire) => {
                (Stage::Ending, now + test.shutdown + SHUTDOWN_GRACE)
            }
            Stage::Running | Stage::Told => give_up(test, "does not come back from a poll"),
            Stage::Ending => give_up(test, "does not come to the end of its shutdown"),
        };
    }
}

/// How long a test that was told may take to react: a busy machine may not let it run at once.
fn patience(timeout: Duration) -> Duration {
    (timeout / 2).clamp(Duration::from_millis(500), Duration::from_secs(10))
}

/// Says what can be seen from outside, and aborts.
fn give_up(test: &Test, why: &str) -> ! {
    let (name, timeout) = (&test.name, test.timeout);
    let whereabouts = test.thread.as_deref().and_then(whereabouts);
    let whereabouts = whereabouts.as_deref().unwrap_or("not known");
    let running = test
        .root
        .get()
        .and_then(|(_, slot)| slot.page.running.get());
    let running = match running {
        Some(poll) => format!("task {}, spawned at {}", poll.task, poll.place),
        None => "no task".to_owned(),
    };
    say(format_args!(
        "the test `{name}` should have ended after {timeout:?} and {why}. Nothing can interrupt \
         that, so the process is aborted.\n  running: {running}\n  thread: {whereabouts}"
    ));
    std::process::abort()
}

/// What the kernel says of a thread: whether it runs, and the system call that it is in.
fn whereabouts(thread: &std::path::Path) -> Option<String> {
    let stat = std::fs::read_to_string(thread.join("stat")).ok()?;
    // The name before it is in parentheses and may contain anything.
    let state = stat.rsplit(')').next()?.split_whitespace().next()?;
    let state = match state {
        "R" => "runs",
        "S" => "sleeps",
        "D" => "waits for a device",
        "T" | "t" => "is stopped",
        other => other,
    };
    let call = std::fs::read_to_string(thread.join("syscall")).unwrap_or_default();
    Some(
        match call
            .split_whitespace()
            .next()
            .and_then(|number| number.parse::<i64>().ok())
        {
            Some(number) => format!("{state}, in system call {number}"),
            None => state.to_owned(),
        },
    )
}
