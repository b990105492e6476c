//! Values that are kept to one thread, and what happens on another.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::task::{Context, Waker};
use std::thread;

use io2::compat::{Local, local};
use io2_tests::child;
use io2_tests::observed::Observed;
use tracing::Level;

fn assert_send<T: Send + Sync>(value: T) -> T {
    value
}

/// Counts its drops.
struct Counted(Rc<Cell<u32>>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

fn counted() -> (Counted, Rc<Cell<u32>>) {
    let drops = Rc::new(Cell::new(0));
    (Counted(drops.clone()), drops)
}

#[io2::test]
async fn a_future_that_is_not_send_can_be_awaited_where_send_is_asked_for() {
    let shared = Rc::new(Cell::new(1));
    let inner = shared.clone();
    let future = assert_send(local(async move {
        io2::yield_now().await;
        inner.set(2);
        "done"
    }));
    let boxed: std::pin::Pin<Box<dyn Future<Output = &str> + Send>> = Box::pin(future);
    assert_eq!(boxed.await, "done");
    assert_eq!(shared.get(), 2);
    assert_eq!(Rc::strong_count(&shared), 1);
}

#[test]
fn on_its_own_thread_a_drop_drops_once() {
    let (value, drops) = counted();
    drop(local(value));
    assert_eq!(drops.get(), 1);
    let (value, drops) = counted();
    let value = local(value).into_inner();
    assert_eq!(drops.get(), 0);
    drop(value);
    assert_eq!(drops.get(), 1);
}

#[test]
fn to_poll_it_on_another_thread_panics_with_advice() {
    let (value, drops) = counted();
    let polled = Rc::new(Cell::new(false));
    let seen = polled.clone();
    let mut future = Box::pin(local(async move {
        let _value = value;
        seen.set(true);
    }));
    let panic = thread::scope(|scope| {
        let elsewhere = scope.spawn(|| {
            let mut cx = Context::from_waker(Waker::noop());
            assert!(!future.is_here());
            catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(&mut cx))).unwrap_err()
        });
        elsewhere.join().unwrap()
    });
    let text = panic.downcast::<String>().unwrap();
    assert!(text.contains("io2 executor that made it"), "{text}");
    assert!(!polled.get());
    assert_eq!(drops.get(), 0);
    // At home it is as good as before.
    assert!(future.is_here());
    drop(future);
    assert_eq!(drops.get(), 1);
}

#[test]
fn to_drop_it_on_another_thread_leaks_it_and_says_so() {
    // Alone: tests beside it that trace for the first time may keep events from it.
    child::run("to_drop_it_on_another_thread_leaks_it_and_says_so", || {
        let (value, drops) = counted();
        let future: Local<_> = local(async move {
            let _value = value;
        });
        let observed = Observed::default();
        let there = observed.clone();
        thread::spawn(move || there.run(|| drop(future)))
            .join()
            .unwrap();
        assert_eq!(drops.get(), 0);
        let leaks = observed.named("local.leak");
        assert_eq!(leaks.len(), 1);
        leaks[0].assert_is("io2::task", Level::ERROR, "message what");
        assert!(leaks[0].text("what").contains("compat_local"));
    });
}
