//! Channels for one value.

use std::rc::Rc;

use io2::sync::oneshot::{channel, error::TryRecvError};
use io2_tests::hand::{Hand, now};

#[test]
fn the_value_arrives_before_or_after_it_is_waited_for() {
    let (sender, receiver) = channel();
    sender.send(1).unwrap();
    assert_eq!(now(receiver), Ok(1));
    let (sender, receiver) = channel();
    let mut receiver = Hand::waiting(receiver);
    sender.send(2).unwrap();
    assert_eq!(receiver.wakes(), 1);
    assert_eq!(receiver.ready(), Ok(2));
}

#[test]
fn a_sender_that_is_dropped_is_noticed() {
    let (sender, receiver) = channel::<()>();
    let mut receiver = Hand::waiting(receiver);
    drop(sender);
    assert_eq!(receiver.wakes(), 1);
    assert!(receiver.ready().is_err());
}

#[test]
fn a_value_that_was_sent_before_the_close_is_received() {
    let (sender, mut receiver) = channel();
    sender.send(1).unwrap();
    receiver.close();
    assert!(!receiver.is_terminated());
    assert_eq!(receiver.try_recv(), Ok(1));
    assert!(receiver.is_terminated());
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
}

#[test]
fn a_sender_can_wait_until_nobody_wants_the_value() {
    for close in [true, false] {
        let (mut sender, mut receiver) = channel();
        let mut closed = Hand::waiting(sender.closed());
        if close {
            receiver.close();
        } else {
            drop(receiver);
        }
        assert_eq!(closed.wakes(), 1);
        closed.ready();
        drop(closed);
        assert!(sender.is_closed());
        assert_eq!(sender.send(1), Err(1));
    }
}

#[test]
fn a_value_that_nobody_receives_is_dropped_with_the_receiver() {
    let value = Rc::new(());
    let (sender, receiver) = channel();
    sender.send(value.clone()).unwrap();
    assert_eq!(Rc::strong_count(&value), 2);
    drop(receiver);
    assert_eq!(Rc::strong_count(&value), 1);
}

#[test]
fn a_receiver_can_be_awaited_by_reference() {
    let (sender, mut receiver) = channel();
    assert!(receiver.is_empty());
    drop(Hand::waiting(&mut receiver));
    sender.send(1).unwrap();
    assert!(!receiver.is_empty());
    assert_eq!(now(&mut receiver), Ok(1));
    // There is one value only.
    assert!(now(receiver).is_err());
}
