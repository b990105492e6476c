//! Closes a descriptor, and says how that went.

use std::io;
use std::os::fd::RawFd;

use io_uring::squeue::Entry;
use io_uring::{opcode, types};

use super::{Operation, Target};

/// The close of a descriptor that nothing else uses.
pub(crate) struct Close {
    fd: RawFd,
}

impl Close {
    /// The descriptor must be the caller's alone: it is closed when this is submitted, and must be
    /// closed by the caller if it never is.
    pub(crate) fn new(fd: RawFd) -> Self {
        Close { fd }
    }
}

// SAFETY: the entry holds no address.
unsafe impl Operation for Close {
    type Output = io::Result<()>;
    type Side = ();
    const NAME: &'static str = "close";

    fn side(&mut self) {}

    fn encode(&mut self, _side: *mut ()) -> Entry {
        opcode::Close::new(types::Fd(self.fd)).build()
    }

    fn finish(self, (): (), result: io::Result<u32>) -> io::Result<()> {
        result.map(drop)
    }

    fn target(&self) -> Target {
        Target {
            fd: self.fd,
            ..Target::default()
        }
    }
}
