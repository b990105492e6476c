//! What passes and what fails under `#[io2::test]`.
//!
//! Tests that fail are specimens: ignored here, and run in a process of their own by the tests that
//! look at how they fail.

use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Output};

use io2_tests::seccomp;

mod specimens {
    use std::future::{pending, poll_fn};
    use std::os::fd::OwnedFd;
    use std::pin::pin;
    use std::task::Poll;
    use std::time::Duration;

    use io2::fs::File;

    fn pipe() -> (File, std::io::PipeWriter) {
        let (reader, writer) = std::io::pipe().unwrap();
        (File::from_std(OwnedFd::from(reader).into()), writer)
    }

    #[io2::test(timeout_ms = 1_000)]
    #[ignore = "fails: another test runs it"]
    async fn waits_for_ever() {
        let (reader, _writer) = pipe();
        io2::Builder::new().name("waiter").spawn(pending::<()>());
        let _ = reader.read(vec![0; 16]).await;
    }

    #[io2::test(timeout_ms = 200)]
    #[ignore = "fails: another test runs it"]
    async fn sleeps_in_a_poll() {
        let stuck = async { std::thread::sleep(Duration::from_secs(60)) };
        io2::spawn(stuck).await;
    }

    #[io2::test(timeout_ms = 200)]
    #[ignore = "fails: another test runs it"]
    async fn leaks_a_descriptor() {
        std::mem::forget(File::open("/dev/null").await.unwrap());
    }

    #[io2::test(timeout_ms = 1_000)]
    #[ignore = "fails: another test runs it"]
    async fn leaks_an_operation() {
        let (reader, _writer) = pipe();
        let mut read = Box::new(reader.read(vec![0; 16]));
        poll_fn(|cx| {
            assert!(pin!(&mut read).poll(cx).is_pending());
            Poll::Ready(())
        })
        .await;
        std::mem::forget(read);
    }

    #[io2::test]
    #[ignore = "fails: another test runs it"]
    async fn leaks_and_panics() {
        std::mem::forget(File::open("/dev/null").await.unwrap());
        panic!("as asked");
    }

    #[io2::test]
    #[should_panic]
    #[ignore = "fails: another test runs it"]
    async fn leaks_and_should_panic() {
        std::mem::forget(File::open("/dev/null").await.unwrap());
    }

    #[io2::test(timeout_ms = 100)]
    #[should_panic]
    #[ignore = "fails: another test runs it"]
    async fn hangs_and_should_panic() {
        pending::<()>().await;
    }

    #[io2::test]
    #[ignore = "fails: another test runs it"]
    async fn gives_an_error() -> std::io::Result<()> {
        File::open("/nowhere").await.map(drop)
    }

    #[io2::test(preempt = "fail", preempt_ms = 5)]
    #[ignore = "fails: another test runs it"]
    async fn overruns() {
        io2::spawn(async { std::thread::sleep(Duration::from_millis(20)) }).await;
    }

    struct Own;

    impl std::process::Termination for Own {
        fn report(self) -> std::process::ExitCode {
            std::process::ExitCode::SUCCESS
        }
    }

    mod plain {
        use super::Own;

        #[io2::test]
        #[ignore = "fails: another test runs it"]
        async fn unit() {}

        #[io2::test]
        #[ignore = "fails: another test runs it"]
        async fn result() -> Result<(), std::fmt::Error> {
            Ok(())
        }

        #[io2::test]
        #[should_panic(expected = "as asked")]
        #[ignore = "fails: another test runs it"]
        async fn panic() {
            panic!("as asked");
        }

        #[io2::test]
        #[ignore = "fails: another test runs it"]
        async fn own_type() -> Own {
            Own
        }
    }
}

/// The command that runs the specimens whose path contains `name`.
fn specimens(name: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([
        &format!("specimens::{name}"),
        "--ignored",
        "--test-threads=1",
    ]);
    command
        .env("RUST_BACKTRACE", "0")
        .env_remove("IO2_TEST_UNSUPPORTED");
    command
}

fn text(output: &Output) -> String {
    let [stdout, stderr] =
        [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    format!("{stdout}{stderr}")
}

/// Runs one specimen, which must fail and let its process go on, and gives what it prints.
fn failure(name: &str) -> String {
    let output = specimens(name).output().unwrap();
    let text = text(&output);
    assert_eq!(output.status.code(), Some(101), "{text}");
    assert!(text.contains("0 passed; 1 failed"), "{text}");
    text
}

#[track_caller]
fn assert_says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
}

