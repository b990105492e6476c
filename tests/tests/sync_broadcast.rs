//! Broadcasts: everybody gets everything, or is told how much was missed.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::Poll;

use io2::sync::broadcast::error::{RecvError, SendError, TryRecvError};
use io2::sync::broadcast::{Receiver, Sender, channel};
use io2_tests::hand::{Hand, now};
use proptest::collection::vec;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Send,
    Recv(usize),
    Subscribe,
    DropReceiver(usize),
    DropSender,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        10 => Just(Step::Send),
        14 => (0..5_usize).prop_map(Step::Recv),
        2 => Just(Step::Subscribe),
        2 => (0..5_usize).prop_map(Step::DropReceiver),
        1 => Just(Step::DropSender),
    ];
    vec(step, 0..80)
}

/// A message that counts how many of its clones there are.
#[derive(Clone, Debug)]
struct Message(usize, #[allow(dead_code, reason = "it counts")] Rc<()>);

proptest! {
    #[test]
    fn every_receiver_gets_every_message_or_is_told(capacity in 1..6_usize, steps in steps()) {
        let alive = Rc::new(());
        let (sender, receiver) = channel(capacity);
        let capacity = capacity.next_power_of_two();
        let mut sender: Option<Sender<Message>> = Some(sender);
        // Each with what it is still to get.
        let mut receivers: Vec<(Receiver<Message>, VecDeque<usize>)> = vec![(receiver, VecDeque::new())];
        let mut total = 0;
        for step in steps {
            match step {
                Step::Send => {
                    let Some(sender) = &sender else { continue };
                    match sender.send(Message(total, alive.clone())) {
                        Ok(count) => prop_assert_eq!(count, receivers.len()),
                        Err(SendError(message)) => {
                            prop_assert!(receivers.is_empty());
                            prop_assert_eq!(message.0, total);
                            continue;
                        }
                    }
                    for (_, left) in &mut receivers {
                        left.push_back(total);
                    }
                    total += 1;
                }
                Step::Recv(at) => {
                    if receivers.is_empty() {
                        continue;
                    }
                    let at = at % receivers.len();
                    let (receiver, left) = &mut receivers[at];
                    let polled = Hand::new(receiver.recv()).poll();
                    let expected = if left.len() > capacity {
                        let missed = left.len() - capacity;
                        left.drain(..missed);
                        Poll::Ready(Err(RecvError::Lagged(missed as u64)))
                    } else {
                        match left.pop_front() {
                            Some(message) => Poll::Ready(Ok(message)),
                            None if sender.is_none() => Poll::Ready(Err(RecvError::Closed)),
                            None => Poll::Pending,
                        }
                    };
                    prop_assert_eq!(polled.map_ok(|message| message.0), expected);
                }
                Step::Subscribe => {
                    if let Some(sender) = &sender {
                        receivers.push((sender.subscribe(), VecDeque::new()));
                    }
                }
                Step::DropReceiver(at) => {
                    if !receivers.is_empty() {
                        receivers.swap_remove(at % receivers.len());
                    }
                }
                Step::DropSender => sender = None,
            }
            for (receiver, left) in &receivers {
                prop_assert_eq!(receiver.len(), left.len());
            }
            // What everybody has seen, or nobody can see any more, is gone.
            let kept = receivers.iter().map(|(_, left)| left.len().min(capacity)).max();
            let kept = kept.unwrap_or(0);
            prop_assert_eq!(Rc::strong_count(&alive) - 1, kept);
            if let Some(sender) = &sender {
                prop_assert_eq!(sender.len(), kept);
            }
        }
        drop((sender, receivers));
        prop_assert_eq!(Rc::strong_count(&alive), 1);
    }
}

#[test]
fn receivers_that_wait_are_woken_by_a_message_and_by_the_end() {
    let (sender, mut one) = channel(2);
    let mut two = one.resubscribe();
    let mut first = Hand::waiting(one.recv());
    let mut second = Hand::waiting(two.recv());
    sender.send(1).unwrap();
    assert_eq!((first.wakes(), second.wakes()), (1, 1));
    assert_eq!((first.ready(), second.ready()), (Ok(1), Ok(1)));
    drop((first, second));
    let mut first = Hand::waiting(one.recv());
    drop(sender.clone());
    assert_eq!(first.wakes(), 0);
    drop(sender);
    assert_eq!(first.wakes(), 1);
    assert_eq!(first.ready(), Err(RecvError::Closed));
}

#[test]
fn a_receiver_that_is_dropped_while_it_waits_misses_nothing() {
    let (sender, mut receiver) = channel(2);
    drop(Hand::waiting(receiver.recv()));
    sender.send(1).unwrap();
    assert_eq!(now(receiver.recv()), Ok(1));
}

#[test]
fn senders_can_wait_until_nobody_receives() {
    let (sender, receiver) = channel::<()>(1);
    let mut closed = Hand::waiting(sender.closed());
    drop(receiver);
    assert_eq!(closed.wakes(), 1);
    closed.ready();
}

thread_local! {
    static DURING_CLONE: RefCell<Option<Box<dyn FnOnce()>>> = const { RefCell::new(None) };
}

/// Does something in its `clone`.
struct Odd(u32);

impl Clone for Odd {
    fn clone(&self) -> Self {
        let during = DURING_CLONE.take();
        if let Some(during) = during {
            during();
        }
        Odd(self.0)
    }
}

#[test]
fn a_clone_may_send_and_receive() {
    let (sender, mut one) = channel(1);
    let mut two = sender.subscribe();
    sender.send(Odd(1)).unwrap();
    let seen = Rc::new(Cell::new(0));
    let during = {
        let (sender, seen) = (sender.clone(), seen.clone());
        move || {
            // The last one that was to see it, while the first one clones it.
            seen.set(two.try_recv().unwrap().0);
            // Takes the place of what is being cloned.
            sender.send(Odd(2)).unwrap();
            assert_eq!(two.try_recv().unwrap().0, 2);
        }
    };
    DURING_CLONE.set(Some(Box::new(during)));
    assert_eq!(one.try_recv().unwrap().0, 1);
    assert_eq!(seen.get(), 1);
    assert_eq!(one.try_recv().unwrap().0, 2);
    assert_eq!(one.try_recv().err(), Some(TryRecvError::Empty));
}

thread_local! {
    static DURING_DROP: Cell<Option<Box<dyn FnOnce()>>> = const { Cell::new(None) };
}

/// Sends when it is dropped.
#[derive(Clone, Debug)]
struct Last(u32);

impl Drop for Last {
    fn drop(&mut self) {
        if self.0 == 1
            && let Some(during) = DURING_DROP.take()
        {
            during();
        }
    }
}

#[test]
fn what_is_sent_while_a_receiver_goes_is_for_those_that_stay() {
    let (sender, one) = channel(2);
    let mut two = sender.subscribe();
    sender.send(Last(1)).unwrap();
    sender.send(Last(2)).unwrap();
    two.try_recv().unwrap();
    two.try_recv().unwrap();
    let during = {
        let sender = sender.clone();
        move || {
            sender.send(Last(3)).unwrap();
            sender.send(Last(4)).unwrap();
        }
    };
    DURING_DROP.set(Some(Box::new(during)));
    drop(one);
    assert_eq!(two.try_recv().unwrap().0, 3);
    assert_eq!(two.try_recv().unwrap().0, 4);
    assert_eq!(two.try_recv().err(), Some(TryRecvError::Empty));
}
