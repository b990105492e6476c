//! What is written of the results: tables for readers, and each figure for programs.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::driver::{Job, Outcome, Plan};
use crate::machine;
use crate::stats::{Estimate, median};
use crate::works::Column;

const RAW: &str = "raw";
const OWN: &str = "io2";

/// Figures that servers give; the first that a case has is the one whose ratios are shown, and less of it is better.
const SERVICE: &[Column] = &[
    column("cpu_us", "server CPU µs", 2),
    column("bytes", "bytes", 0),
    column("rate", "requests/s", 0),
    column("p50_us", "p50 µs", 0),
    column("p99_us", "p99 µs", 0),
    column("p999_us", "p99.9 µs", 0),
    column("busy", "clients busy", 2),
];

const fn column(key: &'static str, title: &'static str, digits: usize) -> Column {
    Column { key, title, digits }
}

const METHOD: &str = "\
Each measurement is a process of its own, kept on the first core; the driver, the clients of servers, and threads that
wake others are on the second. All peers do a work right after one another, in an order that rotates with the rounds.
No outlier is removed and no round is repeated. Works check what they get: sums, the numbers that blocks hold, the bytes
of answers.

Figures are medians over the rounds. A ratio is the median of the ratios within a round, of the first figure of the
table, so that what slows the machine for a while slows both sides; **less than 1 is less than the other**. Behind the
ratio of io2 to a peer is its 95 % interval, by the bootstrap, and the least and the most of the rounds. CPU time
is that of the whole process, helper threads and workers of the kernel included. *raw* is written by hand for the work alone,
without any runtime. io2 runs with its defaults; rings are 256 entries deep where that can be said. *monoio, tuned* has a ring with
`SINGLE_ISSUER` and `DEFER_TASKRUN`; *io2, off* has no time slices.
";

/// The outcomes of one job, by peer and round.
struct Table<'a> {
    job: &'a Job,
    columns: Vec<&'static Column>,
    samples: BTreeMap<&'static str, Vec<&'a Outcome>>,
}

impl<'a> Table<'a> {
    fn new(number: usize, job: &'a Job, outcomes: &'a [Outcome]) -> Table<'a> {
        let mut samples: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for outcome in outcomes.iter().filter(|outcome| outcome.job == number) {
            samples.entry(outcome.peer).or_default().push(outcome);
        }
        let given = |key: &str| {
            let mut all = samples.values().flatten();
            all.any(|outcome| value(outcome, key).is_some())
        };
        let columns = match job {
            Job::Work(work) => work.columns,
            Job::Service(_) => SERVICE,
        };
        let columns = columns.iter().filter(|column| given(column.key)).collect();
        Table {
            job,
            columns,
            samples,
        }
    }

    fn of(&self, peer: &str) -> &[&'a Outcome] {
        self.samples.get(peer).map_or(&[], Vec::as_slice)
    }

    fn figure(&self, peer: &str, key: &str) -> f64 {
        let values = self
            .of(peer)
            .iter()
            .filter_map(|outcome| value(outcome, key));
        median(&values.collect::<Vec<_>>())
    }

    /// Of the rounds in which both were measured.
    fn ratio(&self, peer: &str, to: &str) -> Option<Estimate> {
        let key = self.columns.first()?.key;
        let ratio = |own: &&Outcome| {
            let other = self.of(to).iter().find(|other| other.round == own.round)?;
            Some(value(own, key)? / value(other, key)?)
        };
        let ratios: Vec<f64> = self.of(peer).iter().filter_map(ratio).collect();
        Estimate::of(&ratios)
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        let about = match self.job {
            Job::Work(work) => work.about,
            Job::Service(_) => "",
        };
        let peers = self.job.peers();
        let has_raw = peers.contains(&RAW);
        writeln!(out, "\n### {}\n", self.job.name())?;
        if !about.is_empty() {
            writeln!(out, "{about}\n")?;
        }
        write!(out, "| peer |")?;
        for column in &self.columns {
            write!(out, " {} |", column.title)?;
        }
        let raw = if has_raw { " to raw |" } else { "" };
        writeln!(out, "{raw} io2 to it | 95 % | least to most |")?;
        let figures = self.columns.len() + usize::from(has_raw) + 3;
        writeln!(out, "|---|{}", "---:|".repeat(figures))?;
        for peer in peers {
            write!(out, "| {peer} |")?;
            for column in &self.columns {
                let (figure, digits) = (self.figure(peer, column.key), column.digits);
                match figure.is_nan() {
                    true => write!(out, " failed |")?,
                    false => write!(out, " {} |", grouped(figure, digits))?,
                }
            }
            if has_raw {
                let ratio = self.ratio(peer, RAW).filter(|_| peer != RAW);
                write!(out, " {} |", shown(ratio.map(|ratio| ratio.median)))?;
            }
            match self.ratio(OWN, peer).filter(|_| peer != OWN) {
                None => writeln!(out, " | | |")?,
                Some(ratio) => {
                    let Estimate {
                        median,
                        low,
                        high,
                        least,
                        most,
                    } = ratio;
                    writeln!(
                        out,
                        " **{median:.2}** | {low:.2} to {high:.2} | {least:.2} to {most:.2} |"
                    )?;
                }
            }
        }
        Ok(())
    }
}

