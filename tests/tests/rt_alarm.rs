//! Tasks that ask in a loop whether they should let others run.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use io2::ExecutorConfig;
use io2::time::{Instant, sleep};

const HOUR: Duration = Duration::from_secs(3600);

fn run<F: Future>(slice: Duration, future: F) -> F::Output {
    let config = ExecutorConfig::new().preempt_duration(slice);
    // Whatever is left in flight and not cancelled would be waited for.
    config.shutdown_timeout(HOUR).run(future).unwrap()
}

/// Asks until the answer is yes.
fn ask() {
    while !io2::need_preempt() {}
}

/// Asks so often that the executor does not read the clock each time, without a yes.
fn ask_often() {
    for _ in 0..1000 {
        assert!(!io2::need_preempt());
    }
}

async fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    poll_fn(|cx| Poll::Ready(Pin::new(&mut *future).poll(cx))).await
}

#[test]
fn a_loop_is_told_at_the_end_of_each_slice_and_not_before() {
    let slice = Duration::from_millis(20);
    run(slice, async {
        // The first slice is short: the rate of the ticks is not known yet.
        ask();
        for _ in 0..5 {
            // The slice is used up, so another one begins within the yield.
            let start = Instant::now();
            io2::yield_now().await;
            ask();
            assert!(start.elapsed() >= slice / 2, "{:?}", start.elapsed());
        }
    });
}

#[test]
fn a_timer_that_is_set_before_a_loop_ends_it() {
    run(HOUR, async {
        let mut soon = sleep(Duration::from_millis(5));
        assert!(poll_once(&mut soon).await.is_pending());
        ask();
        assert!(soon.is_elapsed());
        soon.await;
    });
}

#[test]
fn a_timer_that_is_set_within_a_loop_ends_it() {
    run(HOUR, async {
        ask_often();
        let mut soon = sleep(Duration::from_millis(5));
        assert!(poll_once(&mut soon).await.is_pending());
        ask();
        assert!(soon.is_elapsed());
        soon.await;
    });
}

#[test]
fn a_completion_does_not_end_a_loop_and_is_not_lost() {
    run(HOUR, async {
        let mut nop = io2::op::nop();
        assert!(poll_once(&mut nop).await.is_pending());
        ask_often();
        nop.await.unwrap();
        ask_often();
    });
}

#[test]
fn an_executor_ends_though_a_loop_has_just_asked() {
    for _ in 0..3 {
        run(HOUR, async { ask_often() });
    }
}
