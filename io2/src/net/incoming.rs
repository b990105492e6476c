//! Connections as they come, with one entry in the ring.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::time::Duration;

use crate::fd::Fd;
use crate::op::Multishot;
use crate::op::socket::AcceptMulti;
use crate::time::sleep;
use crate::trace;

use super::socket;

/// How long to wait when the process or the system is short of descriptors or memory: connections
/// wait in the listener's queue meanwhile.
const SHORTAGE_PAUSE: Duration = Duration::from_millis(50);

/// The connections of a listener, accepted by one multishot request; made by `incoming` of a
/// listener.
///
/// A shortage of descriptors or memory is waited out, with a WARN event when it begins. Dropping it
/// stops accepting, and closes connections that were accepted and not taken.
pub struct Incoming<S> {
    accepted: Multishot<AcceptMulti>,
    short: bool,
    make: fn(Fd) -> S,
}

impl<S> Incoming<S> {
    pub(super) fn new(fd: Fd, make: fn(Fd) -> S) -> Incoming<S> {
        Incoming {
            accepted: Multishot::new(AcceptMulti::new(fd)),
            short: false,
            make,
        }
    }

    /// Waits for the next connection. Dropping the future loses nothing.
    ///
    /// # Errors
    ///
    /// The kernel's, if the listener itself fails. There is no end: `None` is never returned.
    pub async fn next(&mut self) -> io::Result<S> {
        loop {
            let next = poll_fn(|cx| self.accepted.poll_next(cx)).await;
            match next {
                Some(Ok(fd)) => {
                    self.short = false;
                    return Ok((self.make)(fd));
                }
                Some(Err(error)) if socket::is_peers(&error) => {}
                Some(Err(error)) if is_shortage(&error) => {
                    if !self.short {
                        self.short = true;
                        trace::advice(format_args!(
                            "cannot accept connections for now, they wait: {error}; raise \
                             RLIMIT_NOFILE, or close some"
                        ));
                    }
                    sleep(SHORTAGE_PAUSE).await;
                }
                Some(Err(error)) => return Err(error),
                None => return Err(io::Error::other("the listener accepts no more")),
            }
        }
    }
}

fn is_shortage(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM)
    )
}

impl<S> fmt::Debug for Incoming<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Incoming").field(&self.accepted).finish()
    }
}
