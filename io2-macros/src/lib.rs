//! The attributes of the io2 runtime: `#[io2::main]`, `#[io2::test]` and `#[io2::preemptible]`. Use
//! them through the crate `io2`, which re-exports them; what they expand to calls its hidden entry
//! points.

mod args;
mod check;
mod expand;
mod guards;
mod item;
mod loops;
mod nearest;
mod preempt;

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
/// | `watchdog` | `true` or `false` | true | whether a poll that takes too long is reported while it runs |
/// | `stall_stack` | `true` or `false` | false | whether such a report says in which function the poll is; needs feature `stall-stack` |
/// | `dashboard` | a string that is not empty | none | where the dashboard listens; needs feature `dashboard` |
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
/// | `watchdog` | `true` or `false` | true | whether a poll that takes too long is reported while it runs |
/// | `stall_stack` | `true` or `false` | false | whether such a report says in which function the poll is; needs feature `stall-stack` |
/// | `dashboard` | a string that is not empty | none | where the dashboard listens; needs feature `dashboard` |
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

/// Makes the loops of an `async fn` yield when the time slice is used up, so that a long one keeps
/// neither other tasks nor I/O waiting.
///
/// ```
/// #[io2::preemptible]
/// async fn checksum(bytes: &[u8]) -> u32 {
///     let mut sum = 1_u32;
///     for &byte in bytes {
///         sum = sum.rotate_left(5) ^ u32::from(byte);
///     }
///     sum
/// }
/// # io2::ExecutorConfig::new().run(async {
/// assert_eq!(checksum(b"io").await, 0x94f);
/// # }).unwrap();
/// ```
///
/// Each `for`, `while`, `while let` and `loop` of the body, wherever it stands, begins each iteration
/// as if `io2::yield_if_needed().await` were written there. Nothing else changes: labels, values, types
/// and errors are those of the function without the attribute. Outside an executor the loops go on.
///
/// Left alone are closures, functions and other items in the body, constants, and `async` blocks,
/// which are futures of their own. A macro hides its loops: what is written within the
/// parentheses of one, such as `select!`, is not looked at. An attribute cannot look into the functions
/// that are called, either.
///
/// It goes on every kind of `async fn` that has a body: free, method, of a trait, generic, `unsafe`. With
/// [`main`](macro@main) and [`test`](macro@test) it may stand above or below.
///
/// # Arguments
///
/// | argument | values | default | meaning |
/// |---|---|---|---|
/// | `every` | a whole number from 1 to 1048576 | 1 | each loop checks at each n-th of its iterations only |
/// | `crate` | a path | ::io2 | where the runtime is, if the dependency is renamed |
///
/// With `every` each loop has a counter, which goes on where the loop begins again: a short loop
/// within a long one is checked as often as its iterations are run. A power of two is the
/// cheapest.
///
/// ```
/// #[io2::preemptible(every = 1024)]
/// async fn sum(numbers: &[u64]) -> u64 {
///     let mut sum = 0;
///     for number in numbers {
///         sum += number;
///     }
///     sum
/// }
/// # io2::ExecutorConfig::new().run(async {
/// assert_eq!(sum(&[1, 2, 3]).await, 6);
/// # }).unwrap();
/// ```
///
/// # What it costs
///
/// A check takes about 5 ns, which is nothing beside an iteration of a microsecond, and too much for one
/// that adds two numbers. A compiler that can work on many elements at once, or keep all in
/// registers, cannot do so around a place that may yield; with `every` the check itself is gone, and
/// that remains. Nanoseconds an iteration, the best of 100 samples on a virtual x86-64 machine (the
/// benchmark `preemptible`):
///
/// | loop over bytes | plain | preemptible | `every = 1024` |
/// |---|---|---|---|
/// | a hash, each step of which waits for the one before | 1.3 | 5.8 | 1.4 |
/// | decimal numbers, parsed and added | 0.5 | 5.7 | 1.6 |
/// | a sum, which the compiler vectorises | 0.2 | 5.6 | 1.3 |
///
/// A kernel of the last kind best stays a plain function that is called for a chunk at a time, from a
/// loop that yields.
///
/// # Guards
///
/// A guard that is held while a loop yields locks others out: another task that wants the `RefCell`
/// meanwhile panics, and one that wants the mutex of std stops the whole thread. So there is a
/// warning at each guard that
///
/// - a variable in scope holds: `let guard = cell.borrow_mut();`, and
/// - the head of the loop, or of a `match`, `if let` or `while let` around it, holds without a name:
///   `for item in cell.borrow().iter()`, `while let Some(item) = queue.lock().unwrap().pop()`.
///
/// What to do: drop the guard before the loop, with `drop(guard)` or the end of a block; or take
/// what is needed out in a `let` before the loop; or mark the loop with `#[io2::no_yield]`.
///
/// ```
/// # use std::cell::RefCell;
/// #[io2::preemptible]
/// async fn total(prices: &RefCell<Vec<u64>>) -> u64 {
///     // `for price in prices.borrow().iter()` would be warned of.
///     let copy = prices.borrow().clone();
///     let mut total = 0;
///     for price in copy {
///         total += price;
///     }
///     // Short, so it may as well keep the guard.
///     #[io2::no_yield]
///     for price in prices.borrow_mut().iter_mut() {
///         *price = 0;
///     }
///     total
/// }
/// # io2::ExecutorConfig::new().run(async {
/// assert_eq!(total(&RefCell::new(vec![2, 3])).await, 5);
/// # }).unwrap();
/// ```
///
/// An attribute sees no types, so names decide: a guard is what `borrow`, `borrow_mut`, `lock`, `read`,
/// `write`, and `try_borrow`, `try_borrow_mut`, `try_lock`, `try_read`, `try_write` give when they are
/// called without arguments, and not awaited, since the guard of an asynchronous lock is made for being
/// held over awaits. `unwrap`, `expect`, `?` and the like do not hide one. What follows a branch that
/// ends in `return`, `break`, `continue`, `panic!` or the like is not reached from there. Where such a
/// method gives no guard, `#[allow(deprecated)]` on the loop silences the warning, which is a use of
/// something deprecated because an attribute has no other way to warn.
///
/// # What changes for the future
///
/// What is alive where an iteration begins is kept in the future, so
///
/// - the future is `Send` only if all of that is. A runtime of one thread does not ask for it,
///   but a spawn of another runtime may;
/// - an array that a loop works on is part of the future. A large one belongs on the heap.
#[proc_macro_attribute]
pub fn preemptible(
    arguments: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    expand(Attr::Preemptible, arguments.into(), item.into()).into()
}

