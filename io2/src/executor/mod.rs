//! The executor: one thread's tasks, timers and rings, and the loop that runs them.
//!
//! A turn runs what is ready, submits and, if nothing is left to run, waits, all in one enter; then
//! it wakes whoever has a completion, and fires timers. Nothing of the executor is borrowed while
//! user code runs: polls, wakes, drops of what users made, and events.

mod alarm;
pub(crate) mod context;
pub(crate) mod coop;
pub(crate) mod dump;
mod inbox;
pub(crate) mod inspect;
mod kernel;
pub(crate) mod overrun;
mod preempt;
mod ready;
pub(crate) mod remote;
mod shutdown;
mod tasks;
pub(crate) mod timer;
mod timers;
mod waker;
pub(crate) mod watchdog;

pub(crate) use self::watchdog::cpu_time;

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Poll, Waker};
use std::time::Duration;

use self::alarm::Alarm;
use self::context::{CurrentPoll, POLL};
use self::preempt::Slice;
use self::ready::{Ready, ReadyQueue};
use self::remote::Seat;
use self::tasks::{Root, root_generation};
use self::timers::Timers;
use self::waker::{GENERATION_BITS, INDEX_BITS, ROOT};
use crate::clock::{self, Ticks};
use crate::config::{ExecutorConfig, Preempt};
use crate::driver::{Driver, Look, Reaped, RingInfo, Shared};
use crate::page::{About, CALLS, Page, SAMPLE_EVERY, on_tape};
use crate::slab::{Key, Slab};
use crate::sys;
use crate::task::{Memory, TaskRef, drop_quietly, panic_text};
use crate::trace::{self, RtStart, Sink};

/// Numbers executors; the numbers of their tasks and operations follow from it.
static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// An executor's tasks, and its operations, are numbered from its own number times this.
const IDS_EACH: u64 = 1 << 40;

/// See the module.
pub(crate) struct Executor {
    /// Never reused in a process: `rt.id` in spans.
    pub(crate) id: u64,
    pub(crate) config: ExecutorConfig,
    pub(crate) seat: Seat,
    pub(crate) driver: Shared,
    tasks: RefCell<Slab<TaskRef>>,
    /// Of tasks. It outlives the executor as long as one of its tasks does.
    memory: Rc<Memory>,
    ready: ReadyQueue,
    timers: RefCell<Timers>,
    /// No timer is due before this.
    timer_check: Cell<Ticks>,
    slice: Slice,
    /// What is said of the first overrun, where it is to fail a test.
    first_overrun: RefCell<Option<String>>,
    alarm: Alarm,
    next_task: Cell<u64>,
    /// The number of the span of the future that `run` was called with.
    #[cfg(feature = "console")]
    root_span: Cell<Option<u64>>,
    /// A task has woken itself in this turn.
    yielded: Cell<bool>,
    /// Turns so far.
    turns: Cell<u64>,
    /// Whether what happens now is measured for the histograms.
    sampling: Cell<bool>,
    /// Since when, if it is.
    sampling_since: Cell<Ticks>,
    /// Spawning is over.
    closing: Cell<bool>,
    /// Descriptors opened in this executor and not closed.
    pub(crate) descriptors: Cell<i64>,
    overflows_said: Cell<u64>,
    /// Kept for their memory.
    reaped: Cell<Vec<Reaped>>,
    wakes: Cell<Vec<(u32, u32)>>,
}

/// Runs a future: see [`ExecutorConfig::run`]. Before the future is polled `begin` is called, and may refuse; the
/// executor is shown to `ended` when it has shut down.
#[track_caller]
pub(crate) fn run<F: Future>(
    config: ExecutorConfig,
    future: F,
    begin: impl FnOnce(&ExecutorConfig) -> io::Result<()>,
    ended: impl FnOnce(&Executor),
) -> io::Result<F::Output> {
    let location = Location::caller();
    config.validate()?;
    if context::with(|_| ()).is_some() {
        return Err(io::Error::other(
            "run inside a running executor: a thread has one at a time; spawn a task instead, \
             or run the other executor on a thread of its own",
        ));
    }
    let executor = Rc::new(Executor::new(config)?);
    let entered = context::Entered::new(executor.clone());
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        executor.open();
        begin(&executor.config)?;
        executor.block_on(future, location)
    }));
    executor.shut_down();
    executor.close();
    ended(&executor);
    drop(entered);
    match outcome {
        Ok(output) => output,
        Err(payload) => resume_unwind(payload),
    }
}

