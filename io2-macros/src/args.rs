//! The arguments of the attributes: one table, from which parsing, checks, messages and
//! documentation follow. A new argument is a new line of [`ARGUMENTS`], and a setter of the same
//! name in the runtime's entry points.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::{Expr, LitStr, Token};

use crate::check::{self, Errors};

/// Which attribute is expanded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attr {
    Main,
    Test,
    Preemptible,
}

/// Those that start an executor.
const RUNS: &[Attr] = &[Attr::Main, Attr::Test];

impl Attr {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Attr::Main => "#[io2::main]",
            Attr::Test => "#[io2::test]",
            Attr::Preemptible => "#[io2::preemptible]",
        }
    }
}

/// One line of the table.
#[derive(Debug)]
pub(crate) struct Argument {
    /// The key, which is also the name of the setter that the expansion calls.
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// Which attributes take it.
    pub(crate) on: &'static [Attr],
    /// A right use of it, for messages.
    pub(crate) example: &'static str,
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "the manual's text is held to it by a test")
    )]
    pub(crate) default: &'static str,
    /// What it does, for the manual.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "the manual's text is held to it by a test")
    )]
    pub(crate) meaning: &'static str,
    /// What other runtimes, or other parts of this one, call the same thing.
    pub(crate) synonyms: &'static [&'static str],
    /// Another argument that says the same thing in other words.
    pub(crate) instead_of: Option<&'static str>,
}

