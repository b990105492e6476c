//! Counters as text for Prometheus and for whatever else reads its formats.

mod text;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use self::text::{Family, Kind, Text};
use super::{Dump, Histogram, Stats, executors};
use crate::executor::overrun::{self, Site};

/// The counters of all executors of the process in the text format 0.0.4 of Prometheus, for a program that has
/// a page of metrics already. Any thread may ask; the executors are not asked.
///
/// Times are in seconds. The bounds of histograms are powers of two of a nanosecond, the same everywhere. All
/// series carry the executor's number `rt`, which no other executor of the process ever has, and its `name`.
///
/// # Examples
///
/// ```
/// # io2::ExecutorConfig::new().name("worker").run(async {
/// let text = io2::observe::metrics();
/// assert!(text.contains("# TYPE io2_polls_total counter"));
/// # assert!(text.contains("name=\"worker\""));
/// # }).unwrap();
/// ```
#[must_use]
pub fn metrics() -> String {
    render(false, &[])
}

/// The same as [`metrics`] in the format OpenMetrics 1.0, to be served as
/// `application/openmetrics-text; version=1.0.0; charset=utf-8`.
///
/// # Examples
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// let text = io2::observe::open_metrics();
/// assert!(text.contains("# TYPE io2_polls counter"));
/// assert!(text.ends_with("# EOF\n"));
/// # }).unwrap();
/// ```
#[must_use]
pub fn open_metrics() -> String {
    render(true, &[])
}

/// The counters in one of the formats, and the operations in flight by name, of those executors whose dump
/// is at hand.
pub(crate) fn render(open_metrics: bool, dumps: &[Arc<Dump>]) -> String {
    let in_flight: Vec<InFlight> = dumps.iter().map(|dump| InFlight::of(dump)).collect();
    write(open_metrics, &executors(), &in_flight, &overrun::sites())
}

