//! Wakes: from the executor's thread, from others, and too late.

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread::{self, ThreadId};

use futures::channel::{mpsc, oneshot};
use futures::{SinkExt, StreamExt};
use io2::{ExecutorConfig, JoinSet};

fn run<F: Future>(future: F) -> F::Output {
    ExecutorConfig::new().run(future).unwrap()
}

/// The waker of the task that awaits this.
async fn own_waker() -> Waker {
    poll_fn(|cx| Poll::Ready(cx.waker().clone())).await
}

/// A task that never ends and counts its polls.
fn counting_task(polls: &Rc<Cell<usize>>) -> (io2::JoinHandle<()>, Rc<RefCell<Option<Waker>>>) {
    let waker = Rc::new(RefCell::new(None));
    let (polls, given) = (polls.clone(), waker.clone());
    let task = io2::spawn(poll_fn(move |cx| {
        polls.set(polls.get() + 1);
        *given.borrow_mut() = Some(cx.waker().clone());
        Poll::Pending
    }));
    (task, waker)
}

#[test]
fn a_task_that_is_woken_many_times_is_polled_once() {
    run(async {
        let polls = Rc::new(Cell::new(0));
        let (_task, waker) = counting_task(&polls);
        io2::yield_now().await;
        assert_eq!(polls.get(), 1);
        for round in 0..10 {
            for _ in 0..100 {
                waker.borrow().as_ref().unwrap().wake_by_ref();
            }
            io2::yield_now().await;
            assert_eq!(polls.get(), 2 + round);
        }
        for _ in 0..10 {
            io2::yield_now().await;
        }
        assert_eq!(polls.get(), 11);
    });
}

#[test]
fn a_task_that_is_woken_many_times_by_a_thread_is_polled_once() {
    run(async {
        let polls = Rc::new(Cell::new(0));
        let (_task, waker) = counting_task(&polls);
        io2::yield_now().await;
        let waker = waker.borrow().clone().unwrap();
        thread::spawn(move || (0..1_000).for_each(|_| waker.wake_by_ref()))
            .join()
            .unwrap();
        for _ in 0..10 {
            io2::yield_now().await;
        }
        assert_eq!(polls.get(), 2);
    });
}

#[test]
fn a_task_that_wakes_itself_lets_the_others_run() {
    run(async {
        let polls = Rc::new(Cell::new(0));
        let counted = polls.clone();
        drop(io2::spawn(poll_fn(move |cx| {
            counted.set(counted.get() + 1);
            cx.waker().wake_by_ref();
            Poll::<()>::Pending
        })));
        for round in 1..100 {
            io2::yield_now().await;
            assert_eq!(polls.get(), round);
        }
    });
}

#[test]
fn the_waker_of_a_task_that_is_gone_wakes_nobody() {
    run(async {
        let stale = io2::spawn(own_waker()).await;
        // The next task has the place of the last one.
        let polls = Rc::new(Cell::new(0));
        let (_task, _) = counting_task(&polls);
        io2::yield_now().await;
        for _ in 0..100 {
            stale.wake_by_ref();
            let stale = stale.clone();
            thread::spawn(move || stale.wake()).join().unwrap();
            io2::yield_now().await;
        }
        assert_eq!(polls.get(), 1);
    });
}

#[test]
fn a_waker_that_outlives_its_executor_wakes_nobody() {
    let stale: Vec<Waker> = run(async {
        let mut wakers = vec![own_waker().await];
        for _ in 0..10 {
            wakers.push(io2::spawn(own_waker()).await);
        }
        wakers
    });
    stale.iter().for_each(Waker::wake_by_ref);
    let polls = Rc::new(Cell::new(0));
    for _ in 0..20 {
        polls.set(0);
        run(async {
            let _tasks: Vec<_> = (0..11).map(|_| counting_task(&polls).0).collect();
            io2::yield_now().await;
            stale.iter().for_each(Waker::wake_by_ref);
            let stale = stale.clone();
            thread::spawn(move || stale.into_iter().for_each(Waker::wake))
                .join()
                .unwrap();
            for _ in 0..5 {
                io2::yield_now().await;
            }
        });
        assert_eq!(polls.get(), 11);
    }
}

#[test]
fn wakes_race_with_executors_that_end() {
    let (sender, receiver) = std::sync::mpsc::channel::<Waker>();
    let threads: Vec<_> = {
        let receiver = Arc::new(std::sync::Mutex::new(receiver));
        (0..3)
            .map(|_| {
                let receiver = receiver.clone();
                thread::spawn(move || {
                    loop {
                        let waker = receiver.lock().unwrap().recv();
                        let Ok(waker) = waker else { return };
                        (0..50).for_each(|_| waker.wake_by_ref());
                    }
                })
            })
            .collect()
    };
    for _ in 0..200 {
        run(async {
            sender.send(own_waker().await).unwrap();
            let task = io2::spawn(own_waker());
            sender.send(task.await).unwrap();
        });
    }
    drop(sender);
    threads
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
}