/// What values an argument takes.
#[derive(Debug)]
pub(crate) enum Kind {
    /// A whole number, or a constant expression of type `ty`.
    Integer {
        ty: &'static str,
        min: u64,
        max: u64,
        power_of_two: bool,
        /// Said when 0 is given and out of range.
        zero: &'static str,
    },
    /// One of these words, in quotes.
    Choice(&'static [Choice]),
    /// A string, or a constant expression of type `&str`.
    Text,
    /// `true` or `false`, or a constant expression of type `bool`.
    Flag,
    /// A path, without quotes.
    Path,
}

/// One word of [`Kind::Choice`].
#[derive(Debug)]
pub(crate) struct Choice {
    pub(crate) word: &'static str,
    /// The variant of the runtime's type that it stands for.
    pub(crate) variant: &'static str,
    pub(crate) test_only: bool,
}

/// All arguments, in the order in which they are listed and emitted.
pub(crate) const ARGUMENTS: &[Argument] = &[
    Argument {
        name: "ring_depth",
        kind: Kind::Integer {
            ty: "u32",
            min: 1,
            max: 32_768,
            power_of_two: true,
            zero: "a ring has at least one entry",
        },
        on: RUNS,
        example: "ring_depth = 256",
        default: "64",
        meaning: "entries of the submission ring",
        synonyms: &[
            "entries",
            "ring_entries",
            "sq_entries",
            "depth",
            "queue_depth",
            "ring_size",
            "queue_size",
        ],
        instead_of: None,
    },
    Argument {
        name: "preempt_ms",
        kind: Kind::Integer {
            ty: "u64",
            min: 1,
            max: 60_000,
            power_of_two: false,
            zero: "to turn the warnings off write `preempt = \"off\"`",
        },
        on: RUNS,
        example: "preempt_ms = 5",
        default: "10",
        meaning: "the time slice, in milliseconds: a poll that takes longer is reported",
        synonyms: &[
            "preempt_duration",
            "preempt_duration_ms",
            "slice_ms",
            "slice",
            "quantum_ms",
        ],
        instead_of: Some("preempt_us"),
    },
    Argument {
        name: "preempt_us",
        kind: Kind::Integer {
            ty: "u64",
            min: 1,
            max: 60_000_000,
            power_of_two: false,
            zero: "to turn the warnings off write `preempt = \"off\"`",
        },
        on: RUNS,
        example: "preempt_us = 500",
        default: "10000",
        meaning: "the same in microseconds",
        synonyms: &["preempt_duration_us", "slice_us", "quantum_us"],
        instead_of: Some("preempt_ms"),
    },
    Argument {
        name: "preempt",
        kind: Kind::Choice(&[
            Choice {
                word: "warn",
                variant: "Warn",
                test_only: false,
            },
            Choice {
                word: "off",
                variant: "Off",
                test_only: false,
            },
            Choice {
                word: "fail",
                variant: "Fail",
                test_only: true,
            },
        ]),
        on: RUNS,
        example: "preempt = \"off\"",
        default: "\"warn\"",
        meaning: "what a poll that takes longer than the slice leads to",
        synonyms: &["preemption", "overrun"],
        instead_of: None,
    },
    Argument {
        name: "spin_us",
        kind: Kind::Integer {
            ty: "u64",
            min: 0,
            max: 1_000_000,
            power_of_two: false,
            zero: "",
        },
        on: RUNS,
        example: "spin_us = 50",
        default: "0",
        meaning: "how long to poll for completions, in microseconds, before the thread sleeps",
        synonyms: &["spin", "busy_poll_us", "spin_before_park"],
        instead_of: None,
    },
    Argument {
        name: "name",
        kind: Kind::Text,
        on: RUNS,
        example: "name = \"ingest\"",
        default: "none",
        meaning: "the executor's name in events",
        synonyms: &["thread_name", "label"],
        instead_of: None,
    },
    Argument {
        name: "watchdog",
        kind: Kind::Flag,
        on: RUNS,
        example: "watchdog = false",
        default: "true",
        meaning: "whether a poll that takes too long is reported while it runs",
        synonyms: &["monitor"],
        instead_of: None,
    },
    Argument {
        name: "stall_stack",
        kind: Kind::Flag,
        on: RUNS,
        example: "stall_stack = true",
        default: "false",
        meaning: "whether such a report says in which function the poll is; needs feature `stall-stack`",
        synonyms: &["stacks", "backtrace", "stack"],
        instead_of: None,
    },
    Argument {
        name: "dashboard",
        kind: Kind::Text,
        on: RUNS,
        example: "dashboard = \"127.0.0.1:7070\"",
        default: "none",
        meaning: "where the dashboard listens; needs feature `dashboard`",
        synonyms: &["dashboard_addr", "console"],
        instead_of: None,
    },
    Argument {
        name: "timeout_ms",
        kind: Kind::Integer {
            ty: "u64",
            min: 1,
            max: 86_400_000,
            power_of_two: false,
            zero: "a test needs some time; leave it out for 60 s",
        },
        on: &[Attr::Test],
        example: "timeout_ms = 5_000",
        default: "60000",
        meaning: "the test fails when it takes longer, in milliseconds",
        synonyms: &["timeout", "timeout_secs", "deadline_ms"],
        instead_of: None,
    },
    Argument {
        name: "every",
        kind: Kind::Integer {
            ty: "u32",
            min: 1,
            max: 1_048_576,
            power_of_two: false,
            zero: "1, the default, checks at each iteration",
        },
        on: &[Attr::Preemptible],
        example: "every = 1024",
        default: "1",
        meaning: "each loop checks at each n-th of its iterations only",
        synonyms: &[
            "each",
            "nth",
            "stride",
            "check_every",
            "iterations",
            "interval",
        ],
        instead_of: None,
    },
    Argument {
        name: "crate",
        kind: Kind::Path,
        on: &[Attr::Main, Attr::Test, Attr::Preemptible],
        example: "crate = ::renamed",
        default: "::io2",
        meaning: "where the runtime is, if the dependency is renamed",
        synonyms: &["krate", "path"],
        instead_of: None,
    },
];

/// Arguments of other runtimes that have no counterpart, and what to do instead.
pub(crate) const FOREIGN: &[(&[&str], &str)] = &[
    (
        &[
            "flavor",
            "worker_threads",
            "threads",
            "workers",
            "core_threads",
        ],
        "an executor runs on the thread that starts it, so there is no number of threads to set",
    ),
    (
        &[
            "timer_enabled",
            "enable_timer",
            "timer",
            "enable_all",
            "enable_io",
        ],
        "timers and I/O are always on",
    ),
    (&["driver"], "the driver is always io_uring"),
    (&["start_paused"], "the clock cannot be paused"),
    (
        &["unhandled_panic"],
        "the panic of a task is given to whoever awaits its handle",
    ),
];

impl Argument {
    pub(crate) fn on(&self, attr: Attr) -> bool {
        self.on.contains(&attr)
    }

