//! Channels: what closing means, permits, and who counts as a sender.

use io2::sync::mpsc::error::{SendError, TryRecvError, TrySendError};
use io2::sync::mpsc::{channel, unbounded_channel};
use io2_tests::hand::{Hand, now};

#[test]
fn a_receiver_gets_what_is_left_when_all_senders_are_gone() {
    let (sender, mut receiver) = channel(2);
    now(sender.send(1)).unwrap();
    let other = sender.clone();
    drop(sender);
    now(other.send(2)).unwrap();
    assert!(!receiver.is_closed());
    drop(other);
    assert!(receiver.is_closed());
    assert_eq!(now(receiver.recv()), Some(1));
    assert_eq!(now(receiver.recv()), Some(2));
    assert_eq!(now(receiver.recv()), None);
}

#[test]
fn a_receiver_that_waits_is_told_when_the_last_sender_goes() {
    let (sender, mut receiver) = channel::<()>(1);
    let other = sender.clone();
    let mut recv = Hand::waiting(receiver.recv());
    drop(sender);
    assert_eq!(recv.wakes(), 0);
    drop(other);
    assert_eq!(recv.wakes(), 1);
    assert_eq!(recv.ready(), None);
}

#[test]
fn a_closed_channel_keeps_its_messages_and_lets_permits_send() {
    let (sender, mut receiver) = channel(3);
    now(sender.send(1)).unwrap();
    let used = sender.try_reserve().unwrap();
    let unused = sender.try_reserve().unwrap();
    receiver.close();
    assert_eq!(sender.try_send(9), Err(TrySendError::Closed(9)));
    assert_eq!(now(sender.send(9)), Err(SendError(9)));
    assert_eq!(now(receiver.recv()), Some(1));
    // It waits for the permits, and no longer.
    let mut recv = Hand::waiting(receiver.recv());
    used.send(2);
    assert_eq!(recv.ready(), Some(2));
    drop(recv);
    let mut recv = Hand::waiting(receiver.recv());
    drop(unused);
    assert_eq!(recv.wakes(), 1);
    assert_eq!(recv.ready(), None);
}

#[test]
fn senders_that_wait_are_refused_when_the_channel_is_closed() {
    let (sender, mut receiver) = channel(1);
    now(sender.send(0)).unwrap();
    let mut called = Hand::waiting(sender.send(1));
    let mut waiting = Hand::waiting(sender.send(2));
    // Room for the first, which does not know it yet.
    assert_eq!(now(receiver.recv()), Some(0));
    receiver.close();
    assert_eq!((called.wakes(), waiting.wakes()), (1, 1));
    assert_eq!(called.ready(), Err(SendError(1)));
    assert_eq!(waiting.ready(), Err(SendError(2)));
    assert_eq!(now(receiver.recv()), None);
}

#[test]
fn a_message_that_is_not_sent_leaves_its_place_to_the_next() {
    let (sender, mut receiver) = channel(1);
    now(sender.send(0)).unwrap();
    let first = Hand::waiting(sender.send(1));
    let mut second = Hand::waiting(sender.send(2));
    assert_eq!(now(receiver.recv()), Some(0));
    assert_eq!((first.wakes(), second.wakes()), (1, 0));
    // The room was for the first.
    assert_eq!(sender.try_send(3), Err(TrySendError::Full(3)));
    drop(first);
    assert_eq!(second.wakes(), 1);
    assert_eq!(second.ready(), Ok(()));
    assert_eq!(now(receiver.recv()), Some(2));
}

#[test]
fn permits_of_a_gone_receiver_send_to_nobody() {
    let (sender, receiver) = channel(1);
    let permit = now(sender.clone().reserve_owned()).unwrap();
    let message = std::rc::Rc::new(());
    drop(receiver);
    assert!(sender.is_closed());
    permit.send(message.clone());
    assert_eq!(std::rc::Rc::strong_count(&message), 1);
}

#[test]
fn senders_can_wait_for_the_receiver_to_go() {
    let (sender, receiver) = channel::<()>(1);
    let (unbounded, unbounded_receiver) = unbounded_channel::<()>();
    let mut closed = Hand::waiting(sender.closed());
    let mut unbounded_closed = Hand::waiting(unbounded.closed());
    drop((receiver, unbounded_receiver));
    assert_eq!((closed.wakes(), unbounded_closed.wakes()), (1, 1));
    closed.ready();
    unbounded_closed.ready();
}

#[test]
fn many_permits_are_had_at_once_or_not_at_all() {
    let (sender, mut receiver) = channel(4);
    now(sender.send(0)).unwrap();
    assert!(matches!(
        sender.try_reserve_many(4),
        Err(TrySendError::Full(()))
    ));
    // Never: there is not that much room.
    assert!(now(sender.reserve_many(5)).is_err());
    let mut many = Hand::waiting(sender.reserve_many(4));
    assert_eq!(now(receiver.recv()), Some(0));
    let mut permits = many.ready().unwrap();
    assert_eq!(permits.len(), 4);
    permits.next().unwrap().send(1);
    permits.next().unwrap().send(2);
    drop(permits);
    assert_eq!(sender.capacity(), 2);
    let mut messages = Vec::new();
    assert_eq!(now(receiver.recv_many(&mut messages, 3)), 2);
    assert_eq!(messages, [1, 2]);
}

#[test]
fn weak_senders_keep_no_channel_open() {
    let (sender, mut receiver) = channel::<u8>(1);
    let weak = sender.downgrade();
    assert_eq!((sender.strong_count(), sender.weak_count()), (1, 1));
    let again = weak.upgrade().unwrap();
    assert!(again.same_channel(&sender));
    drop(sender);
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    drop(again);
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
    assert!(weak.upgrade().is_none());
    assert_eq!(receiver.sender_weak_count(), 1);
    drop(weak);
    assert_eq!(receiver.sender_weak_count(), 0);
}

#[test]
fn a_gone_receiver_and_a_gone_sender_keep_no_waker() {
    let (sender, mut receiver) = channel::<()>(1);
    let mut recv = Hand::new(async move {
        receiver.recv().await;
        drop(receiver);
    });
    assert!(recv.poll().is_pending());
    assert_eq!(recv.wakers(), 1);
    drop(sender);
    recv.ready();
    assert_eq!(recv.wakers(), 0);
    let (sender, receiver) = channel(1);
    now(sender.send(())).unwrap();
    let send = Hand::waiting(sender.send(()));
    assert_eq!(send.wakers(), 1);
    drop(receiver);
    assert_eq!((send.wakers(), send.wakes()), (0, 1));
}

#[test]
#[should_panic = "a channel without room"]
fn a_channel_has_room() {
    drop(channel::<()>(0));
}

/// A message that sends another one when it is dropped.
struct Sends(Option<io2::sync::mpsc::UnboundedSender<Sends>>);

impl Drop for Sends {
    fn drop(&mut self) {
        if let Some(sender) = self.0.take() {
            assert!(sender.send(Sends(None)).is_err());
        }
    }
}

#[test]
fn messages_are_dropped_where_nothing_is_borrowed() {
    let (sender, receiver) = unbounded_channel();
    sender.send(Sends(Some(sender.clone()))).unwrap();
    drop(receiver);
    assert_eq!(sender.strong_count(), 1);
}
