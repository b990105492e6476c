//! Channels of other crates, between two executors and between an executor and a plain thread.

use std::sync::Arc;
use std::thread;

use futures::{SinkExt, StreamExt};
use io2::ExecutorConfig;

const MESSAGES: u64 = 10_000;
const SUM: u64 = MESSAGES * (MESSAGES - 1) / 2;

fn executor<F: Future>(future: F) -> F::Output {
    ExecutorConfig::new().run(future).unwrap()
}

/// One future in an executor of its own, one in this thread's.
fn across<T: Send + 'static, F: Future<Output = ()>>(
    sends: impl FnOnce() -> F + Send + 'static,
    receives: impl Future<Output = T>,
) -> T {
    let thread = thread::spawn(|| executor(sends()));
    let output = executor(receives);
    thread.join().unwrap();
    output
}

/// Adds up what the expression gives until it gives nothing.
macro_rules! sum {
    ($message:expr) => {
        async move {
            let mut sum = 0;
            while let Some(message) = $message {
                sum += message;
            }
            sum
        }
    };
}

#[test]
fn async_channel_works_between_executors() {
    let (sender, receiver) = async_channel::bounded(8);
    let sends = async move || {
        for n in 0..MESSAGES {
            sender.send(n).await.unwrap();
        }
    };
    assert_eq!(across(sends, sum!(receiver.recv().await.ok())), SUM);
}

#[test]
fn flume_works_between_executors() {
    let (sender, receiver) = flume::bounded(8);
    let sends = async move || {
        for n in 0..MESSAGES {
            sender.send_async(n).await.unwrap();
        }
    };
    assert_eq!(across(sends, sum!(receiver.recv_async().await.ok())), SUM);
}

#[test]
fn futures_channels_work_between_executors() {
    let (mut sender, mut receiver) = futures::channel::mpsc::channel(8);
    let (answer, question) = futures::channel::oneshot::channel();
    let sends = async move || {
        for n in 0..MESSAGES {
            sender.send(n).await.unwrap();
        }
        drop(sender);
        assert_eq!(question.await, Ok(SUM));
    };
    let receives = async move {
        let mut sum = 0;
        while let Some(message) = receiver.next().await {
            sum += message;
        }
        answer.send(sum).unwrap();
    };
    across(sends, receives);
}

#[test]
fn tokio_channels_work_between_executors() {
    let (sender, mut receiver) = tokio::sync::mpsc::channel(8);
    let (answer, question) = tokio::sync::oneshot::channel();
    let sends = async move || {
        for n in 0..MESSAGES {
            sender.send(n).await.unwrap();
        }
        drop(sender);
        assert_eq!(question.await, Ok(SUM));
    };
    let receives = async move {
        let mut sum = 0;
        while let Some(message) = receiver.recv().await {
            sum += message;
        }
        answer.send(sum).unwrap();
    };
    across(sends, receives);
}

#[test]
fn tokio_broadcast_and_watch_work_between_executors() {
    let (sender, mut receiver) = tokio::sync::broadcast::channel(MESSAGES as usize);
    let (seen, mut sees) = tokio::sync::watch::channel(0);
    let sends = async move || {
        for n in 0..MESSAGES {
            sender.send(n).unwrap();
        }
        drop(sender);
        assert_eq!(*sees.wait_for(|&sum| sum == SUM).await.unwrap(), SUM);
    };
    let receives = async move {
        let mut sum = 0;
        while let Ok(message) = receiver.recv().await {
            sum += message;
            seen.send(sum).unwrap();
        }
        seen.closed().await;
    };
    across(sends, receives);
}

#[test]
fn tokio_locks_and_notifications_work_between_executors() {
    const TURNS: u64 = 1000;
    let count = Arc::new(tokio::sync::Mutex::new(0));
    let semaphore = Arc::new(tokio::sync::Semaphore::new(1));
    let done = Arc::new(tokio::sync::Notify::new());
    let work = |count: Arc<tokio::sync::Mutex<u64>>, semaphore: Arc<tokio::sync::Semaphore>| async move {
        for _ in 0..TURNS {
            let _permit = semaphore.acquire().await.unwrap();
            let mut count = count.lock().await;
            io2::yield_now().await;
            *count += 1;
        }
    };
    let there = (count.clone(), semaphore.clone(), done.clone());
    let sends = async move || {
        work(there.0, there.1).await;
        there.2.notify_one();
    };
    let here = async {
        work(count.clone(), semaphore).await;
        done.notified().await;
        *count.lock().await
    };
    assert_eq!(across(sends, here), 2 * TURNS);
}

#[test]
fn a_plain_thread_sends_to_an_executor_that_sleeps() {
    let (sender, receiver) = flume::unbounded();
    let (back, answers) = async_channel::unbounded();
    let thread = thread::spawn(move || {
        for n in 0..100 {
            sender.send(n).unwrap();
            // Only once the executor has answered, and has nothing else to do.
            assert_eq!(answers.recv_blocking(), Ok(n));
        }
    });
    executor(async move {
        while let Ok(n) = receiver.recv_async().await {
            back.send(n).await.unwrap();
        }
    });
    thread.join().unwrap();
}
