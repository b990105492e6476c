//! A channel does what a plain model of it does, whatever is dropped when, and drops every message once.

use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::Poll;

use io2::sync::mpsc::error::{SendError, TryRecvError, TrySendError};
use io2::sync::mpsc::{OwnedPermit, Receiver, Sender, channel, unbounded_channel};
use io2_tests::hand::{Hand, now};
use io2_tests::turns::Turns;
use proptest::collection::vec;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Send,
    Reserve,
    PollSend(usize),
    DropSend(usize),
    PollReserve(usize),
    DropReserve(usize),
    UsePermit(usize),
    ReleasePermit(usize),
    DropPermit(usize),
    TrySend,
    TryReserve,
    /// Polls `recv` once and drops it, or goes on with it.
    Recv(bool),
    RecvMany(usize),
    TryRecv,
    Close,
    DropReceiver,
    DropSender,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => Just(Step::Send),
        3 => Just(Step::Reserve),
        8 => (0..8_usize).prop_map(Step::PollSend),
        3 => (0..8_usize).prop_map(Step::DropSend),
        5 => (0..8_usize).prop_map(Step::PollReserve),
        2 => (0..8_usize).prop_map(Step::DropReserve),
        4 => (0..8_usize).prop_map(Step::UsePermit),
        1 => (0..8_usize).prop_map(Step::ReleasePermit),
        1 => (0..8_usize).prop_map(Step::DropPermit),
        2 => Just(Step::TrySend),
        1 => Just(Step::TryReserve),
        8 => any::<bool>().prop_map(Step::Recv),
        2 => (0..4_usize).prop_map(Step::RecvMany),
        3 => Just(Step::TryRecv),
    ];
    let ends = prop_oneof![
        Just(vec![]),
        Just(vec![Step::Close]),
        Just(vec![Step::DropReceiver]),
        Just(vec![Step::DropSender]),
        Just(vec![Step::Close, Step::DropSender]),
    ];
    let parts = (vec(step.clone(), 0..80), ends, vec(step, 0..30));
    parts.prop_map(|(mut steps, end, rest)| {
        steps.extend(end);
        steps.extend(rest);
        steps
    })
}

fn pick<T>(number: usize, among: &[T]) -> Option<usize> {
    (!among.is_empty()).then(|| number % among.len())
}

/// A message. Counts how many there are.
#[derive(Debug)]
struct Message(usize, Rc<Cell<usize>>);

impl Message {
    fn new(number: usize, alive: &Rc<Cell<usize>>) -> Self {
        alive.set(alive.get() + 1);
        Message(number, alive.clone())
    }
}

impl Drop for Message {
    fn drop(&mut self) {
        self.1.set(self.1.get() - 1);
    }
}

/// What the channel should be like.
struct Model {
    turns: Turns,
    room: usize,
    queue: VecDeque<usize>,
    receiver: bool,
    /// The receiver waits to be woken.
    listens: bool,
    receiver_wakes: usize,
}

impl Model {
    fn push(&mut self, message: usize) {
        if self.receiver {
            self.queue.push_back(message);
            self.wake();
        } else {
            self.turns.give(1);
        }
    }

    fn give(&mut self) {
        self.turns.give(1);
        if self.turns.is_closed() && self.is_idle() {
            self.wake();
        }
    }

    fn wake(&mut self) {
        self.receiver_wakes += usize::from(std::mem::take(&mut self.listens));
    }

    fn is_idle(&self) -> bool {
        self.turns.free() == self.room
    }

    /// What `try_recv` gives while so many senders are left.
    fn pop(&mut self, senders: usize) -> Result<usize, TryRecvError> {
        match self.queue.pop_front() {
            Some(message) => {
                self.turns.give(1);
                Ok(message)
            }
            None if senders == 0 || self.turns.is_closed() && self.is_idle() => {
                Err(TryRecvError::Disconnected)
            }
            None => Err(TryRecvError::Empty),
        }
    }
}

type Send = Hand<'static, Result<(), SendError<Message>>>;
type Reserve = Hand<'static, Result<OwnedPermit<Message>, SendError<()>>>;

