use std::time::Duration;

use super::Instant;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn time_does_not_go_back() {
    let mut last = Instant::now();
    for _ in 0..1000 {
        let now = Instant::now();
        assert!(now >= last);
        last = now;
    }
}

#[test]
fn it_is_the_clock_that_the_standard_library_reads() {
    let std = std::time::Instant::now();
    let own = Instant::now();
    std::thread::sleep(Duration::from_millis(2));
    let passed = own.elapsed();
    let passed_std = std.elapsed();
    assert!(passed >= Duration::from_millis(2));
    // The own interval lies within the other one.
    assert!(passed <= passed_std);
}

#[test]
fn differences_are_never_negative() {
    let early = Instant::from_nanos(5);
    let late = early + SECOND;
    assert_eq!(late - early, SECOND);
    assert_eq!(early - late, Duration::ZERO);
    assert_eq!(early.duration_since(late), Duration::ZERO);
    assert_eq!(late.checked_duration_since(early), Some(SECOND));
    assert_eq!(early.checked_duration_since(late), None);
    assert_eq!((Instant::now() + SECOND).elapsed(), Duration::ZERO);
}

#[test]
fn sums_stop_at_the_ends_and_checked_ones_say_so() {
    let instant = Instant::from_nanos(1_000);
    let last = Instant::from_nanos(u64::MAX);
    assert_eq!(instant + Duration::MAX, last);
    assert_eq!(last + Duration::from_nanos(1), last);
    assert_eq!(instant - SECOND, Instant::from_nanos(0));
    assert_eq!(instant.checked_add(Duration::MAX), None);
    assert_eq!(last.checked_add(Duration::from_nanos(1)), None);
    assert_eq!(instant.checked_sub(SECOND), None);
    assert_eq!(
        instant.checked_sub(Duration::from_nanos(1_000)),
        Some(Instant::from_nanos(0))
    );
    let mut moved = instant;
    moved += SECOND;
    moved -= SECOND;
    assert_eq!(moved, instant);
}

#[test]
fn conversions_keep_order_and_differences() {
    let own = [
        Instant::now(),
        Instant::now() + SECOND,
        Instant::now() - 30 * SECOND,
    ];
    for instant in own {
        let std = std::time::Instant::from(instant);
        assert_eq!(Instant::from(std), instant);
        for other in own {
            let other_std = std::time::Instant::from(other);
            assert_eq!(std.cmp(&other_std), instant.cmp(&other));
            assert_eq!(std.saturating_duration_since(other_std), instant - other);
        }
    }
}

#[test]
fn a_converted_deadline_is_not_early() {
    for _ in 0..100 {
        let before = Instant::now();
        let std = std::time::Instant::now();
        assert!(Instant::from(std) >= before);
    }
}

#[test]
fn debug_shows_the_time_since_the_zero_of_the_clock() {
    assert_eq!(
        format!("{:?}", Instant::from_nanos(1_500_000_000)),
        "Instant(1.5s)"
    );
}
