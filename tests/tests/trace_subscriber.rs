//! What a subscriber does is its own affair: it may call the runtime, take its time, or panic, and
//! the program runs all the same.

use std::collections::HashMap;
use std::future::{Future, pending, poll_fn};
use std::os::fd::OwnedFd;
use std::panic::catch_unwind;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::task::Poll;
use std::time::Duration;

use io2::fs::File;
use io2::{ExecutorConfig, Handle, JoinSet};
use io2_tests::observed::{Observed, Step};
use io2_tests::temp::TempDir;

/// A program that does a little of everything that is told of.
async fn program(dir: Arc<TempDir>) -> u64 {
    let path = dir.file("data", [1; 100]);
    let mut tasks = JoinSet::new();
    for at in 0..4 {
        let path = path.clone();
        tasks.spawn(async move {
            let file = File::open(&path).await.unwrap();
            io2::yield_now().await;
            let (read, buf) = file.read_at(Vec::with_capacity(10), at * 10).await;
            io2::time::sleep(Duration::from_millis(at)).await;
            assert_eq!(read.unwrap(), buf.len());
            buf.iter().map(|byte| u64::from(*byte)).sum::<u64>()
        });
    }
    let mut sum = 0;
    while let Some(joined) = tasks.join_next().await {
        sum += joined.unwrap();
    }

    // Over the slice, and a panic that nobody waits for.
    drop(io2::spawn(async {
        std::thread::sleep(Duration::from_millis(3));
        panic!("a task's own");
    }));
    // A cancelled task, a cancelled operation, and one of each that the end finds.
    assert!(io2::spawn(pending::<()>()).cancel().await.is_none());
    let (reader, writer) = std::io::pipe().unwrap();
    let pipe = File::from_std(OwnedFd::from(reader).into());
    for _ in 0..2 {
        let mut read = pipe.read(Vec::with_capacity(16));
        poll_fn(|cx| {
            assert!(Pin::new(&mut read).poll(cx).is_pending());
            Poll::Ready(())
        })
        .await;
    }
    drop(io2::spawn(async move {
        let _writer = writer;
        drop(pipe.read(Vec::with_capacity(16)).await);
    }));
    // A wake of another thread.
    sum + io2::spawn_blocking(|| 2).await
}

fn run(subscriber: &Observed) {
    let dir = Arc::new(TempDir::new());
    let config = ExecutorConfig::new()
        .ring_depth(2)
        .preempt_duration(Duration::from_millis(1));
    let sum = subscriber.run(|| config.run(program(dir))).unwrap();
    assert_eq!(sum, 42);
    // All of the program was told of, so each of these was a chance to go wrong.
    for name in [
        "runtime.spawn",
        "poll",
        "submit",
        "complete",
        "enter",
        "task.end",
        "task.panic",
        "op.orphan",
        "preempt.overrun",
        "ring.sq_full",
        "rt.start",
        "rt.stop",
    ] {
        assert!(!subscriber.named(name).is_empty(), "{name}");
    }
    // The thread is as good as new.
    assert_eq!(ExecutorConfig::new().run(async { 1 }).unwrap(), 1);
}

/// Calls what reaches into the executor, its tasks, its timers and its driver.
fn call_the_runtime() {
    let Some(handle) = Handle::try_current() else {
        // Before the executor runs, and after.
        return;
    };
    io2::ring_info().unwrap();
    io2::need_preempt();
    drop(io2::spawn(async {
        io2::time::sleep(Duration::from_micros(10)).await
    }));
    drop(handle.spawn_with(|| async {}));
    // It is closed by the ring.
    drop(File::from_std(std::fs::File::open("/dev/null").unwrap()));
}

#[test]
fn a_subscriber_may_call_the_runtime() {
    // For each place that calls the subscriber, how often. Not always, since what is spawned and
    // closed is told of in its turn.
    let calls = Arc::new(Mutex::new(HashMap::<_, u32>::new()));
    let failed = Arc::new(AtomicU32::new(0));
    let seen = Arc::new(OnceLock::<Observed>::new());
    let subscriber = Observed::then({
        let (calls, failed, seen) = (Arc::clone(&calls), Arc::clone(&failed), Arc::clone(&seen));
        move |step| {
            let (kind, id) = match step {
                Step::New(id) => ("new", id),
                Step::Enter(id) => ("enter", id),
                Step::Exit(id) => ("exit", id),
                Step::Close(id) => ("close", id),
                Step::Event(id) => ("event", id),
            };
            let name = seen.get().unwrap().get(id).name;
            let count = {
                let mut calls = calls.lock().unwrap();
                let count = calls.entry((kind, name)).or_default();
                *count += 1;
                *count
            };
            // A panic would go no further than this, so it is noted.
            if count <= 20 && catch_unwind(call_the_runtime).is_err() {
                failed.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    seen.set(subscriber.clone()).unwrap();
    run(&subscriber);
    assert_eq!(failed.load(Ordering::Relaxed), 0);
    let calls = calls.lock().unwrap();
    for kind in ["new", "enter", "exit", "close"] {
        for name in ["runtime.spawn", "poll", "submit", "complete", "enter"] {
            assert!(calls.contains_key(&(kind, name)), "{kind} {name}");
        }
    }
}

#[test]
fn a_subscriber_may_panic() {
    // Not by `panic!`, which would print each of them.
    let subscriber = Observed::then(|step| std::panic::resume_unwind(Box::new(step)));
    run(&subscriber);
    subscriber.assert_nested();
}

#[test]
fn a_subscriber_may_take_its_time() {
    let subscriber = Observed::then(|step| {
        if matches!(step, Step::Enter(_) | Step::Exit(_) | Step::Event(_)) {
            std::thread::sleep(Duration::from_micros(300));
        }
    });
    run(&subscriber);
    subscriber.assert_nested();
}

#[test]
fn a_subscriber_may_start_anywhere_and_end_anywhere() {
    let dir = Arc::new(TempDir::new());
    let observed = Observed::default();
    let config = ExecutorConfig::new();
    let sum = config
        .run(async {
            let early = io2::spawn(program(Arc::clone(&dir)));
            io2::yield_now().await;
            // From here on, with the task and its operations already under way.
            let guard = tracing::subscriber::set_default(observed.clone());
            io2::time::sleep(Duration::from_millis(1)).await;
            drop(guard);
            early.await
        })
        .unwrap();
    assert_eq!(sum, 42);
    observed.assert_nested();
    assert!(!observed.named("poll").is_empty());
}
