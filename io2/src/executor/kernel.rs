//! The executor's way into the kernel and back: enters, with spans around them where somebody looks,
//! and completions, taken off the rings first and worked off then.

use std::io;
use std::time::Duration;

use super::{Executor, guard, wake};
use crate::clock::{self, Ticks};
use crate::driver::{Discarded, Entered, Finished, Notices, Reaped};
use crate::page::Meta;
use crate::trace::{self, CompleteInfo, CompleteSpan, OpInfo, OpStuck};

/// Rounds of reaping in a turn: a bound, since completions may come as fast as they are reaped.
const REAP_ROUNDS: usize = 64;

/// An operation that goes on so long after its cancellation was asked for is told of.
const STUCK_AFTER: Duration = Duration::from_millis(if cfg!(test) { 300 } else { 1000 });

impl Executor {
    /// Submits, waits if told so, and reaps.
    pub(super) fn enter(&self, wait: bool, timeout: Option<Duration>) -> io::Result<()> {
        let entered = self.enter_kernel(wait, timeout);
        if let Some(error) = entered.fatal() {
            return Err(error);
        }
        if entered.is_busy() {
            self.say_busy();
        }
        self.reap()
    }

    fn enter_kernel(&self, wait: bool, timeout: Option<Duration>) -> Entered {
        self.page().counters.enters.add(1);
        if wait {
            self.publish();
        }
        if trace::on() {
            self.enter_kernel_seen(wait, timeout)
        } else {
            self.driver.borrow_mut().enter(wait, timeout)
        }
    }

    /// An enter with a span around it.
    #[cold]
    fn enter_kernel_seen(&self, wait: bool, timeout: Option<Duration>) -> Entered {
        let chores = self.driver.borrow_mut().take_chores();
        for Meta { id, name, fd, .. } in chores {
            drop(trace::enter_submit(&OpInfo {
                id,
                code: name,
                fd,
                len: 0,
                offset: 0,
                task: 0,
                polled: false,
            }));
        }
        let sqes = self.driver.borrow_mut().queued();
        let span = trace::enter_ring(self.id, sqes, u32::from(wait), timeout);
        // What the subscriber has woken must not wait.
        let wait = wait && self.ready.is_empty();
        let start = clock::now();
        let entered = self.driver.borrow_mut().enter(wait, timeout);
        let blocked = start.elapsed();
        let cqes = self.driver.borrow_mut().completions();
        span.end(entered.ret, entered.errno, cqes, blocked);
        entered
    }

    /// Takes completions off the ring, round by round while the kernel has more, and works them off.
    pub(super) fn reap(&self) -> io::Result<()> {
        for _ in 0..REAP_ROUNDS {
            let mut reaped = self.reaped.take();
            let more = {
                let mut driver = self.driver.borrow_mut();
                driver.reap(&mut reaped);
                driver.has_deferred()
            };
            for each in reaped.drain(..) {
                self.deliver(each);
            }
            self.reaped.set(reaped);
            if !more {
                break;
            }
            // The kernel hands over a few at a time.
            let entered = self.enter_kernel(false, None);
            if let Some(error) = entered.fatal() {
                return Err(error);
            }
            if entered.is_busy() {
                self.say_busy();
                break;
            }
        }
        let (notices, cancelling) = {
            let mut driver = self.driver.borrow_mut();
            (driver.take_notices(), driver.is_cancelling())
        };
        if let Some(notices) = notices {
            self.say_notices(notices);
        }
        if cancelling {
            self.say_stuck(STUCK_AFTER);
        }
        if self.sampling.get() {
            self.publish();
        }
        self.slice.begin(self.page());
        Ok(())
    }

