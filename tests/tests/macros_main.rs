//! How programs with `#[io2::main]` end.

use std::process::{Command, Output};

use io2_tests::seccomp;

fn run(command: &mut Command) -> (Output, String, String) {
    let output = command.output().unwrap();
    let stdout = String::from_utf8(output.stdout.clone()).unwrap();
    let stderr = String::from_utf8(output.stderr.clone()).unwrap();
    (output, stdout, stderr)
}

fn main_result(argument: &str) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_main_result"));
    let (output, stdout, stderr) = run(command.arg(argument).env("RUST_BACKTRACE", "0"));
    (output.status.code(), stdout, stderr)
}

#[test]
fn ok_exits_with_0_and_says_nothing() {
    let nothing = String::new;
    assert_eq!(main_result("ok"), (Some(0), nothing(), nothing()));
}

#[test]
fn an_error_is_printed_and_exits_with_1() {
    let printed = "Error: Error\n".to_owned();
    assert_eq!(main_result("error"), (Some(1), String::new(), printed));
}

#[test]
fn a_panic_exits_with_101_after_tasks_are_dropped() {
    let (code, stdout, stderr) = main_result("panic");
    assert_eq!(code, Some(101));
    assert_eq!(stdout, "dropped\n");
    assert!(
        stderr.contains("main_result.rs") && stderr.contains("as asked"),
        "{stderr}"
    );
}

#[test]
fn a_marked_function_called_in_an_executor_panics_where_it_stands() {
    let (code, _, stderr) = main_result("nested");
    assert_eq!(code, Some(101));
    assert!(
        stderr.contains("called inside a running executor"),
        "{stderr}"
    );
    assert!(stderr.contains("main_result.rs"), "{stderr}");
}

#[test]
fn what_main_returns_decides_the_exit_code() {
    let code = |program| Command::new(program).status().unwrap().code();
    assert_eq!(code(env!("CARGO_BIN_EXE_main_exit_code")), Some(16));
    assert_eq!(code(env!("CARGO_BIN_EXE_main_never")), Some(3));
    assert_eq!(code(env!("CARGO_BIN_EXE_main_impl")), Some(4));
}

/// What a program prints that cannot start, with the backtraces that a panic would print.
fn refused(errno: i32) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_main_result"));
    seccomp::refuse_io_uring(command.env("RUST_BACKTRACE", "1"), errno);
    let (output, stdout, stderr) = run(&mut command);
    assert_eq!((output.status.code(), &*stdout), (Some(1), ""), "{stderr}");
    stderr
}

#[test]
fn a_program_that_may_not_use_io_uring_says_what_to_do() {
    let stderr = refused(libc::EPERM);
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(
        stderr.starts_with("io2: cannot start io_uring: "),
        "{stderr}"
    );
    assert!(stderr.contains("kernel.io_uring_disabled"), "{stderr}");
    assert!(stderr.contains("seccomp"), "{stderr}");
}

#[test]
fn a_program_on_a_kernel_without_io_uring_says_what_to_do() {
    let stderr = refused(libc::ENOSYS);
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(stderr.contains("io2 needs Linux"), "{stderr}");
}
