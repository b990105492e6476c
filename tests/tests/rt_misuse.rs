//! What is used where it cannot work says so, and what to do instead.

use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Waker};
use std::time::Duration;

use io2::op::nop;
use io2::{ExecutorConfig, Handle, JoinSet, Preempt};

/// The text of the panic of a call.
fn panic_of<R>(call: impl FnOnce() -> R) -> String {
    let payload = match catch_unwind(AssertUnwindSafe(call)) {
        Ok(_) => panic!("it did not panic"),
        Err(payload) => payload,
    };
    match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => payload.downcast::<&str>().unwrap().to_string(),
    }
}

fn poll_here<F: Future + Unpin>(mut future: F) -> bool {
    let mut cx = Context::from_waker(Waker::noop());
    Pin::new(&mut future).poll(&mut cx).is_ready()
}

#[test]
fn outside_an_executor_what_needs_one_says_which_to_use() {
    let texts = [
        panic_of(|| io2::spawn(async {})),
        panic_of(|| io2::Builder::new().spawn(async {})),
        panic_of(|| io2::spawn_blocking(|| ())),
        panic_of(Handle::current),
        panic_of(|| JoinSet::new().spawn(async {})),
        panic_of(|| poll_here(nop())),
        panic_of(|| poll_here(Box::pin(io2::time::sleep(Duration::from_secs(1))))),
    ];
    for text in texts {
        assert!(text.contains("needs a running io2 executor"), "{text}");
        assert!(text.contains("ExecutorConfig::run"), "{text}");
    }
    assert!(Handle::try_current().is_none());
    assert!(io2::ring_info().is_none());
    assert!(!io2::need_preempt());
    assert!(poll_here(Box::pin(io2::yield_if_needed())));
}

#[test]
fn a_run_inside_a_run_is_refused_wherever_it_is() {
    let nested = || ExecutorConfig::new().run(async {}).unwrap_err().to_string();
    let (in_main, in_task, after) = ExecutorConfig::new()
        .run(async {
            let in_main = nested();
            let in_task = io2::spawn(async move { nested() }).await;
            // The outer one is unharmed.
            nop().await.unwrap();
            (in_main, in_task, io2::spawn(async { 3 }).await)
        })
        .unwrap();
    assert!(in_main.contains("inside a running executor"), "{in_main}");
    assert_eq!(in_main, in_task);
    assert_eq!(after, 3);
}

#[test]
fn values_out_of_their_range_are_refused_with_the_range() {
    for (depth, says) in [
        (0, "from 1 to 32768"),
        (3, "the next ones are 2 and 4"),
        (65, "64 and 128"),
        (65_536, "from 1 to 32768"),
        (u32::MAX, "from 1 to 32768"),
    ] {
        let error = ExecutorConfig::new()
            .ring_depth(depth)
            .run(async {})
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains(says), "{error}");
        assert!(error.to_string().contains(&depth.to_string()), "{error}");
    }
    let error = ExecutorConfig::new()
        .preempt_duration(Duration::ZERO)
        .run(async {})
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("Preempt::Off"), "{error}");
}

#[test]
fn what_is_asked_for_is_what_is_set() {
    let info = |config: ExecutorConfig| config.run(async { io2::ring_info().unwrap() }).unwrap();
    let info64 = info(ExecutorConfig::new());
    assert_eq!((info64.depth, info64.completions), (64, 256));
    assert!(!info64.polled);
    for depth in [1, 2, 128, 1024] {
        let info = info(ExecutorConfig::new().ring_depth(depth));
        assert_eq!((info.depth, info.completions), (depth, 4 * depth));
    }
    let all = ExecutorConfig::new()
        .ring_depth(8)
        .preempt_duration(Duration::from_millis(3))
        .preempt(Preempt::Off)
        .spin(Duration::from_micros(50))
        .name("everything")
        .shutdown_timeout(Duration::from_secs(1));
    assert_eq!(info(all).depth, 8);
}

#[test]
fn a_handle_that_gave_its_output_panics_when_polled_again() {
    ExecutorConfig::new()
        .run(async {
            let mut task = io2::spawn(async { 1 });
            assert_eq!((&mut task).await, 1);
            let text = io2::spawn(task).join().await.unwrap_err().to_string();
            assert!(text.contains("after it had given its output"), "{text}");
        })
        .unwrap();
}

#[test]
fn into_panic_of_a_cancelled_task_says_what_to_ask_first() {
    ExecutorConfig::new()
        .run(async {
            let task = io2::spawn(std::future::pending::<()>());
            task.abort_handle().abort();
            let error = task.join().await.unwrap_err();
            let text = panic_of(|| error.into_panic());
            assert!(text.contains("is_panic"), "{text}");
        })
        .unwrap();
}
