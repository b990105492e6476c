//! Tasks and what waits for them.

use std::cell::{Cell, RefCell};
use std::future::{Future, pending, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use io2::{ExecutorConfig, JoinHandle, JoinSet};

fn run<F: Future>(future: F) -> F::Output {
    ExecutorConfig::new().run(future).unwrap()
}

#[test]
fn a_task_that_awaits_its_own_handle_is_not_polled_within_itself() {
    run(async {
        let handle: Rc<RefCell<Option<JoinHandle<()>>>> = Rc::default();
        let own = handle.clone();
        let task = io2::spawn(async move {
            let mut own = own.borrow_mut().take().unwrap();
            assert!(!own.is_finished());
            // Waits for ever, harmlessly.
            (&mut own).await;
        });
        let abort = task.abort_handle();
        *handle.borrow_mut() = Some(task);
        for _ in 0..5 {
            io2::yield_now().await;
        }
        assert!(!abort.is_finished());
        abort.abort();
        io2::yield_now().await;
        assert!(abort.is_finished());
    });
}

#[test]
fn tasks_that_own_each_others_handles_are_freed() {
    type Held = Cell<Option<JoinHandle<()>>>;
    let alive = Rc::new(());
    run(async {
        for _ in 0..10 {
            let (one, other) = <(Rc<Held>, Rc<Held>)>::default();
            let (held, theirs) = (alive.clone(), other.clone());
            one.set(Some(io2::spawn(async move {
                let _held = held;
                let _other = theirs;
                pending::<()>().await;
            })));
            let held = alive.clone();
            other.set(Some(io2::spawn(async move {
                let _held = held;
                let _one = one;
                pending::<()>().await;
            })));
        }
        io2::yield_now().await;
    });
    assert_eq!(Rc::strong_count(&alive), 1);
}

#[test]
fn a_cancellation_drops_the_future_before_it_returns() {
    run(async {
        let alive = Rc::new(());
        let held = alive.clone();
        let task = io2::spawn(async move {
            let _held = held;
            pending::<()>().await;
        });
        io2::yield_now().await;
        assert_eq!(Rc::strong_count(&alive), 2);
        assert_eq!(task.cancel().await, None);
        assert_eq!(Rc::strong_count(&alive), 1);
    });
}

#[test]
fn a_cancellation_that_comes_too_late_gives_the_output() {
    run(async {
        let task = io2::spawn(async { 5 });
        io2::yield_now().await;
        assert_eq!(task.cancel().await, Some(5));
    });
}

#[test]
fn a_cancellation_is_requested_by_the_call_and_not_by_the_await() {
    run(async {
        let task = io2::spawn(pending::<()>());
        let abort = task.abort_handle();
        let cancelled = task.cancel();
        io2::yield_now().await;
        assert!(abort.is_finished());
        assert_eq!(cancelled.await, None);
    });
}

#[test]
fn an_abort_from_within_takes_effect_when_the_poll_is_over() {
    run(async {
        let steps = Rc::new(Cell::new(0));
        let (counted, own) = (steps.clone(), Rc::new(Cell::new(None::<io2::AbortHandle>)));
        let abort = own.clone();
        let task = io2::spawn(async move {
            abort.take().unwrap().abort();
            counted.set(counted.get() + 1);
            io2::yield_now().await;
            counted.set(counted.get() + 1);
        });
        own.set(Some(task.abort_handle()));
        assert!(task.join().await.unwrap_err().is_cancelled());
        assert_eq!(steps.get(), 1);
    });
}

#[test]
fn a_handle_works_from_a_task_other_than_the_spawner() {
    run(async {
        let (sender, receiver) = futures::channel::oneshot::channel::<()>();
        let slow = io2::spawn(async move {
            receiver.await.unwrap();
            9
        });
        let waits = io2::spawn(slow);
        for _ in 0..5 {
            io2::yield_now().await;
        }
        sender.send(()).unwrap();
        assert_eq!(waits.await, 9);
    });
}

#[test]
fn an_await_that_is_dropped_loses_no_output() {
    run(async {
        let mut task = io2::spawn(async {
            io2::yield_now().await;
            String::from("output")
        });
        for _ in 0..2 {
            poll_fn(|cx| {
                assert!(Pin::new(&mut task).poll(cx).is_pending());
                Poll::Ready(())
            })
            .await;
        }
        io2::yield_now().await;
        io2::yield_now().await;
        assert_eq!(task.await, "output");
    });
}

#[test]
fn handles_and_abort_handles_tell_what_they_are_of() {
    run(async {
        let one = io2::spawn(pending::<()>());
        let two = io2::spawn(pending::<()>());
        assert_ne!(one.id(), two.id());
        assert_eq!(one.id(), one.abort_handle().id());
        assert_eq!(one.id().to_string(), one.id().as_u64().to_string());
        let text = format!("{one:?} {:?}", one.abort_handle());
        assert!(text.contains("finished: false"), "{text}");
    });
}

#[test]
fn join_errors_speak_of_what_happened() {
    run(async {
        let error = io2::spawn(async { panic!("with a text") })
            .join()
            .await
            .unwrap_err();
        assert_eq!(error.to_string(), "the task panicked: with a text");
        let error = std::io::Error::from(error);
        assert_eq!(error.to_string(), "the task panicked: with a text");
        let odd = io2::spawn(async { std::panic::panic_any(5_u8) })
            .join()
            .await
            .unwrap_err();
        assert_eq!(odd.to_string(), "the task panicked: a panic without a text");
        let task = io2::spawn(pending::<()>());
        task.abort_handle().abort();
        let error = task.join().await.unwrap_err();
        assert_eq!(error.to_string(), "the task was cancelled");
        assert!(error.try_into_panic().is_err());
    });
}

#[test]
fn a_set_joins_tasks_in_the_order_in_which_they_end() {
    run(async {
        let mut set = JoinSet::new();
        let mut senders = Vec::new();
        for n in 0..10 {
            let (sender, receiver) = futures::channel::oneshot::channel::<()>();
            senders.push(Some(sender));
            set.spawn(async move {
                receiver.await.unwrap();
                n
            });
        }
        assert_eq!(set.len(), 10);
        for n in [3, 9, 0, 5] {
            senders[n].take().unwrap().send(()).unwrap();
            assert_eq!(set.join_next().await.unwrap().unwrap(), n);
        }
        assert_eq!(set.len(), 6);
        set.shutdown().await;
        assert!(set.is_empty());
        assert!(set.join_next().await.is_none());
    });
}

#[test]
fn a_set_tells_panics_and_cancellations_and_goes_on() {
    run(async {
        let mut set = JoinSet::new();
        set.spawn(async { panic!("one") });
        set.spawn(pending::<u8>()).abort();
        set.spawn(async { 7 });
        let mut told = (0, 0, 0);
        while let Some(output) = set.join_next().await {
            match output {
                Ok(n) => told.0 += n,
                Err(error) if error.is_panic() => told.1 += 1,
                Err(error) => told.2 += u8::from(error.is_cancelled()),
            }
        }
        assert_eq!(told, (7, 1, 1));
    });
}

#[test]
fn dropping_a_set_cancels_its_tasks_and_detaching_does_not() {
    run(async {
        let alive = Rc::new(());
        let task = |alive: &Rc<()>| {
            let held = alive.clone();
            async move {
                let _held = held;
                pending::<()>().await;
            }
        };
        let mut set = JoinSet::new();
        for _ in 0..5 {
            set.spawn(task(&alive));
        }
        io2::yield_now().await;
        drop(set);
        io2::yield_now().await;
        assert_eq!(Rc::strong_count(&alive), 1);
        let mut set = JoinSet::new();
        set.spawn(task(&alive));
        set.detach_all();
        drop(set);
        io2::yield_now().await;
        assert_eq!(Rc::strong_count(&alive), 2);
    });
}

#[test]
fn tasks_by_the_hundred_thousand_are_all_done_and_freed() {
    let alive = Rc::new(());
    run(async {
        let mut sum = 0;
        for _ in 0..10 {
            let tasks: Vec<_> = (0..10_000_u64)
                .map(|n| {
                    let held = alive.clone();
                    io2::spawn(async move {
                        io2::yield_now().await;
                        drop(held);
                        n
                    })
                })
                .collect();
            for task in tasks {
                sum += task.await;
            }
        }
        assert_eq!(sum, 10 * 49_995_000);
        assert_eq!(Rc::strong_count(&alive), 1);
    });
}

#[test]
#[expect(
    clippy::async_yields_async,
    reason = "the handle is to outlive its executor"
)]
fn a_handle_polled_by_hand_outside_any_executor_is_a_plain_future() {
    let mut task = run(async { io2::spawn(async { 4 }) });
    // Never polled: the executor ended first.
    let mut cx = Context::from_waker(Waker::noop());
    let mut joined = Box::pin((&mut task).into_future());
    let polled = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        joined.as_mut().poll(&mut cx).is_ready()
    }));
    assert!(polled.is_err());
}
