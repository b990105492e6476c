//! The spans of operations, read back: a submission and a completion each, and calls into the kernel.

use std::future::{Future, poll_fn};
use std::io::{PipeWriter, Write};
use std::os::fd::OwnedFd;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use io2::fs::File;
use io2::{Builder, ExecutorConfig};
use io2_tests::observed::{Observed, Step, observe};
use io2_tests::temp::TempDir;
use tracing::Level;

/// A file that nothing can be read from, while the writer lives.
fn silent_pipe() -> (File, PipeWriter) {
    let (reader, writer) = std::io::pipe().unwrap();
    (File::from_std(OwnedFd::from(reader).into()), writer)
}

/// Starts an operation that does not complete at once.
async fn started<F: Future + Unpin>(mut operation: F) -> F {
    poll_fn(|cx| {
        assert!(Pin::new(&mut operation).poll(cx).is_pending());
        Poll::Ready(())
    })
    .await;
    operation
}

#[test]
fn a_read_is_a_submission_inside_a_poll_and_a_completion_outside_of_all() {
    let dir = TempDir::new();
    let path = dir.file("data", [7; 300]);
    let (_, observed) = observe(async {
        let file = File::open(&path).await.unwrap();
        let reader = Builder::new().name("reader").spawn(async move {
            let (read, _) = file.read_at(Vec::with_capacity(4096), 100).await;
            assert_eq!(read.unwrap(), 200);
        });
        reader.await;
    });

    let reader = observed.task("reader");
    let polls = observed.polls(&reader);
    let submit = observed.only("submit", "op.code", "read");
    let fields = "fd len off op.code op.id ring task.id";
    submit.assert_is("io2::submit", Level::TRACE, fields);
    assert_eq!(submit.parent, Some(polls[0].id));
    assert_eq!(submit.number("len"), 4096);
    assert_eq!(submit.number("off"), 100);
    assert_eq!(submit.text("ring"), "main");
    assert_eq!(submit.number("task.id"), reader.number("task.id"));
    assert_eq!(submit.entered, 1);
    let opened = observed.only("submit", "op.code", "openat");
    let opened = observed.only("complete", "op.id", opened.text("op.id"));
    assert_eq!(submit.number("fd"), opened.number("res"));

    let complete = observed.only("complete", "op.id", submit.text("op.id"));
    let fields = "flags latency_us more op.code op.id res";
    complete.assert_is("io2::complete", Level::TRACE, fields);
    assert_eq!(complete.parent, None);
    assert_eq!(complete.text("op.code"), "read");
    assert_eq!(complete.number("res"), 200);
    assert_eq!(complete.text("more"), "false");
    assert_eq!(complete.entered, 1);

    let steps = observed.steps();
    let at = |step| steps.iter().position(|each| *each == step).unwrap();
    assert!(at(Step::Exit(submit.id)) < at(Step::Enter(complete.id)));
    assert!(at(Step::Exit(complete.id)) < at(Step::New(polls[1].id)));
    assert!(polls[1].number("wake_delay_us") >= 0);
}

#[test]
fn a_waker_runs_inside_its_completion() {
    struct Tell;
    impl Wake for Tell {
        fn wake(self: Arc<Self>) {
            tracing::info!(name: "woken", target: "io2_tests", "here");
        }
    }
    let dir = TempDir::new();
    let path = dir.file("data", "data");
    let (_, observed) = observe(async {
        let file = File::open(&path).await.unwrap();
        let mut read = pin!(file.read_at(Vec::with_capacity(16), 0));
        let waker = Waker::from(Arc::new(Tell));
        assert!(
            read.as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_pending()
        );
        io2::time::sleep(Duration::from_millis(1)).await;
        let (read, _) = read.await;
        assert_eq!(read.unwrap(), 4);
    });
    let complete = observed.only("complete", "op.code", "read");
    assert_eq!(observed.named("woken")[0].parent, Some(complete.id));
}

#[test]
fn a_call_into_the_kernel_is_outside_of_all_polls_and_says_what_it_submits_and_how_long_it_takes() {
    // Long enough for what is traced for the first time to be over before its end.
    let (_, observed) = observe(async { io2::time::sleep(Duration::from_millis(200)).await });
    let enters = observed.named("enter");
    for enter in &enters {
        assert_eq!((enter.target, enter.level), ("io2::ring", Level::TRACE));
        assert_eq!(enter.parent, None);
        assert_eq!(enter.entered, 1);
    }
    let sleeps: Vec<_> = enters
        .iter()
        .filter(|enter| enter.number("wait") == 1)
        .collect();
    let fields = "blocked_us cqes errno ret rt.id sqes timeout_us wait";
    assert_eq!(sleeps[0].fields(), fields);
    assert!(
        (1..=200_000).contains(&sleeps[0].number("timeout_us")),
        "{:?}",
        sleeps[0]
    );
    let blocked: i64 = sleeps.iter().map(|sleep| sleep.number("blocked_us")).sum();
    assert!(blocked > 100_000, "{sleeps:?}");
}

