//! Sleeps end in the order of their deadlines and never early, and need not be waited for.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use io2::ExecutorConfig;
use io2::time::{Instant, Sleep, sleep, sleep_until};

const FAR: Duration = Duration::from_secs(3600);

fn run<F: Future>(future: F) -> F::Output {
    ExecutorConfig::new().run(future).unwrap()
}

fn micros(count: u64) -> Duration {
    Duration::from_micros(count)
}

/// Polls once.
async fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    poll_fn(|cx| Poll::Ready(Pin::new(&mut *future).poll(cx))).await
}

#[test]
fn a_sleep_never_ends_early() {
    run(async {
        for count in [1, 10, 49, 50, 51, 100, 999, 1_000, 1_001, 5_000] {
            let start = Instant::now();
            let std_start = std::time::Instant::now();
            sleep(micros(count)).await;
            assert!(start.elapsed() >= micros(count));
            // A deadline of the standard library's clock is kept too.
            let deadline = std_start + micros(2 * count);
            sleep_until(deadline.into()).await;
            assert!(std::time::Instant::now() >= deadline);
        }
    });
}

#[test]
fn a_sleep_that_is_over_already_does_not_wait() {
    run(async {
        let now = Instant::now();
        for mut over in [
            sleep(Duration::ZERO),
            sleep_until(now),
            sleep_until(now - FAR),
        ] {
            assert_eq!(poll_once(&mut over).await, Poll::Ready(()));
            assert!(over.is_elapsed());
        }
    });
}

#[test]
fn a_sleep_that_is_over_before_its_first_poll_ends() {
    run(async {
        let late = sleep(micros(50));
        // So many that the timers are sorted more finely meanwhile.
        let others: Vec<_> = (0..20)
            .map(|n| io2::spawn(sleep(micros(300 + n))))
            .collect();
        for other in others {
            other.await;
        }
        assert!(late.is_elapsed());
        late.await;
    });
}

#[test]
fn a_sleep_without_end_waits_until_it_is_dropped() {
    run(async {
        let mut forever = sleep(Duration::MAX);
        assert_eq!(poll_once(&mut forever).await, Poll::Pending);
        sleep(micros(500)).await;
        assert_eq!(poll_once(&mut forever).await, Poll::Pending);
        assert!(!forever.is_elapsed());
    });
}

#[test]
fn sleeps_end_in_the_order_of_their_deadlines() {
    let ended = run(async {
        let ended = Rc::new(RefCell::new(Vec::new()));
        let start = Instant::now() + micros(20_000);
        // Two each at the same time: the one that was polled first ends first.
        let order = [5, 1, 3, 4, 1, 2, 3, 2, 4, 5];
        let tasks: Vec<_> = order
            .into_iter()
            .enumerate()
            .map(|(number, at)| {
                let ended = ended.clone();
                io2::spawn(async move {
                    sleep_until(start + micros(200 * at)).await;
                    ended.borrow_mut().push((at, number));
                })
            })
            .collect();
        for task in tasks {
            task.await;
        }
        ended.take()
    });
    let mut sorted = ended.clone();
    sorted.sort_unstable();
    assert_eq!(ended, sorted);
    assert_eq!(ended.len(), 10);
}

#[test]
fn a_sleep_tells_its_deadline_and_can_be_given_another() {
    run(async {
        let start = Instant::now();
        let mut sleep = sleep_until(start + FAR);
        assert_eq!(sleep.deadline(), start + FAR);
        assert_eq!(poll_once(&mut sleep).await, Poll::Pending);
        let sooner = start + micros(700);
        sleep.reset(sooner);
        assert_eq!(sleep.deadline(), sooner);
        (&mut sleep).await;
        assert!(Instant::now() >= sooner);
        // Ready stays ready, until there is another deadline.
        assert_eq!(poll_once(&mut sleep).await, Poll::Ready(()));
        sleep.reset(Instant::now() + FAR);
        assert_eq!(poll_once(&mut sleep).await, Poll::Pending);
        sleep.reset(Instant::now());
        sleep.await;
    });
}

