//! The work that the benchmarks measure and that `count` counts the instructions of.
//!
//! Each function does so many units of one kind of work within the executor that awaits it.

pub mod sync;

use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use io2::fs::File;

/// Bytes of a read.
pub const BLOCK: usize = 4096;

const MESSAGE: &[u8] = &[7; 64];

/// Runs a future in an executor whose ring takes what a benchmark submits in one go.
///
/// # Panics
///
/// Where the kernel refuses a ring.
pub fn run<F: Future>(future: F) -> F::Output {
    // The watchdog is a thread of its own, so what it does is not this work.
    let config = io2::ExecutorConfig::new().ring_depth(256).watchdog(false);
    config.run(future).expect("the executor started")
}

/// Spawns so many tasks at once and joins them.
pub async fn spawn_at_once(tasks: u64) {
    let handles: Vec<_> = (0..tasks).map(|n| io2::spawn(async move { n })).collect();
    for handle in handles {
        handle.await;
    }
}

/// Spawns tasks and joins each before the next.
pub async fn spawn_one_by_one(tasks: u64) {
    for n in 0..tasks {
        io2::spawn(async move { n }).await;
    }
}

/// So many tasks, each of which yields `yields` times.
pub async fn yields(tasks: u64, yields: u64) {
    let task = |_| {
        io2::spawn(async move {
            for _ in 0..yields {
                io2::yield_now().await;
            }
        })
    };
    let handles: Vec<_> = (0..tasks).map(task).collect();
    for handle in handles {
        handle.await;
    }
}

/// A task that wakes itself so many times.
pub async fn wake_oneself(wakes: u64) {
    let mut left = wakes;
    let task = poll_fn(move |cx| {
        if left == 0 {
            return Poll::Ready(());
        }
        left -= 1;
        cx.waker().wake_by_ref();
        Poll::Pending
    });
    io2::spawn(task).await;
}

/// So many tasks that sleep for 1 to 50 ms.
pub async fn sleeps(sleeps: u64) {
    let task = |n: u64| {
        let duration = Duration::from_micros(1000 + n * 7919 % 49_000);
        io2::spawn(io2::time::sleep(duration))
    };
    let handles: Vec<_> = (0..sleeps).map(task).collect();
    for handle in handles {
        handle.await;
    }
}

/// Sleeps that are polled once and dropped, as the usual timeout is.
pub async fn sleeps_dropped(sleeps: u64) {
    let mut cx = Context::from_waker(Waker::noop());
    for _ in 0..sleeps {
        let sleep = pin!(io2::time::sleep(Duration::from_secs(60)));
        assert!(sleep.poll(&mut cx).is_pending());
    }
}

/// `tasks` tasks that each do `each` operations one after the other.
async fn at_depth<F>(tasks: u64, task: impl Fn() -> F) -> io::Result<()>
where
    F: Future<Output = io::Result<()>> + 'static,
{
    let handles: Vec<_> = (0..tasks).map(|_| io2::spawn(task())).collect();
    for handle in handles {
        handle.await?;
    }
    Ok(())
}

/// No-ops through the ring, from `depth` tasks with `each` apiece.
///
/// # Errors
///
/// Those of the kernel.
pub async fn no_ops(depth: u64, each: u64) -> io::Result<()> {
    let task = move || async move {
        for _ in 0..each {
            io2::op::nop().await?;
        }
        Ok(())
    };
    at_depth(depth, task).await
}

/// Reads of 4 KiB within the first `blocks` blocks of a file, from `depth` tasks with `each` apiece.
///
/// # Errors
///
/// Those of opening and reading.
pub async fn reads(path: &'static str, blocks: u64, depth: u64, each: u64) -> io::Result<()> {
    let task = move || async move {
        let file = File::open(path).await?;
        let mut buf = Vec::with_capacity(BLOCK);
        for n in 0..each {
            let offset = n % blocks * BLOCK as u64;
            let (count, back) = file.read_at(buf, offset).await;
            assert_eq!(count?, BLOCK);
            buf = back;
        }
        Ok(())
    };
    at_depth(depth, task).await
}

