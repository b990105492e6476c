//! System calls for sockets.

use std::os::fd::{AsRawFd, OwnedFd, RawFd};

/// Whether the other end of a stream sends no more, even if some of what it sent is still to be
/// received.
pub(crate) fn is_hung_up(fd: RawFd) -> bool {
    let mut look = libc::pollfd {
        fd,
        events: libc::POLLRDHUP,
        revents: 0,
    };
    // SAFETY: the one structure is there to be written to; the call does not wait.
    let found = unsafe { libc::poll(&raw mut look, 1, 0) };
    found > 0 && look.revents & libc::POLLRDHUP != 0
}

/// Asks that a pipe can hold so many bytes, and says how many it can hold.
pub(crate) fn grow_pipe(pipe: &OwnedFd, bytes: usize) -> usize {
    let fd = pipe.as_raw_fd();
    let asked = libc::c_int::try_from(bytes).unwrap_or(libc::c_int::MAX);
    // SAFETY: the calls take no address.
    let holds = unsafe {
        match libc::fcntl(fd, libc::F_SETPIPE_SZ, asked) {
            refused if refused < 0 => libc::fcntl(fd, libc::F_GETPIPE_SZ),
            holds => holds,
        }
    };
    usize::try_from(holds).unwrap_or(0).max(1)
}
