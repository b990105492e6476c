//! What executors publish, and overruns, written down.

use std::time::Duration;

use super::json::{Object, list, number, object, text};
use crate::clock::{self, Instant};
use crate::observe::{Histogram, OperationDump, Overrun, Running, Stats};

/// A duration in nanoseconds.
pub(super) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// A point in time, in milliseconds from some beginning.
fn moment(instant: Instant) -> u64 {
    instant.as_nanos() / 1_000_000
}

/// The counters of all executors.
pub(super) fn snapshot(executors: &[Stats]) -> String {
    let mut out = String::new();
    object(&mut out, |snapshot| {
        snapshot.number("now_ms", moment(clock::now()));
        snapshot.number("pid", std::process::id().into());
        if let Some(program) = std::env::args_os().next() {
            snapshot.text("program", &program.to_string_lossy());
        }
        snapshot.text("version", env!("CARGO_PKG_VERSION"));
        list(snapshot.field("executors"), executors, |out, stats| {
            object(out, |object| executor(object, stats));
        });
    });
    out
}

fn executor(out: &mut Object<'_>, stats: &Stats) {
    out.text("rt", &stats.rt.to_string());
    if let Some(name) = &stats.name {
        out.text("name", name);
    }
    for (name, value) in [
        ("thread", u64::try_from(stats.thread).unwrap_or(0)),
        ("cpu", stats.cpu.into()),
        ("ring_depth", stats.ring_depth.into()),
        ("polls", stats.polls),
        ("spawned", stats.spawned),
        ("live", stats.live),
        ("ready", stats.ready),
        ("submissions", stats.submissions),
        ("completions", stats.completions),
        ("enters", stats.enters),
        ("in_flight", stats.in_flight),
        ("sq_full", stats.sq_full),
        ("overflows", stats.overflows),
        ("busy", stats.busy),
        ("timers", stats.timers),
        ("timers_fired", stats.timers_fired),
        ("remote_wakes", stats.remote_wakes),
        ("overruns", stats.overruns),
    ] {
        out.number(name, value);
    }
    for (name, value) in [
        ("budget_ns", Some(stats.budget)),
        ("uptime_ns", Some(stats.uptime)),
        ("task_time_ns", Some(stats.task_time)),
        ("kernel_time_ns", Some(stats.kernel_time)),
        ("cpu_time_ns", stats.cpu_time),
    ] {
        if let Some(value) = value {
            out.number(name, nanos(value));
        }
    }
    out.text("ring_flags", stats.ring_flags);
    out.text("kernel", &stats.kernel);
    if let Some(running) = &stats.running {
        object(out.field("running"), |object| poll(object, running));
    }
    for (name, histogram) in [
        ("poll_time", &stats.poll_time),
        ("wake_delay", &stats.wake_delay),
        ("latency", &stats.latency),
    ] {
        object(out.field(name), |object| distribution(object, histogram));
    }
}

/// The poll that runs.
pub(super) fn poll(out: &mut Object<'_>, running: &Running) {
    out.text("task", &running.task.to_string());
    if let Some(name) = &running.name {
        out.text("name", name);
    }
    out.text("site", &running.location.to_string());
    out.number("elapsed_ns", nanos(running.elapsed));
    out.number("victims", running.victims as u64);
}

/// The buckets are pairs: the bound that durations in it stay below, in nanoseconds, and their number.
fn distribution(out: &mut Object<'_>, histogram: &Histogram) {
    out.number("max_ns", nanos(histogram.max()));
    list(
        out.field("buckets"),
        histogram.buckets(),
        |out, (bound, count)| list(out, [nanos(bound), count], number),
    );
}

/// A poll that was, or is, too long.
pub(super) fn overrun(overrun: &Overrun) -> String {
    let mut out = String::new();
    object(&mut out, |object| {
        object.text("rt", &overrun.rt.to_string());
        if let Some(name) = &overrun.rt_name {
            object.text("rt_name", name);
        }
        object.text("task", &overrun.task.to_string());
        if let Some(name) = &overrun.task_name {
            object.text("task_name", name);
        }
        object.text("site", &overrun.location.to_string());
        object.text("poll", &overrun.poll.to_string());
        object.number("at_ms", moment(overrun.at));
        for (name, value) in [
            ("budget_ns", Some(overrun.budget)),
            ("elapsed_ns", Some(overrun.elapsed)),
            ("cpu_ns", overrun.cpu),
            ("max_victim_delay_ns", overrun.max_victim_delay),
        ] {
            if let Some(value) = value {
                object.number(name, nanos(value));
            }
        }
        object.flag("ended", overrun.ended);
        if let Some(state) = overrun.state() {
            object.text("state", state);
        }
        if let Some(syscall) = &overrun.syscall {
            object.text("syscall", syscall);
        }
        object.number("victims", overrun.victims as u64);
        object.flag("starved", overrun.starved);
        if let Some(hint) = overrun.hint() {
            object.text("hint", hint);
        }
        list(object.field("stack"), &overrun.stack, |out, frame| {
            text(out, &frame.to_string());
        });
    });
    out
}

/// An operation in flight.
pub(super) fn operation(out: &mut Object<'_>, operation: &OperationDump) {
    out.text("id", &operation.id.to_string());
    out.text("name", operation.name);
    if let Ok(fd) = u64::try_from(operation.fd) {
        out.number("fd", fd);
    }
    out.number("len", operation.len);
    if operation.task != 0 {
        out.text("task", &operation.task.to_string());
    }
    if let Some(age) = operation.age {
        out.number("age_ns", nanos(age));
    }
}
