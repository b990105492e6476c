//! Overruns: polls that took longer than the slice. Which of them count, and which are reported.

use std::collections::VecDeque;
use std::panic::Location;
use std::sync::Mutex;
use std::time::Duration;

use super::Executor;
use super::watchdog::Cause;
use crate::clock::{self, Instant, Ticks};
use crate::config::Preempt;
use crate::lock::lock;
use crate::page::session::note_overrun;
use crate::trace::{self, Overrun, OverrunInfo, TaskSpan};

/// Overruns are reported one by one up to this many in a window, and counted beyond.
const REPORTS_MAX: u64 = 5;
const WINDOW: Duration = Duration::from_secs(60);

/// The last overruns are kept for those who come later.
const KEPT: usize = 256;

static KEPT_OVERRUNS: Mutex<Kept> = Mutex::new(Kept {
    told: 0,
    queue: VecDeque::new(),
});

struct Kept {
    /// How often something was kept.
    told: u64,
    /// With its number.
    queue: VecDeque<(u64, Overrun)>,
}

/// So many sites are told apart: names of tasks may be without end.
const SITES_MAX: usize = 128;

static SITES: Mutex<Sites> = Mutex::new(Sites(Vec::new()));

/// Where a task was spawned, and its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Site {
    pub(crate) location: String,
    pub(crate) task: String,
}

/// How many overruns there were of each site, and how long they took together.
struct Sites(Vec<(Site, u64, Duration)>);

impl Sites {
    fn count(&mut self, mut site: Site, elapsed: Duration) {
        let Sites(all) = self;
        let mut at = all.iter().position(|(each, ..)| *each == site);
        if at.is_none() && all.len() >= SITES_MAX {
            // The last place is for all others.
            site = Site {
                location: OTHER.to_owned(),
                task: OTHER.to_owned(),
            };
            at = (all.len() > SITES_MAX).then_some(SITES_MAX);
        }
        match at {
            Some(at) => {
                all[at].1 += 1;
                all[at].2 += elapsed;
            }
            None => all.push((site, 1, elapsed)),
        }
    }
}

const OTHER: &str = "other";

/// How many overruns there were of each site, in the whole process, and how long they took together.
pub(crate) fn sites() -> Vec<(Site, u64, Duration)> {
    lock(&SITES).0.clone()
}

/// A poll that may have been too long, and whose it is.
pub(super) struct Suspect<'a> {
    pub(super) span: &'a TaskSpan,
    pub(super) task: u64,
    pub(super) name: Option<&'a str>,
    pub(super) location: &'static Location<'static>,
    /// The number of the poll.
    pub(super) seq: u64,
    pub(super) start: Ticks,
    pub(super) ticks: u64,
    /// Tasks that waited meanwhile.
    pub(super) victims: usize,
    /// Some of them waited from the poll's start on.
    pub(super) waited: bool,
}

impl Executor {
    /// Looks at a suspect poll with an exact clock, and at what the watchdog has seen of it; reports it if
    /// it was too long.
    #[cold]
    pub(super) fn judge(&self, suspect: &Suspect<'_>) {
        let budget = self.config.preempt_duration;
        let page = self.page();
        let elapsed = self.slice.exact(suspect.ticks, page);
        if elapsed < budget {
            return;
        }
        let watch = &self.seat.slot.watch;
        let end = Ticks(suspect.start.0 + suspect.ticks);
        let cause = watch.cause(page, suspect.seq, suspect.start, end);
        // The whole process stood still: nobody was kept waiting by this task.
        if elapsed.saturating_sub(cause.stopped) < budget {
            return;
        }
        let starved = cause.is_starved(elapsed, budget);
        if !starved {
            page.counters.overruns.add(1);
            let site = Site {
                location: suspect.location.to_string(),
                task: suspect.name.unwrap_or_default().to_owned(),
            };
            lock(&SITES).count(site, elapsed);
            if self.config.preempt == Preempt::Fail && self.first_overrun.borrow().is_none() {
                let Suspect {
                    task,
                    name,
                    location,
                    ..
                } = suspect;
                let name = name.map(|name| format!(" {name:?}")).unwrap_or_default();
                *self.first_overrun.borrow_mut() = Some(format!(
                    "a poll of task {task}{name}, spawned at {location}, took {elapsed:?}, longer \
                     than the slice of {budget:?}",
                ));
            }
        }
        let Cause {
            cpu,
            state,
            syscall,
            stack,
            ..
        } = cause;
        let overrun = Overrun {
            rt: self.id,
            rt_name: self.config.name.clone(),
            task: suspect.task,
            task_name: suspect.name.map(str::to_owned),
            location: suspect.location,
            poll: suspect.seq,
            at: clock::now(),
            budget,
            elapsed,
            cpu,
            ended: true,
            blocked: state.map(|state| state.is_blocked()),
            syscall,
            victims: suspect.victims,
            max_victim_delay: suspect.waited.then_some(elapsed),
            starved,
            stack,
        };
        report(&self.seat.slot.watch.reports, &overrun, |info| {
            trace::overrun(suspect.span.id(), info);
        });
        keep(overrun);
    }
}

