//! The attributes of the io2 runtime: `#[io2::main]` and `#[io2::test]`. Use them through the crate
//! `io2`, which re-exports them; what they expand to calls its hidden entry points.

mod args;
mod check;
mod expand;
mod item;
mod nearest;

use args::{Args, Attr};
use check::Errors;
use item::Function;

/// Runs an `async fn` on an io2 executor: the line that makes a program an io_uring program.
///
/// ```no_run
/// #[io2::main(ring_depth = 256, preempt_ms = 5)]
/// async fn main() -> std::io::Result<()> {
///     let file = io2::fs::File::open("access.log").await?;
///     let (read, buf) = file.read_at(vec![0; 64 * 1024], 0).await;
///     println!("{} bytes", read?);
///     Ok(())
/// }
/// ```
///
/// The function stays the one that is written here: same name, attributes, visibility and return
/// type, which may be any that `fn main` may have. It only is no longer `async`: calling it starts an
/// executor on the calling thread, runs the body and what the body spawns, and gives the body's
/// value when that is done. Functions of other names can be marked, too, and may have parameters.
///
/// # Arguments
///
/// All can be left out, and stand in any order. A value is a literal, which is checked where it
/// stands, or a constant expression, which the compiler checks.
///
/// | argument | values | default | meaning |
/// |---|---|---|---|
/// | `ring_depth` | a power of two from 1 to 32768 | 64 | entries of the submission ring |
/// | `preempt_ms` | a whole number from 1 to 60000 | 10 | the time slice, in milliseconds: a poll that takes longer is reported |
/// | `preempt_us` | a whole number from 1 to 60000000 | 10000 | the same in microseconds |
/// | `preempt` | "warn" or "off" | "warn" | what a poll that takes longer than the slice leads to |
/// | `spin_us` | a whole number from 0 to 1000000 | 0 | how long to poll for completions, in microseconds, before the thread sleeps |
/// | `name` | a string that is not empty | none | the executor's name in events |
/// | `crate` | a path | ::io2 | where the runtime is, if the dependency is renamed |
///
/// Each has a setter of the same meaning on `io2::ExecutorConfig`, for a program that starts its
/// executor by hand.
///
/// # What happens when
///
/// - The executor cannot start (io_uring is switched off or filtered, the kernel is too old, too
///   little memory may be locked): the reason and the remedy go to the standard error stream, and
///   the process exits with code 1.
/// - The body gives an `Err`: as in every Rust program, its `Debug` form is printed and the code
///   is 1.
/// - The body panics: operations in flight are cancelled and waited for, then the panic goes on; in
///   `main` the code is 101.
#[proc_macro_attribute]
pub fn main(
    arguments: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    expand(Attr::Main, arguments.into(), item.into()).into()
}

/// Makes an `async fn` a test that runs on an io2 executor of its own.
///
/// ```no_run
/// #[io2::test]
/// async fn a_new_file_is_empty() -> std::io::Result<()> {
///     let file = io2::fs::File::create("/tmp/new").await?;
///     assert_eq!(file.metadata().await?.len(), 0);
///     Ok(())
/// }
/// ```
///
/// # Arguments
///
/// Those of [`main`](macro@main), and how long the test may take.
///
/// | argument | values | default | meaning |
/// |---|---|---|---|
/// | `ring_depth` | a power of two from 1 to 32768 | 64 | entries of the submission ring |
/// | `preempt_ms` | a whole number from 1 to 60000 | 10 | the time slice, in milliseconds: a poll that takes longer is reported |
/// | `preempt_us` | a whole number from 1 to 60000000 | 10000 | the same in microseconds |
/// | `preempt` | "warn" or "off" or "fail" | "warn" | what a poll that takes longer than the slice leads to |
/// | `spin_us` | a whole number from 0 to 1000000 | 0 | how long to poll for completions, in microseconds, before the thread sleeps |
/// | `name` | a string that is not empty | none | the executor's name in events |
/// | `timeout_ms` | a whole number from 1 to 86400000 | 60000 | the test fails when it takes longer, in milliseconds |
/// | `crate` | a path | ::io2 | where the runtime is, if the dependency is renamed |
///
/// # What fails a test
///
/// - A panic, or an `Err`, as in every Rust test.
/// - A hang: after `timeout_ms` the test fails with a list of its live tasks and of its operations in
///   flight. Where a poll never returns nobody can fail the test from outside: what is known is printed
///   and the process is aborted.
/// - A leak: a descriptor that the executor opened and did not close, or an operation that did not end
///   after it was cancelled. Tasks that are alive at the end are no leak. A test that panicked
///   fails for its panic alone.
/// - With `preempt = "fail"`, a poll that takes longer than the slice.
/// - An executor that cannot start. With `IO2_TEST_UNSUPPORTED=skip` in the environment a test
///   passes, and says so, where io_uring is refused.
///
/// With `#[should_panic]` only a panic of the body counts: a hang or a leak fails the test all the
/// same.
///
/// # Beside other attributes
///
/// The test attribute comes last. What makes cases (`rstest`, `test_case`) or wraps a test (`test_log`)
/// stands above it; below, it would lose cases, so that is an error.
///
/// ```ignore
/// #[rstest::rstest]
/// #[case(1)]
/// #[case(2)]
/// #[io2::test]
/// async fn each_case_has_its_own_executor(#[case] n: u8) {}
/// ```
#[proc_macro_attribute]
pub fn test(
    arguments: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    expand(Attr::Test, arguments.into(), item.into()).into()
}

