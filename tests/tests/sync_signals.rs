//! Notifications, barriers and cancellation tokens.

use std::pin::pin;

use io2::sync::{Barrier, CancellationToken, Notify};
use io2_tests::hand::{Hand, now};

#[test]
fn one_notification_is_kept_for_the_next_who_comes() {
    let notify = Notify::new();
    notify.notify_one();
    notify.notify_one();
    now(notify.notified());
    assert!(Hand::new(notify.notified()).poll().is_pending());
}

#[test]
fn notifications_go_to_those_who_wait_in_order() {
    let notify = Notify::new();
    let mut waiting: Vec<_> = (0..3).map(|_| Hand::waiting(notify.notified())).collect();
    let wakes = |waiting: &[Hand<'_, ()>]| waiting.iter().map(Hand::wakes).collect::<Vec<_>>();
    notify.notify_one();
    assert_eq!(wakes(&waiting), [1, 0, 0]);
    notify.notify_last();
    assert_eq!(wakes(&waiting), [1, 0, 1]);
    waiting[0].ready();
    assert!(waiting[1].poll().is_pending());
    waiting[2].ready();
}

#[test]
fn a_notification_that_is_not_collected_goes_to_the_next() {
    let notify = Notify::new();
    let first = Hand::waiting(notify.notified());
    let mut second = Hand::waiting(notify.notified());
    notify.notify_one();
    drop(first);
    assert_eq!(second.wakes(), 1);
    second.ready();
    // Nobody is left: it is kept.
    let third = Hand::waiting(notify.notified());
    notify.notify_one();
    drop(third);
    now(notify.notified());
}

#[test]
fn a_notification_to_the_last_goes_on_to_the_last() {
    let notify = Notify::new();
    let first = Hand::waiting(notify.notified());
    let second = Hand::waiting(notify.notified());
    let third = Hand::waiting(notify.notified());
    notify.notify_last();
    drop(third);
    assert_eq!((first.wakes(), second.wakes()), (0, 1));
}

#[test]
fn notify_waiters_reaches_all_who_were_made_before_and_none_after() {
    let notify = Notify::new();
    let mut waiting = Hand::waiting(notify.notified());
    let mut made = Hand::new(notify.notified());
    notify.notify_waiters();
    let mut later = Hand::new(notify.notified());
    assert_eq!(waiting.wakes(), 1);
    waiting.ready();
    made.ready();
    assert!(later.poll().is_pending());
    // One that was notified with all hands nothing on.
    drop(Hand::new(notify.notified()));
    notify.notify_waiters();
    drop(later);
    assert!(Hand::new(notify.notified()).poll().is_pending());
}

#[test]
fn who_is_enabled_has_a_place_in_the_queue() {
    let notify = Notify::new();
    let mut first = pin!(notify.notified());
    assert!(!first.as_mut().enable());
    let second = Hand::waiting(notify.notified());
    notify.notify_one();
    assert_eq!(second.wakes(), 0);
    assert!(first.as_mut().enable());
    now(first);
}

#[test]
fn a_barrier_lets_all_go_when_the_last_one_comes_and_begins_anew() {
    let barrier = Barrier::new(3);
    for _ in 0..2 {
        let mut first = Hand::waiting(barrier.wait());
        let mut second = Hand::waiting(barrier.wait());
        assert!(now(barrier.wait()).is_leader());
        assert_eq!((first.wakes(), second.wakes()), (1, 1));
        // Those who come for the next round do not mix with them.
        let next = Hand::waiting(barrier.wait());
        assert!(!first.ready().is_leader());
        assert!(!second.ready().is_leader());
        drop(next);
    }
}

#[test]
fn who_is_dropped_at_a_barrier_has_not_come() {
    let barrier = Barrier::new(2);
    drop(Hand::waiting(barrier.wait()));
    // Was not polled, so has not come either.
    drop(barrier.wait());
    let mut first = Hand::waiting(barrier.wait());
    assert!(now(barrier.wait()).is_leader());
    first.ready();
    for alone in [0, 1] {
        assert!(now(Barrier::new(alone).wait()).is_leader());
    }
}

#[test]
fn cancelling_reaches_descendants_and_not_ancestors() {
    let root = CancellationToken::new();
    let child = root.child_token();
    let grandchild = child.child_token();
    let sibling = root.child_token();
    let great_grandchild = grandchild.child_token();
    let mut waits =
        [&root, &child, &grandchild, &sibling].map(|token| Hand::waiting(token.cancelled()));
    child.cancel();
    assert_eq!(waits.each_ref().map(Hand::wakes), [0, 1, 1, 0]);
    waits[1].ready();
    waits[2].ready();
    assert!(great_grandchild.is_cancelled());
    root.cancel();
    assert_eq!(waits.each_ref().map(Hand::wakes), [1, 1, 1, 1]);
    assert!(sibling.is_cancelled());
    assert!(root.child_token().is_cancelled());
}

#[test]
fn a_child_keeps_the_way_to_an_ancestor_that_nobody_else_has() {
    let root = CancellationToken::new();
    let grandchild = root.child_token().child_token();
    let clone = grandchild.clone();
    assert_eq!(clone, grandchild);
    drop(grandchild);
    root.cancel();
    assert!(clone.is_cancelled());
}

#[test]
fn a_long_line_of_descendants_is_cancelled_and_dropped_without_recursion() {
    const LONG: usize = 200_000;
    let root = CancellationToken::new();
    let line =
        |root: &CancellationToken| (0..LONG).fold(root.child_token(), |last, _| last.child_token());
    // Each kept by its child alone.
    drop(line(&root));
    let last = line(&root);
    root.cancel();
    assert!(last.is_cancelled());
}

#[test]
fn guards_cancel_unless_they_are_disarmed() {
    let token = CancellationToken::new();
    let guard = token.clone().drop_guard();
    assert_eq!(guard.disarm(), token);
    assert!(!token.is_cancelled());
    drop(token.drop_guard_ref());
    assert!(token.is_cancelled());
}

#[test]
fn a_future_runs_until_its_token_is_cancelled() {
    let token = CancellationToken::new();
    assert_eq!(now(token.run_until_cancelled(async { 1 })), Some(1));
    let mut run = Hand::waiting(token.run_until_cancelled(std::future::pending::<()>()));
    token.cancel();
    assert_eq!(run.wakes(), 1);
    assert_eq!(run.ready(), None);
    drop(run);
    // The token wins.
    assert_eq!(
        now(token.clone().run_until_cancelled_owned(async { 1 })),
        None
    );
    now(token.cancelled_owned());
}

#[test]
fn a_wait_for_cancellation_that_is_dropped_is_not_woken() {
    let token = CancellationToken::new();
    let mut owned = Hand::waiting(token.clone().cancelled_owned());
    let wait = Hand::waiting(token.cancelled());
    assert_eq!(wait.wakers(), 1);
    drop(wait);
    token.cancel();
    assert_eq!(owned.wakes(), 1);
    owned.ready();
}
