//! The executor runs what it is given, and ends clean.

use std::cell::Cell;
use std::future::{pending, poll_fn};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use io2::{ExecutorConfig, Handle, JoinSet};

fn run<F: Future>(future: F) -> F::Output {
    ExecutorConfig::new().run(future).unwrap()
}

#[test]
fn run_returns_the_futures_output() {
    assert_eq!(run(async { 42 }), 42);
}

#[test]
fn tasks_run_and_give_their_output() {
    let sum = run(async {
        let tasks: Vec<_> = (0..1_000_u64)
            .map(|n| io2::spawn(async move { n }))
            .collect();
        let mut sum = 0;
        for task in tasks {
            sum += task.await;
        }
        sum
    });
    assert_eq!(sum, 499_500);
}

#[test]
fn yielding_tasks_take_turns() {
    let order = run(async {
        let order = Rc::new(std::cell::RefCell::new(Vec::new()));
        let mut set = JoinSet::new();
        for task in 0..3 {
            let order = order.clone();
            set.spawn(async move {
                for round in 0..2 {
                    order.borrow_mut().push((round, task));
                    io2::yield_now().await;
                }
            });
        }
        while set.join_next().await.is_some() {}
        Rc::try_unwrap(order).unwrap().into_inner()
    });
    assert_eq!(order, [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]);
}

#[test]
fn a_panic_of_the_root_unwinds_out_of_run_and_leaves_no_trace() {
    let panicked = std::panic::catch_unwind(|| run(async { panic!("root") }));
    assert_eq!(*panicked.unwrap_err().downcast::<&str>().unwrap(), "root");
    assert_eq!(run(async { 1 }), 1);
}

#[test]
fn a_run_inside_a_run_is_an_error() {
    let error = run(async { ExecutorConfig::new().run(async {}).unwrap_err() });
    assert!(
        error.to_string().contains("run inside a running executor"),
        "{error}"
    );
}

#[test]
fn another_thread_wakes_a_sleeping_executor() {
    run(async {
        let (sender, mut receiver) = (Rc::new(Cell::new(0)), 0);
        for _ in 0..100 {
            let mut started = false;
            let mut thread = None;
            poll_fn(|cx| {
                if started {
                    return Poll::Ready(());
                }
                started = true;
                let waker = cx.waker().clone();
                thread = Some(std::thread::spawn(move || {
                    std::thread::sleep(Duration::from_micros(200));
                    waker.wake();
                }));
                Poll::Pending
            })
            .await;
            thread.unwrap().join().unwrap();
            receiver += 1;
        }
        sender.set(receiver);
        assert_eq!(sender.get(), 100);
    });
}

#[test]
fn a_handle_spawns_from_another_thread() {
    let output = run(async {
        let handle = Handle::current();
        io2::spawn_blocking(move || handle.spawn_with(|| async { Rc::new(5) }.map_to_int()))
            .await
            .await
    });
    assert_eq!(output, 5);
}

trait MapToInt: Future<Output = Rc<i32>> + Sized {
    async fn map_to_int(self) -> i32 {
        *self.await
    }
}
impl<F: Future<Output = Rc<i32>>> MapToInt for F {}

#[test]
fn tasks_alive_at_the_end_are_dropped() {
    let guard = Rc::new(());
    let inner = guard.clone();
    run(async move {
        io2::spawn(async move {
            let _inner = inner;
            pending::<()>().await;
        });
        io2::yield_now().await;
    });
    assert_eq!(Rc::strong_count(&guard), 1);
}
