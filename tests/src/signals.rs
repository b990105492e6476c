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
