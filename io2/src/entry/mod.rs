//! What the attributes call.
//!
//! Nobody else does: the module is hidden, and not bound by what the crate's versions promise. It is
//! the only place of the crate that writes to the standard error stream, exits the process, and
//! panics about what the kernel refused, since a `main` and a test have nobody to return an error
//! to.

mod guard;
mod skip;
mod test;

use std::io::{self, Write as _};
use std::time::Duration;

pub use self::skip::Skipped;
pub use self::test::{test, test_should_panic};
use crate::config::ExecutorConfig;
pub use crate::config::Preempt;
use crate::executor::context;

/// How long a test may take unless it says otherwise.
const TEST_TIMEOUT: Duration = Duration::from_secs(60);

/// The arguments of an attribute: a setter each, named like the argument.
#[derive(Debug)]
#[must_use]
pub struct Options {
    config: ExecutorConfig,
    timeout: Duration,
}

impl Options {
    /// What holds where no argument is given.
    #[expect(
        clippy::new_without_default,
        reason = "the attributes call it, and nobody else does"
    )]
    pub fn new() -> Self {
        Options {
            config: ExecutorConfig::new(),
            timeout: TEST_TIMEOUT,
        }
    }

    /// See `ExecutorConfig::ring_depth`.
    pub fn ring_depth(self, entries: u32) -> Self {
        self.with(|config| config.ring_depth(entries))
    }

    /// See `ExecutorConfig::preempt_duration`.
    pub fn preempt_ms(self, slice: u64) -> Self {
        self.with(|config| config.preempt_duration(Duration::from_millis(slice)))
    }

    /// See `ExecutorConfig::preempt_duration`.
    pub fn preempt_us(self, slice: u64) -> Self {
        self.with(|config| config.preempt_duration(Duration::from_micros(slice)))
    }

    /// See `ExecutorConfig::preempt`.
    pub fn preempt(self, preempt: Preempt) -> Self {
        self.with(|config| config.preempt(preempt))
    }

    /// See `ExecutorConfig::spin`.
    pub fn spin_us(self, spin: u64) -> Self {
        self.with(|config| config.spin(Duration::from_micros(spin)))
    }

    /// See `ExecutorConfig::name`.
    pub fn name(self, name: &str) -> Self {
        self.with(|config| config.name(name))
    }

    /// See `ExecutorConfig::watchdog`.
    pub fn watchdog(self, watch: bool) -> Self {
        self.with(|config| config.watchdog(watch))
    }

    /// See `ExecutorConfig::stall_stack`.
    pub fn stall_stack(self, look: bool) -> Self {
        self.with(|config| config.stall_stack(look))
    }

    /// See `ExecutorConfig::dashboard`.
    pub fn dashboard(self, address: &str) -> Self {
        self.with(|config| config.dashboard(address))
    }

    /// How long the test may take.
    pub fn timeout_ms(mut self, timeout: u64) -> Self {
        self.timeout = Duration::from_millis(timeout);
        self
    }

    fn with(self, set: impl FnOnce(ExecutorConfig) -> ExecutorConfig) -> Self {
        Options {
            config: set(self.config),
            ..self
        }
    }
}

/// Runs the body of a function with `#[io2::main]`. Where no executor can be started it says why, and
/// what to do, and exits with code 1.
///
/// # Panics
///
/// With the panic of the body, and when an executor runs on this thread already: that is a mistake
/// in the program, and a panic shows where.
#[track_caller]
pub fn main<F: Future>(options: Options, body: F) -> F::Output {
    assert_alone("#[io2::main]");
    match options.config.run(body) {
        Ok(output) => output,
        Err(error) => {
            say(format_args!("{error}"));
            std::process::exit(1)
        }
    }
}

#[track_caller]
fn assert_alone(attribute: &str) {
    assert!(
        context::with(|_| ()).is_none(),
        "a function with {attribute} was called inside a running executor: it starts one of its \
         own, and a thread has one at a time; make it a plain `async fn` and await it"
    );
}

/// Writes a line to the standard error stream itself: what goes there by way of `eprintln` is
/// withheld in a test that passes, and in one that aborts the process.
fn say(line: std::fmt::Arguments<'_>) {
    // Nobody is left to be told that it failed.
    let _ = writeln!(io::stderr().lock(), "io2: {line}");
}

/// Gives a value of any type, for code that is compiled and never run: the expansion states types
/// with it.
///
/// # Panics
///
/// Always.
#[cold]
pub fn unreached<T>() -> T {
    unreachable!("the attributes of io2 put this where it is never run")
}

/// Where a loop of a `#[io2::preemptible]` function yields while a guard is held. An attribute cannot
/// warn; that it uses what is deprecated does.
#[deprecated(
    note = "this guard is held while a loop yields, and another task that wants it meanwhile panics \
            or waits for ever; drop it before the loop, or mark the loop with `#[io2::no_yield]`"
)]
#[inline(always)]
pub const fn guard_held_over_yield() {}
