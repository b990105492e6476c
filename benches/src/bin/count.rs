//! Counts the instructions of a unit of each kind of work, by valgrind's callgrind.
//!
//! ```text
//! cargo run --profile bench -p io2-benches --bin count -- [FILTER]...
//! cargo run --profile bench -p io2-benches --bin count -- --check
//! cargo run --profile bench -p io2-benches --bin count -- --write
//! ```
//!
//! With `--check` they are compared with those in `benches/instructions.txt`, and none may be higher by
//! more than a twentieth; `--write` writes that file. Where valgrind, or the compiler that the file is of, is not
//! there, nothing is checked, and the exit code is 77.
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
    ("message through sockets", 5000, |units| {
        work::run(work::messages_through_sockets(units)).expect("they are sent")
    }),
    ("yield, 1,000 tasks, traced", 20_000, |units| {
        work::traced(|| work::run(work::yields(1000, units / 1000)))
    }),
    ("no-op, depth 32, traced", 6400, |units| {
        work::traced(|| work::run(work::no_ops(32, units / 32))).expect("a no-op succeeds")
    }),
    ("yield, 1,000 tasks, watched", 20_000, |units| {
        work::watched(|| work::run(work::yields(1000, units / 1000)))
    }),
    ("no-op, depth 32, watched", 6400, |units| {
        work::watched(|| work::run(work::no_ops(32, units / 32))).expect("a no-op succeeds")
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
        let config = io2::ExecutorConfig::new()
            .preempt_duration(Duration::from_secs(3600))
            .watchdog(false);
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
    let done = match &arguments[..] {
        [flag] if flag == "--check" => check(),
        [flag] if flag == "--write" => write(),
        filters => count(filters).map(|()| ExitCode::SUCCESS),
    };
    match done {
        Ok(code) => code,
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

/// Where the figures are kept.
const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/instructions.txt");

/// What a figure may be above the one that is kept, for a reason: addresses, and with them hash tables and
/// alignments, are not the same each time.
const TOLERANCE: f64 = 1.05;

/// Like the checks of the repository say that something is missing.
const LACKING: u8 = 77;

fn count(filters: &[String]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for (name, units, _) in WORK {
        if !filters.is_empty() && !filters.iter().any(|filter| name.contains(filter.as_str())) {
            continue;
        }
        writeln!(out, "{:>8.1}  {name}", each(name, *units)?)?;
    }
    Ok(())
}

/// Instructions of one unit.
fn each(name: &str, units: u64) -> io::Result<f64> {
    let few = instructions(name, units)?;
    let many = instructions(name, units * 3)?;
    Ok((many - few) / (units * 2) as f64)
}

/// The compiler, on which the figures depend.
fn compiler() -> io::Result<String> {
    let output = Command::new("rustc").arg("--version").output()?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn write() -> io::Result<ExitCode> {
    let mut text = format!(
        "# Instructions of a unit of each kind of work, by {}\n",
        compiler()?
    );
    for (name, units, _) in WORK {
        text += &format!("{:>8.1}  {name}\n", each(name, *units)?);
    }
    std::fs::write(KEPT, text)?;
    Ok(ExitCode::SUCCESS)
}

fn check() -> io::Result<ExitCode> {
    let mut out = io::stdout().lock();
    let kept = std::fs::read_to_string(KEPT)?;
    let head = kept.lines().next().unwrap_or_default();
    let compiler = compiler()?;
    let valgrind = Command::new("valgrind").arg("--version").output();
    if !head.ends_with(&compiler) || valgrind.is_err() {
        writeln!(
            out,
            "!!!! wants valgrind and the compiler of `{head}`; this is {compiler}"
        )?;
        return Ok(ExitCode::from(LACKING));
    }
    let mut worse = 0;
    for line in kept.lines().skip(1) {
        let (before, name) = line.trim().split_once("  ").unwrap_or_default();
        let before: f64 = before.parse().map_err(io::Error::other)?;
        let Some((_, units, _)) = WORK.iter().find(|(known, ..)| *known == name) else {
            writeln!(out, "no work is called `{name}`")?;
            worse += 1;
            continue;
        };
        let now = each(name, *units)?;
        let verdict = if now > before * TOLERANCE {
            "WORSE"
        } else {
            ""
        };
        worse += usize::from(!verdict.is_empty());
        writeln!(out, "{before:>8.1} {now:>8.1}  {name} {verdict}")?;
    }
    Ok(ExitCode::from(u8::from(worse > 0)))
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
