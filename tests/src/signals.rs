//! Signals that a test sends to its own process, which should then be one of its own, see
//! [`crate::child`].

use std::io;

/// Sends a signal to this process.
///
/// # Panics
///
/// If there is no such signal.
pub fn send(signal: i32) {
    // SAFETY: the calls take no address, and what the signal does is the test's business.
    let result = unsafe { libc::kill(libc::getpid(), signal) };
    assert_eq!(result, 0, "{}", io::Error::last_os_error());
}

/// Lets a signal do what it does by itself, which Rust turned off for `SIGPIPE`.
pub fn by_default(signal: i32) {
    // SAFETY: the default action is no function of ours.
    let before = unsafe { libc::signal(signal, libc::SIG_DFL) };
    assert_ne!(before, libc::SIG_ERR);
}
