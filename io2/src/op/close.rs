//! Closes a descriptor, and says how that went.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};

use io_uring::squeue::Entry;
use io_uring::{opcode, types};

use super::{Operation, Target};

/// The close of a descriptor that nothing else uses.
pub(crate) struct Close {
    raw: RawFd,
    /// Closes it if the kernel is never asked to.
    unsubmitted: Option<OwnedFd>,
}

impl Close {
    pub(crate) fn new(fd: OwnedFd) -> Self {
        Close {
            raw: fd.as_raw_fd(),
            unsubmitted: Some(fd),
        }
    }

    fn end(self, result: io::Result<u32>) -> io::Result<()> {
        match result {
            Err(error) if error.raw_os_error() == Some(libc::ECANCELED) => {
                // The kernel never got to it.
                // SAFETY: the descriptor was this operation's alone, and is open still.
                drop(unsafe { OwnedFd::from_raw_fd(self.raw) });
                Ok(())
            }
            result => result.map(drop),
        }
    }
}

// SAFETY: the entry holds no address.
unsafe impl Operation for Close {
    type Output = io::Result<()>;
    type Side = ();
    const NAME: &'static str = "close";

    fn side(&mut self) {}

    fn encode(&mut self, _side: *mut ()) -> Entry {
        // From here on it is the kernel's to close.
        let raw = self
            .unsubmitted
            .take()
            .map_or(self.raw, OwnedFd::into_raw_fd);
        opcode::Close::new(types::Fd(raw)).build()
    }

    fn finish(self, (): (), result: io::Result<u32>) -> io::Result<()> {
        if self.unsubmitted.is_some() {
            return result.map(drop);
        }
        self.end(result)
    }

    fn discard(self, (): (), result: io::Result<u32>) {
        let _ = self.end(result);
    }

    fn target(&self) -> Target {
        Target {
            fd: self.raw,
            ..Target::default()
        }
    }
}
