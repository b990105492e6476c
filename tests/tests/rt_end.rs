//! The end of an executor: what it drops, drains and leaves behind.

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn};
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

use io2::fs::File;
use io2::op::nop;
use io2::{ExecutorConfig, Handle, JoinHandle};
use io2_tests::observed::Observed;
use io2_tests::pipes::{pipe, pipes};
use io2_tests::{child, descriptors, polling};
use tracing::Level;

fn run<F: Future>(future: F) -> F::Output {
    ExecutorConfig::new().run(future).unwrap()
}

/// Calls a closure when it is dropped.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// A task that lives until the end, and then calls `f`.
fn at_the_end(f: impl FnMut() + 'static) {
    let on_drop = OnDrop(f);
    drop(io2::spawn(async move {
        let _on_drop = on_drop;
        pending::<()>().await;
    }));
}

#[test]
fn a_spawn_during_the_end_gives_a_cancelled_task() {
    let handles: Rc<RefCell<Vec<JoinHandle<()>>>> = Rc::default();
    let dropped = Rc::new(Cell::new(0));
    run(async {
        for _ in 0..5 {
            let (handles, dropped) = (handles.clone(), dropped.clone());
            at_the_end(move || {
                let dropped = dropped.clone();
                let on_drop = OnDrop(move || dropped.set(dropped.get() + 1));
                let task = io2::spawn(async move {
                    let _on_drop = on_drop;
                });
                assert!(task.is_finished());
                handles.borrow_mut().push(task);
            });
        }
        io2::yield_now().await;
    });
    assert_eq!(dropped.get(), 5);
    // A panic in a drop, such as of an assertion above, would be the task's.
    assert_eq!(handles.borrow().len(), 5);
    run(async {
        for handle in handles.take() {
            assert!(handle.join().await.unwrap_err().is_cancelled());
        }
    });
}

#[test]
fn a_join_set_works_during_the_end() {
    let joined = Rc::new(Cell::new(0));
    let counted = joined.clone();
    run(async {
        at_the_end(move || {
            let mut set = io2::JoinSet::new();
            set.spawn(async {});
            let mut next = Box::pin(set.join_next());
            let mut cx = std::task::Context::from_waker(Waker::noop());
            let Poll::Ready(Some(Err(error))) = next.as_mut().poll(&mut cx) else {
                panic!("the task is over already");
            };
            assert!(error.is_cancelled());
            counted.set(counted.get() + 1);
        });
        io2::yield_now().await;
    });
    assert_eq!(joined.get(), 1);
}

#[test]
fn tasks_are_dropped_inside_the_executor() {
    let seen = Rc::new(Cell::new(0));
    let counted = seen.clone();
    run(async {
        let (file, _writer) = pipe();
        at_the_end(move || {
            assert!(Handle::try_current().is_some());
            assert!(io2::ring_info().is_some());
            // Submits an operation whose future is dropped at once.
            let mut read = Box::pin(file.read(vec![0; 8]));
            let mut cx = std::task::Context::from_waker(Waker::noop());
            assert!(read.as_mut().poll(&mut cx).is_pending());
            counted.set(counted.get() + 1);
        });
        io2::yield_now().await;
    });
    assert_eq!(seen.get(), 1);
}

#[test]
fn tasks_that_have_never_run_are_dropped_too() {
    let dropped = Rc::new(Cell::new(0));
    run(async {
        for _ in 0..10 {
            let dropped = dropped.clone();
            at_the_end(move || dropped.set(dropped.get() + 1));
        }
    });
    assert_eq!(dropped.get(), 10);
}

#[test]
fn hundreds_of_operations_in_flight_are_drained() {
    child::run("hundreds_of_operations_in_flight_are_drained", || {
        let before = descriptors::open();
        let observed = Observed::at_most(Level::DEBUG);
        for depth in [1, 64] {
            observed
                .run(|| {
                    ExecutorConfig::new().ring_depth(depth).run(async {
                        let (files, writers) = pipes(100);
                        for file in files {
                            for _ in 0..3 {
                                let file = file.try_clone().unwrap();
                                drop(io2::spawn(async move { file.read(vec![0; 64]).await }));
                            }
                        }
                        at_the_end(move || assert!(!writers.is_empty()));
                        io2::yield_now().await;
                        nop().await.unwrap();
                    })
                })
                .unwrap();
            assert_eq!(descriptors::open(), before);
        }
        for stop in observed.named("rt.stop") {
            assert_eq!(stop.number("drained"), stop.number("inflight"), "{stop:?}");
            assert!(stop.number("inflight") >= 300, "{stop:?}");
        }
        assert!(observed.named("rt.leak").is_empty());
    });
}

