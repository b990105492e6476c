use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::{Wake, Waker};

use proptest::prelude::*;

use super::{FEW, Key, Timers};
use crate::clock::Instant;

/// Wakers of it are told apart by its address.
struct Target;

impl Wake for Target {
    fn wake(self: Arc<Self>) {}
}

fn at(nanos: u64) -> Instant {
    Instant::from_nanos(nanos)
}

fn waker() -> Waker {
    Waker::from(Arc::new(Target))
}

/// Pops what is due and says how many there were.
fn pop_all(timers: &mut Timers, now: u64) -> usize {
    std::iter::from_fn(|| timers.pop_expired(at(now))).count()
}

#[test]
fn the_deadline_of_a_lone_timer_is_exact_however_far_it_is() {
    for deadline in [0, 1, 63, 64, 5_000, 1 << 40, u64::MAX - 1, u64::MAX] {
        let mut timers = Timers::new();
        assert_eq!(timers.next_deadline(), None);
        timers.insert(at(deadline), waker());
        assert_eq!(timers.next_deadline(), Some(at(deadline)));
        if deadline > 0 {
            assert!(timers.pop_expired(at(deadline - 1)).is_none());
        }
        assert!(timers.pop_expired(at(deadline)).is_some());
        assert_eq!(timers.next_deadline(), None);
        assert_eq!(timers.len(), 0);
    }
}

#[test]
fn a_timer_that_fired_is_gone() {
    let mut timers = Timers::new();
    let key = timers.insert(at(10), waker());
    assert!(timers.waker(key).is_some());
    assert!(timers.pop_expired(at(10)).is_some());
    assert!(timers.waker(key).is_none());
    assert!(timers.remove(key).is_none());
    // The node is used again, and the old key still finds nothing.
    let second = timers.insert(at(20), waker());
    assert_eq!(second.index, key.index);
    assert!(timers.remove(key).is_none());
    assert!(timers.replace_waker(key, waker()).is_err());
    assert!(timers.remove(second).is_some());
}

#[test]
fn a_replaced_waker_comes_back_and_the_new_one_fires() {
    let mut timers = Timers::new();
    let (old, new) = (waker(), waker());
    let key = timers.insert(at(10), old.clone());
    let back = timers
        .replace_waker(key, new.clone())
        .expect("the timer has not fired");
    assert!(back.will_wake(&old));
    assert!(
        timers
            .pop_expired(at(10))
            .expect("it is due")
            .will_wake(&new)
    );
}

#[test]
fn a_deadline_in_the_past_is_due_at_once() {
    let mut timers = Timers::new();
    for n in 0..100 {
        timers.insert(at(1_000_000 + n), waker());
    }
    assert_eq!(pop_all(&mut timers, 1_000_050), 51);
    for _ in 0..3 {
        timers.insert(at(3), waker());
    }
    assert!(timers.next_deadline() <= Some(at(1_000_050)));
    assert_eq!(pop_all(&mut timers, 1_000_050), 3);
    assert_eq!(timers.len(), 49);
}

#[test]
fn a_removed_crowd_leaves_no_deadline_behind() {
    let mut timers = Timers::new();
    let far = at(1 << 50);
    timers.insert(far, waker());
    let crowd = (0..10 * FEW as u64).map(|n| timers.insert(at((1 << 35) + n * 1000), waker()));
    let crowd: Vec<Key> = crowd.collect();
    for key in crowd {
        assert!(timers.next_deadline() < Some(far));
        assert!(timers.remove(key).is_some());
    }
    assert_eq!(timers.next_deadline(), Some(far));
}

#[test]
fn a_crowd_wakes_the_executor_in_vain_once_a_level_at_most() {
    let mut timers = Timers::new();
    let first = 30_000_000_000;
    let keys: Vec<Key> = (0..10_000)
        .map(|n| timers.insert(at(first + n * 7), waker()))
        .collect();
    // The known next one goes, so that only the crowd is left to be looked through.
    timers.remove(keys[0]);
    let mut in_vain = 0;
    while timers.len() == 9_999 {
        let now = timers.next_deadline().expect("there are timers");
        if timers.pop_expired(now).is_none() {
            in_vain += 1;
        }
    }
    assert!(in_vain < super::LEVELS, "{in_vain} times");
}

