//! Awaits that are always ready give way when the time slice is used up.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::{Duration, Instant};

use io2::sync::{Mutex, Notify, RwLock, Semaphore, broadcast, mpsc, oneshot, watch};
use io2::{ExecutorConfig, Preempt};

/// Runs with a short slice, in which a loop that does not give way hangs.
fn run<F: Future>(future: F) -> F::Output {
    let config = ExecutorConfig::new()
        .preempt_duration(Duration::from_micros(200))
        .preempt(Preempt::Off);
    config.run(future).unwrap()
}

/// Does something that is always ready until another task has run.
async fn until_another_runs<F: AsyncFnMut()>(mut ready: F) {
    let ran = Rc::new(Cell::new(false));
    let other = io2::spawn({
        let ran = ran.clone();
        async move { ran.set(true) }
    });
    let hangs = Instant::now() + Duration::from_secs(30);
    while !ran.get() {
        ready().await;
        assert!(Instant::now() < hangs, "no other task has run");
    }
    other.await;
}

#[test]
fn loops_over_channels_that_are_always_ready_let_others_run() {
    run(async {
        let (sender, mut receiver) = mpsc::channel(1);
        until_another_runs(async || {
            sender.send(1).await.unwrap();
            receiver.try_recv().unwrap();
        })
        .await;
        until_another_runs(async || {
            sender.try_send(1).unwrap();
            receiver.recv().await.unwrap();
        })
        .await;
        until_another_runs(async || {
            sender.try_send(1).unwrap();
            receiver.recv_many(&mut Vec::new(), 1).await;
        })
        .await;
        until_another_runs(async || drop(sender.reserve().await.unwrap())).await;
        let (sender, mut receiver) = mpsc::unbounded_channel();
        until_another_runs(async || {
            sender.send(1).unwrap();
            receiver.recv().await.unwrap();
        })
        .await;
        until_another_runs(async || {
            let (sender, receiver) = oneshot::channel();
            sender.send(1).unwrap();
            receiver.await.unwrap();
        })
        .await;
        let (sender, mut receiver) = broadcast::channel(1);
        until_another_runs(async || {
            sender.send(1).unwrap();
            receiver.recv().await.unwrap();
        })
        .await;
        let (sender, mut receiver) = watch::channel(1);
        until_another_runs(async || {
            sender.send(1).unwrap();
            receiver.changed().await.unwrap();
        })
        .await;
        until_another_runs(async || drop(receiver.wait_for(|_| true).await.unwrap())).await;
    });
}

#[test]
fn loops_over_locks_that_are_free_let_others_run() {
    run(async {
        let mutex = Rc::new(Mutex::new(()));
        until_another_runs(async || drop(mutex.lock().await)).await;
        until_another_runs(async || drop(mutex.clone().lock_owned().await)).await;
        let lock = RwLock::new(());
        until_another_runs(async || drop(lock.read().await)).await;
        until_another_runs(async || drop(lock.write().await)).await;
        let semaphore = Semaphore::new(1);
        until_another_runs(async || drop(semaphore.acquire().await.unwrap())).await;
        let notify = Notify::new();
        until_another_runs(async || {
            notify.notify_one();
            notify.notified().await;
        })
        .await;
        let token = io2::sync::CancellationToken::new();
        token.cancel();
        until_another_runs(async || token.cancelled().await).await;
        let barrier = io2::sync::Barrier::new(1);
        until_another_runs(async || assert!(barrier.wait().await.is_leader())).await;
    });
}

#[test]
fn a_select_over_two_channels_that_are_always_ready_lets_others_run() {
    run(async {
        let (one, mut first) = mpsc::channel(1);
        let (two, mut second) = mpsc::channel(1);
        until_another_runs(async || {
            let _ = one.try_send(1);
            let _ = two.try_send(2);
            // The first that is ready.
            let (mut first, mut second) = (pin!(first.recv()), pin!(second.recv()));
            poll_fn(|cx| match first.as_mut().poll(cx) {
                Poll::Ready(message) => Poll::Ready(message),
                Poll::Pending => second.as_mut().poll(cx),
            })
            .await
            .unwrap();
        })
        .await;
    });
}

#[test]
fn nothing_is_lost_when_an_await_gives_way() {
    run(async {
        const MESSAGES: u32 = 200_000;
        let (sender, mut receiver) = mpsc::channel(7);
        let task = io2::spawn(async move {
            for n in 0..MESSAGES {
                sender.send(n).await.unwrap();
            }
        });
        for n in 0..MESSAGES {
            assert_eq!(receiver.recv().await, Some(n));
        }
        assert_eq!(receiver.recv().await, None);
        task.await;
    });
}

#[test]
fn unconstrained_futures_do_not_give_way() {
    run(async {
        let ran = Rc::new(Cell::new(false));
        let other = io2::spawn({
            let ran = ran.clone();
            async move { ran.set(true) }
        });
        let mutex = Mutex::new(());
        let start = Instant::now();
        io2::unconstrained(async {
            // Ten slices.
            while start.elapsed() < Duration::from_millis(2) {
                drop(mutex.lock().await);
                assert!(!ran.get());
            }
        })
        .await;
        // From here on it does again.
        until_another_runs(async || drop(mutex.lock().await)).await;
        assert!(ran.get());
        other.await;
    });
}

#[test]
fn a_block_on_within_a_task_gets_on_when_the_slice_is_used_up() {
    run(async {
        let mutex = Mutex::new(0);
        let start = Instant::now();
        while start.elapsed() < Duration::from_millis(2) {
            // Never lets the poll of this task end.
            futures::executor::block_on(async { *mutex.lock().await += 1 });
        }
        assert!(*mutex.lock().await > 0);
    });
}

#[test]
fn every_poll_gets_on_however_short_the_slice_is() {
    let config = ExecutorConfig::new()
        .preempt_duration(Duration::from_micros(1))
        .preempt(Preempt::Off);
    config
        .run(async {
            let semaphore = Semaphore::new(1);
            let mut acquires = pin!(async {
                for _ in 0..1000 {
                    drop(semaphore.acquire().await.unwrap());
                }
            });
            poll_fn(|cx| {
                // The slice is over before the first await of each poll.
                std::thread::sleep(Duration::from_micros(10));
                acquires.as_mut().poll(cx)
            })
            .await;
        })
        .unwrap();
}

#[test]
fn outside_an_executor_nothing_gives_way() {
    let semaphore = Semaphore::new(1);
    for _ in 0..1_200_000 {
        drop(io2_tests::hand::now(semaphore.acquire()).unwrap());
    }
}
