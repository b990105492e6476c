//! Panics, wherever users' code may panic: each ends what it belongs to, and nothing else.

use std::cell::Cell;
use std::future::{Future, pending, poll_fn};
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use io2::ExecutorConfig;
use io2::buf::{IoBuf, IoBufMut};
use io2::op::nop;
use io2_tests::observed::Observed;
use io2_tests::pipes::pipe;
use io2_tests::{child, polling};
use tracing::Level;

fn run<F: Future>(future: F) -> F::Output {
    ExecutorConfig::new().run(future).unwrap()
}

/// Panics when it is dropped.
struct Bomb(&'static str);

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("{}", self.0);
    }
}

/// A future that panics when it is polled, and again when it is dropped.
struct TwoPanics;

impl Future for TwoPanics {
    type Output = ();
    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        panic!("first");
    }
}

impl Drop for TwoPanics {
    fn drop(&mut self) {
        panic!("second");
    }
}

fn text(payload: Box<dyn std::any::Any + Send>) -> String {
    match payload.downcast::<&str>() {
        Ok(text) => (*text).to_string(),
        Err(payload) => *payload.downcast::<String>().unwrap(),
    }
}

/// A task that runs on, to see that the executor does.
async fn still_runs() {
    let (file, mut writer) = pipe();
    writer.write_all(b"on").unwrap();
    let task = io2::spawn(async move { file.read(vec![0; 2]).await.1 });
    assert_eq!(task.await, b"on");
}

#[test]
fn the_panic_of_a_task_is_told_to_who_joins_it() {
    run(async {
        let error = io2::spawn(async { panic!("task") })
            .join()
            .await
            .unwrap_err();
        assert!(error.is_panic() && !error.is_cancelled());
        assert_eq!(text(error.into_panic()), "task");
        still_runs().await;
    });
}

#[test]
fn the_panic_of_a_task_resumes_where_it_is_awaited() {
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        run(async {
            let task = io2::spawn(async { panic_any(17_i32) });
            task.await;
        })
    }));
    assert_eq!(*panicked.unwrap_err().downcast::<i32>().unwrap(), 17);
    run(still_runs());
}

#[test]
fn the_panic_of_a_detached_task_is_an_error_event() {
    // In a process of its own: threads that trace for the first time disturb each other.
    child::run("the_panic_of_a_detached_task_is_an_error_event", || {
        let observed = Observed::at_most(Level::ERROR);
        observed.run(|| {
            run(async {
                let task = io2::Builder::new().name("lost");
                drop(task.spawn(async { panic!("nobody waits") }));
                // Told also when the handle is dropped after the panic.
                let late = io2::spawn(async { panic!("nobody waited") });
                io2::yield_now().await;
                assert_eq!(observed.named("task.panic").len(), 1);
                drop(late);
                assert_eq!(observed.named("task.panic").len(), 2);
                // One that is joined is not told.
                assert!(io2::spawn(async { panic!("joined") }).join().await.is_err());
                still_runs().await;
            })
        });
        let told = observed.named("task.panic");
        assert_eq!(told.len(), 2, "{told:#?}");
        assert_eq!(told[0].text("task.name"), "lost");
    });
}

#[test]
fn a_future_that_panics_in_its_drop_is_a_task_that_panicked() {
    run(async {
        let ready = io2::spawn(async {
            let _bomb = Bomb("in the drop");
        });
        assert_eq!(
            text(ready.join().await.unwrap_err().into_panic()),
            "in the drop"
        );
        let cancelled = io2::spawn(async {
            let _bomb = Bomb("in the drop");
            pending::<()>().await;
        });
        io2::yield_now().await;
        cancelled.abort_handle().abort();
        let error = cancelled.join().await.unwrap_err();
        assert_eq!(text(error.into_panic()), "in the drop");
        still_runs().await;
    });
}

#[test]
fn of_two_panics_of_a_task_the_first_is_told() {
    run(async {
        let error = io2::spawn(TwoPanics).join().await.unwrap_err();
        assert_eq!(text(error.into_panic()), "first");
        still_runs().await;
    });
}

#[test]
fn of_two_panics_of_the_main_future_the_first_unwinds() {
    let panicked = catch_unwind(AssertUnwindSafe(|| run(TwoPanics)));
    assert_eq!(text(panicked.unwrap_err()), "first");
    run(still_runs());
}

#[test]
fn an_output_that_panics_in_its_drop_harms_nobody() {
    run(async {
        drop(io2::spawn(async { Bomb("an output that nobody takes") }));
        io2::yield_now().await;
        // Unreachable, since the future panicked in its drop.
        struct Late(Option<Bomb>);
        impl Future for Late {
            type Output = Bomb;
            fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Bomb> {
                Poll::Ready(self.0.take().unwrap())
            }
        }
        impl Drop for Late {
            fn drop(&mut self) {
                panic!("the future");
            }
        }
        let error = io2::spawn(Late(Some(Bomb("the output")))).join().await;
        assert_eq!(text(error.err().unwrap().into_panic()), "the future");
        still_runs().await;
    });
}

#[test]
fn a_payload_that_panics_in_its_drop_harms_nobody() {
    run(async {
        drop(io2::spawn(async {
            panic_any(Bomb("a payload that nobody takes"))
        }));
        io2::yield_now().await;
        still_runs().await;
    });
}

