//! Watched values.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use io2::sync::watch::{Sender, channel};
use io2_tests::hand::{Hand, now};

#[test]
fn a_receiver_has_seen_what_was_there_when_it_was_made() {
    let (sender, mut one) = channel(0);
    assert_eq!(one.has_changed(), Ok(false));
    sender.send(1).unwrap();
    let mut two = sender.subscribe();
    assert_eq!(
        (one.has_changed(), two.has_changed()),
        (Ok(true), Ok(false))
    );
    let clone = one.clone();
    assert_eq!(now(one.changed()), Ok(()));
    assert_eq!(clone.has_changed(), Ok(true));
    assert!(Hand::new(one.changed()).poll().is_pending());
    assert!(Hand::new(two.changed()).poll().is_pending());
}

#[test]
fn changed_waits_for_news_and_wakes_everybody() {
    let (sender, mut one) = channel(0);
    let mut two = one.clone();
    let mut first = Hand::waiting(one.changed());
    let mut second = Hand::waiting(two.changed());
    sender.send_modify(|value| *value += 1);
    assert_eq!((first.wakes(), second.wakes()), (1, 1));
    assert_eq!((first.ready(), second.ready()), (Ok(()), Ok(())));
    drop((first, second));
    assert_eq!(*two.borrow(), 1);
}

#[test]
fn a_change_that_is_not_worth_telling_wakes_nobody() {
    let (sender, mut receiver) = channel(0);
    let mut changed = Hand::waiting(receiver.changed());
    assert!(!sender.send_if_modified(|value| {
        *value = 1;
        false
    }));
    assert_eq!(changed.wakes(), 0);
    assert!(changed.poll().is_pending());
    drop(changed);
    assert_eq!(*receiver.borrow(), 1);
}

#[test]
fn the_last_value_is_still_news_when_the_sender_is_gone() {
    let (sender, mut receiver) = channel(0);
    sender.send(1).unwrap();
    drop(sender);
    assert!(receiver.has_changed().is_err());
    assert_eq!(now(receiver.changed()), Ok(()));
    assert!(now(receiver.changed()).is_err());
    assert_eq!(*receiver.borrow(), 1);
}

#[test]
fn who_waits_is_told_when_the_last_sender_goes() {
    let (sender, mut receiver) = channel(0);
    let other = sender.clone();
    let mut changed = Hand::waiting(receiver.changed());
    drop(sender);
    assert_eq!(changed.wakes(), 0);
    drop(other);
    assert_eq!(changed.wakes(), 1);
    assert!(changed.ready().is_err());
}

#[test]
fn borrow_leaves_news_and_borrow_and_update_does_not() {
    let (sender, mut receiver) = channel(0);
    sender.send(1).unwrap();
    assert!(receiver.borrow().has_changed());
    assert!(receiver.borrow_and_update().has_changed());
    assert!(!receiver.borrow().has_changed());
    receiver.mark_changed();
    assert_eq!(now(receiver.changed()), Ok(()));
    receiver.mark_changed();
    receiver.mark_unchanged();
    assert_eq!(receiver.has_changed(), Ok(false));
}

#[test]
fn a_value_can_be_waited_for() {
    let (sender, mut receiver) = channel(5);
    // It may be there already, seen or not.
    assert_eq!(*now(receiver.wait_for(|&n| n == 5)).unwrap(), 5);
    let mut wait = Hand::waiting(receiver.wait_for(|&n| n > 6));
    sender.send(6).unwrap();
    assert!(wait.poll().is_pending());
    sender.send(7).unwrap();
    assert_eq!(*wait.ready().unwrap(), 7);
    drop(wait);
    drop(sender);
    assert!(now(receiver.wait_for(|&n| n > 7)).is_err());
    assert_eq!(*now(receiver.wait_for(|&n| n == 7)).unwrap(), 7);
}

#[test]
fn a_look_does_not_hold_back_the_sender() {
    let (sender, receiver) = channel(String::from("old"));
    let old = receiver.borrow();
    sender.send("new".into()).unwrap();
    assert_eq!((&**old, &**receiver.borrow()), ("old", "new"));
}

#[test]
fn a_value_that_is_looked_at_is_not_changed_in_its_place() {
    let (sender, receiver) = channel(1);
    let look = receiver.borrow();
    let panic = catch_unwind(AssertUnwindSafe(|| sender.send_modify(|n| *n = 2))).unwrap_err();
    let text = panic.downcast_ref::<&str>().unwrap();
    assert!(text.contains("somebody has a Ref of it"), "{text}");
    drop(look);
    sender.send_modify(|n| *n += 1);
    assert_eq!(*receiver.borrow(), 2);
}

#[test]
fn a_closure_that_panics_tells_nobody_and_leaves_the_value() {
    let (sender, receiver) = channel(1);
    let panic = catch_unwind(AssertUnwindSafe(|| {
        sender.send_modify(|n| {
            *n = 2;
            panic!("half way");
        });
    }));
    assert!(panic.is_err());
    assert_eq!(receiver.has_changed(), Ok(false));
    assert_eq!(*receiver.borrow(), 2);
}

#[test]
fn a_value_that_nobody_watches_comes_back_or_is_replaced() {
    let sender = Sender::new(1);
    assert_eq!(sender.send(2).unwrap_err().0, 2);
    assert_eq!(sender.send_replace(3), 1);
    let receiver = sender.subscribe();
    assert_eq!(*receiver.borrow(), 3);
    let mut closed = Hand::waiting(sender.closed());
    drop(receiver);
    assert_eq!(closed.wakes(), 1);
    closed.ready();
}

#[test]
fn old_values_are_dropped() {
    let value = Rc::new(());
    let (sender, receiver) = channel(Some(value.clone()));
    let look = receiver.borrow();
    sender.send(None).unwrap();
    assert_eq!(Rc::strong_count(&value), 2);
    drop(look);
    assert_eq!(Rc::strong_count(&value), 1);
    sender.send(Some(value.clone())).unwrap();
    sender.send(None).unwrap();
    assert_eq!(Rc::strong_count(&value), 1);
}