#[test]
fn without_time_to_shut_down_what_ends_at_once_is_not_leaked() {
    // In a process of its own: threads that trace for the first time disturb each other.
    child::run(
        "without_time_to_shut_down_what_ends_at_once_is_not_leaked",
        || {
            let observed = Observed::at_most(Level::ERROR);
            observed.run(|| {
                for depth in [1, 8] {
                    let config = ExecutorConfig::new()
                        .ring_depth(depth)
                        .shutdown_timeout(Duration::ZERO);
                    config
                        .run(async {
                            // Sleeps once, so that the wait for wakes is in flight.
                            let (sender, receiver) = futures::channel::oneshot::channel();
                            thread::spawn(move || sender.send(()).unwrap());
                            receiver.await.unwrap();
                            let (files, writers) = pipes(20);
                            for file in files {
                                drop(io2::spawn(async move { file.read(vec![0; 64]).await }));
                            }
                            at_the_end(move || assert!(!writers.is_empty()));
                            nop().await.unwrap();
                        })
                        .unwrap();
                }
            });
            assert!(observed.all().is_empty(), "{:#?}", observed.all());
        },
    );
}

#[test]
fn an_endless_time_to_shut_down_is_a_time() {
    ExecutorConfig::new()
        .shutdown_timeout(Duration::MAX)
        .run(async {
            let (file, writer) = pipe();
            drop(io2::spawn(async move { file.read(vec![0; 64]).await }));
            nop().await.unwrap();
            drop(writer);
        })
        .unwrap();
}

#[test]
fn the_handle_of_a_task_whose_executor_has_ended_says_so() {
    let (alive, done) = run(async {
        let done = io2::spawn(async { 7 });
        io2::yield_now().await;
        (io2::spawn(pending::<()>()), done)
    });
    assert!(alive.is_finished());
    run(async {
        assert_eq!(done.await, 7);
        let text = io2::spawn(alive).join().await.unwrap_err().to_string();
        assert!(text.contains("the task was cancelled"), "{text}");
    });
}

#[test]
fn a_handle_that_is_awaited_from_the_next_executor_does_not_block() {
    let mut handle = None;
    run(async { handle = Some(io2::spawn(pending::<()>())) });
    let joined = run(async { handle.take().unwrap().join().await });
    assert!(joined.unwrap_err().is_cancelled());
}

#[test]
fn a_timer_that_outlives_its_executor_is_harmless() {
    let mut sleep = Box::pin(io2::time::sleep(Duration::from_millis(5)));
    run(async { assert!(polling::once(&mut sleep).await.is_none()) });
    // The next executor waits for it.
    run(sleep);
    let mut sleep = Box::pin(io2::time::sleep(Duration::from_secs(3_600)));
    run(async { assert!(polling::once(&mut sleep).await.is_none()) });
    run(async {
        assert!(polling::once(&mut sleep).await.is_none());
    });
    drop(sleep);
}

#[test]
fn run_returns_the_output_though_tasks_go_on() {
    let (file, mut writer) = pipe();
    let output = run(async {
        let task = io2::spawn(async move { file.read(vec![0; 4]).await.1 });
        writer.write_all(b"abcd").unwrap();
        let first = task.await;
        drop(io2::spawn(async {
            loop {
                io2::yield_now().await;
            }
        }));
        first
    });
    assert_eq!(output, b"abcd");
}

#[test]
fn a_borrowed_main_future_needs_no_static_data() {
    let mut local = vec![1, 2, 3];
    run(async {
        io2::yield_now().await;
        local.push(4);
    });
    assert_eq!(local, [1, 2, 3, 4]);
}

