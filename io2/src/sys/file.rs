//! System calls on files, for where no ring can be waited for.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};

/// What the kernel knows of an open file.
pub(crate) fn statx(fd: BorrowedFd<'_>, mask: u32) -> io::Result<libc::statx> {
    let mut statx = MaybeUninit::<libc::statx>::zeroed();
    let (fd, flags) = (fd.as_raw_fd(), libc::AT_EMPTY_PATH);
    // SAFETY: the path is a C string, and the kernel writes within the structure.
    check(unsafe { libc::statx(fd, c"".as_ptr(), flags, mask, statx.as_mut_ptr()) })?;
    // SAFETY: it holds integers only and was zeroed.
    Ok(unsafe { statx.assume_init() })
}

/// The status flags and the access mode of an open file.
pub(crate) fn flags(fd: BorrowedFd<'_>) -> io::Result<i32> {
    // SAFETY: the call takes no address.
    check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFL) })
}

/// Sets the status flags of an open file, for all descriptors of it.
pub(crate) fn set_flags(fd: BorrowedFd<'_>, flags: i32) -> io::Result<()> {
    // SAFETY: the call takes no address.
    check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFL, flags) }).map(drop)
}

/// Sets the length of the file that has this descriptor. The caller knows that it is open.
pub(crate) fn set_len(fd: RawFd, len: u64) -> io::Result<()> {
    let len = i64::try_from(len).map_err(|_| io::Error::from_raw_os_error(libc::EFBIG))?;
    // SAFETY: the call takes no address.
    check(unsafe { libc::ftruncate64(fd, len) }).map(drop)
}

fn check(result: i32) -> io::Result<i32> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}