#[test]
fn a_deadline_that_was_put_off_does_not_end_the_sleep() {
    run(async {
        let mut sleeping = sleep(micros(300));
        let _ = poll_once(&mut sleeping).await;
        let later = Instant::now() + micros(3_000);
        sleeping.reset(later);
        sleeping.await;
        assert!(Instant::now() >= later);
    });
}

#[test]
fn a_sleep_wakes_the_task_that_polled_it_last() {
    run(async {
        let mut sleeping = sleep(micros(500));
        let _ = poll_once(&mut sleeping).await;
        // The root waits only for the task, so it is the task that must be woken.
        io2::spawn(sleeping).await;
    });
}

#[test]
fn a_dropped_sleep_wakes_nobody() {
    run(async {
        let polls = Rc::new(Cell::new(0));
        let count = polls.clone();
        let task = io2::spawn(async move {
            let mut short = Some(sleep(micros(300)));
            let mut long = pin!(sleep(micros(3_000)));
            poll_fn(|cx| {
                count.set(count.get() + 1);
                if let Some(mut short) = short.take() {
                    let _ = Pin::new(&mut short).poll(cx);
                }
                long.as_mut().poll(cx)
            })
            .await;
        });
        task.await;
        // At the start, and at the end of the long one.
        assert!(polls.get() <= 2, "{} polls", polls.get());
    });
}

#[test]
fn of_two_sleeps_the_shorter_one_is_ready_first() {
    run(async {
        let mut long = pin!(sleep(FAR));
        let mut short = pin!(sleep(micros(400)));
        let short_first = poll_fn(|cx| {
            if long.as_mut().poll(cx).is_ready() {
                return Poll::Ready(false);
            }
            short.as_mut().poll(cx).map(|()| true)
        });
        assert!(short_first.await);
    });
}

#[test]
fn a_hundred_thousand_sleeps_all_end() {
    const COUNT: u64 = 100_000;
    run(async {
        let ended = Rc::new(Cell::new(0));
        let start = Instant::now();
        for number in 0..COUNT {
            let ended = ended.clone();
            // Scattered over 100 ms, in no order.
            let deadline = start + micros(number * 7_919 % 100_000);
            io2::spawn(async move {
                sleep_until(deadline).await;
                assert!(Instant::now() >= deadline);
                ended.set(ended.get() + 1);
            });
        }
        // Timers that are there all the time, and in nobody's way.
        let far: Vec<_> = (0..COUNT)
            .map(|number| sleep(FAR + micros(number)))
            .collect();
        let far = io2::spawn(async move {
            let mut far = far;
            for sleep in &mut far {
                assert_eq!(poll_once(sleep).await, Poll::Pending);
            }
            far
        });
        let far = far.await;
        while ended.get() < COUNT {
            sleep(micros(1_000)).await;
        }
        drop(far);
    });
}

#[test]
fn a_sleep_may_outlive_its_executor() {
    let mut sleeping: Option<Sleep> = None;
    run(async {
        let mut polled = sleep(FAR);
        assert_eq!(poll_once(&mut polled).await, Poll::Pending);
        sleeping = Some(polled);
    });
    let mut sleeping = sleeping.unwrap();
    assert!(!sleeping.is_elapsed());
    // Another executor can wait for it, though the timer of the first one is gone.
    run(async {
        sleeping.reset(Instant::now() + micros(500));
        (&mut sleeping).await;
        sleeping.reset(Instant::now() + FAR);
        assert_eq!(poll_once(&mut sleeping).await, Poll::Pending);
    });
    // Nor does it disturb the timers of a third one that it is dropped in.
    run(async {
        let mut own = sleep(micros(500));
        let _ = poll_once(&mut own).await;
        drop(sleeping);
        own.await;
    });
}

#[test]
fn a_forgotten_sleep_harms_nobody() {
    run(async {
        let mut forgotten = sleep(micros(200));
        let _ = poll_once(&mut forgotten).await;
        std::mem::forget(forgotten);
        sleep(micros(1_000)).await;
    });
}

#[test]
#[should_panic(expected = "executor")]
fn a_sleep_outside_an_executor_panics() {
    let mut sleeping = pin!(sleep(FAR));
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    let _ = sleeping.as_mut().poll(&mut cx);
}