#[test]
fn no_wake_is_lost_in_a_storm() {
    const TASKS: usize = 16;
    const THREADS: usize = 4;
    const ROUNDS: usize = 5_000;
    let seen: Arc<Vec<AtomicUsize>> = Arc::new((0..TASKS).map(|_| AtomicUsize::new(0)).collect());
    run(async {
        let mut set = JoinSet::new();
        let (sender, mut wakers) = mpsc::unbounded();
        for task in 0..TASKS {
            let (seen, sender) = (seen.clone(), sender.clone());
            set.spawn(async move {
                sender.unbounded_send((task, own_waker().await)).unwrap();
                poll_fn(|_| {
                    if seen[task].load(Ordering::Relaxed) == THREADS * ROUNDS {
                        Poll::Ready(())
                    } else {
                        Poll::Pending
                    }
                })
                .await;
            });
        }
        let mut all = Vec::new();
        for _ in 0..TASKS {
            all.push(wakers.next().await.unwrap());
        }
        let threads: Vec<_> = (0..THREADS)
            .map(|_| {
                let (seen, all) = (seen.clone(), all.clone());
                thread::spawn(move || {
                    for _ in 0..ROUNDS {
                        for (task, waker) in &all {
                            seen[*task].fetch_add(1, Ordering::Relaxed);
                            waker.wake_by_ref();
                        }
                    }
                })
            })
            .collect();
        // Sleeps in between: the tasks alone wake it.
        while let Some(output) = set.join_next().await {
            output.unwrap();
        }
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn channels_of_every_make_work_between_threads_and_tasks() {
    const MESSAGES: usize = 300;
    run(async {
        let expected: Vec<usize> = (0..MESSAGES).collect();

        let (mut sender, receiver) = mpsc::channel(1);
        let thread = thread::spawn(move || {
            futures::executor::block_on(async {
                for n in 0..MESSAGES {
                    sender.send(n).await.unwrap();
                }
            })
        });
        assert_eq!(receiver.collect::<Vec<_>>().await, expected);
        thread.join().unwrap();

        let (sender, receiver) = async_channel::bounded(1);
        let thread = thread::spawn(move || {
            (0..MESSAGES).for_each(|n| sender.send_blocking(n).unwrap());
        });
        let mut seen = Vec::new();
        while let Ok(n) = receiver.recv().await {
            seen.push(n);
        }
        assert_eq!(seen, expected);
        thread.join().unwrap();

        let (sender, receiver) = flume::bounded(0);
        let thread = thread::spawn(move || {
            (0..MESSAGES).for_each(|n| sender.send(n).unwrap());
        });
        let mut seen = Vec::new();
        while let Ok(n) = receiver.recv_async().await {
            seen.push(n);
        }
        assert_eq!(seen, expected);
        thread.join().unwrap();

        // Within the executor, too.
        let (sender, receiver) = async_channel::bounded(1);
        let task = io2::spawn(async move {
            for n in 0..MESSAGES {
                sender.send(n).await.unwrap();
            }
        });
        let mut seen = Vec::new();
        while let Ok(n) = receiver.recv().await {
            seen.push(n);
        }
        assert_eq!(seen, expected);
        task.await;
    });
}

#[test]
fn a_oneshot_wakes_a_sleeping_executor() {
    run(async {
        for n in 0..200 {
            let (sender, receiver) = oneshot::channel();
            let thread = thread::spawn(move || sender.send(n).unwrap());
            assert_eq!(receiver.await.unwrap(), n);
            thread.join().unwrap();
        }
    });
}

#[test]
fn a_task_is_dropped_on_its_own_thread_wherever_its_wakers_are() {
    struct Home(ThreadId);
    impl Drop for Home {
        fn drop(&mut self) {
            assert_eq!(thread::current().id(), self.0);
        }
    }
    let mut wakers = Vec::new();
    run(async {
        let home = Home(thread::current().id());
        let (sender, receiver) = oneshot::channel();
        let task = io2::spawn(async move {
            let _home = home;
            sender.send(own_waker().await).unwrap();
            pending::<()>().await;
        });
        wakers.push(receiver.await.unwrap());
        assert_eq!(task.cancel().await, None);
    });
    thread::spawn(move || drop(wakers)).join().unwrap();
}

#[test]
fn two_executors_wake_each_other() {
    const ROUNDS: usize = 500;
    let (mut ping, mut pinged) = mpsc::channel::<usize>(0);
    let (mut pong, mut ponged) = mpsc::channel::<usize>(0);
    let thread = thread::spawn(move || {
        run(async move {
            while let Some(n) = pinged.next().await {
                pong.send(n + 1).await.unwrap();
            }
        });
    });
    run(async move {
        let mut n = 0;
        while n < ROUNDS {
            ping.send(n).await.unwrap();
            n = ponged.next().await.unwrap();
        }
    });
    thread.join().unwrap();
}

#[test]
fn a_completion_wakes_a_task_of_another_executor() {
    let (sender, receiver) = std::sync::mpsc::channel();
    let waiter = thread::spawn(move || {
        run(async {
            let mut polls = 0;
            poll_fn(|cx| {
                polls += 1;
                if polls == 2 {
                    return Poll::Ready(());
                }
                sender.send(cx.waker().clone()).unwrap();
                Poll::Pending
            })
            .await;
        });
    });
    run(async {
        let waker = receiver.recv().unwrap();
        let mut operation = io2::op::nop();
        let polled = Pin::new(&mut operation).poll(&mut Context::from_waker(&waker));
        assert!(polled.is_pending());
        // The kernel takes one after the other, so both are done.
        io2::op::nop().await.unwrap();
        operation.await.unwrap();
    });
    waiter.join().unwrap();
}

#[test]
fn a_task_that_is_dropped_can_wake_the_one_that_was_polled_last() {
    struct WakesInDrop(Waker);
    impl Drop for WakesInDrop {
        fn drop(&mut self) {
            self.0.wake_by_ref();
        }
    }
    run(async {
        let last_wish = WakesInDrop(own_waker().await);
        let task = io2::spawn(async move {
            let _last_wish = last_wish;
            pending::<()>().await;
        });
        io2::yield_now().await;
        let mut aborted = false;
        poll_fn(|_| {
            if aborted {
                return Poll::Ready(());
            }
            aborted = true;
            task.abort_handle().abort();
            Poll::Pending
        })
        .await;
    });
}
