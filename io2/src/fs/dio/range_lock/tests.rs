use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;

use proptest::prelude::*;

use super::*;

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// One request, with a waker that counts.
struct Client {
    acquire: Option<Pin<Box<Acquire>>>,
    hold: Option<Hold>,
    count: Arc<Count>,
}

impl Client {
    fn new(lock: &RangeLock, span: Span, mode: Mode) -> Client {
        let acquire = Some(Box::pin(lock.lock(span, mode)));
        Client {
            acquire,
            hold: None,
            count: Arc::default(),
        }
    }

    fn poll(&mut self) -> bool {
        if let Some(acquire) = &mut self.acquire {
            let waker = Waker::from(Arc::clone(&self.count));
            if let Poll::Ready(hold) = acquire.as_mut().poll(&mut Context::from_waker(&waker)) {
                self.acquire = None;
                self.hold = Some(hold);
            }
        }
        self.hold.is_some()
    }

    fn woken(&self) -> usize {
        self.count.0.load(Ordering::Relaxed)
    }
}

fn polled(lock: &RangeLock, span: (u64, u64), mode: Mode) -> (Client, bool) {
    let mut client = Client::new(lock, Span::new(span.0, span.1), mode);
    let held = client.poll();
    (client, held)
}

#[test]
fn shared_spans_overlap_and_exclusive_ones_do_not() {
    let lock = RangeLock::default();
    let (_first, held) = polled(&lock, (0, 10), Mode::Shared);
    assert!(held);
    let (_second, held) = polled(&lock, (5, 15), Mode::Shared);
    assert!(held);
    let (_third, held) = polled(&lock, (9, 12), Mode::Exclusive);
    assert!(!held);
    let (_fourth, held) = polled(&lock, (15, 20), Mode::Exclusive);
    assert!(held, "spans that only touch do not meet");
}

#[test]
fn nobody_overtakes_a_request_that_waits_and_conflicts() {
    let lock = RangeLock::default();
    let (first, _) = polled(&lock, (0, 10), Mode::Shared);
    let (mut second, held) = polled(&lock, (0, 10), Mode::Exclusive);
    assert!(!held);
    let (mut third, held) = polled(&lock, (0, 10), Mode::Shared);
    assert!(
        !held,
        "or shared requests could keep an exclusive one out for ever"
    );
    drop(first);
    assert_eq!((second.woken(), third.woken()), (1, 0));
    assert!(second.poll() && !third.poll());
    drop(second);
    assert_eq!(third.woken(), 1);
    assert!(third.poll());
}

#[test]
fn a_request_that_is_dropped_while_it_waits_lets_the_next_one_pass() {
    let lock = RangeLock::default();
    let (_first, _) = polled(&lock, (0, 10), Mode::Shared);
    let (second, _) = polled(&lock, (0, 10), Mode::Exclusive);
    let (mut third, _) = polled(&lock, (0, 10), Mode::Shared);
    drop(second);
    assert_eq!(third.woken(), 1);
    assert!(third.poll());
}

#[test]
fn a_request_that_was_given_the_lock_and_is_dropped_unpolled_passes_it_on() {
    let lock = RangeLock::default();
    let (first, _) = polled(&lock, (0, 10), Mode::Exclusive);
    let (second, _) = polled(&lock, (0, 10), Mode::Exclusive);
    let (mut third, _) = polled(&lock, (0, 10), Mode::Exclusive);
    drop(first);
    assert_eq!((second.woken(), third.woken()), (1, 0));
    drop(second);
    assert_eq!(third.woken(), 1);
    assert!(third.poll());
}

#[test]
fn a_request_that_was_never_polled_is_in_nobodys_way() {
    let lock = RangeLock::default();
    let unpolled = Client::new(&lock, Span::from(0), Mode::Exclusive);
    let (_second, held) = polled(&lock, (0, 10), Mode::Exclusive);
    assert!(held);
    drop(unpolled);
}