    /// Wakes whoever waits for a completion, or discards what nobody waits for.
    fn deliver(&self, reaped: Reaped) {
        match reaped {
            Reaped::Wake(waker) => self.wake_up(waker),
            Reaped::WakeSeen(waker, finished) => {
                let _span = self.completion_span(&finished);
                wake(waker);
            }
            Reaped::Discard(discarded) => {
                let Discarded {
                    orphan,
                    side,
                    result,
                    finished,
                } = *discarded;
                let _span = trace::on().then(|| self.completion_span(&finished));
                let meta = finished.meta;
                trace::op_orphan(meta.id, meta.name, meta.fd, Some(result.res));
                guard("a buffer", || orphan.discard(side, result.result()));
            }
            Reaped::Settle(held) => guard("what an operation held", || drop(held)),
            Reaped::Seen(finished) => drop(self.completion_span(&finished)),
            Reaped::DiscardNext(orphan, finished) => {
                let _span = trace::on().then(|| self.completion_span(&finished));
                let (meta, completion) = (finished.meta, finished.completion);
                trace::op_orphan(meta.id, meta.name, meta.fd, Some(completion.res));
                guard("a buffer", || {
                    orphan.discard(completion);
                    drop(orphan);
                });
            }
        }
    }

    #[cold]
    fn completion_span(&self, finished: &Finished) -> CompleteSpan {
        let Finished { meta, completion } = finished;
        let latency = |since| self.slice.duration(clock::ticks().since(since));
        trace::enter_complete(&CompleteInfo {
            id: meta.id,
            code: meta.name,
            res: completion.res,
            flags: completion.flags,
            more: completion.has_more(),
            latency: meta.since.map(latency),
        })
    }

    /// Brings the numbers that are not counted one by one up to date, for others to read: before the thread
    /// sleeps, and now and then.
    pub(crate) fn publish(&self) {
        let counters = &self.page().counters;
        let pending = self.driver.borrow().pending();
        counters.in_flight.set(pending as u64);
        counters.live.set(self.tasks.borrow().len() as u64);
        counters.ready.set(self.ready.len() as u64);
        counters.timers.set(self.timers.borrow().len() as u64);
    }

    #[cold]
    fn say_busy(&self) {
        self.page().counters.busy.add(1);
        let inflight = self.driver.borrow().pending() as u64;
        trace::ring_busy(self.id, self.config.ring_depth, inflight, 1);
        // Lets the kernel get on: it wants memory, or completions to be taken.
        std::thread::yield_now();
    }

    /// Tells of operations that were to be cancelled, and are in flight so long after that.
    #[cold]
    pub(super) fn say_stuck(&self, after: Duration) {
        let now = clock::ticks();
        // The driver gives them in the order of their age: one look is enough, unless there is one to tell of.
        let is_old = |since: Ticks| self.slice.duration(now.since(since)) >= after;
        loop {
            let stuck = self.driver.borrow_mut().take_stuck(is_old);
            let Some((meta, since)) = stuck else { break };
            let location = (self.tasks.borrow().iter())
                .map(|(_, task)| &task.header().meta)
                .find(|task| task.id == meta.task)
                .map(|task| task.location);
            trace::op_stuck(&OpStuck {
                id: meta.id,
                code: meta.name,
                fd: meta.fd,
                age: self.slice.duration(now.since(since)),
                task: meta.task,
                location,
            });
        }
    }

    /// Says what the driver noticed and could not say itself.
    #[cold]
    fn say_notices(&self, notices: Notices) {
        let Notices {
            sq_full,
            overflows,
            strays,
            short_of_memory,
            polled_refused,
        } = notices;
        let pending = self.driver.borrow().pending() as u64;
        let depth = self.config.ring_depth;
        if sq_full > 0 {
            trace::sq_full(self.id, depth, pending, sq_full);
        }
        // Said at the first, the second, the fourth and so on: a small ring overflows all the time.
        let said = self.overflows_said.get();
        let all = self.page().counters.overflows.get();
        if overflows > 0 && all >= 2 * said {
            self.overflows_said.set(all);
            trace::ring_overflow(self.id, depth, pending, all - said);
        }
        if short_of_memory {
            trace::advice(format_args!(
                "locked memory is short: the completion queue is smaller than it would be; \
                 raise RLIMIT_MEMLOCK"
            ));
        }
        if let Some(error) = polled_refused {
            trace::advice(format_args!(
                "direct I/O is not polled: the kernel refused the ring for it ({error}); \
                 perhaps RLIMIT_MEMLOCK is to be raised"
            ));
        }
        if strays > 0 {
            trace::advice(format_args!(
                "the kernel completed {strays} operations that are not known"
            ));
        }
    }
}