    /// The attributes that take it, for messages.
    pub(crate) fn takers(&self) -> String {
        let names: Vec<&str> = self.on.iter().map(|attr| attr.name()).collect();
        names.join(" and ")
    }

    pub(crate) fn find(name: &str) -> Option<&'static Argument> {
        ARGUMENTS.iter().find(|argument| argument.name == name)
    }

    /// What values are right, as one phrase.
    pub(crate) fn range(&self, attr: Attr) -> String {
        match &self.kind {
            Kind::Integer {
                min,
                max,
                power_of_two: true,
                ..
            } => {
                format!("a power of two from {min} to {max}")
            }
            Kind::Integer { min, max, .. } => format!("a whole number from {min} to {max}"),
            Kind::Choice(choices) => choices
                .iter()
                .filter(|choice| !choice.test_only || attr == Attr::Test)
                .map(|choice| format!("{:?}", choice.word))
                .collect::<Vec<_>>()
                .join(" or "),
            Kind::Text => "a string that is not empty".to_owned(),
            Kind::Flag => "`true` or `false`".to_owned(),
            Kind::Path => "a path".to_owned(),
        }
    }
}

/// The names that `attr` takes, for messages.
pub(crate) fn names(attr: Attr) -> String {
    ARGUMENTS
        .iter()
        .filter(|argument| argument.on(attr))
        .map(|argument| format!("`{}`", argument.name))
        .collect::<Vec<_>>()
        .join(", ")
}

/// A right use of `attr`'s first argument, for messages.
fn example(attr: Attr) -> &'static str {
    let mut arguments = ARGUMENTS.iter();
    arguments
        .find(|argument| argument.on(attr))
        .map_or("", |argument| argument.example)
}

/// One argument that was given and found right.
pub(crate) struct Given {
    pub(crate) argument: &'static Argument,
    pub(crate) key: Ident,
    pub(crate) value: Value,
}

/// A value that was found right, or that the compiler is to check.
pub(crate) enum Value {
    Integer(u64, Span),
    Choice(&'static Choice, Span),
    Text(LitStr),
    Flag(syn::LitBool),
    Path(syn::Path),
    Const(Box<Expr>),
}

/// All arguments of one attribute, in the order of the table, each at most once.
pub(crate) struct Args(Vec<Given>);

impl Args {
    /// Parses and checks; what is wrong is reported and left out.
    pub(crate) fn parse(attr: Attr, tokens: TokenStream, errors: &mut Errors) -> Args {
        let mut given = Vec::new();
        let parser = |input: ParseStream<'_>| {
            while !input.is_empty() {
                match entry(attr, input, errors) {
                    Ok(one) => {
                        given.extend(one);
                        if !input.is_empty() && !input.peek(Token![,]) {
                            errors.at(input.span(), "expected `,` between two arguments");
                        }
                    }
                    Err(error) => errors.add(error),
                }
                skip(input)?;
                input.parse::<Option<Token![,]>>()?;
            }
            Ok(())
        };
        if let Err(error) = parser.parse2(tokens) {
            errors.add(error);
        }
        check::repeated(&mut given, errors);
        check::instead(&mut given, errors);
        given.sort_by_key(|one| {
            ARGUMENTS
                .iter()
                .position(|argument| argument.name == one.argument.name)
        });
        Args(given)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Given> {
        self.0.iter()
    }

    /// The value of one of them, if it was given.
    pub(crate) fn get(&self, name: &str) -> Option<&Given> {
        self.0.iter().find(|given| given.argument.name == name)
    }