impl Executor {
    fn new(config: ExecutorConfig) -> io::Result<Executor> {
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        let seat = Seat::take()?;
        let driver = Driver::new(&config, id.wrapping_mul(IDS_EACH), &seat.slot.page)?;
        let slice = Slice::new(&config, &seat.slot.page);
        let generation = seat.incarnation.wrapping_mul(0x9E37_79B1);
        seat.slot.inbox.prepare(ROOT, root_generation(&seat));
        Ok(Executor {
            id,
            config,
            driver: Rc::new(RefCell::new(driver)),
            tasks: RefCell::new(Slab::starting_at(GENERATION_BITS, INDEX_BITS, generation)),
            memory: Rc::new(Memory::new()),
            ready: ReadyQueue::new(),
            timers: RefCell::new(Timers::new()),
            timer_check: Cell::new(Ticks(u64::MAX)),
            slice,
            first_overrun: RefCell::new(None),
            alarm: Alarm::new(),
            next_task: Cell::new(id.wrapping_mul(IDS_EACH)),
            #[cfg(feature = "console")]
            root_span: Cell::new(None),
            yielded: Cell::new(false),
            turns: Cell::new(0),
            sampling: Cell::new(false),
            sampling_since: Cell::new(Ticks(0)),
            closing: Cell::new(false),
            descriptors: Cell::new(0),
            overflows_said: Cell::new(0),
            reaped: Cell::new(Vec::new()),
            wakes: Cell::new(Vec::new()),
            seat,
        })
    }

    /// Publishes what the executor is, and says that it starts.
    fn open(&self) {
        let info = self.ring_info();
        let budget = self.config.preempt_duration;
        let judges = self.config.preempt != Preempt::Off;
        let (cpu, kernel) = (sys::current_cpu(), sys::kernel_release());
        trace::rt_start(&RtStart {
            rt: self.id,
            name: self.config.name.as_deref(),
            cpu,
            depth: self.config.ring_depth,
            preempt: judges.then_some(budget),
            kernel: &kernel,
            flags: info.flags,
        });
        let page = self.page();
        page.open(About {
            rt: self.id,
            name: self.config.name.clone(),
            thread: sys::thread_id(),
            cpu,
            depth: self.config.ring_depth,
            flags: info.flags,
            kernel,
            budget,
            judges,
            watchdog: self.config.watchdog,
            hidden: self.config.hidden,
            started: clock::now(),
            polls_before: page.running.polls(),
            sink: Sink::of_this_thread(),
        });
        #[cfg(feature = "stall-stack")]
        if self.config.stall_stack {
            self.seat.slot.watch.stack.arm();
        }
        if self.has_watchdog() {
            self.seat.slot.watch.open();
            watchdog::start();
        }
    }

    /// Whether the watchdog looks at it.
    fn has_watchdog(&self) -> bool {
        self.config.watchdog && self.config.preempt != Preempt::Off
    }

    /// It has ended: nobody is to look at it any more.
    fn close(&self) {
        #[cfg(feature = "stall-stack")]
        self.seat.slot.watch.stack.disarm();
        self.page().close();
        self.seat.slot.watch.close();
    }

    // ---- the loop ---------------------------------------------------------------------------

    fn block_on<F: Future>(
        &self,
        future: F,
        location: &'static Location<'static>,
    ) -> io::Result<F::Output> {
        let mut future = pin!(Some(future));
        let mut root = Root::new(self, location, size_of::<F>());
        self.ready.push_root();
        self.slice.begin(self.page());
        let mut batch = Vec::new();
        loop {
            self.begin_turn();
            loop {
                self.ready.take(&mut batch);
                let mut batch = batch.drain(..);
                while let Some(ready) = batch.next() {
                    self.ready.begin(&ready);
                    let waiting = batch.len();
                    match ready {
                        Ready::Task(task) => self.poll_task(task, waiting),
                        Ready::Root => {
                            if let Poll::Ready(output) =
                                self.poll_main(&mut root, future.as_mut(), waiting)
                            {
                                return Ok(output);
                            }
                        }
                    }
                    if self.slice.is_over_at_mark() {
                        self.ready.put_back(batch);
                        break;
                    }
                }
                if !self.goes_on() {
                    break;
                }
            }
            self.turn()?;
        }
    }

