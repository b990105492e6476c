//! Writing a file through to its device.

use std::io;

use io_uring::{opcode, squeue::Entry, types};

use super::{Operation, Target};
use crate::fd::Fd;

/// Writes what the kernel caches of a file to its device; made by `sync_all` and `sync_data` of a
/// file.
#[derive(Debug)]
pub struct Fsync {
    fd: Fd,
    flags: types::FsyncFlags,
}

impl Fsync {
    /// Syncs data and metadata.
    pub(crate) fn all(fd: Fd) -> Fsync {
        Fsync {
            fd,
            flags: types::FsyncFlags::empty(),
        }
    }

    /// Syncs data, and of the metadata only what reading the data needs.
    pub(crate) fn data(fd: Fd) -> Fsync {
        Fsync {
            fd,
            flags: types::FsyncFlags::DATASYNC,
        }
    }
}

// SAFETY: the entry holds no address.
unsafe impl Operation for Fsync {
    type Output = io::Result<()>;
    type Side = ();
    const NAME: &'static str = "fsync";

    fn side(&mut self) {}

    fn encode(&mut self, _side: *mut ()) -> Entry {
        opcode::Fsync::new(types::Fd(self.fd.raw()))
            .flags(self.flags)
            .build()
    }

    fn finish(self, _side: (), result: io::Result<u32>) -> Self::Output {
        result.map(drop)
    }

    fn target(&self) -> Target {
        Target::whole(&self.fd)
    }
}
