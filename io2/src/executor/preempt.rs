//! The slice: how long tasks may run before I/O is reaped, and who overran it.

use std::cell::{Cell, RefCell};
use std::panic::Location;
use std::time::Duration;

use crate::clock::{self, Instant, Rate, Ticks};
use crate::config::{ExecutorConfig, Preempt};
use crate::trace::{self, Overrun, TaskSpan};

/// Overruns are reported one by one up to this many in a window, and counted beyond.
const REPORTS_MAX: u64 = 5;
const WINDOW: Duration = Duration::from_secs(60);

/// The slice of an executor, and the clock that it is measured with.
pub(super) struct Slice {
    budget: Duration,
    preempt: Preempt,
    rate: RefCell<Rate>,
    /// The budget in ticks, at the rate known now. Never too long.
    budget_ticks: Cell<u64>,
    /// When I/O was reaped last.
    start: Cell<Ticks>,
    /// When something ended last: a poll, or the reaping. The next poll starts here.
    last: Cell<Ticks>,
    reports: RefCell<Reports>,
    overruns: Cell<u64>,
    /// What is said of the first overrun, where it is to fail a test.
    first: RefCell<Option<String>>,
}

/// Who ran, and where it comes from.
pub(super) struct Culprit<'a> {
    pub(super) span: &'a TaskSpan,
    pub(super) rt: u64,
    pub(super) task: u64,
    pub(super) name: Option<&'a str>,
    pub(super) location: &'static Location<'static>,
    /// Tasks that waited meanwhile.
    pub(super) victims: u64,
    /// Some of them waited from the poll's start on.
    pub(super) waited: bool,
}

impl Slice {
    pub(super) fn new(config: &ExecutorConfig) -> Self {
        let rate = Rate::new();
        let budget = config.preempt_duration;
        let now = clock::ticks();
        Slice {
            budget,
            preempt: config.preempt,
            budget_ticks: Cell::new(rate.ticks_for(budget)),
            rate: RefCell::new(rate),
            start: Cell::new(now),
            last: Cell::new(now),
            reports: RefCell::new(Reports::default()),
            overruns: Cell::new(0),
            first: RefCell::new(None),
        }
    }

    /// A new slice begins: I/O was just reaped.
    pub(super) fn begin(&self) {
        let now = clock::ticks();
        self.refine(now);
        self.start.set(now);
        self.last.set(now);
    }

    fn refine(&self, now: Ticks) {
        let mut rate = self.rate.borrow_mut();
        if rate.refine(now) {
            self.budget_ticks.set(rate.ticks_for(self.budget));
        }
    }

    /// When the poll that starts now starts: when the last thing ended.
    pub(super) fn last(&self) -> Ticks {
        self.last.get()
    }

    /// A poll ended now; gives the time.
    pub(super) fn mark(&self) -> Ticks {
        let now = clock::ticks();
        self.last.set(now);
        now
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

    /// How many polls overran the slice.
    #[cfg(feature = "macros")]
    pub(super) fn overruns(&self) -> u64 {
        self.overruns.get()
    }

    /// What is to be said of the first overrun, with `Preempt::Fail`.
    #[cfg(feature = "macros")]
    pub(super) fn first_overrun(&self) -> Option<String> {
        self.first.borrow().clone()
    }

    /// Looks at a suspect poll with an exact clock, and reports it if it was too long.
    #[cold]
    pub(super) fn judge(&self, ticks: u64, culprit: &Culprit<'_>) {
        self.refine(clock::ticks());
        let elapsed = self.duration(ticks);
        if elapsed < self.budget {
            return;
        }
        self.overruns.set(self.overruns.get() + 1);
        if self.preempt == Preempt::Fail && self.first.borrow().is_none() {
            let Culprit {
                task,
                name,
                location,
                ..
            } = culprit;
            let name = name.map(|name| format!(" {name:?}")).unwrap_or_default();
            *self.first.borrow_mut() = Some(format!(
                "a poll of task {task}{name}, spawned at {location}, took {elapsed:?}, longer than \
                 the slice of {:?}",
                self.budget,
            ));
        }
        let verdict = self.reports.borrow_mut().admit(clock::now());
        if let Some(count) = verdict.suppressed {
            trace::suppressed(count, WINDOW);
        }
        if verdict.report {
            let overrun = Overrun {
                rt: culprit.rt,
                task: culprit.task,
                name: culprit.name,
                location: culprit.location,
                budget: self.budget,
                elapsed,
                phase: "after",
                victims: culprit.victims,
                max_victim_delay: culprit.waited.then_some(elapsed),
            };
            trace::overrun(culprit.span, &overrun);
        }
    }

    /// Overruns that were counted and not reported yet, at the end.
    pub(super) fn flush(&self) {
        let count = std::mem::take(&mut self.reports.borrow_mut().suppressed);
        if count > 0 {
            trace::suppressed(count, WINDOW);
        }
    }
}

/// Which overruns are reported.
#[derive(Default)]
struct Reports {
    window: Option<Instant>,
    reported: u64,
    suppressed: u64,
}

#[derive(Debug, PartialEq, Eq)]
struct Verdict {
    report: bool,
    /// So many were not reported in the window that is over.
    suppressed: Option<u64>,
}

impl Reports {
    fn admit(&mut self, now: Instant) -> Verdict {
        let mut suppressed = None;
        let fresh = self
            .window
            .is_none_or(|start| now.duration_since(start) >= WINDOW);
        if fresh {
            suppressed = Some(self.suppressed).filter(|&count| count > 0);
            *self = Reports {
                window: Some(now),
                reported: 0,
                suppressed: 0,
            };
        }
        let report = self.reported < REPORTS_MAX;
        if report {
            self.reported += 1;
        } else {
            self.suppressed = self.suppressed.saturating_add(1);
        }
        Verdict { report, suppressed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_yields_when_told_to_does_not_overrun_the_slice() {
        let slice = Slice::new(&ExecutorConfig::new());
        let (start, budget) = (slice.start.get(), slice.budget_ticks.get());
        let told = (0..=budget).find(|&ticks| slice.is_over(Ticks(start.0 + ticks)));
        let told = told.expect("before the end");
        // A step of a tenth of the slice that began right before.
        assert!(!slice.is_suspect(told - 1 + budget / 10));
        assert!(told > budget / 2);
    }

    #[test]
    fn five_overruns_a_minute_are_reported_and_the_others_counted() {
        let mut reports = Reports::default();
        let start = clock::now();
        let mut reported = 0;
        for _ in 0..12 {
            let verdict = reports.admit(start);
            assert_eq!(verdict.suppressed, None);
            reported += u64::from(verdict.report);
        }
        assert_eq!(reported, 5);
        let verdict = reports.admit(start + WINDOW);
        assert_eq!(
            verdict,
            Verdict {
                report: true,
                suppressed: Some(7)
            }
        );
        // What was said once is not said again.
        let verdict = reports.admit(start + WINDOW * 2);
        assert_eq!(
            verdict,
            Verdict {
                report: true,
                suppressed: None
            }
        );
    }
}
