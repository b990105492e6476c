//! What is measured in which order, and each measurement.

use std::io;
use std::process::{Command, Stdio};

use crate::sample::Sample;
use crate::servers;
use crate::works::{Data, VARIABLE, WORKS, Work};

const ROUNDS: usize = 15;
const QUICK_ROUNDS: usize = 3;

/// What is measured: a work in this program's children, or a server.
pub enum Job {
    Work(&'static Work),
    Service(&'static servers::Case),
}

impl Job {
    fn all() -> impl Iterator<Item = Job> {
        let services = servers::CASES.iter().map(Job::Service);
        WORKS.iter().map(Job::Work).chain(services)
    }

    pub fn name(&self) -> &'static str {
        match self {
            Job::Work(work) => work.name,
            Job::Service(case) => case.name,
        }
    }

    pub fn peers(&self) -> Vec<&'static str> {
        match self {
            Job::Work(work) => work.peers.iter().map(|(name, _)| *name).collect(),
            Job::Service(case) => case.peers.to_vec(),
        }
    }

    fn every(&self) -> usize {
        match self {
            Job::Work(work) => work.every,
            Job::Service(case) => case.every(),
        }
    }

    fn measure(&self, peer: &str, quick: bool) -> io::Result<Sample> {
        match self {
            Job::Work(work) => child(work.name, peer, quick),
            Job::Service(case) => case.measure(peer),
        }
    }
}

fn child(work: &str, peer: &str, quick: bool) -> io::Result<Sample> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["work", work, peer]).stdin(Stdio::null());
    if quick {
        command.arg("--quick");
    }
    let output = command.output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let said = said.lines().filter(|line| !line.trim().is_empty());
        let said = said.take(3).collect::<Vec<_>>().join(" ");
        return Err(io::Error::other(format!("{}: {said}", output.status)));
    }
    String::from_utf8_lossy(&output.stdout).parse()
}

/// One measurement.
pub struct Outcome {
    pub round: usize,
    /// How many were measured before it in its round of the job.
    pub position: usize,
    pub job: usize,
    pub peer: &'static str,
    pub result: Result<Sample, String>,
}

pub struct Plan {
    pub jobs: Vec<Job>,
    pub rounds: usize,
    pub quick: bool,
    filtered: bool,
}

impl Plan {
    pub fn parse(words: &[&str]) -> io::Result<Plan> {
        let (mut rounds, mut quick, mut filters) = (None, false, Vec::new());
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match *word {
                "--quick" => quick = true,
                "--rounds" => {
                    let number = words.next().and_then(|word| word.parse().ok());
                    let number = number.filter(|number| *number > 0);
                    rounds = Some(number.ok_or_else(|| invalid("--rounds needs a number"))?);
                }
                option if option.starts_with('-') => {
                    return Err(invalid(&format!("there is no option {option}")));
                }
                filter => filters.push(filter),
            }
        }
        let wanted = |job: &Job| {
            filters.is_empty() || filters.iter().any(|filter| job.name().contains(filter))
        };
        let jobs: Vec<Job> = Job::all().filter(wanted).collect();
        if jobs.is_empty() {
            return Err(invalid(&format!("no work has a name like {filters:?}")));
        }
        Ok(Plan {
            jobs,
            rounds: rounds.unwrap_or(if quick { QUICK_ROUNDS } else { ROUNDS }),
            quick,
            filtered: !filters.is_empty(),
        })
    }

    /// Whether its figures are worth keeping.
    pub fn is_whole(&self) -> bool {
        !self.quick && !self.filtered
    }

    /// Measures everything. A measurement that fails is an outcome, too, and is not repeated.
    pub fn run(&self) -> io::Result<Vec<Outcome>> {
        let data = Data::make()?;
        // SAFETY: this process has one thread.
        unsafe { std::env::set_var(VARIABLE, &data.0) };
        let mut outcomes = Vec::new();
        for round in 0..self.rounds {
            for (job, measured) in self.jobs.iter().enumerate() {
                if round % measured.every() != 0 {
                    continue;
                }
                eprintln!(
                    "round {} of {}: {}",
                    round + 1,
                    self.rounds,
                    measured.name()
                );
                let peers = measured.peers();
                for position in 0..peers.len() {
                    // Nobody is always first.
                    let peer = peers[(round / measured.every() + position) % peers.len()];
                    let result = measured.measure(peer, self.quick);
                    outcomes.push(Outcome {
                        round,
                        position,
                        job,
                        peer,
                        result: result.map_err(|error| error.to_string()),
                    });
                }
            }
        }
        Ok(outcomes)
    }
}

fn invalid(text: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, text)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_tell_all_jobs_and_their_peers_apart() {
        let mut names = BTreeSet::new();
        for job in Job::all() {
            assert!(names.insert(job.name()), "{} twice", job.name());
            let peers = job.peers();
            let distinct: BTreeSet<_> = peers.iter().collect();
            assert_eq!(distinct.len(), peers.len(), "in {}", job.name());
            assert!(peers.contains(&"io2"), "in {}", job.name());
        }
    }

    #[test]
    fn arguments_are_taken_in_any_order() {
        let plan = Plan::parse(&["yield", "--rounds", "4", "--quick"]).unwrap();
        assert_eq!((plan.rounds, plan.quick, plan.is_whole()), (4, true, false));
        assert!(plan.jobs.iter().all(|job| job.name().contains("yield")));
        assert!(Plan::parse(&[]).unwrap().is_whole());
        assert!(Plan::parse(&["yield"]).is_ok_and(|plan| !plan.is_whole()));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for words in [
            &["--rounds"][..],
            &["--rounds", "0"],
            &["--round", "3"],
            &["no such work"],
        ] {
            assert!(Plan::parse(words).is_err(), "{words:?}");
        }
    }
}
