//! Start-up errors that say what to do.

use std::io;

/// Turns the error of a ring's set-up into advice. The kind is the kernel's.
///
/// `fits` is the greatest depth that there is memory for, where that is what is short.
pub(crate) fn setup(error: io::Error, depth: u32, fits: Option<u32>) -> io::Error {
    let advice = match error.raw_os_error() {
        Some(libc::EPERM) => {
            "io_uring is forbidden here: set `sysctl kernel.io_uring_disabled=0` (or join \
             `kernel.io_uring_group`), and if this is a container, let its seccomp profile allow \
             io_uring_setup, io_uring_enter and io_uring_register"
                .to_owned()
        }
        Some(libc::EACCES) => {
            "a security module forbids io_uring: allow it for this program".to_owned()
        }
        Some(libc::ENOSYS) => {
            "this kernel has no io_uring: io2 needs Linux 5.11 or later, and 6.1 or later is \
             recommended"
                .to_owned()
        }
        Some(libc::ENOMEM) => {
            let smaller = match fits {
                Some(fits) => format!("use a ring_depth of {fits} at most"),
                None => "end other rings of this user".to_owned(),
            };
            format!(
                "there is no locked memory for a ring of {depth} entries: raise RLIMIT_MEMLOCK \
                 (`ulimit -l`), or {smaller}"
            )
        }
        Some(libc::EMFILE) => {
            "this process has no free descriptor: raise RLIMIT_NOFILE (`ulimit -n`)".to_owned()
        }
        Some(libc::ENFILE) => {
            "the system has no free descriptor: raise `sysctl fs.file-max`".to_owned()
        }
        _ => "the ring could not be made".to_owned(),
    };
    io::Error::new(
        error.kind(),
        format!("cannot start io_uring: {advice} ({error})"),
    )
}

/// Turns the error of a registration of memory into advice. The kind is the kernel's.
pub(crate) fn region(error: io::Error, len: usize) -> io::Error {
    let (kind, advice) = match error.raw_os_error() {
        Some(libc::ENOMEM) => (
            error.kind(),
            "raise RLIMIT_MEMLOCK (`ulimit -l`), or register less".to_owned(),
        ),
        Some(libc::EINVAL) => (
            io::ErrorKind::Unsupported,
            "this needs Linux 5.19 or later".to_owned(),
        ),
        _ => (error.kind(), "the kernel refused it".to_owned()),
    };
    io::Error::new(
        kind,
        format!("cannot register {len} bytes of memory: {advice} ({error})"),
    )
}

/// All places for registered memory are taken.
pub(crate) fn too_many_regions(limit: u32) -> io::Error {
    io::Error::new(
        io::ErrorKind::QuotaExceeded,
        format!("an executor can have {limit} pools of registered buffers at a time"),
    )
}

/// The kernel lacks what the runtime cannot do without.
pub(crate) fn too_old(missing: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::Unsupported,
        format!("this kernel's io_uring lacks {missing}: io2 needs Linux 5.11 or later"),
    )
}