#[test]
fn a_waker_that_panics_harms_nobody() {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("in a waker");
        }
    }
    run(async {
        let waker = Waker::from(Arc::new(Panics));
        let (file, mut writer) = pipe();
        let mut read = file.read(vec![0; 4]);
        let mut task = io2::spawn(async {});
        {
            let mut cx = Context::from_waker(&waker);
            assert!(Pin::new(&mut read).poll(&mut cx).is_pending());
            assert!(Pin::new(&mut task).poll(&mut cx).is_pending());
        }
        writer.write_all(b"data").unwrap();
        still_runs().await;
        task.await;
        assert_eq!(read.await.1, b"data");
    });
}

/// A buffer that panics when it is dropped.
struct BombBuf(Vec<u8>, Rc<Cell<usize>>);

impl Drop for BombBuf {
    fn drop(&mut self) {
        self.1.set(self.1.get() + 1);
        panic!("a buffer");
    }
}

// SAFETY: the vector's bytes are initialised, and keep their address until it is dropped.
unsafe impl IoBuf for BombBuf {
    fn stable_ptr(&self) -> *const u8 {
        self.0.as_ptr()
    }
    fn bytes_init(&self) -> usize {
        self.0.len()
    }
}

// SAFETY: as above; nobody else reaches the vector, and its length stays.
unsafe impl IoBufMut for BombBuf {
    fn stable_mut_ptr(&mut self) -> *mut u8 {
        self.0.as_mut_ptr()
    }
    unsafe fn set_init(&mut self, _: usize) {}
}

#[test]
fn a_buffer_that_panics_in_its_drop_harms_nobody() {
    let drops = Rc::new(Cell::new(0));
    run(async {
        let (file, _writer) = pipe();
        for _ in 0..3 {
            let mut read = file.read(BombBuf(vec![0; 8], drops.clone()));
            assert!(polling::once(&mut read).await.is_none());
        }
        while drops.get() < 3 {
            nop().await.unwrap();
        }
        // And those that are in flight at the end.
        let mut read = file.read(BombBuf(vec![0; 8], drops.clone()));
        assert!(polling::once(&mut read).await.is_none());
        still_runs().await;
    });
    assert_eq!(drops.get(), 4);
}

#[test]
fn a_buffer_that_panics_when_it_is_looked_at_is_not_submitted() {
    struct Panics {
        _held: Rc<()>,
    }
    // SAFETY: it has no bytes at all.
    unsafe impl IoBuf for Panics {
        fn stable_ptr(&self) -> *const u8 {
            panic!("no address");
        }
        fn bytes_init(&self) -> usize {
            8
        }
    }
    // SAFETY: as above.
    unsafe impl IoBufMut for Panics {
        fn stable_mut_ptr(&mut self) -> *mut u8 {
            panic!("no address");
        }
        unsafe fn set_init(&mut self, _: usize) {}
    }
    let alive = Rc::new(());
    let held = alive.clone();
    run(async {
        let (file, mut writer) = pipe();
        writer.write_all(b"data").unwrap();
        let reading = file.try_clone().unwrap();
        let task = io2::spawn(async move { reading.read(Panics { _held: held }).await.0.unwrap() });
        assert_eq!(
            text(task.join().await.unwrap_err().into_panic()),
            "no address"
        );
        assert_eq!(Rc::strong_count(&alive), 1);
        // It left nothing in flight that would take the data.
        assert_eq!(file.read(vec![0; 4]).await.1, b"data");
    });
}

#[test]
fn a_subscriber_that_panics_harms_nobody() {
    let observed = Observed::then(|_| panic!("a subscriber"));
    observed.run(|| run(still_runs()));
}

#[test]
fn a_blocking_closure_that_panics_is_told() {
    run(async {
        let task = io2::spawn_blocking(|| panic!("blocking"));
        assert_eq!(
            text(task.join().await.unwrap_err().into_panic()),
            "blocking"
        );
        assert_eq!(io2::spawn_blocking(|| 5).await, 5);
    });
}

#[test]
fn a_panic_while_the_executor_ends_does_not_stop_it() {
    let dropped = Rc::new(Cell::new(0));
    run(async {
        for n in 0..10 {
            let dropped = dropped.clone();
            drop(io2::spawn(async move {
                let _bomb = (n % 2 == 0).then(|| Bomb("at the end"));
                struct Count(Rc<Cell<usize>>);
                impl Drop for Count {
                    fn drop(&mut self) {
                        self.0.set(self.0.get() + 1);
                    }
                }
                let _count = Count(dropped);
                pending::<()>().await;
            }));
        }
        io2::yield_now().await;
    });
    assert_eq!(dropped.get(), 10);
    run(still_runs());
}

#[test]
fn a_panic_in_the_main_future_comes_after_the_drain() {
    // In a process of its own: threads that trace for the first time disturb each other.
    child::run("a_panic_in_the_main_future_comes_after_the_drain", || {
        let observed = Observed::at_most(Level::INFO);
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            observed.run(|| {
                run(async {
                    let (file, _writer) = pipe();
                    drop(io2::spawn(async move { file.read(vec![0; 8]).await }));
                    nop().await.unwrap();
                    poll_fn::<(), _>(|_| panic!("main")).await;
                })
            })
        }));
        assert_eq!(text(panicked.unwrap_err()), "main");
        let stop = observed.only("rt.stop", "inflight", "1");
        assert_eq!(stop.number("drained"), 1);
    });
}