#[test]
fn memory_is_used_again() {
    let mut timers = Timers::new();
    for round in 0..1000_u64 {
        let keys: Vec<Key> = (0..20)
            .map(|n| timers.insert(at(round * 50 + n * n), waker()))
            .collect();
        for key in &keys[..10] {
            timers.remove(*key);
        }
        pop_all(&mut timers, (round + 20) * 50);
    }
    assert!(timers.nodes.len() <= 40, "{} nodes", timers.nodes.len());
}

#[derive(Clone, Debug)]
enum Step {
    /// So much after the time now.
    Insert(u64),
    /// So much before the time now.
    InsertPast(u64),
    Remove(prop::sample::Index),
    /// Let so much time pass, then fire what is due.
    Advance(u64),
    /// To the next deadline.
    Next,
    /// Fire so many of those that are due only.
    Some(u64, usize),
}

fn distance() -> impl Strategy<Value = u64> {
    // Of all magnitudes, and often the same.
    prop_oneof![
        0..4_u64,
        0..300_u64,
        (0..62_u32).prop_map(|bits| 1 << bits),
        0..2_000_000_000_u64
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => distance().prop_map(Step::Insert),
        1 => distance().prop_map(Step::InsertPast),
        2 => any::<prop::sample::Index>().prop_map(Step::Remove),
        1 => distance().prop_map(|by| Step::Advance(by % (1 << 33))),
        2 => Just(Step::Next),
        1 => (0..1000_u64, 0..5_usize).prop_map(|(by, count)| Step::Some(by, count)),
    ]
}

proptest! {
    #[test]
    fn fires_like_a_sorted_map(
        start in prop_oneof![Just(0_u64), 0..1_u64 << 60],
        steps in prop::collection::vec(step(), 1..400)
    ) {
        let mut timers = Timers::new();
        // By deadline and number of insertion.
        let mut model: BTreeMap<(u64, u64), (Key, Waker)> = BTreeMap::new();
        let mut keys: Vec<(Key, (u64, u64))> = Vec::new();
        let mut now = start;
        for (number, step) in steps.into_iter().enumerate() {
            let number = number as u64;
            let mut fire = usize::MAX;
            match step {
                Step::Insert(_) | Step::InsertPast(_) => {
                    let deadline = match step {
                        Step::InsertPast(before) => now.saturating_sub(before),
                        Step::Insert(after) => now.saturating_add(after),
                        _ => unreachable!(),
                    };
                    let waker = waker();
                    let key = timers.insert(at(deadline), waker.clone());
                    // What comes late comes after what was due when time was last looked at.
                    let place = (deadline.max(timers.base), number);
                    model.insert(place, (key, waker));
                    keys.push((key, place));
                    fire = 0;
                }
                Step::Remove(which) if !keys.is_empty() => {
                    let (key, place) = *which.get(&keys);
                    let removed = timers.remove(key);
                    let expected = model.remove(&place).map(|(_, waker)| waker);
                    prop_assert_eq!(removed.is_some(), expected.is_some());
                    if let (Some(removed), Some(expected)) = (removed, expected) {
                        prop_assert!(removed.will_wake(&expected));
                    }
                    fire = 0;
                }
                Step::Remove(_) => fire = 0,
                Step::Advance(by) => now = now.saturating_add(by),
                Step::Next => {
                    if let Some(next) = timers.next_deadline() {
                        now = now.max(next.as_nanos());
                    }
                }
                Step::Some(by, count) => {
                    now = now.saturating_add(by);
                    fire = count;
                }
            }
            for _ in 0..fire {
                let due = model.first_key_value().filter(|(place, _)| place.0 <= now);
                let Some((&place, (_, waker))) = due else {
                    prop_assert!(timers.pop_expired(at(now)).is_none());
                    break;
                };
                let popped = timers.pop_expired(at(now));
                prop_assert!(popped.is_some_and(|popped| popped.will_wake(waker)));
                model.remove(&place);
            }
            prop_assert_eq!(timers.len(), model.len());
            prop_assert!(timers.base <= now);
            let earliest = model.first_key_value().map(|(place, _)| at(place.0));
            let next = timers.next_deadline();
            prop_assert_eq!(next.is_some(), earliest.is_some());
            prop_assert!(next <= earliest, "{:?} is after {:?}", next, earliest);
            if model.len() <= FEW {
                // A bound may be left over from when there were more.
                prop_assert!(timers.next.index == super::NONE || next == earliest);
            }
            for (key, place) in &keys {
                prop_assert_eq!(timers.waker(*key).is_some(), model.contains_key(place));
            }
        }
    }
}
