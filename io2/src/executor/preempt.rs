//! The slice: how long tasks may run before I/O is reaped, and which polls may have overrun it.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use crate::clock::{self, Rate, Ticks};
use crate::config::{ExecutorConfig, Preempt};
use crate::page::Page;

/// Each poll that takes longer is counted in the histogram.
const LONG: Duration = Duration::from_micros(100);

/// While a turn has not taken longer, tasks that become ready in it are polled in it.
const SHORT_TURN: Duration = Duration::from_micros(20);

/// Where polls are not timed, the clock is read after so many, while they are short.
const UNTIMED: u32 = 16;

/// The slice of an executor, and the clock that it is measured with.
pub(super) struct Slice {
    budget: Duration,
    preempt: Preempt,
    /// Polls since the last mark, and how many there may be before the next.
    unmarked: Cell<u32>,
    unmarked_max: Cell<u32>,
    /// When the turn began.
    turn: Cell<Ticks>,
    /// How long one may go on.
    short_ticks: Cell<u64>,
    rate: RefCell<Rate>,
    /// The budget in ticks, at the rate known now. Never too long.
    budget_ticks: Cell<u64>,
    /// When I/O was reaped last.
    start: Cell<Ticks>,
    /// When something ended last: a poll, or the reaping. The next poll starts here.
    last: Cell<Ticks>,
    /// From so many ticks on a poll is looked at: the slice, or less.
    long_ticks: Cell<u64>,
    /// Ticks in polls and out of them that are not published, since their rate is not known.
    owed: Cell<(u64, u64)>,
}

impl Slice {
    pub(super) fn new(config: &ExecutorConfig, page: &Page) -> Self {
        let rate = Rate::new();
        let budget = config.preempt_duration;
        let now = clock::ticks();
        let slice = Slice {
            budget,
            preempt: config.preempt,
            unmarked: Cell::new(0),
            unmarked_max: Cell::new(1),
            turn: Cell::new(now),
            short_ticks: Cell::new(0),
            budget_ticks: Cell::new(0),
            rate: RefCell::new(rate),
            start: Cell::new(now),
            last: Cell::new(now),
            long_ticks: Cell::new(0),
            owed: Cell::new((0, 0)),
        };
        slice.set_rate(page);
        slice
    }

    /// A new slice begins: I/O was just reaped.
    #[inline]
    pub(super) fn begin(&self, page: &Page) {
        let now = clock::ticks();
        if self.rate.borrow_mut().refine(now) {
            self.set_rate(page);
        }
        let (start, last) = (self.start.replace(now), self.last.replace(now));
        self.unmarked.set(0);
        self.tell(last.since(start), now.since(last), page);
    }

    /// So many ticks more went to polls, and to all else.
    #[inline]
    fn tell(&self, task: u64, kernel: u64, page: &Page) {
        let (owed_task, owed_kernel) = self.owed.get();
        let (task, kernel) = (owed_task + task, owed_kernel + kernel);
        if let (Some(task_nanos), Some(kernel_nanos)) = (page.nanos(task), page.nanos(kernel)) {
            page.counters.task_nanos.add(task_nanos);
            page.counters.kernel_nanos.add(kernel_nanos);
            self.owed.set((0, 0));
        } else {
            self.owed.set((task, kernel));
        }
    }

    /// The rate of the ticks was measured anew, or needs no measuring.
    #[cold]
    fn set_rate(&self, page: &Page) {
        let rate = self.rate.borrow();
        let budget = rate.ticks_for(self.budget);
        self.budget_ticks.set(budget);
        self.long_ticks.set(budget.min(rate.ticks_for(LONG)));
        self.short_ticks.set(budget.min(rate.ticks_for(SHORT_TURN)));
        if let Some(scale) = rate.scale() {
            page.set_scale(scale);
        }
    }

    /// What a number of ticks is in time, at the best rate that is known.
    pub(super) fn exact(&self, ticks: u64, page: &Page) -> Duration {
        if self.rate.borrow_mut().refine(clock::ticks()) {
            self.set_rate(page);
        }
        self.duration(ticks)
    }

    /// When the poll that starts now starts: when the last thing ended.
    pub(super) fn last(&self) -> Ticks {
        self.last.get()
    }

    /// Something ended now; gives the time.
    #[inline]
    pub(super) fn mark(&self) -> Ticks {
        let now = clock::ticks();
        self.last.set(now);
        self.unmarked.set(0);
        now
    }

    /// Whether each poll is timed. Without judgement of polls none is, unless somebody looks.
    #[inline]
    pub(super) fn is_timed(&self) -> bool {
        self.preempt != Preempt::Off
    }

