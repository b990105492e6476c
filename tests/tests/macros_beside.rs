//! `#[io2::test]` beside the attributes and macros that others make tests with.

use std::sync::atomic::AtomicU32;

use proptest::prelude::{prop_assert_eq, proptest};
use rstest::{fixture, rstest};
use test_case::test_case;

/// The executor that runs, which must be one.
fn depth() -> u32 {
    io2::ring_info().unwrap().depth
}

#[fixture]
fn word() -> &'static str {
    "word"
}

#[rstest]
#[case(1, 2)]
#[case(2, 4)]
#[io2::test(ring_depth = 8)]
async fn rstest_gives_cases(#[case] number: u32, #[case] double: u32, word: &'static str) {
    assert_eq!((number * 2, depth(), word), (double, 8, "word"));
}

#[rstest]
#[io2::test]
async fn rstest_gives_values(#[values(1, 2, 3)] number: u32) {
    io2::yield_now().await;
    assert!((1..=3).contains(&number));
}

#[test_case(1, 2; "one")]
#[test_case(2, 4; "two")]
#[io2::test]
async fn test_case_gives_cases(number: u32, double: u32) {
    assert_eq!((number * 2, depth()), (double, 64));
}

#[test_log::test(io2::test)]
async fn test_log_wraps_a_test() {
    assert_eq!(depth(), 64);
}

proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(8))]

    #[test]
    fn proptest_calls_a_marked_function(number in 0..100_u32) {
        prop_assert_eq!(double(number), number * 2);
    }
}

#[io2::main(ring_depth = 1)]
async fn double(number: u32) -> u32 {
    assert_eq!(depth(), 1);
    io2::spawn(async move { number * 2 }).await
}

/// Counted, since a wrong order of attributes would run some of them twice or never.
static RUN: AtomicU32 = AtomicU32::new(0);

mod counted {
    use std::sync::atomic::Ordering;

    use rstest::rstest;
    use test_case::test_case;

    use super::RUN;

    #[rstest]
    #[case(1)]
    #[case(10)]
    #[case(100)]
    #[io2::test]
    #[ignore = "another test runs it"]
    async fn by_rstest(#[case] number: u32) {
        said(number);
    }

    #[test_case(1000)]
    #[test_case(10000)]
    #[io2::test]
    #[ignore = "another test runs it"]
    async fn by_test_case(number: u32) {
        said(number);
    }

    #[expect(clippy::print_stderr, reason = "the other test reads it")]
    fn said(number: u32) {
        let run = RUN.fetch_add(number, Ordering::Relaxed) + number;
        eprintln!("run: {run}");
    }
}

#[test]
fn each_case_runs_once() {
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["counted::", "--ignored", "--nocapture", "--test-threads=1"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && said.contains("run: 11111\n"),
        "{said}"
    );
    assert!(String::from_utf8_lossy(&output.stdout).contains("5 passed"));
}
