//! A timeout gives the future's output, or says that the time is over.

use std::cell::Cell;
use std::error::Error;
use std::future::{Future, pending, poll_fn, ready};
use std::io;
use std::rc::Rc;
use std::time::Duration;

use io2::ExecutorConfig;
use io2::time::{Elapsed, Instant, sleep, timeout, timeout_at};

const FAR: Duration = Duration::from_secs(3600);
const SHORT: Duration = Duration::from_micros(500);

fn run<F: Future>(future: F) -> F::Output {
    ExecutorConfig::new().run(future).unwrap()
}

#[test]
fn a_future_that_is_ready_in_time_gives_its_output() {
    run(async {
        assert_eq!(timeout(FAR, ready(1)).await, Ok(1));
        assert_eq!(timeout_at(Instant::now() + FAR, ready(2)).await, Ok(2));
        let slow = async {
            sleep(SHORT).await;
            3
        };
        assert_eq!(timeout(Duration::MAX, slow).await, Ok(3));
    });
}

#[test]
fn a_future_that_is_not_ready_in_time_is_given_up_then_and_not_before() {
    run(async {
        let start = Instant::now();
        let limited = timeout(SHORT, pending::<()>());
        assert!(limited.deadline() >= start + SHORT);
        assert!(limited.await.is_err());
        assert!(start.elapsed() >= SHORT);
        let deadline = Instant::now() + SHORT;
        assert!(timeout_at(deadline, pending::<()>()).await.is_err());
        assert!(Instant::now() >= deadline);
    });
}

#[test]
fn the_future_is_polled_once_even_without_any_time() {
    run(async {
        assert_eq!(timeout(Duration::ZERO, ready(1)).await, Ok(1));
        let past = Instant::now() - FAR;
        assert_eq!(timeout_at(past, ready(2)).await, Ok(2));
        assert!(timeout(Duration::ZERO, pending::<()>()).await.is_err());
    });
}

#[test]
fn an_output_wins_over_a_time_that_is_over() {
    run(async {
        let deadline = Instant::now() + 100 * SHORT;
        let limited = timeout_at(deadline, async {
            io2::yield_now().await;
            // Holds the thread up until both are ready.
            while Instant::now() < deadline {
                std::hint::spin_loop();
            }
            7
        });
        assert_eq!(limited.await, Ok(7));
    });
}

#[test]
fn the_shorter_of_two_nested_timeouts_counts() {
    run(async {
        assert!(
            timeout(FAR, timeout(SHORT, pending::<()>()))
                .await
                .unwrap()
                .is_err()
        );
        assert!(timeout(SHORT, timeout(FAR, pending::<()>())).await.is_err());
    });
}

#[test]
fn the_future_is_dropped_with_the_timeout_and_not_before() {
    struct Alive(Rc<Cell<bool>>);
    impl Drop for Alive {
        fn drop(&mut self) {
            self.0.set(false);
        }
    }
    run(async {
        let alive = Rc::new(Cell::new(true));
        let guard = Alive(alive.clone());
        let mut limited = Box::pin(timeout(SHORT, async move {
            let _guard = guard;
            pending::<()>().await;
        }));
        assert!(limited.as_mut().await.is_err());
        assert!(alive.get());
        drop(limited);
        assert!(!alive.get());
    });
}

#[test]
fn the_future_can_be_taken_out() {
    run(async {
        let mut limited = timeout(SHORT, ready(5));
        *limited.get_mut() = ready(6);
        assert_eq!(limited.get_ref().clone().await, 6);
        assert_eq!(limited.into_inner().await, 6);
    });
}

#[test]
fn a_cancelled_timeout_leaves_no_timer_behind() {
    run(async {
        let polls = Rc::new(Cell::new(0));
        let count = polls.clone();
        let task = io2::spawn(async move {
            let mut limited = Some(Box::pin(timeout(SHORT, pending::<()>())));
            let mut end = Box::pin(sleep(8 * SHORT));
            poll_fn(|cx| {
                count.set(count.get() + 1);
                if let Some(mut limited) = limited.take() {
                    let _ = limited.as_mut().poll(cx);
                }
                end.as_mut().poll(cx)
            })
            .await;
        });
        task.await;
        assert!(polls.get() <= 2, "{} polls", polls.get());
    });
}

#[test]
fn elapsed_is_an_error_and_becomes_one_of_input_and_output() {
    fn fails(elapsed: Elapsed) -> io::Result<()> {
        Err(elapsed)?
    }
    let elapsed = run(timeout(Duration::ZERO, pending::<()>())).unwrap_err();
    assert_eq!(elapsed.to_string(), "the time is over");
    assert!(elapsed.source().is_none());
    let error = fails(elapsed).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    assert!(error.get_ref().is_some_and(|inner| inner.is::<Elapsed>()));
}

#[test]
fn a_task_that_is_not_waited_for_any_more_goes_on() {
    run(async {
        let go_on = Rc::new(Cell::new(false));
        let told = go_on.clone();
        let mut task = io2::spawn(async move {
            while !told.get() {
                sleep(SHORT).await;
            }
            9
        });
        assert!(timeout(SHORT, &mut task).await.is_err());
        go_on.set(true);
        assert_eq!(task.await, 9);
    });
}