#[test]
fn the_mail_of_an_executor_that_has_ended_comes_back_as_cancelled() {
    let handle = run(async { Handle::current() });
    let task = handle.spawn_with(|| async { 1 });
    let joined = futures::executor::block_on(task.join());
    assert!(joined.unwrap_err().is_cancelled());
}

#[test]
fn mail_that_races_with_the_end_is_run_or_cancelled() {
    let mut run_at_all = 0;
    for _ in 0..100 {
        let (sender, receiver) = std::sync::mpsc::channel::<Handle>();
        let thread = thread::spawn(move || {
            let handle = receiver.recv().unwrap();
            (0..20)
                .map(|n| handle.spawn_with(move || async move { n }))
                .collect::<Vec<_>>()
        });
        run(async {
            sender.send(Handle::current()).unwrap();
            for _ in 0..50 {
                io2::yield_now().await;
            }
        });
        for (n, task) in thread.join().unwrap().into_iter().enumerate() {
            match futures::executor::block_on(task.join()) {
                Ok(output) => {
                    assert_eq!(output, n);
                    run_at_all += 1;
                }
                Err(error) => assert!(error.is_cancelled()),
            }
        }
    }
    // What is said of the others is said above.
    let _ = run_at_all;
}

#[test]
fn thread_local_data_may_use_the_runtime_while_the_thread_ends() {
    thread_local! {
        static LATE: RefCell<Option<Box<dyn std::any::Any>>> = const { RefCell::new(None) };
    }
    let outcome = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let said = outcome.clone();
    thread::spawn(move || {
        // Before the executor's own thread-local, so that it is dropped after that.
        LATE.with_borrow_mut(|late| *late = None);
        let (file, _writer) = pipe();
        let (waker, read, sleep) = run(async {
            let mut read = file.read(vec![0; 8]);
            assert!(polling::once(&mut read).await.is_none());
            let mut sleep = Box::pin(io2::time::sleep(Duration::from_secs(60)));
            assert!(polling::once(&mut sleep).await.is_none());
            let waker = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
            (waker, read, sleep)
        });
        let mut owned = Some((waker, read, sleep, file));
        let late = OnDrop(move || {
            let (waker, read, sleep, file) = owned.take().unwrap();
            waker.wake();
            drop((read, sleep, file));
            let again = ExecutorConfig::new().run(async { 5 });
            said.lock().unwrap().push((
                Handle::try_current().is_none(),
                io2::need_preempt(),
                again.unwrap(),
            ));
        });
        LATE.with_borrow_mut(|slot| *slot = Some(Box::new(late)));
    })
    .join()
    .unwrap();
    let outcome = outcome.lock().unwrap();
    assert_eq!(*outcome, [(true, false, 5)]);
}

#[test]
fn an_executor_can_follow_another_a_hundred_times_on_a_thread() {
    child::run(
        "an_executor_can_follow_another_a_hundred_times_on_a_thread",
        || {
            let before = descriptors::open();
            for n in 0..100 {
                let (registered, value) = run(async move {
                    nop().await.unwrap();
                    (io2::ring_info().unwrap().registered, n)
                });
                // A thread has 16 places for the rings' descriptors: each is given back.
                assert!(registered, "executor {n}");
                assert_eq!(value, n);
            }
            assert_eq!(descriptors::open(), before);
        },
    );
}

#[test]
fn errors_and_panics_leak_no_descriptor() {
    child::run("errors_and_panics_leak_no_descriptor", || {
        let before = descriptors::open();
        for _ in 0..20 {
            let error = run(async {
                let _file = File::open("/dev/null").await?;
                File::open("/nonexistent").await.map(drop)
            });
            assert_eq!(error.unwrap_err().kind(), io::ErrorKind::NotFound);
            let panicked = catch_unwind(AssertUnwindSafe(|| {
                run(async {
                    let (file, _writer) = pipe();
                    let mut read = file.read(vec![0; 8]);
                    assert!(polling::once(&mut read).await.is_none());
                    drop(io2::spawn(async move { file.read(vec![0; 8]).await }));
                    io2::yield_now().await;
                    panic!("on purpose");
                })
            }));
            assert!(panicked.is_err());
        }
        assert_eq!(descriptors::open(), before);
    });
}
