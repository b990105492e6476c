//! Tests that need a process of their own: to count descriptors, or to live under a limit.

use std::process::Command;

/// Set in a child process, to the test that it is to run.
const CHILD: &str = "IO2_TEST_CHILD";

/// Runs `body` in a process of its own. `test` is the name of the calling test, with its modules:
/// the test binary is started once more with that test alone.
///
/// # Panics
///
/// If the child fails, or runs another number of tests than one.
pub fn run(test: &str, body: impl FnOnce()) {
    start(test, None, |_| {}, body);
}

/// Like [`run`], after `prepare` has done something to the command that starts the child.
pub fn run_prepared(test: &str, prepare: impl FnOnce(&mut Command), body: impl FnOnce()) {
    start(test, None, prepare, body);
}

/// Like [`run`], with at most `files` open descriptors in the child (`RLIMIT_NOFILE`).
pub fn run_with_files(test: &str, files: u32, body: impl FnOnce()) {
    start(test, Some(files), |_| {}, body);
}

fn start(test: &str, files: Option<u32>, prepare: impl FnOnce(&mut Command), body: impl FnOnce()) {
    if std::env::var_os(CHILD).is_some_and(|child| child == test) {
        return body();
    }
    let binary = std::env::current_exe().expect("the test binary is known");
    let mut command = match files {
        None => Command::new(binary),
        // The shell sets the limit, since that takes no unsafe code.
        Some(files) => {
            let mut shell = Command::new("sh");
            shell
                .args(["-c", &format!("ulimit -n {files} && exec \"$0\" \"$@\"")])
                .arg(binary);
            shell
        }
    };
    prepare(&mut command);
    let output = command
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env(CHILD, test)
        .output()
        .expect("the test binary can be started");
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && stdout.contains("1 passed"),
        "in a process of its own, {test}: {}\n{stdout}\n{stderr}",
        output.status,
    );
}
