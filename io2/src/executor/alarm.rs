//! Whether the running task should let others run, asked in loops: by the kernel's alarm instead of
//! by the clock.
//!
//! To read the time takes three times as long as the rest of the question. So a task that asks again
//! and again within one turn makes the executor set an alarm, a timeout in the kernel for the end of
//! the slice or the next timer, if that is earlier: one more call into the kernel a slice. When it
//! goes off, like when anything else completes, the kernel raises a flag in memory. While the
//! flag is down, and the alarm up, the answer is no; else the clock is read.

use std::cell::Cell;

use super::Executor;
use crate::clock::{self, Ticks};
use crate::driver::Look;
use crate::trace;

/// From so many questions in a turn on it pays to set the alarm.
const ASKED_OFTEN: u32 = 64;

/// The clock is read at least for one in so many questions, should the alarm be late.
const CLOCK_EVERY: u32 = 256;

pub(super) struct Alarm {
    /// Questions in this turn.
    asked: Cell<u32>,
    /// The alarm goes off before the slice is over and before any timer is due.
    covers: Cell<bool>,
    /// A timer was set that is due before all others: perhaps before the alarm.
    stale: Cell<bool>,
}

impl Alarm {
    pub(super) fn new() -> Self {
        Alarm {
            asked: Cell::new(0),
            covers: Cell::new(false),
            stale: Cell::new(false),
        }
    }

    /// A turn begins.
    #[inline]
    pub(super) fn turn(&self) {
        self.asked.set(0);
        self.covers.set(false);
    }

    /// A timer was set that is due before all others.
    #[inline]
    pub(super) fn note_timer(&self) {
        self.covers.set(false);
        self.stale.set(true);
    }
}

impl Executor {
    /// Whether the running task should let others run.
    #[inline]
    pub(crate) fn need_preempt(&self) -> bool {
        let asked = self.alarm.asked.get().wrapping_add(1);
        self.alarm.asked.set(asked);
        if self.alarm.covers.get()
            && !asked.is_multiple_of(CLOCK_EVERY)
            && self.driver.borrow_mut().look() == Look::Nothing
        {
            return false;
        }
        self.need_preempt_by_clock(asked)
    }

    #[inline(never)]
    fn need_preempt_by_clock(&self, asked: u32) -> bool {
        let now = self.slice.now();
        if self.slice.is_over(now) || (now >= self.timer_check.get() && self.is_timer_due()) {
            return true;
        }
        if asked == ASKED_OFTEN {
            self.set_alarm(now);
        }
        false
    }

    #[cold]
    fn is_timer_due(&self) -> bool {
        let next = self.timers.borrow().next_deadline();
        next.is_some_and(|deadline| deadline <= clock::now())
    }

    /// Sets the alarm, unless it is set. One that was set for an earlier slice does as well, since it
    /// goes off the earlier.
    #[cold]
    fn set_alarm(&self, now: Ticks) {
        // Who looks at spans would see the call into the kernel, and must not be called from here.
        if trace::on() {
            return;
        }
        let mut driver = self.driver.borrow_mut();
        if !driver.is_alarm_set() {
            let mut after = self.slice.remaining(now);
            if let Some(next) = self.timers.borrow().next_deadline() {
                after = after.min(next.duration_since(clock::now()));
            }
            if !driver.set_alarm(after) {
                return;
            }
            // What it returns does not matter: it is set as soon as the entry is gone, and what goes
            // wrong goes wrong at the end of the turn as well.
            let _ = driver.enter(false, None);
            self.alarm.stale.set(false);
        }
        self.alarm.covers.set(!self.alarm.stale.get());
    }
}