    /// A poll ended that is not timed.
    #[inline]
    pub(super) fn pass(&self) {
        let unmarked = self.unmarked.get() + 1;
        if unmarked < self.unmarked_max.get() {
            self.unmarked.set(unmarked);
            return;
        }
        let before = self.last.get();
        let short = self.mark().since(before) < self.short_ticks.get();
        self.unmarked_max.set(if short { UNTIMED } else { 1 });
    }

    /// Sets the mark, if polls have ended since it was set.
    #[inline]
    pub(super) fn catch_up(&self) {
        if self.unmarked.get() > 0 {
            self.mark();
        }
    }

    /// A turn begins, at the last mark.
    #[inline]
    pub(super) fn begin_turn(&self) {
        self.turn.set(self.last.get());
    }

    /// Whether the turn was short so far.
    #[inline]
    pub(super) fn is_turn_short(&self) -> bool {
        self.last.get().since(self.turn.get()) < self.short_ticks.get()
    }

    /// Whether the slice was used up at the last mark.
    pub(super) fn is_over_at_mark(&self) -> bool {
        self.is_over(self.last.get())
    }

    pub(super) fn now(&self) -> Ticks {
        clock::ticks()
    }

    /// Whether the slice is used up, but for an eighth. Who asks now and then, and yields when told
    /// to, has then not overrun it, unless its steps take more than that eighth each.
    pub(super) fn is_over(&self, now: Ticks) -> bool {
        now.since(self.start.get()) >= self.usable_ticks()
    }

    fn usable_ticks(&self) -> u64 {
        let budget = self.budget_ticks.get();
        budget - (budget >> 3)
    }

    /// How long it takes until the slice counts as used up.
    pub(super) fn remaining(&self, now: Ticks) -> Duration {
        let used = now.since(self.start.get());
        self.duration(self.usable_ticks().saturating_sub(used))
    }

    /// What a number of ticks is in time.
    pub(super) fn duration(&self, ticks: u64) -> Duration {
        self.rate.borrow().duration(ticks)
    }

    /// A number of ticks that take no longer than this.
    pub(super) fn ticks_for(&self, duration: Duration) -> u64 {
        self.rate.borrow().ticks_for(duration)
    }

    /// Whether a poll of so many ticks may have been longer than the slice.
    pub(super) fn is_suspect(&self, ticks: u64) -> bool {
        self.preempt != Preempt::Off && ticks >= self.budget_ticks.get()
    }

    /// Whether a poll of so many ticks is looked at closer.
    #[inline]
    pub(super) fn is_long(&self, ticks: u64) -> bool {
        ticks >= self.long_ticks.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_yields_when_told_to_does_not_overrun_the_slice() {
        let page = Page::new();
        let slice = Slice::new(&ExecutorConfig::new(), &page);
        let (start, budget) = (slice.start.get(), slice.budget_ticks.get());
        let told = (0..=budget).find(|&ticks| slice.is_over(Ticks(start.0 + ticks)));
        let told = told.expect("before the end");
        // A step of a tenth of the slice that began right before.
        assert!(!slice.is_suspect(told - 1 + budget / 10));
        assert!(told > budget / 2);
    }

    #[test]
    fn where_polls_are_not_timed_the_clock_is_read_more_often_after_a_long_one() {
        let config = ExecutorConfig::new().preempt(Preempt::Off);
        let slice = Slice::new(&config, &Page::new());
        while slice.unmarked_max.get() == 1 {
            slice.pass();
        }
        let marked = slice.last();
        std::thread::sleep(2 * SHORT_TURN);
        for _ in 0..UNTIMED {
            slice.pass();
        }
        assert!(slice.last() > marked);
        assert_eq!(slice.unmarked_max.get(), 1);
    }

    #[test]
    fn time_that_was_published_does_not_become_less_when_the_rate_is_measured_anew() {
        let page = Page::new();
        let slice = Slice::new(&ExecutorConfig::new(), &page);
        let published = || {
            let counters = &page.counters;
            (counters.task_nanos.get(), counters.kernel_nanos.get())
        };
        // Two nanoseconds a tick; then one.
        page.set_scale(0);
        slice.tell(300, 100, &page);
        assert_eq!(published(), (0, 0));
        page.set_scale(2 << 32);
        slice.tell(10, 20, &page);
        assert_eq!(published(), (620, 240));
        page.set_scale(1 << 32);
        slice.tell(5, 7, &page);
        assert_eq!(published(), (625, 247));
    }

    #[test]
    fn from_the_start_a_short_poll_is_not_taken_for_a_long_one() {
        let slice = Slice::new(&ExecutorConfig::new(), &Page::new());
        assert!(!slice.is_long(0));
    }
}
