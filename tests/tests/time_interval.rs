//! Intervals tick at multiples of their period.

use std::future::{Future, poll_fn};
use std::task::Poll;
use std::time::Duration;

use io2::ExecutorConfig;
use io2::time::{Instant, MissedTickBehavior, interval, interval_at, sleep_until, timeout};

const FAR: Duration = Duration::from_secs(3600);

fn run<F: Future>(future: F) -> F::Output {
    ExecutorConfig::new().run(future).unwrap()
}

fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

#[test]
fn the_first_tick_is_at_once_and_the_others_a_period_apart() {
    run(async {
        let mut interval = interval(millis(1));
        assert_eq!(interval.period(), millis(1));
        let first = interval.tick().await;
        for number in 1..=20 {
            let due = interval.tick().await;
            // Whatever it takes to wake up, it does not add up.
            assert_eq!(due, first + number * millis(1));
            assert!(Instant::now() >= due);
        }
    });
}

#[test]
fn an_interval_starts_when_it_is_told() {
    run(async {
        let start = Instant::now() + millis(2);
        let mut interval = interval_at(start, millis(1));
        assert_eq!(interval.tick().await, start);
        assert!(Instant::now() >= start);
        assert_eq!(interval.tick().await, start + millis(1));
    });
}

/// Takes a tick, pauses for several, and takes the late one. Returns when the first one was due,
/// when the pause ended, and when the next three were due.
async fn after_a_pause(behavior: MissedTickBehavior) -> (Instant, Instant, [Instant; 3]) {
    let mut interval = interval(millis(2));
    interval.set_missed_tick_behavior(behavior);
    assert_eq!(interval.missed_tick_behavior(), behavior);
    let first = interval.tick().await;
    std::thread::sleep(millis(9));
    let paused = Instant::now();
    let late = interval.tick().await;
    // The first one may have been late as well.
    if behavior == MissedTickBehavior::Delay {
        assert!(late >= first + millis(2));
    } else {
        assert_eq!(late, first + millis(2));
    }
    let ticks = [
        interval.tick().await,
        interval.tick().await,
        interval.tick().await,
    ];
    (first, paused, ticks)
}

#[test]
fn a_burst_makes_up_for_every_tick_that_was_missed() {
    let (first, paused, ticks) = run(after_a_pause(MissedTickBehavior::Burst));
    assert_eq!(ticks, [4, 6, 8].map(|after| first + millis(after)));
    // They were all due when the pause ended.
    assert!(ticks[2] <= paused);
    assert_eq!(MissedTickBehavior::default(), MissedTickBehavior::Burst);
}

#[test]
fn a_delay_counts_from_the_late_tick() {
    let (_, paused, ticks) = run(after_a_pause(MissedTickBehavior::Delay));
    assert!(ticks[0] >= paused + millis(2));
    assert!(ticks[1] >= ticks[0] + millis(2));
    assert!(ticks[2] >= ticks[1] + millis(2));
}

#[test]
fn skipping_leaves_out_what_was_missed_and_keeps_the_rhythm() {
    let (first, paused, ticks) = run(after_a_pause(MissedTickBehavior::Skip));
    assert!(ticks[0] > paused);
    for tick in ticks {
        assert_eq!((tick - first).as_nanos() % millis(2).as_nanos(), 0);
    }
    assert!(ticks[0] < ticks[1] && ticks[1] < ticks[2]);
}

#[test]
fn a_reset_moves_the_next_tick() {
    run(async {
        let mut interval = interval(FAR);
        let first = interval.tick().await;

        interval.reset_immediately();
        let second = interval.tick().await;
        assert!(second >= first && second <= Instant::now());

        let before = Instant::now();
        interval.reset_after(millis(1));
        let third = interval.tick().await;
        assert!(third >= before + millis(1) && third <= Instant::now());

        let at = Instant::now() + millis(1);
        interval.reset_at(at);
        assert_eq!(interval.tick().await, at);

        interval.reset();
        assert!(timeout(millis(1), interval.tick()).await.is_err());
    });
}

#[test]
fn a_tick_is_not_lost_with_the_future_that_waited_for_it() {
    run(async {
        let start = Instant::now() + millis(40);
        let mut interval = interval_at(start, FAR);
        assert!(timeout(Duration::ZERO, interval.tick()).await.is_err());
        sleep_until(start).await;
        assert_eq!(interval.tick().await, start);
    });
}

#[test]
fn a_tick_can_be_polled_for() {
    run(async {
        let mut interval = interval(FAR);
        let polled = poll_fn(|cx| Poll::Ready((interval.poll_tick(cx), interval.poll_tick(cx))));
        let (first, second) = polled.await;
        assert!(first.is_ready());
        assert!(second.is_pending());
    });
}

#[test]
#[should_panic(expected = "the period of an interval must not be zero")]
fn a_period_of_zero_panics() {
    let _ = interval(Duration::ZERO);
}