    /// The path to the runtime, if it was given.
    pub(crate) fn krate(&self) -> Option<&syn::Path> {
        self.0.iter().find_map(|given| match &given.value {
            Value::Path(path) => Some(path),
            _ => None,
        })
    }
}

/// Parses one `name = value`. What is left of it after an error is skipped by the caller. A value
/// that is read but wrong is reported here, and is none.
fn entry(attr: Attr, input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<Option<Given>> {
    if !input.peek(syn::Ident::peek_any) {
        let token: TokenTree = input.parse()?;
        let message = format!("expected `name = value`, such as `{}`", example(attr));
        return Err(syn::Error::new(token.span(), message));
    }
    let key = input.call(Ident::parse_any)?;
    if input.peek(Token![::]) {
        let message = "the name of an argument is one word, not a path";
        return Err(syn::Error::new(key.span(), message));
    }
    let Some(argument) = check::known(attr, &key, errors) else {
        skip(input)?;
        return Ok(None);
    };
    if input.is_empty() || input.peek(Token![,]) {
        let message = format!("`{}` needs a value: `{}`", argument.name, argument.example);
        return Err(syn::Error::new(key.span(), message));
    }
    if !input.peek(Token![=]) {
        let token: TokenTree = input.parse()?;
        let message = format!("expected `=` and a value: `{}`", argument.example);
        return Err(syn::Error::new(token.span(), message));
    }
    let equals: Token![=] = input.parse()?;
    if input.is_empty() || input.peek(Token![,]) {
        let message = format!("`{}` needs a value: `{}`", argument.name, argument.example);
        return Err(syn::Error::new(equals.span, message));
    }
    let value = match argument.kind {
        Kind::Path => check::path(argument, input, errors),
        _ => check::value(attr, argument, input.parse()?, errors),
    };
    Ok(value.map(|value| Given {
        argument,
        key,
        value,
    }))
}

/// Skips to the next comma, or to the end.
fn skip(input: ParseStream<'_>) -> syn::Result<()> {
    while !input.is_empty() && !input.peek(Token![,]) {
        input.parse::<TokenTree>()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The line of the manual that tells of one argument.
    fn manual_line(attr: Attr, argument: &Argument) -> String {
        let values = argument.range(attr);
        let (name, default, meaning) = (argument.name, argument.default, argument.meaning);
        format!("/// | `{name}` | {values} | {default} | {meaning} |")
    }

    #[test]
    fn the_manual_tells_of_each_argument() {
        let source = include_str!("lib.rs");
        let (main, rest) = source.split_once("pub fn main(").unwrap();
        let (test, preemptible) = rest.split_once("pub fn test(").unwrap();
        for (attr, manual) in [
            (Attr::Main, main),
            (Attr::Test, test),
            (Attr::Preemptible, preemptible),
        ] {
            let told: Vec<&str> = manual
                .lines()
                .filter(|line| line.starts_with("/// | `"))
                .collect();
            let known: Vec<String> = ARGUMENTS
                .iter()
                .filter(|argument| argument.on(attr))
                .map(|argument| manual_line(attr, argument))
                .collect();
            assert_eq!(told, known, "the table of {} in lib.rs", attr.name());
        }
    }

    #[test]
    fn each_name_leads_to_one_argument() {
        let mut names: Vec<&str> = ARGUMENTS
            .iter()
            .flat_map(|argument| argument.synonyms.iter().chain([&argument.name]))
            .chain(FOREIGN.iter().flat_map(|(names, _)| *names))
            .copied()
            .collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }

    #[test]
    fn each_example_is_accepted() {
        for argument in ARGUMENTS {
            let mut errors = Errors::default();
            let attr = argument.on[argument.on.len() - 1];
            let args = Args::parse(attr, argument.example.parse().unwrap(), &mut errors);
            assert_eq!(errors.into_tokens().to_string(), "", "{}", argument.example);
            let names: Vec<&str> = args.iter().map(|given| given.argument.name).collect();
            assert_eq!(names, [argument.name]);
        }
    }

    #[test]
    fn arguments_keep_the_order_of_the_table() {
        let mut errors = Errors::default();
        let given = "name = \"a\", spin_us = 1, ring_depth = 4, preempt_ms = 2";
        let args = Args::parse(Attr::Main, given.parse().unwrap(), &mut errors);
        assert_eq!(errors.into_tokens().to_string(), "");
        let names: Vec<&str> = args.iter().map(|given| given.argument.name).collect();
        assert_eq!(names, ["ring_depth", "preempt_ms", "spin_us", "name"]);
    }
}
