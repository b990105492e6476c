//! Written by hand, for one thread, and without anything that the works do not need: the least that a
//! runtime of boxed futures costs. Files, no-ops and channels are not for tasks at all: see the works.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};
use std::time::{Duration, Instant};

pub use super::wake_oneself as yield_now;

pub const NAME: &str = "raw";

struct Task {
    future: RefCell<Option<Pin<Box<dyn Future<Output = ()>>>>>,
    queued: Cell<bool>,
}

thread_local! {
    static READY: RefCell<VecDeque<Rc<Task>>> = const { RefCell::new(VecDeque::new()) };
    static MAIN: Cell<bool> = const { Cell::new(true) };
    static TIMERS: RefCell<BTreeMap<(Instant, u64), Waker>> = const { RefCell::new(BTreeMap::new()) };
    static NEXT: Cell<u64> = const { Cell::new(0) };
}

/// Runs a future, and the tasks that it spawns, until it is done.
pub fn run<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    // SAFETY: the functions of the table use no data.
    let main = unsafe { Waker::from_raw(RawWaker::new(std::ptr::null(), &MAIN_WAKER)) };
    MAIN.set(true);
    loop {
        if MAIN.replace(false)
            && let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&main))
        {
            TIMERS.with_borrow_mut(BTreeMap::clear);
            return output;
        }
        let batch = READY.with_borrow(VecDeque::len);
        for _ in 0..batch {
            if let Some(task) = READY.with_borrow_mut(VecDeque::pop_front) {
                poll(task);
            }
        }
        fire(!MAIN.get() && READY.with_borrow(VecDeque::is_empty));
    }
}

fn poll(task: Rc<Task>) {
    task.queued.set(false);
    let waker = waker(task.clone());
    let mut future = task.future.borrow_mut();
    if let Some(polled) = &mut *future
        && polled
            .as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_ready()
    {
        *future = None;
    }
}

/// Wakes whose time has come, after a sleep until the first if there is nothing else to do.
fn fire(idle: bool) {
    let Some(first) = TIMERS.with_borrow(|timers| timers.keys().next().copied()) else {
        return assert!(!idle, "nothing would ever wake the future");
    };
    let now = Instant::now();
    if idle && first.0 > now {
        std::thread::sleep(first.0 - now);
    }
    let now = Instant::now();
    while let Some(waker) = TIMERS.with_borrow_mut(|timers| {
        let due = timers.first_entry().filter(|entry| entry.key().0 <= now);
        due.map(|entry| entry.remove())
    }) {
        waker.wake();
    }
}

pub struct JoinHandle<T>(Rc<Output<T>>);

struct Output<T> {
    value: Cell<Option<T>>,
    waker: Cell<Option<Waker>>,
}

pub fn spawn<F: Future + 'static>(future: F) -> JoinHandle<F::Output> {
    let output = Rc::new(Output {
        value: Cell::new(None),
        waker: Cell::new(None),
    });
    let handle = JoinHandle(output.clone());
    let future = async move {
        output.value.set(Some(future.await));
        if let Some(waker) = output.waker.take() {
            waker.wake();
        }
    };
    wake(&Rc::new(Task {
        future: RefCell::new(Some(Box::pin(future))),
        queued: Cell::new(false),
    }));
    handle
}

pub async fn join<T>(handle: JoinHandle<T>) -> T {
    poll_fn(|cx| {
        if let Some(value) = handle.0.value.take() {
            return Poll::Ready(value);
        }
        handle.0.waker.set(Some(cx.waker().clone()));
        Poll::Pending
    })
    .await
}

pub fn sleep(duration: Duration) -> Sleep {
    Sleep {
        key: (Instant::now() + duration, NEXT.replace(NEXT.get() + 1)),
        waits: false,
    }
}

pub struct Sleep {
    key: (Instant, u64),
    waits: bool,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.waits && !TIMERS.with_borrow(|timers| timers.contains_key(&self.key)) {
            self.waits = false;
            return Poll::Ready(());
        }
        self.waits = true;
        let waker = cx.waker().clone();
        TIMERS.with_borrow_mut(|timers| timers.insert(self.key, waker));
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if self.waits {
            TIMERS.with_borrow_mut(|timers| timers.remove(&self.key));
        }
    }
}

fn wake(task: &Rc<Task>) {
    if !task.queued.replace(true) {
        READY.with_borrow_mut(|ready| ready.push_back(task.clone()));
    }
}

/// It must stay on this thread, which the works see to.
fn waker(task: Rc<Task>) -> Waker {
    // SAFETY: the table counts references as `Rc` does.
    unsafe { Waker::from_raw(RawWaker::new(Rc::into_raw(task).cast(), &TASK_WAKER)) }
}

static TASK_WAKER: RawWakerVTable = RawWakerVTable::new(
    |task| {
        // SAFETY: the waker that is cloned holds a reference.
        unsafe { Rc::increment_strong_count(task.cast::<Task>()) };
        RawWaker::new(task, &TASK_WAKER)
    },
    // SAFETY: the waker's reference becomes the `Rc`'s.
    |task| wake(&unsafe { Rc::from_raw(task.cast::<Task>()) }),
    |task| {
        // SAFETY: the `Rc` is not dropped, so the waker keeps its reference.
        let task = std::mem::ManuallyDrop::new(unsafe { Rc::from_raw(task.cast::<Task>()) });
        wake(&task);
    },
    // SAFETY: the waker's reference becomes the `Rc`'s.
    |task| drop(unsafe { Rc::from_raw(task.cast::<Task>()) }),
);

static MAIN_WAKER: RawWakerVTable = RawWakerVTable::new(
    |data| RawWaker::new(data, &MAIN_WAKER),
    |_| MAIN.set(true),
    |_| MAIN.set(true),
    |_| {},
);