/// Makes an event of an overrun, unless there were too many.
pub(super) fn report(
    reports: &Mutex<Reports>,
    overrun: &Overrun,
    emit: impl FnOnce(&OverrunInfo<'_>),
) {
    let verdict = lock(reports).admit(clock::now());
    if let Some(count) = verdict.suppressed {
        trace::suppressed(count, WINDOW);
    }
    if verdict.report {
        emit(&OverrunInfo {
            overrun,
            suppressed: verdict.suppressed,
        });
    }
}

/// Overruns that were counted and not reported yet, at the end of an executor.
pub(super) fn flush(reports: &Mutex<Reports>) {
    let count = std::mem::take(&mut *lock(reports)).suppressed;
    if count > 0 {
        trace::suppressed(count, WINDOW);
    }
}

/// Keeps an overrun for those who come later; what was known of the same poll before is replaced.
pub(super) fn keep(overrun: Overrun) {
    note_overrun(&overrun);
    let mut kept = lock(&KEPT_OVERRUNS);
    let same = |(_, old): &(u64, Overrun)| (old.rt, old.poll) == (overrun.rt, overrun.poll);
    if let Some(at) = kept.queue.iter().rposition(same) {
        // What the watchdog has to say may come when the poll has been judged.
        if kept.queue[at].1.ended && !overrun.ended {
            return;
        }
        kept.queue.remove(at);
    } else if kept.queue.len() == KEPT {
        kept.queue.pop_front();
    }
    kept.told += 1;
    let number = kept.told;
    kept.queue.push_back((number, overrun));
}

/// The last overruns of all executors of the process, 256 at most, the oldest first. Of a poll that was
/// reported while it ran there is one, with what was known last.
///
/// An example is at [`Overrun`].
#[must_use]
pub fn overruns() -> Vec<Overrun> {
    let kept = lock(&KEPT_OVERRUNS);
    let overruns = kept.queue.iter().map(|(_, overrun)| overrun.clone());
    overruns.collect()
}

/// Those that were kept, or kept anew, after that number, each with its number.
#[cfg(feature = "dashboard")]
pub(crate) fn kept_after(number: u64) -> Vec<(u64, Overrun)> {
    let kept = lock(&KEPT_OVERRUNS);
    let later = kept.queue.iter().filter(|(each, _)| *each > number);
    later.cloned().collect()
}

/// Which overruns are reported.
#[derive(Default)]
pub(crate) struct Reports {
    window: Option<Instant>,
    reported: u64,
    suppressed: u64,
}

#[derive(Debug, PartialEq, Eq)]
struct Verdict {
    report: bool,
    /// A window is over in which so many were not reported.
    suppressed: Option<u64>,
}

impl Reports {
    pub(crate) const fn new() -> Reports {
        Reports {
            window: None,
            reported: 0,
            suppressed: 0,
        }
    }

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
    fn sites_are_counted_one_by_one_up_to_a_limit_and_together_beyond() {
        let mut sites = Sites(Vec::new());
        let site = |task: usize| Site {
            location: "src/main.rs:1:1".to_owned(),
            task: task.to_string(),
        };
        let ms = Duration::from_millis;
        for task in 0..SITES_MAX + 10 {
            sites.count(site(task), ms(2));
        }
        sites.count(site(7), ms(3));
        let Sites(all) = sites;
        assert_eq!(all.len(), SITES_MAX + 1);
        assert_eq!(all[7], (site(7), 2, ms(5)));
        let (other, count, time) = &all[SITES_MAX];
        assert_eq!((&*other.location, &*other.task), ("other", "other"));
        assert_eq!((*count, *time), (10, ms(20)));
    }

    #[test]
    fn five_overruns_a_minute_are_reported_and_the_others_counted() {
        let mut reports = Reports::new();
        let start = clock::now();
        let mut reported = 0;
        for _ in 0..12 {
            let verdict = reports.admit(start);
            assert_eq!(verdict.suppressed, None);
            reported += u64::from(verdict.report);
        }
        assert_eq!(reported, 5);
        let verdict = reports.admit(start + WINDOW);
        assert!(verdict.report);
        assert_eq!(verdict.suppressed, Some(7));
        // What was said once is not said again.
        let verdict = reports.admit(start + WINDOW * 2);
        assert!(verdict.report);
        assert_eq!(verdict.suppressed, None);
    }
}
