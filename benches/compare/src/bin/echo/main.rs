//! TCP echo in io2, tokio, monoio, compio and a hand-written loop over io_uring, side by side.
//!
//! ```text
//! cargo run --release --manifest-path benches/compare/Cargo.toml --bin echo -- [ROUNDS] [FILTER]...
//! ```
//!
//! Each server is a process of its own on the first core; the clients are one on the second. A client sends a message
//! when the one before has come back, whole and unchanged. The rounds are interleaved, and ratios are medians of the
//! ratios within a round. What counts is the server's CPU time for a request, by the kernel's own books: it is the
//! same whether the clients keep the server busy or not. How busy the clients were is told, too.

mod load;
mod ring;
mod servers;

use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use load::{Load, Outcome};
use servers::SERVERS;

const CASES: &[(&str, usize, usize)] = &[
    ("1 x 64 B", 1, 64),
    ("50 x 64 B", 50, 64),
    ("500 x 64 B", 500, 64),
    ("50 x 16 KiB", 50, 16 * 1024),
];

/// How long each is measured, after a start that does not count.
const WARM_UP: Duration = Duration::from_millis(300);
const MEASURED: Duration = Duration::from_millis(1500);

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [serve, name] = &arguments[..]
        && serve == "serve"
    {
        pin(0)?;
        let server = SERVERS.iter().find(|(known, _)| known == name);
        return (server.expect("a server's name").1)();
    }
    let (mut rounds, mut filters) = (5, Vec::new());
    for argument in arguments {
        match argument.parse() {
            Ok(number) => rounds = number,
            Err(_) => filters.push(argument),
        }
    }
    pin(1)?;
    for &(case, connections, size) in CASES {
        let wanted = |filter: &String| case.contains(filter.as_str());
        if filters.is_empty() || filters.iter().any(wanted) {
            let load = Load { connections, size };
            report(case, &measure(&load, rounds)?)?;
        }
    }
    Ok(())
}

/// Of each server, what came of each round.
type Results = Vec<Vec<Result>>;

struct Result {
    outcome: Outcome,
    /// CPU microseconds of the server for a request.
    cpu: f64,
}

fn measure(load: &Load, rounds: usize) -> io::Result<Results> {
    let mut results: Results = SERVERS.iter().map(|_| Vec::new()).collect();
    for round in 0..rounds {
        for turn in 0..SERVERS.len() {
            // Nobody is always first.
            let at = (round + turn) % SERVERS.len();
            results[at].push(one(SERVERS[at].0, load)?);
        }
    }
    Ok(results)
}

/// A process that is killed in the end.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn one(server: &str, load: &Load) -> io::Result<Result> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["serve", server]).stdout(Stdio::piped());
    let mut process = Process(command.spawn()?);
    let stdout = process.0.stdout.as_mut().expect("it is a pipe");
    let mut address = String::new();
    BufReader::new(stdout).read_line(&mut address)?;
    let address = address.trim().parse().map_err(io::Error::other)?;
    let mut clients = load.connect(address)?;
    clients.run(WARM_UP)?;
    let before = cpu_micros(process.0.id())?;
    let outcome = clients.run(MEASURED)?;
    let after = cpu_micros(process.0.id())?;
    let cpu = (after - before) / outcome.latencies.len() as f64;
    Ok(Result { outcome, cpu })
}

/// CPU time of all threads of a process, those that the kernel adds for it included.
fn cpu_micros(process: u32) -> io::Result<f64> {
    let mut nanos = 0.0;
    for task in std::fs::read_dir(format!("/proc/{process}/task"))? {
        let text = std::fs::read_to_string(task?.path().join("schedstat"))?;
        let run = text.split_ascii_whitespace().next();
        nanos += run.and_then(|run| run.parse::<f64>().ok()).unwrap_or(0.0);
    }
    Ok(nanos / 1000.0)
}

fn pin(core: usize) -> io::Result<()> {
    // SAFETY: all-zero bytes are an empty set.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: the core is one of the first few, and the set has room for 1024.
    unsafe { libc::CPU_SET(core, &mut set) };
    // SAFETY: the set is there to be read.
    let result = unsafe { libc::sched_setaffinity(0, size_of_val(&set), &raw const set) };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn report(case: &str, results: &Results) -> io::Result<()> {
    let reference = SERVERS.iter().position(|(name, _)| *name == "raw");
    let reference = &results[reference.expect("the hand-written loop is among them")];
    let mut out = io::stdout().lock();
    writeln!(out, "\n{case}, medians of {} rounds\n", reference.len())?;
    writeln!(
        out,
        "| server | requests/s | server CPU µs | to raw (range) | p50 µs | p99 µs | p99.9 µs | clients busy |"
    )?;
    writeln!(out, "|---|---:|---:|---:|---:|---:|---:|---:|")?;
    for ((name, _), rounds) in SERVERS.iter().zip(results) {
        let of = |value: &dyn Fn(&Result) -> f64| median(rounds.iter().map(value).collect());
        let latency = |share: f64| of(&|round| round.outcome.latency_micros(share));
        let ratios: Vec<f64> = rounds
            .iter()
            .zip(reference)
            .map(|(a, b)| a.cpu / b.cpu)
            .collect();
        let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
        let most = ratios.iter().copied().fold(0.0, f64::max);
        writeln!(
            out,
            "| {name} | {:.0} | {:.2} | {:.2} ({least:.2} to {most:.2}) | {:.0} | {:.0} | {:.0} | {:.0} % |",
            of(&|round| round.outcome.rate()),
            of(&|round| round.cpu),
            median(ratios),
            latency(0.5),
            latency(0.99),
            latency(0.999),
            100.0 * of(&|round| round.outcome.busy),
        )?;
    }
    Ok(())
}
