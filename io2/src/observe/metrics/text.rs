//! The text formats: families, samples, labels.

use std::fmt::{Display, Write as _};
use std::time::Duration;

use super::Seconds;
use crate::page::Histogram;

/// The bounds of a histogram are 2 to these in nanoseconds: from 256 ns to 17 s. They are bounds of the
/// histogram's own buckets, so what is told is exact, but for a duration that is equal to a bound, to the
/// nanosecond: it counts as longer.
const BOUNDS: std::ops::RangeInclusive<u32> = 8..=34;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
    Info,
}

/// What is said of a number, and its name. That of a counter is without `_total`, that of an info
/// without `_info`.
pub(super) struct Family {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) unit: Option<&'static str>,
    pub(super) help: &'static str,
}

impl Family {
    /// What is added to the name in samples.
    fn suffix(&self) -> &'static str {
        match self.kind {
            Kind::Counter => "_total",
            Kind::Info => "_info",
            Kind::Gauge | Kind::Histogram => "",
        }
    }
}

type Labels<'a> = [(&'static str, &'a str)];

pub(super) struct Text {
    out: String,
    /// OpenMetrics, not the older format.
    open: bool,
}

impl Text {
    pub(super) fn new(open: bool) -> Text {
        Text {
            out: String::with_capacity(16 << 10),
            open,
        }
    }

    /// Its samples follow.
    pub(super) fn family(&mut self, family: &Family) {
        // Only OpenMetrics knows the type info, and names the family without the suffix.
        let suffix = if self.open { "" } else { family.suffix() };
        let kind = match family.kind {
            Kind::Counter => "counter",
            Kind::Info if self.open => "info",
            Kind::Gauge | Kind::Info => "gauge",
            Kind::Histogram => "histogram",
        };
        let (name, unit) = (family.name, family.unit);
        self.put(format_args!("# TYPE {name}{suffix} {kind}\n"));
        if let Some(unit) = unit.filter(|_| self.open) {
            self.put(format_args!("# UNIT {name}{suffix} {unit}\n"));
        }
        self.put(format_args!("# HELP {name}{suffix} "));
        // The older format leaves quotes alone here.
        let open = self.open;
        self.escaped(family.help, open);
        self.out.push('\n');
    }

    pub(super) fn sample(&mut self, family: &Family, labels: &Labels<'_>, value: impl Display) {
        self.line(family.name, family.suffix(), labels, None, value);
    }

    pub(super) fn histogram(&mut self, family: &Family, labels: &Labels<'_>, all: &Histogram) {
        let name = family.name;
        let mut buckets = all.buckets().peekable();
        let mut count = 0;
        for power in BOUNDS {
            let bound = Duration::from_nanos(1 << power);
            while let Some((_, more)) = buckets.next_if(|(end, _)| *end <= bound) {
                count += more;
            }
            let le = Seconds(bound).to_string();
            self.line(name, "_bucket", labels, Some(&le), count);
        }
        // Not read anew: the executor counts on, and a histogram is to be one of one moment.
        count += buckets.map(|(_, more)| more).sum::<u64>();
        self.line(name, "_bucket", labels, Some("+Inf"), count);
        self.line(name, "_sum", labels, None, Seconds(all.sum()));
        self.line(name, "_count", labels, None, count);
    }

    pub(super) fn end(mut self) -> String {
        if self.open {
            self.out.push_str("# EOF\n");
        }
        self.out
    }

    fn line(
        &mut self,
        name: &str,
        suffix: &str,
        labels: &Labels<'_>,
        le: Option<&str>,
        value: impl Display,
    ) {
        self.put(format_args!("{name}{suffix}"));
        let mut open = '{';
        for (label, text) in labels.iter().copied().chain(le.map(|le| ("le", le))) {
            self.put(format_args!("{open}{label}=\""));
            self.escaped(text, true);
            self.out.push('"');
            open = ',';
        }
        if open == ',' {
            self.out.push('}');
        }
        self.put(format_args!(" {value}\n"));
    }

    fn escaped(&mut self, text: &str, quotes: bool) {
        for each in text.chars() {
            match each {
                '\\' => self.out.push_str("\\\\"),
                '\n' => self.out.push_str("\\n"),
                '"' if quotes => self.out.push_str("\\\""),
                _ => self.out.push(each),
            }
        }
    }

    fn put(&mut self, text: std::fmt::Arguments<'_>) {
        // A string takes all.
        let _ = self.out.write_fmt(text);
    }
}
