//! Runs the same work in io2, tokio and monoio, in one process and in interleaved rounds, and
//! prints what a unit of it costs.
//!
//! ```text
//! cargo run --release --manifest-path benches/compare/Cargo.toml -- [ROUNDS] [FILTER]...
//! ```
//!
//! Interleaved, since a machine that does other things besides is not the same from one minute to
//! the next: only what was measured next to each other is compared. Figures are medians over the
//! rounds; ratios are medians of the ratios within a round.

mod meter;
mod pin;
mod runtimes;
mod sample;
mod servers;
mod work;

use std::io::{self, Write};

use meter::Cost;
use runtimes::BLOCK;
use work::{BLOCKS, CASES, Case, FILE, RUNTIMES};

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [word, service, peer] = &arguments[..]
        && word == "serve"
    {
        pin::pin(pin::MEASURED)?;
        return servers::serve(service, peer);
    }
    let mut rounds = 11;
    let mut filters = Vec::new();
    for argument in arguments {
        match argument.parse() {
            Ok(number) => rounds = number,
            Err(_) => filters.push(argument),
        }
    }
    let wanted = |case: &&Case| {
        filters.is_empty()
            || filters
                .iter()
                .any(|filter| case.name.contains(filter.as_str()))
    };
    let cases: Vec<&Case> = CASES.iter().filter(wanted).collect();
    let path = std::env::temp_dir().join(format!("io2-compare-{}", std::process::id()));
    std::fs::write(&path, vec![7; BLOCK * BLOCKS as usize])?;
    FILE.set(path.clone()).expect("set once");
    let costs = measure(&cases, rounds);
    std::fs::remove_file(path)?;
    report(&cases, &costs, rounds)
}

/// For each case and runtime, the costs in each round.
type Costs = Vec<[Vec<Cost>; RUNTIMES.len()]>;

fn measure(cases: &[&Case], rounds: usize) -> Costs {
    let mut costs: Costs = cases.iter().map(|_| Default::default()).collect();
    for round in 0..rounds {
        eprintln!("round {} of {rounds}", round + 1);
        for (case, costs) in cases.iter().zip(&mut costs) {
            for turn in 0..RUNTIMES.len() {
                // Nobody is always first.
                let runtime = (round + turn) % RUNTIMES.len();
                costs[runtime].push((case.runs[runtime])(case.units));
            }
        }
    }
    costs
}

fn report(cases: &[&Case], costs: &Costs, rounds: usize) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let figures: [(&str, fn(&Cost) -> f64); 2] = [
        ("CPU time", |cost| cost.cpu),
        ("wall time", |cost| cost.wall),
    ];
    for (title, figure) in figures {
        writeln!(out, "\n{title}, ns a unit, medians of {rounds} rounds\n")?;
        write!(out, "| {:<34} |", "work")?;
        for name in RUNTIMES {
            write!(out, " {name:>7} |")?;
        }
        for name in &RUNTIMES[1..] {
            write!(out, " {:>10} |", format!("to {name}"))?;
        }
        writeln!(
            out,
            "\n|{:-<36}|{0:->9}|{0:->9}|{0:->9}|{0:->12}|{0:->12}|",
            ""
        )?;
        for (case, costs) in cases.iter().zip(costs) {
            write!(out, "| {:<34} |", case.name)?;
            for costs in costs {
                let median = median(costs.iter().map(figure));
                write!(out, " {median:>7.0} |")?;
            }
            for rival in &costs[1..] {
                let pairs = costs[0].iter().zip(rival);
                let ratio = median(pairs.map(|(own, rival)| figure(own) / figure(rival)));
                write!(out, " {ratio:>10.2} |")?;
            }
            writeln!(out)?;
        }
    }
    writeln!(
        out,
        "\nA no-op is the operation that does nothing in io2; the others have none, and read one \
         byte of /dev/null.\ntokio reads files by its own file API, on its pool of threads."
    )
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
