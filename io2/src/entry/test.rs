//! The entry points of `#[io2::test]`: what fails a test beside its own panics.

use std::fmt::Write as _;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use super::guard::{Test, Watch};
use super::{Options, assert_alone, say};
use crate::config::Preempt;
use crate::executor::context;
use crate::executor::inspect::Ledger;
use crate::observe::Dump;

/// How many tasks, and how many operations, a message lists.
const LISTED_MAX: usize = 50;

type Body<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// Runs the body of a test. `skipped` gives what the test returns when it is skipped; `name` is its
/// path, from the crate on.
///
/// # Panics
///
/// With the panic of the body, and if the test fails for another reason.
#[track_caller]
pub fn test<F: Future>(
    options: Options,
    body: F,
    skipped: fn() -> Option<F::Output>,
    name: &str,
) -> F::Output {
    assert_alone("#[io2::test]");
    let name = within_the_crate(name);
    match run(options, Box::pin(body), name) {
        Ok(output) => output,
        Err(Failure::Refused(why)) if may_skip() => match skipped() {
            Some(value) => {
                say_skipped(name, &why);
                value
            }
            None => panic!("{why}; the test cannot be skipped, since it returns an unusual type"),
        },
        Err(Failure::Refused(why)) => {
            panic!("{why}; with IO2_TEST_UNSUPPORTED=skip in the environment the test is skipped")
        }
        Err(Failure::Other(why)) => panic!("{why}"),
    }
}

/// Runs the body of a test with `#[should_panic]`. Only a panic of the body leaves this function as
/// a panic; what fails the test otherwise is said, and then the missing panic fails it. `expected`
/// is what the panic is to contain: a test that is skipped has to panic with that.
///
/// # Panics
///
/// See above.
#[track_caller]
pub fn test_should_panic<F>(options: Options, body: F, expected: &str, name: &str)
where
    F: Future<Output = ()>,
{
    assert_alone("#[io2::test]");
    let name = within_the_crate(name);
    match run(options, Box::pin(body), name) {
        Ok(()) => {}
        Err(Failure::Refused(why)) if may_skip() => {
            say_skipped(name, &why);
            panic!("skipped: {expected}");
        }
        Err(Failure::Refused(why) | Failure::Other(why)) => complain(&why),
    }
}

/// The path of a test as its harness gives it: without the crate.
fn within_the_crate(name: &str) -> &str {
    name.split_once("::").map_or(name, |(_, path)| path)
}

#[expect(
    clippy::print_stderr,
    reason = "the harness shows it with the test that fails"
)]
fn complain(why: &str) {
    eprintln!("{why}");
}

/// Why a test fails that did not panic.
enum Failure {
    /// io_uring is not to be had here.
    Refused(String),
    Other(String),
}

#[track_caller]
fn run<T>(options: Options, body: Body<'_, T>, name: &str) -> Result<T, Failure> {
    let Options { config, timeout } = options;
    let preempt = config.preempt;
    let watch = Watch::new(name, timeout, config.shutdown_timeout);
    let mut ledger = None;
    let outcome = config.run_then(bounded(body, timeout, &watch), |executor| {
        watch.ending();
        ledger = Some(executor.ledger());
    });
    drop(watch);
    let output = outcome.map_err(refused_or_other)?.map_err(Failure::Other)?;
    match ledger.and_then(|ledger| complaint(&ledger, preempt)) {
        None => Ok(output),
        Some(complaint) => Err(Failure::Other(complaint)),
    }
}

/// Polls the body until it is done, or the time is over: then it is dropped, inside the executor,
/// and the error lists what was still alive.
async fn bounded<T>(mut body: Body<'_, T>, timeout: Duration, test: &Test) -> Result<T, String> {
    let outcome = poll_fn(|cx| {
        context::with(|executor| test.started(cx.waker(), executor.seat.slot));
        if let Poll::Ready(output) = body.as_mut().poll(cx) {
            return Poll::Ready(Ok(output));
        }
        if test.is_late() {
            let dump = context::with(|executor| executor.dump());
            return Poll::Ready(Err(hang(timeout, dump.as_ref())));
        }
        Poll::Pending
    })
    .await;
    test.ending();
    outcome
}

/// The message of a test that hangs.
fn hang(timeout: Duration, dump: Option<&Dump>) -> String {
    let mut text = format!("the test did not end within {timeout:?}");
    let (tasks, operations) =
        dump.map_or((&[][..], &[][..]), |dump| (&dump.tasks, &dump.operations));
    list(&mut text, "live tasks, beside the test's own body", tasks);
    list(&mut text, "operations in flight", operations);
    text
}

/// A heading with a count, and a line for each of the first ones.
fn list(text: &mut String, heading: &str, lines: &[impl std::fmt::Display]) {
    // Writing to a string does not fail.
    let _ = write!(text, "\n{heading}: {}", lines.len());
    for line in lines.iter().take(LISTED_MAX) {
        let _ = write!(text, "\n  {line}");
    }
    if lines.len() > LISTED_MAX {
        let _ = write!(text, "\n  and {} more", lines.len() - LISTED_MAX);
    }
}

/// What the executor's books say against a test whose body ended well.
fn complaint(ledger: &Ledger, preempt: Preempt) -> Option<String> {
    let mut text = String::new();
    if ledger.descriptors != 0 {
        let _ = write!(
            text,
            "the test leaks descriptors: {} were opened and not closed",
            ledger.descriptors
        );
    }
    if !ledger.operations.is_empty() {
        list(
            &mut text,
            "the test leaks operations, which did not end or whose future was forgotten",
            &ledger.operations,
        );
    }
    if ledger.tasks > 0 {
        let _ = write!(
            text,
            "\nthe test leaks tasks: {} outlived their executor",
            ledger.tasks
        );
    }
    if let (Preempt::Fail, Some(overrun)) = (preempt, &ledger.overrun) {
        let _ = write!(text, "\n{overrun}");
        if ledger.overruns > 1 {
            let _ = write!(text, "; so did {} more", ledger.overruns - 1);
        }
    }
    (!text.is_empty()).then(|| text.trim_start().to_owned())
}

/// Sorts out what the machine does not allow.
fn refused_or_other(error: io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::Unsupported => {
            Failure::Refused(error.to_string())
        }
        _ => Failure::Other(error.to_string()),
    }
}

fn may_skip() -> bool {
    std::env::var_os("IO2_TEST_UNSUPPORTED").is_some_and(|value| value == "skip")
}

fn say_skipped(name: &str, why: &str) {
    say(format_args!("the test `{name}` is skipped: {why}"));
}
