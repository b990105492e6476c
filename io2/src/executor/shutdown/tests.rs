//! Operations that do not end in time: the kernel is kept from hearing of their cancellation.

use std::cell::Cell;
use std::io::{PipeWriter, Write};
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Waker};

use super::*;
use crate::ExecutorConfig;
use crate::buf::{IoBuf, IoBufMut};
use crate::clock::Ticks;
use crate::driver::faults;
use crate::fs::File;
use crate::op::{Op, Read, nop};
use crate::trace::kept::Kept;

/// Keeps what is told of operations that do not end.
fn listener() -> Kept {
    Kept::of(&["op.stuck", "rt.leak"])
}

/// A buffer that says when it is dropped.
struct Told(Vec<u8>, Rc<Cell<bool>>);

impl Drop for Told {
    fn drop(&mut self) {
        self.1.set(true);
    }
}

// SAFETY: the vector's bytes are initialised, and keep their address until it is dropped.
unsafe impl IoBuf for Told {
    fn stable_ptr(&self) -> *const u8 {
        self.0.as_ptr()
    }
    fn bytes_init(&self) -> usize {
        self.0.len()
    }
}

// SAFETY: as above; nobody else reaches the vector, and its length stays.
unsafe impl IoBufMut for Told {
    fn stable_mut_ptr(&mut self) -> *mut u8 {
        self.0.as_mut_ptr()
    }
    unsafe fn set_init(&mut self, _: usize) {}
}

/// Runs an executor that a read of a pipe outlives; gives the pipe, and the read if it is `kept`.
fn outlived(dropped: &Rc<Cell<bool>>, kept: bool) -> (Kept, PipeWriter, Option<Op<Read<Told>>>) {
    let leaks = listener();
    let (reader, writer) = std::io::pipe().unwrap();
    let config = ExecutorConfig::new().shutdown_timeout(Duration::from_millis(30));
    let read = tracing::subscriber::with_default(leaks.clone(), || {
        config.run(async {
            let file = File::from_std(OwnedFd::from(reader).into());
            let mut read = file.read(Told(vec![0; 24], dropped.clone()));
            let mut cx = Context::from_waker(Waker::noop());
            assert!(Pin::new(&mut read).poll(&mut cx).is_pending());
            nop().await.unwrap();
            faults::lose_cancellations(true);
            kept.then_some(read)
        })
    });
    faults::lose_cancellations(false);
    (leaks, writer, read.unwrap())
}

#[test]
fn what_does_not_end_in_time_is_leaked_and_told() {
    let dropped = Rc::new(Cell::new(false));
    let (leaks, mut writer, _) = outlived(&dropped, false);
    assert!(!dropped.get(), "the buffer was freed under the kernel");
    let leaks = leaks.events();
    let [stuck, leak] = &leaks[..] else {
        panic!("{leaks:?}")
    };
    assert!(stuck.contains("op.code=\"read\""), "{stuck}");
    assert!(leak.contains("ops=1 bytes=24 "), "{leak}");
    // The reading end is open still: a number that was closed could be another file's by now.
    writer.write_all(b"nobody reads this").unwrap();
}

#[test]
fn an_operation_that_goes_on_though_it_was_cancelled_is_told_once_with_its_task() {
    let told = listener();
    tracing::subscriber::with_default(told.clone(), || {
        ExecutorConfig::new().run(async {
            let (reader, mut writer) = std::io::pipe().unwrap();
            let file = File::from_std(OwnedFd::from(reader).into());
            crate::spawn(async move {
                let mut read = file.read(vec![0; 24]);
                let mut cx = Context::from_waker(Waker::noop());
                assert!(Pin::new(&mut read).poll(&mut cx).is_pending());
                nop().await.unwrap();
                faults::lose_cancellations(true);
                drop(read);
                faults::lose_cancellations(false);
                for _ in 0..25 {
                    crate::time::sleep(Duration::from_millis(20)).await;
                }
                let told = told.events();
                let [stuck] = &told[..] else {
                    panic!("{told:?}")
                };
                assert!(stuck.contains("op.code=\"read\""), "{stuck}");
                assert!(stuck.contains("shutdown/tests.rs"), "{stuck}");
                // It ends now.
                writer.write_all(b"at last").unwrap();
            })
            .await;
        })
    })
    .unwrap();
}

#[test]
fn an_operation_that_was_left_to_the_kernel_says_so_when_it_is_polled() {
    let dropped = Rc::new(Cell::new(false));
    let (_, _writer, read) = outlived(&dropped, true);
    let mut read = read.unwrap();
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let mut cx = Context::from_waker(Waker::noop());
        Pin::new(&mut read).poll(&mut cx).is_ready()
    }));
    let text = *panicked.unwrap_err().downcast::<&str>().unwrap();
    assert!(text.contains("raise shutdown_timeout"), "{text}");
    // Dropping it frees nothing either.
    drop(read);
    assert!(!dropped.get());
}

#[test]
fn the_thread_can_run_another_executor_after_a_leak() {
    let dropped = Rc::new(Cell::new(false));
    let _leaked = outlived(&dropped, false);
    ExecutorConfig::new()
        .run(async { nop().await.unwrap() })
        .unwrap();
    assert!(!dropped.get());
}

#[test]
fn a_main_future_that_panicked_does_not_go_on_running_for_those_who_look() {
    let slot = Rc::new(Cell::new(None));
    let seat = slot.clone();
    let ran = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        ExecutorConfig::new().run(async move {
            seat.set(crate::executor::context::with(|executor| {
                executor.seat.slot
            }));
            panic!("on purpose")
        })
    }));
    assert!(ran.is_err());
    let slot = slot.get().expect("it ran");
    assert_eq!(slot.page.running.task(), 0);
}

/// Keeps, when it is dropped, since when it runs, and when that was over.
struct Clocked(Rc<Cell<Vec<(Ticks, Ticks)>>>);

impl Drop for Clocked {
    fn drop(&mut self) {
        let slot = crate::executor::context::with(|executor| executor.seat.slot);
        let poll = slot.and_then(|slot| slot.page.running.get());
        let mut seen = self.0.take();
        seen.push((poll.expect("it is dropped as a task").start, clock::ticks()));
        self.0.set(seen);
    }
}

#[test]
fn a_task_that_is_dropped_at_the_end_does_not_answer_for_those_before_it() {
    let seen = Rc::new(Cell::new(Vec::new()));
    let ran = ExecutorConfig::new().run(async {
        for _ in 0..3 {
            let clocked = Clocked(seen.clone());
            crate::spawn(async move {
                let _clocked = clocked;
                std::future::pending::<()>().await;
            });
        }
        crate::yield_now().await;
    });
    ran.unwrap();
    let seen = seen.take();
    assert_eq!(seen.len(), 3);
    for pair in seen.windows(2) {
        let (start, before) = (pair[1].0, pair[0].1);
        assert!(start >= before, "{start:?} is before {before:?}");
    }
}