/// Messages of 64 bytes, each sent through a pair of sockets and received.
///
/// # Errors
///
/// Those of the kernel.
pub async fn messages_through_sockets(messages: u64) -> io::Result<()> {
    let (near, far) = io2::net::UnixStream::pair()?;
    let mut buf = Vec::with_capacity(64);
    for _ in 0..messages {
        let written;
        (written, _) = near.write_all(MESSAGE).await;
        written?;
        let read;
        (read, buf) = far.read(buf).await;
        assert_eq!(read?, 64);
    }
    Ok(())
}

/// Runs with a subscriber that wants every span, and does nothing with it.
pub fn traced<R>(run: impl FnOnce() -> R) -> R {
    tracing::subscriber::with_default(Wants(AtomicU64::new(0)), run)
}

/// Counts spans, to tell them apart.
struct Wants(AtomicU64);

impl tracing::Subscriber for Wants {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::Id {
        tracing::Id::from_u64(1 + self.0.fetch_add(1, Ordering::Relaxed))
    }

    fn record(&self, _: &tracing::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::Id, _: &tracing::Id) {}

    fn event(&self, _: &tracing::Event<'_>) {}

    fn enter(&self, _: &tracing::Id) {}

    fn exit(&self, _: &tracing::Id) {}
}

/// Runs while the histograms count everything.
pub fn watched<R>(run: impl FnOnce() -> R) -> R {
    let _watching = io2::observe::watch();
    run()
}

/// Asks so many times whether the task should let others run. Gives how often it should.
pub fn need_preempt(times: u64) -> u64 {
    (0..times).map(|_| u64::from(io2::need_preempt())).sum()
}

/// A thread that wakes a task of another one whenever it is asked to.
pub struct Alarm {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    asked: AtomicU64,
    answered: AtomicU64,
    waker: Mutex<Option<Waker>>,
    stop: AtomicBool,
}

impl Alarm {
    /// Starts the thread.
    pub fn new() -> Self {
        let shared = Arc::new(Shared {
            asked: AtomicU64::new(0),
            answered: AtomicU64::new(0),
            waker: Mutex::new(None),
            stop: AtomicBool::new(false),
        });
        let thread = {
            let shared = shared.clone();
            thread::spawn(move || shared.answer())
        };
        Alarm {
            shared,
            thread: Some(thread),
        }
    }

    /// Asks to be woken so many times, each time after the last wake came.
    ///
    /// # Panics
    ///
    /// After the alarm was dropped.
    pub async fn wakes(&self, wakes: u64) {
        let thread = self.thread.as_ref().expect("not dropped").thread();
        for _ in 0..wakes {
            let before = self.shared.answered.load(Ordering::Acquire);
            let mut asked = false;
            poll_fn(|cx| {
                if self.shared.answered.load(Ordering::Acquire) > before {
                    return Poll::Ready(());
                }
                if !asked {
                    asked = true;
                    let waker = Some(cx.waker().clone());
                    *self
                        .shared
                        .waker
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner) = waker;
                    self.shared.asked.fetch_add(1, Ordering::Release);
                    thread.unpark();
                }
                Poll::Pending
            })
            .await;
        }
    }
}

impl Shared {
    fn answer(&self) {
        loop {
            let asked = self.asked.load(Ordering::Acquire);
            if asked > self.answered.load(Ordering::Relaxed) {
                let waker = self
                    .waker
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .take();
                self.answered.store(asked, Ordering::Release);
                if let Some(waker) = waker {
                    waker.wake();
                }
            } else if self.stop.load(Ordering::Acquire) {
                return;
            } else {
                thread::park();
            }
        }
    }
}

impl Default for Alarm {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // It cannot panic: a waker of io2 does not.
            let _ = thread.join();
        }
    }
}

impl std::fmt::Debug for Alarm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Alarm")
    }
}
