//! Making a directory.

use std::ffi::CString;
use std::io;

use io_uring::{opcode, squeue::Entry, types};

use super::{Operation, Target};

/// Makes a directory.
#[derive(Debug)]
pub(crate) struct Mkdir {
    path: CString,
    mode: libc::mode_t,
}

impl Mkdir {
    /// The process's umask is taken off `mode`.
    pub(crate) fn new(path: CString, mode: libc::mode_t) -> Mkdir {
        Mkdir { path, mode }
    }
}

// SAFETY: the entry holds the path's address alone, which `self` owns on the heap and nobody
// else reaches.
unsafe impl Operation for Mkdir {
    type Output = io::Result<()>;
    type Side = ();
    const NAME: &'static str = "mkdirat";

    fn side(&mut self) {}

    fn encode(&mut self, _side: *mut ()) -> Entry {
        opcode::MkDirAt::new(types::Fd(libc::AT_FDCWD), self.path.as_ptr())
            .mode(self.mode)
            .build()
    }

    fn finish(self, _side: (), result: io::Result<u32>) -> Self::Output {
        result.map(drop)
    }

    fn target(&self) -> Target {
        Target::nothing()
    }
}
