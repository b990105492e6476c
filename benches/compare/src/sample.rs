//! What one measurement gives: figures by name.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::str::FromStr;

/// Figures by name, printed and parsed as `cpu_ns=31.2 wall_ns=31.5`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sample(pub BTreeMap<String, f64>);

impl Sample {
    pub fn new() -> Self {
        Sample::default()
    }

    pub fn with(mut self, name: &str, value: f64) -> Self {
        self.0.insert(name.to_owned(), value);
        self
    }

    pub fn get(&self, name: &str) -> Option<f64> {
        self.0.get(name).copied()
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (name, value)) in self.0.iter().enumerate() {
            let space = if at == 0 { "" } else { " " };
            write!(f, "{space}{name}={value}")?;
        }
        Ok(())
    }
}

impl FromStr for Sample {
    type Err = io::Error;

    fn from_str(line: &str) -> io::Result<Sample> {
        let pair = |word: &str| {
            let (name, value) = word.split_once('=')?;
            Some((name.to_owned(), value.parse().ok()?))
        };
        let pairs = line.split_ascii_whitespace().map(pair);
        let sample: Option<BTreeMap<_, _>> = pairs.collect();
        match sample {
            Some(sample) if !sample.is_empty() => Ok(Sample(sample)),
            _ => Err(io::Error::other(format!("no figures: {line:?}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_parsed() {
        let sample = Sample::new().with("cpu_ns", 31.25).with("bytes", 7.0);
        assert_eq!(sample.to_string(), "bytes=7 cpu_ns=31.25");
        assert_eq!(sample.to_string().parse::<Sample>().unwrap(), sample);
    }

    #[test]
    fn a_line_that_has_no_figures_is_refused() {
        for line in ["", "thread panicked", "cpu_ns=", "cpu_ns=1 x", "cpu_ns=a"] {
            assert!(line.parse::<Sample>().is_err(), "{line:?}");
        }
    }
}
