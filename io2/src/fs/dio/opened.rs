//! What the kernel says of a file that was just opened.

use std::io;
use std::os::fd::BorrowedFd;

use super::align::Alignment;
use super::device::{Device, device};
use super::inner::Shared;
use crate::sys;

/// A file that is open, and how it can be read and written.
#[derive(Debug)]
pub(super) struct Opened {
    flags: i32,
    /// None if the file system says that it has no direct I/O for this file, though it has for
    /// others.
    align: Option<Alignment>,
    device: (u32, u32),
    fs_block: u64,
    size: u64,
}

impl Opened {
    /// What `statx` is to be asked for.
    pub(super) const MASK: u32 = libc::STATX_TYPE | libc::STATX_SIZE | libc::STATX_DIOALIGN;

    /// Refuses what has no blocks, and what was opened for append.
    pub(super) fn new(statx: &libc::statx, flags: i32) -> io::Result<Opened> {
        let device = match u32::from(statx.stx_mode) & libc::S_IFMT {
            libc::S_IFREG => (statx.stx_dev_major, statx.stx_dev_minor),
            libc::S_IFBLK => (statx.stx_rdev_major, statx.stx_rdev_minor),
            _ => return Err(invalid("direct I/O is for regular files and block devices")),
        };
        if flags & libc::O_APPEND != 0 {
            return Err(appends());
        }
        let align = if statx.stx_mask & libc::STATX_DIOALIGN == 0 {
            Some(Alignment::CONSERVATIVE)
        } else {
            Alignment::reported(statx.stx_dio_mem_align, statx.stx_dio_offset_align)
        };
        Ok(Opened {
            flags,
            align,
            device,
            fs_block: statx.stx_blksize.max(1).into(),
            size: statx.stx_size,
        })
    }

    pub(super) fn is_direct(&self) -> bool {
        self.flags & libc::O_DIRECT != 0 && self.align.is_some()
    }

    /// Turns direct I/O on, or off where there is none.
    pub(super) fn try_direct(&mut self, fd: BorrowedFd<'_>) -> io::Result<()> {
        let wanted = match self.align {
            Some(_) => self.flags | libc::O_DIRECT,
            None => self.flags & !libc::O_DIRECT,
        };
        if wanted == self.flags {
            return Ok(());
        }
        match sys::file::set_flags(fd, wanted) {
            Ok(()) => self.flags = wanted,
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// What a handle of it shares with its clones.
    pub(super) fn share(&self) -> Shared {
        let direct = self.is_direct();
        let align = self.align.filter(|_| direct).unwrap_or(Alignment::NONE);
        let (major, minor) = self.device;
        let device: Option<&'static Device> = direct.then(|| device(major, minor));
        let readable = self.flags & libc::O_ACCMODE != libc::O_WRONLY;
        Shared::new(align, device, self.fs_block, readable, self.size)
    }
}

/// The error where O_DIRECT is refused.
pub(super) fn refused() -> io::Error {
    io::Error::new(
        io::ErrorKind::Unsupported,
        "the file system refuses direct I/O (O_DIRECT) on this file; `direct_or_buffered` opens it \
         nevertheless",
    )
}

/// The error for O_APPEND.
pub(super) fn appends() -> io::Error {
    invalid(
        "a file for direct I/O cannot be opened for append: the kernel would ignore the offsets",
    )
}

fn invalid(message: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, message)
}