#[test]
fn every_entry_is_submitted_and_completed_once() {
    let dir = TempDir::new();
    let (_, observed) = observe(async {
        for name in ["a", "b", "c"] {
            let file = File::create(dir.join(name)).await.unwrap();
            let (wrote, _) = file.write_at(b"data".to_vec(), 0).await;
            assert_eq!(wrote.unwrap(), 4);
            // Closed by the ring, and nobody waits for that.
            drop(file);
        }
        // Cancelled, and nobody waits for that either.
        let (file, _writer) = silent_pipe();
        drop(started(file.read(Vec::with_capacity(16))).await);
    });

    let submits = observed.named("submit");
    let sqes: i64 = observed
        .named("enter")
        .iter()
        .map(|enter| enter.number("sqes"))
        .sum();
    assert_eq!(sqes, submits.len() as i64);
    let closes = submits
        .iter()
        .filter(|submit| submit.text("op.code") == "close");
    assert_eq!(closes.count(), 4);
    let cancels = submits
        .iter()
        .filter(|submit| submit.text("op.code") == "cancel");
    assert!(cancels.count() >= 1);
    for submit in &submits {
        let complete = observed.only("complete", "op.id", submit.text("op.id"));
        assert_eq!(complete.text("op.code"), submit.text("op.code"));
    }
    assert_eq!(observed.named("complete").len(), submits.len());
}

#[test]
fn an_orphaned_operation_is_told_of_when_it_is_dropped_and_when_it_completes() {
    let (_, observed) = observe(async {
        let (file, _writer) = silent_pipe();
        drop(started(file.read(Vec::with_capacity(16))).await);
        io2::time::sleep(Duration::from_millis(1)).await;
    });
    let read = observed.only("submit", "op.code", "read");
    let orphans = observed.named("op.orphan");
    let [dropped, completed] = &orphans[..] else {
        panic!("{orphans:#?}")
    };
    dropped.assert_is("io2::op", Level::DEBUG, "fd message op.code op.id");
    completed.assert_is("io2::op", Level::DEBUG, "fd message op.code op.id res");
    for orphan in &orphans {
        assert_eq!(orphan.text("op.id"), read.text("op.id"));
        assert_eq!(orphan.text("op.code"), "read");
        assert_eq!(orphan.text("fd"), read.text("fd"));
    }
    assert!(completed.number("res") < 0);
    assert_eq!(observed.get(dropped.parent.unwrap()).name, "poll");
    assert_eq!(observed.get(completed.parent.unwrap()).name, "complete");
}

#[test]
fn completions_that_overflow_their_queue_are_warned_of_ever_less_often_and_not_lost() {
    let observed = Observed::at_most(Level::WARN);
    let config = ExecutorConfig::new().ring_depth(1);
    let read = observed.run(|| {
        config.run(async {
            let mut reads = Vec::new();
            let mut writers = Vec::new();
            for _ in 0..100 {
                let (file, writer) = silent_pipe();
                reads.push(started(file.read(Vec::with_capacity(1))).await);
                writers.push(writer);
            }
            // All are in flight when they complete, all at once.
            io2::time::sleep(Duration::from_millis(50)).await;
            for writer in &mut writers {
                writer.write_all(b"x").unwrap();
            }
            let mut sum = 0;
            for read in reads {
                sum += read.await.0.unwrap();
            }
            sum
        })
    });
    assert_eq!(read.unwrap(), 100);
    let overflows = observed.named("ring.overflow");
    assert!(!overflows.is_empty());
    let mut total = 0;
    for overflow in &overflows {
        overflow.assert_is(
            "io2::ring",
            Level::WARN,
            "count depth inflight message rt.id",
        );
        assert_eq!(overflow.number("depth"), 1);
        let count = overflow.number("count");
        assert!(count > 0 && count >= total, "{overflows:#?}");
        total += count;
    }
}

#[test]
fn a_submission_queue_that_is_full_is_told_with_how_often() {
    let observed = Observed::default();
    let config = ExecutorConfig::new().ring_depth(2).watchdog(false);
    let full = observed.run(|| {
        config.run(async {
            let mut operations = Vec::new();
            for _ in 0..10 {
                operations.push(started(io2::op::nop()).await);
            }
            for operation in operations {
                operation.await.unwrap();
            }
            io2::stats().unwrap().sq_full
        })
    });
    let told = observed.named("ring.sq_full");
    assert!(!told.is_empty());
    for told in &told {
        let fields = "count depth inflight message rt.id";
        told.assert_is("io2::ring", Level::DEBUG, fields);
        assert_eq!(told.number("depth"), 2);
    }
    let count: i64 = told.iter().map(|told| told.number("count")).sum();
    assert_eq!(count as u64, full.unwrap());
}
