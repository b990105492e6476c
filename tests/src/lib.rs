//! Unpublished member of the io2 workspace.

pub mod child;
pub mod children;
pub mod counting;
pub mod descriptors;
pub mod hand;
pub mod observed;
pub mod pipes;
pub mod polling;
pub mod quarantine;
pub mod random;
pub mod resp;
pub mod seccomp;
pub mod signals;
pub mod sockets;
pub mod temp;
pub mod turns;

/// Says why a test does not run here.
pub fn skip(reason: &str) {
    use std::io::Write;

    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    // Not by a macro, since what those print of a test that passes is thrown away.
    let _ = writeln!(std::io::stderr(), "skipped: {test}: {reason}");
}
