//! Runs the same works in io2 and its peers, side by side, and says what they cost.
//!
//! ```text
//! cargo run --release --manifest-path benches/compare/Cargo.toml -- [--rounds N] [--quick] [FILTER]...
//! ```
//!
//! A whole run writes `BENCHMARKS.md` at the project's root and each figure to `benches/compare/results.csv`. A run
//! with filters, which are parts of the names of works, or a quick one, prints its tables.
//!
//! Each measurement is a process of its own on the first core; the driver, and clients of servers, are on the second.
//! All peers do a work right after one another, in an order that rotates with the rounds, since a machine that does
//! other things besides is not the same from one minute to the next: only what was measured next to each other is
//! compared.

mod driver;
mod machine;
mod meter;
mod peers;
mod pin;
mod report;
mod sample;
mod servers;
mod stats;
mod works;

use std::io;
use std::path::Path;

use driver::Plan;

/// A measurement that takes longer has failed.
const LIMIT_SECONDS: u32 = 60;

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match &words[..] {
        ["serve", service, peer] => {
            pin::pin(pin::MEASURED)?;
            servers::serve(service, peer)
        }
        ["work", work, peer, rest @ ..] => one_work(work, peer, rest == ["--quick"]),
        _ => compare(&words),
    }
}

/// One measurement in this process.
fn one_work(work: &str, peer: &str, quick: bool) -> io::Result<()> {
    pin::pin(pin::MEASURED)?;
    // SAFETY: nothing else uses the alarm, whose signal ends the process.
    unsafe { libc::alarm(LIMIT_SECONDS) };
    match works::measure(work, peer, quick) {
        Some(sample) => works::deliver(&sample),
        None => Err(io::Error::other(format!("no {work:?} in {peer:?}"))),
    }
}

fn compare(words: &[&str]) -> io::Result<()> {
    let plan = Plan::parse(words)?;
    pin::pin(pin::OTHER)?;
    let before = machine::load()?;
    let results = plan.run()?;
    let report = report::report(&plan, &results, before, machine::load()?);
    if !plan.is_whole() {
        print!("{report}");
        return Ok(());
    }
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    std::fs::write(package.join("results.csv"), report::csv(&plan, &results))?;
    std::fs::write(package.join("../../BENCHMARKS.md"), report)
}