    fn poll_main<F: Future>(
        &self,
        root: &mut Root,
        mut future: Pin<&mut Option<F>>,
        waiting: usize,
    ) -> Poll<F::Output> {
        let polled = catch_unwind(AssertUnwindSafe(|| {
            let Some(future) = future.as_mut().as_pin_mut() else {
                unreachable!("it is taken out only when it is over")
            };
            self.poll_root(root, future, waiting)
        }));
        polled.unwrap_or_else(|payload| {
            // Not while it unwinds: a second panic would end the process.
            guard("the main future", || future.set(None));
            self.page().running.end();
            POLL.with(CurrentPoll::end);
            resume_unwind(payload)
        })
    }

    /// A turn begins. Decides whether the polls in it are measured: those of one turn in some, and what they
    /// lead to until the end of the next one.
    #[inline]
    fn begin_turn(&self) {
        self.slice.begin_turn();
        self.yielded.set(false);
        let turns = self.turns.get().wrapping_add(1);
        self.turns.set(turns);
        let called = CALLS.load(Ordering::Relaxed) != 0;
        if called || self.sampling.get() || turns.is_multiple_of(2 * SAMPLE_EVERY) {
            self.begin_turn_seen(turns);
        }
    }

    #[cold]
    fn begin_turn_seen(&self, turns: u64) {
        if self.has_watchdog() {
            watchdog::wake_if_asleep();
        }
        let sampling = turns % (2 * SAMPLE_EVERY) < 2 || self.page().is_watched();
        if sampling && !self.sampling.get() {
            self.sampling_since.set(self.slice.last());
        }
        self.sampling.set(sampling);
        let (page, now) = (self.page(), self.slice.last());
        on_tape(page, |tape| tape.turn(page, now));
    }

    /// Whether tasks that became ready in this turn are polled in it: while it is short, and none has woken itself,
    /// as those do that yield. Two tasks that talk would else have the rings looked at for each word.
    #[inline]
    fn goes_on(&self) -> bool {
        !self.ready.is_empty()
            && !self.yielded.get()
            && self.slice.is_turn_short()
            && !self.slice.is_over_at_mark()
    }

    /// Whether what happens now is measured for the histograms.
    #[inline]
    pub(crate) fn is_sampling(&self) -> bool {
        self.sampling.get()
    }