#[test]
fn only_the_last_waker_is_woken() {
    let lock = RangeLock::default();
    let (first, _) = polled(&lock, (0, 10), Mode::Exclusive);
    let (mut second, _) = polled(&lock, (0, 10), Mode::Exclusive);
    let early = std::mem::take(&mut second.count);
    assert!(!second.poll());
    drop(first);
    assert_eq!((early.0.load(Ordering::Relaxed), second.woken()), (0, 1));
}

thread_local! {
    /// What the waker of the next test drops; a waker itself must not hold what is not `Send`.
    static LEFT: RefCell<Option<Hold>> = const { RefCell::new(None) };
}

/// A waker whose wake comes back to the lock, as a task that is woken and dropped at once would.
struct Leaver;

impl Wake for Leaver {
    fn wake(self: Arc<Self>) {
        drop(LEFT.take());
    }
}

#[test]
fn a_waker_may_come_back_to_the_lock() {
    let lock = RangeLock::default();
    let (mut other, _) = polled(&lock, (20, 30), Mode::Exclusive);
    let (mut last, _) = polled(&lock, (20, 30), Mode::Exclusive);
    let (first, _) = polled(&lock, (0, 10), Mode::Exclusive);
    LEFT.set(other.hold.take());
    let waker = Waker::from(Arc::new(Leaver));
    let mut waits = Box::pin(lock.lock(Span::new(0, 10), Mode::Shared));
    assert!(
        waits
            .as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    drop(first);
    assert!(last.poll(), "the waker gave up the other span");
}

#[derive(Clone, Debug)]
enum Step {
    Ask(Span, Mode),
    Poll(usize),
    Leave(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let span = prop_oneof![
        4 => (0_u64..12, 1_u64..6).prop_map(|(start, len)| Span::new(start, start + len)),
        1 => (0_u64..12).prop_map(Span::from),
    ];
    let mode = prop_oneof![Just(Mode::Shared), Just(Mode::Exclusive)];
    let step = prop_oneof![
        3 => (span, mode).prop_map(|(span, mode)| Step::Ask(span, mode)),
        2 => any::<usize>().prop_map(Step::Poll),
        3 => any::<usize>().prop_map(Step::Leave),
    ];
    proptest::collection::vec(step, 0..60)
}

proptest! {
    /// The rule in the module's documentation, word by word.
    #[test]
    fn a_request_has_the_lock_when_no_earlier_live_one_conflicts(steps in steps()) {
        let lock = RangeLock::default();
        let mut live: Vec<(Client, Span, Mode)> = Vec::new();
        for step in steps {
            match step {
                Step::Ask(span, mode) => {
                    let (client, _) = polled(&lock, (span.start, span.end), mode);
                    live.push((client, span, mode));
                }
                Step::Poll(index) if !live.is_empty() => {
                    let index = index % live.len();
                    let client = &mut live[index].0;
                    let told = client.hold.is_some() || client.woken() > 0;
                    prop_assert_eq!(client.poll(), told, "who is woken, and nobody else, has it");
                }
                Step::Leave(index) if !live.is_empty() => {
                    let index = index % live.len();
                    drop(live.remove(index));
                }
                Step::Poll(_) | Step::Leave(_) => {}
            }
            for (index, (client, span, mode)) in live.iter().enumerate() {
                let blocked = live[..index].iter().any(|(_, other, other_mode)| {
                    let exclusive = *mode == Mode::Exclusive || *other_mode == Mode::Exclusive;
                    exclusive && span.meets(other)
                });
                let told = client.hold.is_some() || client.woken() > 0;
                prop_assert_eq!(told, !blocked, "request {} of {}", index, live.len());
                prop_assert!(client.woken() <= 1, "one wake is enough");
            }
        }
        drop(live);
        let requests = lock.requests.borrow();
        prop_assert!(requests.holders.is_empty() && requests.waiting.is_empty());
        prop_assert_eq!(requests.exclusive, 0);
        prop_assert_eq!(requests.free.len(), requests.slots.len(), "every slot came back");
    }
}
