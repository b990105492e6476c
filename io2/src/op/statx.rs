//! Asking for a file's metadata.

use std::ffi::CString;
use std::io;
use std::mem::MaybeUninit;

use io_uring::{opcode, squeue::Entry, types};

use super::{Operation, Target};
use crate::fd::Fd;

/// Asks for the metadata that `mask` names.
#[derive(Debug)]
pub(crate) struct Statx {
    file: File,
    flags: i32,
    mask: u32,
}

#[derive(Debug)]
enum File {
    Open(Fd),
    Path(CString),
}

impl Statx {
    /// The metadata of an open file.
    pub(crate) fn fd(fd: Fd, mask: u32) -> Statx {
        Statx {
            file: File::Open(fd),
            flags: libc::AT_EMPTY_PATH,
            mask,
        }
    }

    /// The metadata of the file at `path`, or of what a symbolic link there points to.
    pub(crate) fn path(path: CString, mask: u32) -> Statx {
        Statx {
            file: File::Path(path),
            flags: 0,
            mask,
        }
    }

    /// The metadata of the file at `path`, which may be a symbolic link itself.
    pub(crate) fn symlink(path: CString, mask: u32) -> Statx {
        Statx {
            file: File::Path(path),
            flags: libc::AT_SYMLINK_NOFOLLOW,
            mask,
        }
    }
}

// SAFETY: the entry holds the address of the path, which is static or owned by `self` on the
// heap, and that of `Side`. Nobody else reaches either.
unsafe impl Operation for Statx {
    type Output = io::Result<libc::statx>;
    type Side = MaybeUninit<libc::statx>;
    const NAME: &'static str = "statx";

    fn side(&mut self) -> Self::Side {
        MaybeUninit::zeroed()
    }

    fn encode(&mut self, side: *mut Self::Side) -> Entry {
        let (dir, path) = match &self.file {
            File::Open(fd) => (fd.raw(), c"".as_ptr()),
            File::Path(path) => (libc::AT_FDCWD, path.as_ptr()),
        };
        opcode::Statx::new(types::Fd(dir), path, side.cast())
            .flags(self.flags)
            .mask(self.mask)
            .build()
    }

    fn finish(self, side: Self::Side, result: io::Result<u32>) -> Self::Output {
        // SAFETY: it holds integers only and was zeroed, so it is initialised however much the
        // kernel wrote.
        result.map(|_| unsafe { side.assume_init() })
    }

    fn target(&self) -> Target {
        match &self.file {
            File::Open(fd) => Target::whole(fd),
            File::Path(_) => Target::nothing(),
        }
    }
}