    /// What is published.
    #[inline]
    pub(crate) fn page(&self) -> &'static Page {
        &self.seat.slot.page
    }

    /// Everything between two batches of polls.
    fn turn(&self) -> io::Result<()> {
        self.slice.catch_up();
        self.alarm.turn();
        if self.seat.slot.inbox.has_any() {
            self.open_inbox();
        }
        if self.ready.is_empty() {
            self.wait()?;
        } else {
            let look = self.driver.borrow_mut().look();
            match look {
                Look::Enter => self.enter(false, None)?,
                Look::Reap => self.reap()?,
                // Nothing can have completed: that, too, is a look at the I/O.
                Look::Nothing if self.slice.is_over_at_mark() => self.slice.begin(self.page()),
                Look::Nothing => {}
            }
        }
        if self.slice.last() >= self.timer_check.get() {
            self.fire_timers();
            self.slice.mark();
        }
        Ok(())
    }

    /// Nothing is ready: sleeps until a completion, a timer, or a wake of another thread.
    fn wait(&self) -> io::Result<()> {
        if self.config.spin > Duration::ZERO && self.spin() {
            // Else a timer that is due would not be looked at, and the next poll seem to be long.
            self.slice.mark();
            return Ok(());
        }
        if self.driver.borrow().must_poll() {
            return self.enter(false, None);
        }
        let next = self.timers.borrow().next_deadline();
        let timeout = next.map(|deadline| deadline.duration_since(clock::now()));
        if timeout == Some(Duration::ZERO) {
            return self.enter(false, None);
        }
        let (eventfd, sink) = self.seat.wakeup();
        self.driver.borrow_mut().arm_wakeup(eventfd, sink);
        if !self.seat.slot.inbox.fall_asleep() {
            self.open_inbox();
            return Ok(());
        }
        let entered = self.enter(true, timeout);
        self.seat.slot.inbox.wake_up();
        entered
    }

    /// Looks for something to do without sleeping. True if there may be something.
    #[cold]
    fn spin(&self) -> bool {
        let start = clock::now();
        loop {
            let timers = self.timers.borrow().next_deadline();
            let due = timers.is_some_and(|deadline| deadline <= clock::now());
            if due || self.seat.slot.inbox.has_any() {
                return true;
            }
            let look = self.driver.borrow_mut().look();
            if look != Look::Nothing {
                if self.enter(false, None).is_err() {
                    // The enter that is to sleep sees it again.
                    return false;
                }
                if !self.ready.is_empty() {
                    return true;
                }
            }
            if start.elapsed() >= self.config.spin {
                return false;
            }
            std::hint::spin_loop();
        }
    }

    fn fire_timers(&self) {
        let now = clock::now();
        loop {
            let due = self.timers.borrow_mut().pop_expired(now);
            match due {
                Some(waker) => {
                    self.page().counters.timers_fired.add(1);
                    self.wake_up(waker);
                }
                None => break,
            }
        }
        let next = self.timers.borrow().next_deadline();
        self.timer_check.set(match next {
            None => Ticks(u64::MAX),
            Some(deadline) => {
                let ticks = self.slice.ticks_for(deadline.duration_since(now));
                Ticks(clock::ticks().0.saturating_add(ticks))
            }
        });
    }

    /// A timer was set that is due before all others: when that is, in ticks, is found out at the
    /// next turn.
    fn note_timer(&self) {
        self.timer_check.set(Ticks(0));
        self.alarm.note_timer();
    }

    /// Wakes what other threads have woken, and runs the closures that they sent.
    #[cold]
    fn open_inbox(&self) {
        let inbox = &self.seat.slot.inbox;
        let mut wakes = self.wakes.take();
        inbox.take_wakes(&mut wakes);
        self.page().counters.remote_wakes.add(wakes.len() as u64);
        for (index, generation) in wakes.drain(..) {
            let key = Key { index, generation };
            #[cfg(feature = "console")]
            if trace::on()
                && let Some(span) = self.span_of(key)
            {
                trace::waker(span, trace::WakerOp::WakeByRef);
            }
            self.wake(key);
        }
        self.wakes.set(wakes);
        if inbox.take_mail() {
            // What comes meanwhile is for the next turn.
            for _ in 0..self.seat.slot.mail_waiting() {
                let Some(mail) = self.seat.slot.next_mail() else {
                    break;
                };
                guard("a closure sent by a Handle", mail);
            }
            if self.seat.slot.mail_waiting() > 0 {
                inbox.set_mail();
            }
        }
    }

    // ---- what others ask --------------------------------------------------------------------

    /// The number of the slot in the table of executors.
    pub(crate) fn slot_index(&self) -> u16 {
        self.seat.slot.index
    }

    /// The task that is being polled, or 0.
    pub(crate) fn current_task(&self) -> u64 {
        self.page().running.task()
    }

    /// What the kernel gave.
    pub(crate) fn ring_info(&self) -> RingInfo {
        self.driver.borrow().info()
    }
}

/// Wakes. A waker may be anybody's, so it may panic.
pub(crate) fn wake(waker: Waker) {
    guard("a waker", || waker.wake());
}

/// Drops a waker, which may panic as well.
pub(crate) fn drop_waker(waker: Waker) {
    guard("a waker", || drop(waker));
}

/// Calls code of users that may panic where there is nobody to resume the panic: it is reported.
fn guard(what: &str, call: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(call)) {
        trace::advice(format_args!(
            "{what} panicked: {}",
            panic_text(payload.as_ref())
        ));
        drop_quietly(payload);
    }
}

/// Whether no other task was ready when the poll that runs began.
#[cfg(feature = "net")]
pub(crate) fn is_nothing_else_ready() -> bool {
    context::with(|executor| executor.page().running.victims() == 0).unwrap_or(false)
}

/// What the kernel gave this thread's executor, or `None` outside one.
///
/// # Examples
///
/// ```
/// # io2::ExecutorConfig::new().ring_depth(8).run(async {
/// assert_eq!(io2::ring_info().unwrap().depth, 8);
/// # }).unwrap();
/// ```
pub fn ring_info() -> Option<RingInfo> {
    context::with(|executor| executor.ring_info())
}

/// The panic of whoever needs an executor and has none.
#[track_caller]
pub(crate) fn outside(what: &str) -> ! {
    panic!(
        "{what} needs a running io2 executor: call it from a future that runs in \
         `#[io2::main]`, `#[io2::test]` or `ExecutorConfig::run`"
    )
}
