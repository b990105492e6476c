use std::time::Duration;

use super::MissedTickBehavior::{self, Burst, Delay, Skip};
use crate::clock::Instant;

fn at(millis: u64) -> Instant {
    Instant::from_nanos(1_000_000 * millis)
}

/// When ticks are taken by a task that works up to 35 ms after the tick of 10 ms.
fn taken(behavior: MissedTickBehavior) -> Vec<u64> {
    let period = Duration::from_millis(10);
    let (mut now, mut due) = (at(0), at(0));
    let mut taken = Vec::new();
    while taken.len() < 6 {
        now = now.max(due);
        taken.push(now.as_nanos() / 1_000_000);
        due = behavior.next(due, now, period);
        if now == at(10) {
            now = at(35);
        }
    }
    taken
}

#[test]
fn missed_ticks_follow_as_the_table_says() {
    assert_eq!(taken(Burst), [0, 10, 35, 35, 40, 50]);
    assert_eq!(taken(Delay), [0, 10, 35, 45, 55, 65]);
    assert_eq!(taken(Skip), [0, 10, 35, 40, 50, 60]);
}

#[test]
fn what_waking_up_takes_does_not_add_up() {
    let period = Duration::from_secs(1);
    let slightly_late = at(1000) + Duration::from_micros(80);
    for behavior in [Burst, Delay, Skip] {
        assert_eq!(behavior.next(at(1000), slightly_late, period), at(2000));
    }
    assert_eq!(Delay.next(at(1000), at(1005), period), at(2005));
    let short = Duration::from_millis(10);
    assert_eq!(Delay.next(at(1000), at(1001), short), at(1011));
}

#[test]
fn skipped_ticks_stay_on_multiples_of_the_period() {
    let period = Duration::from_millis(10);
    assert_eq!(Skip.next(at(20), at(30), period), at(40));
    assert_eq!(Skip.next(at(20), at(39), period), at(40));
    let day = Duration::from_secs(86_400);
    assert_eq!(
        Skip.next(at(20), at(20) + 1000 * day + period, day),
        at(20) + 1001 * day
    );
    // A period without end.
    assert_eq!(
        Skip.next(at(20), at(30), Duration::MAX),
        at(0) + Duration::MAX
    );
}
