//! Wakers are other people's code: they may panic, and do anything to what woke them.

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{RawWaker, RawWakerVTable, Wake, Waker};

use io2::sync::{
    Barrier, CancellationToken, Mutex, Notify, RwLock, Semaphore, broadcast, mpsc, oneshot, watch,
};
use io2_tests::hand::{Hand, now};

struct Panics;

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        panic!("a waker that panics");
    }
}

/// Two futures wait, the first with a waker that panics. What wakes them must wake both, and must
/// not panic itself.
fn both_are_woken<T>(
    first: impl Future<Output = T>,
    second: impl Future<Output = T>,
    wake: impl FnOnce(),
) {
    let mut first = Hand::new(first);
    let mut second = Hand::waiting(second);
    assert!(first.poll_with(&Waker::from(Arc::new(Panics))).is_pending());
    wake();
    assert_eq!(second.wakes(), 1);
    second.ready();
    first.ready();
}

#[test]
fn a_waker_that_panics_keeps_nobody_from_being_woken() {
    let notify = Notify::new();
    both_are_woken(notify.notified(), notify.notified(), || {
        notify.notify_waiters();
    });

    let token = CancellationToken::new();
    let child = token.child_token();
    both_are_woken(token.cancelled(), child.cancelled(), || token.cancel());

    let semaphore = Semaphore::new(0);
    let acquire = async || semaphore.acquire().await.unwrap().forget();
    both_are_woken(acquire(), acquire(), || semaphore.add_permits(2));
    let acquire = async || semaphore.acquire().await.map(|_| ()).unwrap_err();
    both_are_woken(acquire(), acquire(), || semaphore.close());

    let lock = RwLock::new(());
    let guard = now(lock.write());
    let read = async || drop(lock.read().await);
    both_are_woken(read(), read(), || drop(guard));

    let (sender, receiver) = broadcast::channel(1);
    let recv = async |mut receiver: broadcast::Receiver<u8>| receiver.recv().await.unwrap();
    let other = receiver.resubscribe();
    both_are_woken(recv(receiver), recv(other), || {
        let _ = sender.send(1);
    });

    let (sender, receiver) = watch::channel(1);
    let changed = async |mut receiver: watch::Receiver<u8>| receiver.changed().await.unwrap();
    let other = receiver.clone();
    both_are_woken(changed(receiver), changed(other), || {
        let _ = sender.send(2);
    });

    let (sender, mut receiver) = mpsc::channel(1);
    sender.try_send(1).unwrap();
    let send = async || sender.send(2).await.unwrap_err();
    both_are_woken(send(), send(), || receiver.close());

    let barrier = Barrier::new(3);
    let wait = async || barrier.wait().await;
    both_are_woken(wait(), wait(), || assert!(now(barrier.wait()).is_leader()));
}

#[test]
fn a_message_arrives_though_the_waker_of_its_receiver_panics() {
    let panics = Waker::from(Arc::new(Panics));
    let (sender, mut receiver) = mpsc::channel(1);
    let mut recv = Hand::new(receiver.recv());
    assert!(recv.poll_with(&panics).is_pending());
    assert_eq!(sender.try_send(1), Ok(()));
    assert_eq!(recv.ready(), Some(1));
    let (sender, receiver) = oneshot::channel();
    let mut receiver = Hand::new(receiver);
    assert!(receiver.poll_with(&panics).is_pending());
    assert_eq!(sender.send(1), Ok(()));
    assert_eq!(receiver.ready(), Ok(1));
    // And somebody else gets the turn of one that is dropped.
    let mutex = Mutex::new(());
    let guard = now(mutex.lock());
    let mut first = Hand::new(mutex.lock());
    assert!(first.poll_with(&panics).is_pending());
    let mut second = Hand::waiting(mutex.lock());
    drop(guard);
    drop(first);
    assert_eq!(second.wakes(), 1);
    drop(second.ready());
}