fn shown(ratio: Option<f64>) -> String {
    ratio.map_or(String::new(), |ratio| format!("{ratio:.2}"))
}

fn value(outcome: &Outcome, key: &str) -> Option<f64> {
    outcome.result.as_ref().ok()?.get(key)
}

/// A number with a comma behind each thousand.
fn grouped(figure: f64, digits: usize) -> String {
    let text = format!("{figure:.digits$}");
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        let left = whole.len() - at;
        if at > 0 && left % 3 == 0 && !grouped.ends_with('-') {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + rest
}

/// The whole report. The loads are those of the machine before the run and at its end.
pub fn report(plan: &Plan, outcomes: &[Outcome], before: f64, after: f64) -> String {
    let mut out = String::new();
    write_report(&mut out, plan, outcomes, (before, after)).expect("memory takes it");
    out
}

fn write_report(
    out: &mut String,
    plan: &Plan,
    outcomes: &[Outcome],
    (before, after): (f64, f64),
) -> std::fmt::Result {
    writeln!(out, "# Benchmarks\n")?;
    writeln!(
        out,
        "io2 beside other runtimes of one thread, and beside code without any. To repeat it:\n"
    )?;
    writeln!(
        out,
        "```sh\ncargo run --release --manifest-path benches/compare/Cargo.toml\n```\n"
    )?;
    writeln!(
        out,
        "It writes this file, and each figure of each round to `benches/compare/results.csv`. With parts of works' names"
    )?;
    writeln!(
        out,
        "behind `--`, or `--quick`, it prints what it measures.\n"
    )?;
    out.push_str(METHOD);
    writeln!(out, "\n## Where\n\n| | |\n|---|---|")?;
    for (name, fact) in machine::facts() {
        writeln!(out, "| {name} | {fact} |")?;
    }
    writeln!(
        out,
        "| load average | {before} before, {after} at the end |"
    )?;
    writeln!(out, "| rounds | {} |", plan.rounds)?;
    if plan.quick {
        writeln!(
            out,
            "| quick | a quarter of the units, so what is given for a whole is for a quarter |"
        )?;
    }
    writeln!(out, "\n| crate | version |\n|---|---|")?;
    for (name, version) in machine::versions() {
        writeln!(out, "| {name} | {version} |")?;
    }
    let mut group = "";
    for (number, job) in plan.jobs.iter().enumerate() {
        let of = match job {
            Job::Work(work) => work.group,
            Job::Service(_) => "Servers",
        };
        if group != of {
            group = of;
            writeln!(out, "\n## {group}")?;
        }
        Table::new(number, job, outcomes).write(out)?;
    }
    write_failures(out, plan, outcomes)
}

fn write_failures(out: &mut String, plan: &Plan, outcomes: &[Outcome]) -> std::fmt::Result {
    let mut first = true;
    for outcome in outcomes {
        let Err(error) = &outcome.result else {
            continue;
        };
        if std::mem::take(&mut first) {
            writeln!(out, "\n## What failed\n")?;
        }
        let (job, peer, round) = (
            plan.jobs[outcome.job].name(),
            outcome.peer,
            outcome.round + 1,
        );
        writeln!(out, "- {job}, {peer}, round {round}: {error}")?;
    }
    Ok(())
}

/// Each figure of each measurement, a line each.
pub fn csv(plan: &Plan, outcomes: &[Outcome]) -> String {
    let mut out = "round,position,work,peer,figure,value\n".to_owned();
    for outcome in outcomes {
        let Outcome {
            round, position, ..
        } = outcome;
        let (work, peer) = (plan.jobs[outcome.job].name(), outcome.peer);
        let mut line = |figure: &str, value: &str| {
            writeln!(
                out,
                "{},{},\"{work}\",\"{peer}\",{figure},{value}",
                round + 1,
                position + 1
            )
        };
        let written = match &outcome.result {
            Ok(sample) => {
                (sample.0.iter()).try_for_each(|(figure, value)| line(figure, &value.to_string()))
            }
            Err(error) => line("failed", &format!("\"{}\"", error.replace('"', "'"))),
        };
        written.expect("memory takes it");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::Sample;

    fn outcome(round: usize, peer: &'static str, cpu: Option<f64>) -> Outcome {
        let sample = cpu.map(|cpu| Sample::new().with("cpu_ns", cpu).with("wall_ns", 2.0 * cpu));
        Outcome {
            round,
            position: 0,
            job: 0,
            peer,
            result: sample.ok_or_else(|| "it fell over".to_owned()),
        }
    }

    fn example() -> (Plan, Vec<Outcome>) {
        let plan = Plan::parse(&["spawn and join 1,000"]).unwrap();
        // The machine is three times as slow in the second round.
        let outcomes = vec![
            outcome(0, "raw", Some(100.0)),
            outcome(0, "io2", Some(50.0)),
            outcome(0, "tokio", Some(1000.0)),
            outcome(1, "raw", Some(300.0)),
            outcome(1, "io2", Some(150.0)),
            outcome(1, "tokio", None),
        ];
        (plan, outcomes)
    }

    #[test]
    fn ratios_are_of_figures_of_the_same_round() {
        let (plan, outcomes) = example();
        let table = Table::new(0, &plan.jobs[0], &outcomes);
        let to_raw = table.ratio("io2", "raw").unwrap();
        assert_eq!((to_raw.median, to_raw.least, to_raw.most), (0.5, 0.5, 0.5));
        assert_eq!(table.ratio("io2", "tokio").unwrap().median, 0.05);
        assert_eq!(table.ratio("io2", "smol"), None);
    }

    #[test]
    fn the_report_has_a_row_of_each_peer_and_tells_of_failures() {
        let (plan, outcomes) = example();
        let text = report(&plan, &outcomes, 0.0, 0.0);
        for row in [
            "| raw | 200 | 400 |  | **0.50** | 0.50 to 0.50 | 0.50 to 0.50 |",
            "| io2 | 100 | 200 | 0.50 | | | |",
            "| tokio | 1,000 | 2,000 | 10.00 | **0.05** | 0.05 to 0.05 | 0.05 to 0.05 |",
            "| smol | failed | failed |  | | | |",
            "- spawn and join 1,000, tokio, round 2: it fell over",
        ] {
            assert!(text.contains(row), "no {row:?} in\n{text}");
        }
    }

    #[test]
    fn each_figure_is_kept() {
        let (plan, outcomes) = example();
        let text = csv(&plan, &outcomes);
        assert_eq!(text.lines().count(), 1 + 5 * 2 + 1);
        assert!(text.contains("2,1,\"spawn and join 1,000\",\"io2\",cpu_ns,150\n"));
        assert!(text.contains("2,1,\"spawn and join 1,000\",\"tokio\",failed,\"it fell over\"\n"));
    }

    #[test]
    fn thousands_are_set_apart() {
        for (figure, digits, text) in [
            (1234567.0, 0, "1,234,567"),
            (999.0, 0, "999"),
            (1000.25, 2, "1,000.25"),
            (-123456.0, 0, "-123,456"),
        ] {
            assert_eq!(grouped(figure, digits), text);
        }
    }
}