/// Parses, checks, and emits the function together with all errors.
fn expand(
    attr: Attr,
    arguments: proc_macro2::TokenStream,
    item: proc_macro2::TokenStream,
) -> proc_macro2::TokenStream {
    let mut errors = Errors::default();
    let args = Args::parse(attr, arguments, &mut errors);
    let mut tokens = match syn::parse2::<Function>(item.clone()) {
        Ok(function) => {
            check::function(attr, &function, &mut errors);
            expand::function(attr, &args, function)
        }
        Err(error) => {
            check::not_a_function(attr, &item, error, &mut errors);
            item
        }
    };
    tokens.extend(errors.into_tokens());
    tokens
}

#[cfg(test)]
mod tests {
    use super::{Attr, expand};

    fn expanded(attr: Attr, arguments: &str, item: &str) -> String {
        expand(attr, arguments.parse().unwrap(), item.parse().unwrap()).to_string()
    }

    #[test]
    fn a_body_that_is_half_typed_is_kept() {
        let half = "async fn main () { let x = file . ; if x . }";
        let tokens = expanded(Attr::Main, "", half);
        assert!(tokens.contains("let x = file . ; if x ."), "{tokens}");
        assert!(!tokens.contains("compile_error"), "{tokens}");
    }

    #[test]
    fn a_mistake_keeps_the_function_and_what_is_right() {
        let item = "pub async fn run (x : u8) -> u8 { x }";
        let tokens = expanded(Attr::Main, "ring_depth = 300, spin_us = 7", item);
        assert!(tokens.contains("pub fn run (x : u8) -> u8"), "{tokens}");
        assert!(tokens.contains("spin_us (7)"), "{tokens}");
        assert!(!tokens.contains("ring_depth (300)"), "{tokens}");
        assert_eq!(tokens.matches("compile_error").count(), 1, "{tokens}");
    }

    #[test]
    fn setters_have_the_order_of_the_table() {
        let given = "name = \"a\", spin_us = 7, ring_depth = 8";
        let tokens = expanded(Attr::Main, given, "async fn main () { }");
        let setters = ". ring_depth (8) . spin_us (7) . name (\"a\")";
        assert!(tokens.contains(setters), "{tokens}");
    }

    #[test]
    fn the_test_attribute_is_absolute_and_comes_last() {
        let tokens = expanded(Attr::Test, "", "#[a] #[b] async fn works () { }");
        let attributes = "# [a] # [b] # [:: core :: prelude :: v1 :: test] fn works";
        assert!(tokens.starts_with(attributes), "{tokens}");
    }

    #[test]
    fn what_is_no_function_is_left_as_it_is() {
        let tokens = expanded(Attr::Test, "", "struct Main ;");
        assert!(tokens.starts_with("struct Main ;"), "{tokens}");
        assert_eq!(tokens.matches("compile_error").count(), 1, "{tokens}");
    }
}
