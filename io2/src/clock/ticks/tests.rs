use std::time::Duration;

use super::{Rate, Ticks, ticks};
use crate::clock::now;

#[test]
fn ticks_go_on_and_differences_are_never_negative() {
    let early = ticks();
    std::thread::sleep(Duration::from_micros(100));
    let late = ticks();
    assert!(late.since(early) > 0);
    assert_eq!(early.since(late), 0);
    assert_eq!(Ticks(7).since(Ticks(3)), 4);
}

#[test]
fn a_measured_rate_converts_ticks_to_the_time_that_they_took() {
    let mut rate = Rate::new();
    std::thread::sleep(Duration::from_millis(5));
    rate.refine(ticks());
    assert!(rate.scale.is_some());
    let (outer, first) = (now(), ticks());
    let inner = now();
    std::thread::sleep(Duration::from_millis(2));
    let shortest = inner.elapsed();
    let took = rate.duration(ticks().since(first));
    let longest = outer.elapsed();
    // Within a hundredth, whatever the scheduler did in between.
    assert!(
        took >= shortest.mul_f64(0.99),
        "{took:?} is less than {shortest:?}"
    );
    assert!(
        took <= longest.mul_f64(1.01),
        "{took:?} is more than {longest:?}"
    );
}

#[test]
fn a_threshold_in_ticks_is_never_too_long() {
    let wanted = Duration::from_millis(3);
    let mut rate = Rate::new();
    let at_first = rate.ticks_for(wanted);
    std::thread::sleep(Duration::from_millis(5));
    rate.refine(ticks());
    let later = rate.ticks_for(wanted);
    assert!(at_first > 0);
    assert!(at_first <= later);
    assert!(rate.duration(later) <= wanted);
    assert!(rate.duration(later) >= wanted.mul_f64(0.99));
    assert_eq!(rate.ticks_for(Duration::ZERO), 0);
    assert!(rate.ticks_for(Duration::MAX) > 1 << 62);
}

#[test]
fn a_rate_that_contradicts_the_last_one_is_measured_anew() {
    if super::ticks_are_nanos() {
        return;
    }
    let mut rate = Rate::new();
    std::thread::sleep(Duration::from_millis(2));
    rate.refine(ticks());
    let honest = rate.scale.expect("measured");
    // As if the machine had been suspended while the counter ran on.
    rate.base.ticks.0 = rate.base.ticks.0.saturating_sub(1 << 40);
    rate.due = 0;
    rate.refine(ticks());
    assert_eq!(rate.scale, None);
    std::thread::sleep(Duration::from_millis(2));
    rate.refine(ticks());
    let again = rate.scale.expect("measured");
    assert!(again.abs_diff(honest) <= honest / 100);
}

#[cfg(target_arch = "x86_64")]
#[test]
fn the_counter_is_used_only_where_it_runs_evenly() {
    let cpuinfo = |flags: &str| format!("processor : 0\nflags\t\t: fpu tsc {flags}\nbugs :\n");
    assert!(super::source_allows("tsc\n", || unreachable!("not needed")));
    assert!(super::source_allows("kvm-clock\n", || cpuinfo(
        "constant_tsc nonstop_tsc"
    )));
    assert!(!super::source_allows("kvm-clock\n", || cpuinfo(
        "constant_tsc"
    )));
    assert!(!super::source_allows("kvm-clock\n", String::new));
    assert!(!super::source_allows("hpet\n", || cpuinfo(
        "constant_tsc nonstop_tsc"
    )));
    assert!(!super::source_allows("", || cpuinfo(
        "constant_tsc nonstop_tsc"
    )));
}