/// Leaves one loop of a [`preemptible`](macro@preemptible) function alone.
///
/// The loop that it stands on gets no check. Loops within that one do, unless they are marked, too.
///
/// ```
/// #[io2::preemptible]
/// async fn product(rows: &[[u64; 4]]) -> u64 {
///     let mut product = 1;
///     for row in rows {
///         #[io2::no_yield]
///         for number in row {
///             product *= number;
///         }
///     }
///     let power = #[io2::no_yield]
///     loop {
///         product /= 2;
///         if product % 2 == 1 {
///             break product;
///         }
///     };
///     power
/// }
/// # io2::ExecutorConfig::new().run(async {
/// assert_eq!(product(&[[1, 2, 3, 4], [1, 1, 1, 1]]).await, 3);
/// # }).unwrap();
/// ```
///
/// Anywhere else it is an error: no loop yields by itself there.
#[proc_macro_attribute]
pub fn no_yield(
    _arguments: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    preempt::no_yield(item.into()).into()
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
        Ok(mut function) => {
            check::function(attr, &function, &mut errors);
            if attr == Attr::Preemptible {
                preempt::function(&args, function, &mut errors)
            } else {
                preempt::below(&args, &mut function, &mut errors);
                expand::function(attr, &args, function)
            }
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
    fn a_body_that_is_half_typed_is_kept_and_told() {
        let half = "async fn f () { loop { } let x = file . ; if x . }";
        let tokens = expanded(Attr::Preemptible, "", half);
        assert!(tokens.starts_with(half), "{tokens}");
        assert_eq!(tokens.matches("compile_error").count(), 1, "{tokens}");
        assert!(tokens.contains("cannot read this body"), "{tokens}");
    }

    #[test]
    fn a_preemptible_body_below_main_that_is_half_typed_is_kept_and_told() {
        let half = "# [io2 :: preemptible] async fn main () { loop { } if x . }";
        let tokens = expanded(Attr::Main, "", half);
        assert!(tokens.contains("loop { } if x ."), "{tokens}");
        assert!(!tokens.contains(":: preemptible"), "{tokens}");
        assert_eq!(tokens.matches("compile_error").count(), 1, "{tokens}");
    }

    #[test]
    fn a_check_comes_after_the_items_of_its_block() {
        let item = "async fn f () { use a :: b ; for _ in c { const D : u8 = 1 ; d () ; } }";
        let check =
            ":: io2 :: __rt :: need_preempt () { :: io2 :: __rt :: yield_now () . await ; }";
        let tokens = expanded(Attr::Preemptible, "", item);
        let checked = format!("for _ in c {{ const D : u8 = 1 ; if {check} d () ; }}");
        assert!(tokens.contains(&checked), "{tokens}");
        let tokens = expanded(Attr::Preemptible, "every = 8", item);
        let counted =
            "{ use a :: b ; let mut iterations_0 : :: core :: primitive :: u32 = 0 ; for _";
        assert!(tokens.contains(counted), "{tokens}");
        assert!(tokens.contains(". is_multiple_of (8u32) { if"), "{tokens}");
    }

    #[test]
    fn the_path_of_the_outer_attribute_serves_the_inner_one() {
        let item = "# [io2 :: preemptible] async fn main () { loop { } }";
        let tokens = expanded(Attr::Main, "crate = other", item);
        assert!(
            tokens.contains("other :: __rt :: need_preempt ()"),
            "{tokens}"
        );
        let item = "# [io2 :: preemptible (crate = mine)] async fn main () { loop { } }";
        let tokens = expanded(Attr::Main, "crate = other", item);
        assert!(
            tokens.contains("mine :: __rt :: need_preempt ()"),
            "{tokens}"
        );
    }

    #[test]
    fn what_is_no_function_is_left_as_it_is() {
        let tokens = expanded(Attr::Test, "", "struct Main ;");
        assert!(tokens.starts_with("struct Main ;"), "{tokens}");
        assert_eq!(tokens.matches("compile_error").count(), 1, "{tokens}");
    }
}