/// Told what is done to a waker.
type Does = Rc<dyn Fn(&'static str)>;

thread_local! {
    /// What a waker does when it is cloned, woken or dropped, with the name of that.
    static DOES: RefCell<Option<Does>> = const { RefCell::new(None) };
}

fn does(what: &'static str) {
    let does = DOES.with_borrow(Option::clone);
    if let Some(does) = does {
        does(what);
    }
}

/// A waker that calls [`DOES`] for everything that is done to it.
fn meddling() -> Waker {
    fn clone(_: *const ()) -> RawWaker {
        does("clone");
        RAW
    }
    const VTABLE: &RawWakerVTable =
        &RawWakerVTable::new(clone, |_| does("wake"), |_| does("wake"), |_| does("drop"));
    const RAW: RawWaker = RawWaker::new(std::ptr::null(), VTABLE);
    // SAFETY: the functions do not use the pointer, and may be called at any time. They refer to a
    // thread-local, so on another thread they do nothing.
    unsafe { Waker::from_raw(RAW) }
}

/// Polls a future with a waker that, when `when` is done to it, does `meddle` once. Gives whether
/// the future is ready then; a wake of the second waker it is polled with counts.
fn meddle<T>(
    future: impl Future<Output = T>,
    when: &'static str,
    meddle: impl Fn() + 'static,
) -> bool {
    let mut hand = Hand::new(future);
    let waker = meddling();
    if when == "clone" {
        DOES.set(Some(once(when, meddle)));
        let ready = hand.poll_with(&waker).is_ready();
        DOES.set(None);
        // Nothing wakes it later: it must have looked again.
        return ready;
    }
    assert!(hand.poll_with(&waker).is_pending());
    DOES.set(Some(once(when, meddle)));
    // The first waker is replaced by that of the hand, and dropped.
    let ready = hand.poll().is_ready();
    DOES.set(None);
    drop(waker);
    ready || hand.wakes() == 1 && hand.poll().is_ready()
}

fn once(when: &'static str, meddle: impl Fn() + 'static) -> Does {
    let done = std::cell::Cell::new(false);
    Rc::new(move |what| {
        if what == when && !done.replace(true) {
            meddle();
        }
    })
}

#[test]
fn what_happens_while_a_waker_is_cloned_or_dropped_is_not_missed() {
    for when in ["clone", "drop"] {
        let semaphore = Rc::new(Semaphore::new(0));
        let gives = semaphore.clone();
        let acquire = semaphore.clone().acquire_owned();
        assert!(
            meddle(acquire, when, move || gives.add_permits(1)),
            "{when}"
        );

        let closes = Rc::new(Semaphore::new(0));
        let acquire = closes.clone().acquire_owned();
        assert!(meddle(acquire, when, move || closes.close()), "{when}");

        let (sender, mut receiver) = mpsc::unbounded_channel();
        let recv = async move { receiver.recv().await };
        assert!(
            meddle(recv, when, move || sender.send(1).unwrap()),
            "{when}"
        );

        let (sender, receiver) = oneshot::channel();
        let sender = RefCell::new(Some(sender));
        let send = move || sender.take().unwrap().send(1).unwrap();
        assert!(meddle(receiver, when, send), "{when}");

        let notify = Rc::new(Notify::new());
        let notifies = notify.clone();
        let notified = async move { notify.notified().await };
        assert!(
            meddle(notified, when, move || notifies.notify_one()),
            "{when}"
        );

        let token = CancellationToken::new();
        let cancelled = token.clone().cancelled_owned();
        assert!(meddle(cancelled, when, move || token.cancel()), "{when}");

        let (sender, mut receiver) = watch::channel(0);
        let mut other = receiver.clone();
        // Somebody else is in the list and is called meanwhile.
        let waits = Hand::waiting(other.changed());
        let changed = async move { receiver.changed().await };
        assert!(
            meddle(changed, when, move || sender.send(1).unwrap()),
            "{when}"
        );
        assert_eq!(waits.wakes(), 1);

        let (sender, mut receiver) = broadcast::channel(1);
        let recv = async move { receiver.recv().await };
        assert!(
            meddle(recv, when, move || assert_eq!(sender.send(1), Ok(1))),
            "{when}"
        );

        let barrier = Rc::new(Barrier::new(2));
        let comes = barrier.clone();
        let wait = async move { barrier.wait().await };
        let come = move || {
            // The first to come waits; whoever comes second lets both go.
            let mut wait = Hand::new(comes.wait());
            if wait.poll().is_pending() {
                std::mem::forget(wait);
            }
        };
        assert!(meddle(wait, when, come), "{when}");
    }
}

#[test]
fn a_waker_may_use_what_it_is_woken_by() {
    let (sender, mut receiver) = mpsc::channel(2);
    let waker = meddling();
    let mut recv = Hand::new(receiver.recv());
    assert!(recv.poll_with(&waker).is_pending());
    let sends = sender.clone();
    DOES.set(Some(once("wake", move || sends.try_send(2).unwrap())));
    sender.try_send(1).unwrap();
    DOES.set(None);
    assert_eq!(recv.ready(), Some(1));
    drop(recv);
    assert_eq!(receiver.try_recv(), Ok(2));

    // Those who begin to wait while all are called are not called with them.
    let notify = Rc::new(Notify::new());
    let mut first = Hand::new(notify.notified());
    assert!(first.poll_with(&waker).is_pending());
    let second = Hand::waiting(notify.notified());
    let late: Rc<RefCell<Option<Hand<'static, ()>>>> = Rc::default();
    let (waits, kept) = (notify.clone(), late.clone());
    DOES.set(Some(once("wake", move || {
        let waits = waits.clone();
        let late = Hand::waiting(async move { waits.notified().await });
        kept.replace(Some(late));
    })));
    notify.notify_waiters();
    DOES.set(None);
    assert_eq!(second.wakes(), 1);
    first.ready();
    assert_eq!(late.borrow().as_ref().unwrap().wakes(), 0);
    late.take();
}

#[test]
fn a_waiter_that_is_dropped_while_all_are_called_is_not_missed_by_the_others() {
    let notify = Rc::new(Notify::new());
    let waits = |notify: &Rc<Notify>| {
        let notify = notify.clone();
        async move { notify.notified().await }
    };
    let waker = meddling();
    let mut first = Hand::new(waits(&notify));
    assert!(first.poll_with(&waker).is_pending());
    // These are called, and not woken yet, when the first is woken.
    let others: RefCell<Vec<_>> = (0..3)
        .map(|_| Hand::waiting(waits(&notify)))
        .collect::<Vec<_>>()
        .into();
    let others = Rc::new(others);
    let drops = others.clone();
    DOES.set(Some(once("wake", move || {
        let second = drops.borrow_mut().remove(1);
        drop(second);
    })));
    notify.notify_waiters();
    DOES.set(None);
    for other in others.borrow_mut().iter_mut() {
        assert_eq!(other.wakes(), 1);
        other.ready();
    }
    first.ready();
}

/// Looks at the lock that it is in while it is printed.
struct Nosy(RefCell<std::rc::Weak<Mutex<Nosy>>>);

impl std::fmt::Debug for Nosy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mutex = self.0.borrow().upgrade().unwrap();
        write!(f, "free inside: {}", mutex.try_lock().is_ok())
    }
}

#[test]
fn a_mutex_that_is_printed_is_locked_meanwhile_and_free_afterwards() {
    let mutex = Rc::new(Mutex::new(Nosy(RefCell::default())));
    *mutex.try_lock().unwrap().0.borrow_mut() = Rc::downgrade(&mutex);
    assert!(format!("{mutex:?}").contains("free inside: false"));
    assert!(mutex.try_lock().is_ok());
}
