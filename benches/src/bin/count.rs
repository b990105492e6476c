//! Counts the instructions of a unit of each kind of work, by valgrind's callgrind.
//!
//! ```text
//! cargo run --profile bench -p io2-benches --bin count -- [FILTER]...
//! ```
//!
//! Counts, unlike times, are the same on a busy machine. What the kernel does is not in them.
//! Each work is run twice, the second time with more units: the difference is that of the units
//! alone, without the start of the program and of the executor.

use std::io::{self, Write};
use std::process::{Command, ExitCode};
use std::time::Duration;

use io2_benches as work;

/// A kind of work: its name, how many units, and what does them.
type Work = (&'static str, u64, fn(u64));

const WORK: &[Work] = &[
    ("spawn and join 1,000", 20_000, |units| {
        work::run(async move {
            for _ in 0..units / 1000 {
                work::spawn_at_once(1000).await;
            }
        })
    }),
    ("spawn and join one by one", 20_000, |units| {
        work::run(work::spawn_one_by_one(units))
    }),
    ("yield, 2 tasks", 20_000, |units| {
        work::run(work::yields(2, units / 2))
    }),
    ("yield, 1,000 tasks", 100_000, |units| {
        work::run(work::yields(1000, units / 1000))
    }),
    ("wake oneself", 20_000, |units| {
        work::run(work::wake_oneself(units))
    }),
    ("sleep dropped", 20_000, |units| {
        work::run(work::sleeps_dropped(units))
    }),
    ("no-op, depth 1", 5000, |units| {
        work::run(work::no_ops(1, units)).expect("a no-op succeeds")
    }),
    ("no-op, depth 32", 32_000, |units| {
        work::run(work::no_ops(32, units / 32)).expect("a no-op succeeds")
    }),
    ("read 4 KiB of /dev/zero, depth 32", 32_000, |units| {
        let reads = work::reads("/dev/zero", u64::MAX, 32, units / 32);
        work::run(reads).expect("the reads succeed")
    }),
    ("message through a queue", 64_000, work::sync::queue),
    ("message, room for 64", 64_000, |units| {
        work::run(work::sync::messages(64, units))
    }),
    ("message, room for 1", 20_000, |units| {
        work::run(work::sync::messages(1, units))
    }),
    ("mutex that is free", 20_000, |units| {
        work::run(work::sync::locks(units))
    }),
    ("need_preempt", 20_000, |units| {
        // Valgrind takes its time: the usual slice would be over before the end.
        let config = io2::ExecutorConfig::new().preempt_duration(Duration::from_secs(3600));
        let asked = config.run(async move { work::need_preempt(units) });
        assert_eq!(asked.expect("the executor started"), 0);
    }),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, name, units] = &arguments[..]
        && flag == "--run"
    {
        return run(name, units);
    }
    match count(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "count: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What runs within valgrind.
fn run(name: &str, units: &str) -> ExitCode {
    let work = WORK.iter().find(|(each, ..)| *each == name);
    match (work, units.parse()) {
        (Some((_, _, run)), Ok(units)) => {
            run(units);
            ExitCode::SUCCESS
        }
        _ => ExitCode::FAILURE,
    }
}

fn count(filters: &[String]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for (name, units, _) in WORK {
        if !filters.is_empty() && !filters.iter().any(|filter| name.contains(filter.as_str())) {
            continue;
        }
        let few = instructions(name, *units)?;
        let many = instructions(name, units * 3)?;
        let each = (many - few) / (units * 2) as f64;
        writeln!(out, "{each:>8.1}  {name}")?;
    }
    Ok(())
}

/// Instructions of the whole program with so many units.
fn instructions(name: &str, units: u64) -> io::Result<f64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe()?)
        .args(["--run", name, &units.to_string()])
        .output()
        .map_err(|error| io::Error::new(error.kind(), format!("valgrind: {error}")))?;
    let text = String::from_utf8_lossy(&output.stderr);
    let collected = text
        .lines()
        .find_map(|line| line.split("Collected :").nth(1)?.trim().parse().ok());
    match collected {
        Some(count) if output.status.success() => Ok(count),
        _ => Err(io::Error::other(format!("valgrind failed: {text}"))),
    }
}