#[test]
fn a_test_that_hangs_fails_and_lists_what_is_alive() {
    let text = failure("waits_for_ever");
    assert_says(
        &text,
        &[
            "did not end within 1s",
            "live tasks, beside the test's own body: 1",
        ],
    );
    assert_says(
        &text,
        &[
            "\"waiter\", spawned at tests/tests/macros_test.rs:",
            "polled 1 times",
        ],
    );
    assert_says(&text, &["operations in flight: 1", "read, operation "]);
}

#[test]
fn a_poll_that_never_returns_aborts_the_process() {
    let output = specimens("sleeps_in_a_poll").output().unwrap();
    let text = text(&output);
    assert_eq!(output.status.signal(), Some(libc::SIGABRT), "{text}");
    assert_says(
        &text,
        &["the test `specimens::sleeps_in_a_poll`", "from a poll"],
    );
    assert_says(
        &text,
        &[
            "spawned at tests/tests/macros_test.rs:",
            "sleeps, in system call ",
        ],
    );
}

#[test]
fn a_test_that_leaks_a_descriptor_fails() {
    assert_says(&failure("leaks_a_descriptor"), &["leaks descriptors: 1 "]);
}

#[test]
fn a_test_that_leaks_an_operation_fails() {
    let text = failure("leaks_an_operation");
    assert_says(
        &text,
        &[
            "leaks operations",
            "read, operation ",
            "leaks descriptors: 1 ",
        ],
    );
}

#[test]
fn a_test_that_leaks_and_panics_fails_for_its_panic() {
    let text = failure("leaks_and_panics");
    assert_says(&text, &["as asked"]);
    assert!(!text.contains("leaks descriptors"), "{text}");
}

#[test]
fn a_leak_or_a_hang_is_not_the_panic_that_a_test_should_make() {
    let text = failure("leaks_and_should_panic");
    assert_says(
        &text,
        &["did not panic as expected", "leaks descriptors: 1 "],
    );
    let text = failure("hangs_and_should_panic");
    assert_says(
        &text,
        &["did not panic as expected", "did not end within 100ms"],
    );
}

#[test]
fn a_test_that_gives_an_error_fails_with_it() {
    assert_says(&failure("gives_an_error"), &["NotFound"]);
}

#[test]
fn an_overrun_fails_a_test_that_asks_for_it() {
    let text = failure("overruns");
    assert_says(
        &text,
        &[
            "a poll of task ",
            "tests/tests/macros_test.rs:",
            "the slice of 5ms",
        ],
    );
}

#[test]
fn where_io_uring_is_refused_tests_fail() {
    let mut command = specimens("plain::");
    seccomp::refuse_io_uring(&mut command, libc::EPERM);
    let text = text(&command.output().unwrap());
    assert_says(&text, &["0 passed; 4 failed", "kernel.io_uring_disabled"]);
    assert_says(&text, &["IO2_TEST_UNSUPPORTED=skip"]);
}

#[test]
fn where_io_uring_is_refused_tests_are_skipped_on_demand() {
    let mut command = specimens("plain::");
    seccomp::refuse_io_uring(command.env("IO2_TEST_UNSUPPORTED", "skip"), libc::EPERM);
    let text = text(&command.output().unwrap());
    assert_says(&text, &["3 passed; 1 failed", "it returns an unusual type"]);
    assert_says(
        &text,
        &["io2: the test `specimens::plain::unit` is skipped: cannot start io_uring"],
    );
    assert_says(
        &text,
        &[
            "specimens::plain::result` is skipped",
            "plain::panic` is skipped",
        ],
    );
}

#[io2::test]
async fn a_task_that_is_alive_at_the_end_is_no_leak() {
    let (reader, _writer) = std::io::pipe().unwrap();
    let reader = io2::fs::File::from_std(std::os::fd::OwnedFd::from(reader).into());
    io2::spawn(async move { reader.read(vec![0; 16]).await });
    io2::yield_now().await;
}

#[io2::test(preempt = "fail", preempt_ms = 60_000)]
async fn a_short_poll_is_no_overrun() {
    io2::yield_now().await;
}

#[io2::test(
    ring_depth = 1,
    spin_us = 10,
    name = "small",
    preempt = "off",
    timeout_ms = 10_000
)]
async fn a_test_has_an_executor_of_its_own_with_what_it_asks_for() {
    assert_eq!(io2::ring_info().unwrap().depth, 1);
}

#[io2::test]
async fn a_test_has_the_defaults_where_it_asks_for_nothing() {
    assert_eq!(io2::ring_info().unwrap().depth, 64);
}
