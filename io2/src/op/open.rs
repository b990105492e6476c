//! Opening a file.

use std::ffi::CString;
use std::io;

use io_uring::{opcode, squeue::Entry, types};

use super::{Operation, Target};
use crate::fd::Fd;

/// Opens the file at a path. The descriptor is always closed on exec.
#[derive(Debug)]
pub(crate) struct Open {
    path: CString,
    flags: i32,
    mode: libc::mode_t,
}

impl Open {
    pub(crate) fn new(path: CString, flags: i32, mode: libc::mode_t) -> Open {
        Open {
            path,
            flags: flags | libc::O_CLOEXEC,
            mode,
        }
    }
}

/// The descriptor that a completion brought.
fn descriptor(result: io::Result<u32>) -> io::Result<Fd> {
    // SAFETY: the kernel just made it for this operation, so nobody else owns it.
    result.map(|fd| unsafe { Fd::from_result(fd) })
}

// SAFETY: the entry holds the path's address alone, which `self` owns on the heap and nobody
// else reaches.
unsafe impl Operation for Open {
    type Output = io::Result<Fd>;
    type Side = ();
    const NAME: &'static str = "openat";

    fn side(&mut self) {}

    fn encode(&mut self, _side: *mut ()) -> Entry {
        opcode::OpenAt::new(types::Fd(libc::AT_FDCWD), self.path.as_ptr())
            .flags(self.flags)
            .mode(self.mode)
            .build()
    }

    fn finish(self, _side: (), result: io::Result<u32>) -> Self::Output {
        descriptor(result)
    }

    fn discard(self, _side: (), result: io::Result<u32>) {
        // Nobody will ever know of the descriptor, so it is closed here.
        drop(descriptor(result));
    }

    fn target(&self) -> Target {
        Target::nothing()
    }
}