/// How many operations of each name are in flight in an executor.
struct InFlight {
    rt: u64,
    counts: Vec<(&'static str, usize)>,
}

impl InFlight {
    fn of(dump: &Dump) -> InFlight {
        InFlight {
            rt: dump.rt,
            counts: dump.in_flight.clone(),
        }
    }
}

/// A number of a family.
enum Value {
    Count(u64),
    Time(Duration),
}

/// A family of which each executor has one series, or none.
struct Each {
    family: Family,
    get: fn(&Stats) -> Option<Value>,
}

const fn counter(name: &'static str, help: &'static str, get: fn(&Stats) -> Option<Value>) -> Each {
    let (kind, unit) = (Kind::Counter, None);
    Each {
        family: Family {
            name,
            kind,
            unit,
            help,
        },
        get,
    }
}

const fn gauge(name: &'static str, help: &'static str, get: fn(&Stats) -> Option<Value>) -> Each {
    let mut each = counter(name, help, get);
    each.family.kind = Kind::Gauge;
    each
}

const fn seconds(mut each: Each) -> Each {
    each.family.unit = Some("seconds");
    each
}

fn count(value: u64) -> Option<Value> {
    Some(Value::Count(value))
}

fn time(value: Duration) -> Option<Value> {
    Some(Value::Time(value))
}

const EACH: &[Each] = &[
    seconds(gauge(
        "io2_uptime_seconds",
        "For how long the executor has been running.",
        |s| time(s.uptime),
    )),
    seconds(gauge(
        "io2_slice_seconds",
        "How long a poll may take.",
        |s| time(s.budget),
    )),
    counter("io2_polls", "Polls that have begun.", |s| count(s.polls)),
    counter("io2_tasks_spawned", "Tasks that were spawned.", |s| {
        count(s.spawned)
    }),
    gauge("io2_tasks", "Tasks that are alive.", |s| count(s.live)),
    gauge("io2_tasks_ready", "Tasks that wait for their turn.", |s| {
        count(s.ready)
    }),
    counter("io2_submissions", "Operations that were submitted.", |s| {
        count(s.submissions)
    }),
    counter(
        "io2_completions",
        "Completions that were taken off the rings.",
        |s| count(s.completions),
    ),
    counter("io2_enters", "Calls into the kernel.", |s| count(s.enters)),
    gauge(
        "io2_operations_in_flight",
        "Operations that the kernel works on.",
        |s| count(s.in_flight),
    ),
    counter(
        "io2_sq_full",
        "Entries that found the submission queue full.",
        |s| count(s.sq_full),
    ),
    counter(
        "io2_cq_overflows",
        "Times that completions did not fit into the completion queue; none is lost.",
        |s| count(s.overflows),
    ),
    counter(
        "io2_kernel_busy",
        "Times that the kernel took no submissions.",
        |s| count(s.busy),
    ),
    gauge("io2_timers", "Timers that are set.", |s| count(s.timers)),
    counter("io2_timers_fired", "Timers that have fired.", |s| {
        count(s.timers_fired)
    }),
    counter(
        "io2_remote_wakes",
        "Wakes that came from other threads.",
        |s| count(s.remote_wakes),
    ),
    counter(
        "io2_overruns",
        "Polls that took longer than the slice.",
        |s| count(s.overruns),
    ),
    seconds(counter("io2_task_seconds", "Time in polls.", |s| {
        time(s.task_time)
    })),
    seconds(counter(
        "io2_kernel_seconds",
        "Time outside of polls: in the kernel, at work or asleep, and in taking completions.",
        |s| time(s.kernel_time),
    )),
    seconds(counter(
        "io2_cpu_seconds",
        "Time that the executor's thread was on a processor.",
        |s| s.cpu_time.map(Value::Time),
    )),
    seconds(gauge(
        "io2_poll_running_seconds",
        "For how long the poll that runs has been running; 0 if none runs.",
        |s| {
            time(
                s.running
                    .as_ref()
                    .map_or(Duration::ZERO, |poll| poll.elapsed),
            )
        },
    )),
];

const INFO: Family = Family {
    name: "io2_executor",
    kind: Kind::Info,
    unit: None,
    help: "What the executor runs on.",
};
const STUCK: Family = Family {
    name: "io2_poll_stuck_seconds",
    kind: Kind::Gauge,
    unit: Some("seconds"),
    help: "The poll that runs and has used up its slice: for how long, of which task. No series if there is none.",
};
const BY_OPERATION: Family = Family {
    name: "io2_operations_in_flight_by_operation",
    kind: Kind::Gauge,
    unit: None,
    help: "Operations that the kernel works on, by operation, where the executor has told.",
};
const SITES: Family = Family {
    name: "io2_overruns_by_site",
    kind: Kind::Counter,
    unit: None,
    help: "Polls that took longer than the slice, in the whole process, by where the task was spawned and its name. \
           The first 128 such sites have a series; the others share one with the location and the task \"other\".",
};
const SITE_SECONDS: Family = Family {
    name: "io2_overrun_by_site_seconds",
    kind: Kind::Counter,
    unit: Some("seconds"),
    help: "Time in polls that took longer than the slice, by site as above.",
};

type OfStats = fn(&Stats) -> &Histogram;

const HISTOGRAMS: &[(Family, OfStats)] = &[
    (
        histogram("io2_poll_seconds", "How long polls take."),
        |stats| &stats.poll_time,
    ),
    (
        histogram(
            "io2_wake_delay_seconds",
            "How long it takes from a wake to the poll.",
        ),
        |stats| &stats.wake_delay,
    ),
    (
        histogram(
            "io2_operation_seconds",
            "How long operations take, from the submission to the completion.",
        ),
        |stats| &stats.latency,
    ),
];

const fn histogram(name: &'static str, help: &'static str) -> Family {
    Family {
        name,
        kind: Kind::Histogram,
        unit: Some("seconds"),
        help,
    }
}

fn write(
    open: bool,
    all: &[Stats],
    in_flight: &[InFlight],
    sites: &[(Site, u64, Duration)],
) -> String {
    let mut text = Text::new(open);
    let labels: Vec<_> = all.iter().map(Labels::of).collect();
    let of = |rt: u64| labels.iter().find(|labels| labels.number == rt);

    text.family(&INFO);
    for (stats, labels) in all.iter().zip(&labels) {
        let (cpu, depth) = (stats.cpu.to_string(), stats.ring_depth.to_string());
        let more = [
            ("kernel", &*stats.kernel),
            ("cpu", &cpu),
            ("ring_depth", &depth),
            ("ring_flags", stats.ring_flags),
        ];
        text.sample(&INFO, &[&labels.get()[..], &more].concat(), 1);
    }
    for Each { family, get } in EACH {
        text.family(family);
        for (stats, labels) in all.iter().zip(&labels) {
            match get(stats) {
                Some(Value::Count(count)) => text.sample(family, &labels.get(), count),
                Some(Value::Time(time)) => text.sample(family, &labels.get(), Seconds(time)),
                None => {}
            }
        }
    }
    text.family(&STUCK);
    for (stats, labels) in all.iter().zip(&labels) {
        let over = stats.running.as_ref();
        if let Some(poll) = over.filter(|poll| poll.elapsed >= stats.budget) {
            let location = poll.location.to_string();
            let more = [
                ("location", &*location),
                ("task", poll.name.as_deref().unwrap_or_default()),
            ];
            let labels = [&labels.get()[..], &more].concat();
            text.sample(&STUCK, &labels, Seconds(poll.elapsed));
        }
    }
    text.family(&BY_OPERATION);
    for each in in_flight {
        let Some(labels) = of(each.rt) else { continue };
        for (name, count) in &each.counts {
            let labels = [&labels.get()[..], &[("operation", *name)]].concat();
            text.sample(&BY_OPERATION, &labels, count);
        }
    }
    text.family(&SITES);
    for (site, count, _) in sites {
        text.sample(&SITES, &site.labels(), count);
    }
    text.family(&SITE_SECONDS);
    for (site, _, time) in sites {
        text.sample(&SITE_SECONDS, &site.labels(), Seconds(*time));
    }
    for (family, get) in HISTOGRAMS {
        text.family(family);
        for (stats, labels) in all.iter().zip(&labels) {
            text.histogram(family, &labels.get(), get(stats));
        }
    }
    text.end()
}

/// The labels that all series of an executor have.
struct Labels<'a> {
    number: u64,
    rt: String,
    name: &'a str,
}

impl<'a> Labels<'a> {
    fn of(stats: &'a Stats) -> Labels<'a> {
        Labels {
            number: stats.rt,
            rt: stats.rt.to_string(),
            name: stats.name.as_deref().unwrap_or_default(),
        }
    }

    fn get(&self) -> [(&'static str, &str); 2] {
        [("rt", &self.rt), ("name", self.name)]
    }
}

impl Site {
    fn labels(&self) -> [(&'static str, &str); 2] {
        [("location", &self.location), ("task", &self.task)]
    }
}

/// A time in seconds, exact.
struct Seconds(Duration);

impl std::fmt::Display for Seconds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{:09}", self.0.as_secs(), self.0.subsec_nanos())
    }
}