proptest! {
    #[test]
    fn a_bounded_channel_keeps_the_order_and_loses_nothing(room in 1..5_usize, steps in steps()) {
        let alive = Rc::new(Cell::new(0));
        let (sender, receiver) = channel::<Message>(room);
        let mut sender: Option<Sender<Message>> = Some(sender);
        let mut receiver: Option<Receiver<Message>> = Some(receiver);
        let mut model = Model {
            turns: Turns::new(room),
            room,
            queue: VecDeque::new(),
            receiver: true,
            listens: false,
            receiver_wakes: 0,
        };
        // Futures with the number of their step: the model's name for the waiter, and the message.
        let mut sends: Vec<(usize, Send)> = Vec::new();
        let mut reserves: Vec<(usize, Reserve)> = Vec::new();
        let mut permits: Vec<OwnedPermit<Message>> = Vec::new();
        let receiver_wakes = std::sync::Arc::new(io2_tests::hand::Wakes::default());
        let receiver_waker = std::task::Waker::from(receiver_wakes.clone());
        for (who, step) in steps.into_iter().enumerate() {
            let senders = |sends: &[_], reserves: &[_], permits: &[_]| {
                usize::from(sender.is_some()) + sends.len() + reserves.len() + permits.len()
            };
            let before = senders(&sends as &[(usize, Send)], &reserves as &[(usize, Reserve)], &permits as &[OwnedPermit<Message>]);
            match step {
                Step::Send => {
                    let Some(sender) = sender.clone() else { continue };
                    let message = Message::new(who, &alive);
                    sends.push((who, Hand::new(async move { sender.send(message).await })));
                }
                Step::Reserve => {
                    let Some(sender) = sender.clone() else { continue };
                    reserves.push((who, Hand::new(sender.reserve_owned())));
                }
                Step::PollSend(at) => {
                    let Some(at) = pick(at, &sends) else { continue };
                    let (who, future) = &mut sends[at];
                    let who = *who;
                    let expected = model.turns.poll(who, 1);
                    match future.poll() {
                        Poll::Pending => prop_assert!(expected.is_pending()),
                        Poll::Ready(Ok(())) => {
                            prop_assert_eq!(expected, Poll::Ready(Ok(())));
                            model.push(who);
                            sends.swap_remove(at);
                        }
                        Poll::Ready(Err(SendError(message))) => {
                            prop_assert_eq!(expected, Poll::Ready(Err(())));
                            prop_assert_eq!(message.0, who);
                            sends.swap_remove(at);
                        }
                    }
                }
                Step::DropSend(at) => {
                    let Some(at) = pick(at, &sends) else { continue };
                    let (who, future) = sends.swap_remove(at);
                    model.turns.drop_waiter(who);
                    drop(future);
                }
                Step::PollReserve(at) => {
                    let Some(at) = pick(at, &reserves) else { continue };
                    let (who, future) = &mut reserves[at];
                    let expected = model.turns.poll(*who, 1);
                    match future.poll() {
                        Poll::Pending => prop_assert!(expected.is_pending()),
                        Poll::Ready(result) => {
                            prop_assert_eq!(expected, Poll::Ready(result.as_ref().map(|_| ()).map_err(|_| ())));
                            permits.extend(result);
                            reserves.swap_remove(at);
                        }
                    }
                }
                Step::DropReserve(at) => {
                    let Some(at) = pick(at, &reserves) else { continue };
                    let (who, future) = reserves.swap_remove(at);
                    model.turns.drop_waiter(who);
                    drop(future);
                }
                Step::UsePermit(at) => {
                    let Some(at) = pick(at, &permits) else { continue };
                    let permit = permits.swap_remove(at);
                    model.push(who);
                    drop(permit.send(Message::new(who, &alive)));
                }
                Step::ReleasePermit(at) => {
                    let Some(at) = pick(at, &permits) else { continue };
                    model.give();
                    drop(permits.swap_remove(at).release());
                }
                Step::DropPermit(at) => {
                    let Some(at) = pick(at, &permits) else { continue };
                    model.give();
                    drop(permits.swap_remove(at));
                }
                Step::TrySend => {
                    let Some(sender) = &sender else { continue };
                    let can = model.turns.try_take(1);
                    match sender.try_send(Message::new(who, &alive)) {
                        Ok(()) => {
                            prop_assert!(can);
                            model.push(who);
                        }
                        Err(TrySendError::Full(message)) => {
                            prop_assert!(!can && !model.turns.is_closed());
                            prop_assert_eq!(message.0, who);
                        }
                        Err(TrySendError::Closed(_)) => prop_assert!(model.turns.is_closed()),
                    }
                }
                Step::TryReserve => {
                    let Some(sender) = sender.clone() else { continue };
                    let permit = sender.try_reserve_owned();
                    prop_assert_eq!(permit.is_ok(), model.turns.try_take(1));
                    permits.extend(permit);
                }
                Step::Recv(by_poll) => {
                    let Some(receiver) = &mut receiver else { continue };
                    let mut cx = std::task::Context::from_waker(&receiver_waker);
                    let polled = if by_poll {
                        receiver.poll_recv(&mut cx)
                    } else {
                        Hand::new(receiver.recv()).poll_with(&receiver_waker)
                    };
                    match (polled, model.pop(before)) {
                        (Poll::Ready(Some(message)), Ok(expected)) => prop_assert_eq!(message.0, expected),
                        (Poll::Ready(None), Err(TryRecvError::Disconnected)) => {}
                        (Poll::Pending, Err(TryRecvError::Empty)) => model.listens = true,
                        (polled, expected) => prop_assert!(false, "{:?}, not {:?}", polled, expected),
                    }
                }
                Step::RecvMany(limit) => {
                    let Some(receiver) = &mut receiver else { continue };
                    let mut messages = Vec::new();
                    let polled = Hand::new(receiver.recv_many(&mut messages, limit)).poll_with(&receiver_waker);
                    let mut expected = Vec::new();
                    let mut end = None;
                    while expected.len() < limit && end.is_none() {
                        match model.pop(before) {
                            Ok(message) => expected.push(message),
                            Err(error) => end = Some(error),
                        }
                    }
                    prop_assert_eq!(messages.iter().map(|message| message.0).collect::<Vec<_>>(), expected);
                    let pending = messages.is_empty() && end == Some(TryRecvError::Empty);
                    prop_assert_eq!(polled, if pending { Poll::Pending } else { Poll::Ready(messages.len()) });
                    model.listens |= pending;
                }
                Step::TryRecv => {
                    let Some(receiver) = &mut receiver else { continue };
                    let message = receiver.try_recv().map(|message| message.0);
                    prop_assert_eq!(message, model.pop(before));
                }
                Step::Close => {
                    let Some(receiver) = &mut receiver else { continue };
                    model.turns.close();
                    receiver.close();
                }
                Step::DropReceiver => {
                    model.receiver = false;
                    model.listens = false;
                    model.turns.close();
                    model.turns.give(model.queue.len());
                    model.queue.clear();
                    receiver = None;
                }
                Step::DropSender => sender = None,
            }
            let after = usize::from(sender.is_some()) + sends.len() + reserves.len() + permits.len();
            if before > 0 && after == 0 {
                model.wake();
            }
            prop_assert_eq!(alive.get(), model.queue.len() + sends.len(), "messages that are alive");
            prop_assert_eq!(receiver_wakes.count(), model.receiver_wakes);
            for (who, wakes) in sends.iter().map(|(who, send)| (who, send.wakes()))
                .chain(reserves.iter().map(|(who, reserve)| (who, reserve.wakes())))
            {
                prop_assert_eq!(wakes, model.turns.wakes(*who));
            }
            if let Some(receiver) = &receiver {
                prop_assert_eq!(receiver.len(), model.queue.len());
                prop_assert_eq!(receiver.capacity(), model.turns.available());
                prop_assert_eq!(receiver.sender_strong_count(), after);
            }
        }
        drop((sends, reserves, permits, sender, receiver));
        prop_assert_eq!(alive.get(), 0);
    }

    #[test]
    fn an_unbounded_channel_keeps_the_order(steps in steps()) {
        let alive = Rc::new(Cell::new(0));
        let (sender, mut receiver) = unbounded_channel();
        let mut sender = Some(sender);
        let mut queue = VecDeque::new();
        let mut closed = false;
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Send | Step::Reserve | Step::TrySend | Step::PollSend(_) => {
                    let Some(sender) = &sender else { continue };
                    let sent = sender.send(Message::new(number, &alive));
                    prop_assert_eq!(sent.is_err(), closed);
                    if !closed {
                        queue.push_back(number);
                    }
                }
                Step::RecvMany(limit) => {
                    let mut messages = Vec::new();
                    let polled = Hand::new(receiver.recv_many(&mut messages, limit)).poll();
                    let count = limit.min(queue.len());
                    let expected: Vec<_> = queue.drain(..count).collect();
                    prop_assert_eq!(messages.iter().map(|message| message.0).collect::<Vec<_>>(), expected);
                    let over = sender.is_none() || closed;
                    prop_assert_eq!(polled.is_ready(), count > 0 || limit == 0 || over);
                }
                Step::Close => {
                    closed = true;
                    receiver.close();
                }
                Step::DropSender => sender = None,
                _ => {
                    let expected = match queue.pop_front() {
                        Some(message) => Ok(message),
                        None if sender.is_none() || closed => Err(TryRecvError::Disconnected),
                        None => Err(TryRecvError::Empty),
                    };
                    prop_assert_eq!(receiver.try_recv().map(|message| message.0), expected);
                }
            }
            prop_assert_eq!(alive.get(), queue.len());
            prop_assert_eq!(receiver.len(), queue.len());
        }
        while let Some(message) = queue.pop_front() {
            prop_assert_eq!(now(receiver.recv()).map(|received| received.0), Some(message));
        }
        drop(receiver);
        prop_assert_eq!(alive.get(), 0);
    }
}
