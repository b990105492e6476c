//! Taking away a file's name.

use std::ffi::CString;
use std::io;

use io_uring::{opcode, squeue::Entry, types};

use super::{Operation, Target};

/// Takes away the name `path`, and the file with it if that was its last.
#[derive(Debug)]
pub(crate) struct Unlink {
    path: CString,
    flags: i32,
}

impl Unlink {
    /// Unlinks anything but a directory.
    pub(crate) fn file(path: CString) -> Unlink {
        Unlink { path, flags: 0 }
    }

    /// Removes an empty directory.
    pub(crate) fn dir(path: CString) -> Unlink {
        Unlink {
            path,
            flags: libc::AT_REMOVEDIR,
        }
    }
}

// SAFETY: the entry holds the path's address alone, which `self` owns on the heap and nobody
// else reaches.
unsafe impl Operation for Unlink {
    type Output = io::Result<()>;
    type Side = ();
    const NAME: &'static str = "unlinkat";

    fn side(&mut self) {}

    fn encode(&mut self, _side: *mut ()) -> Entry {
        opcode::UnlinkAt::new(types::Fd(libc::AT_FDCWD), self.path.as_ptr())
            .flags(self.flags)
            .build()
    }

    fn finish(self, _side: (), result: io::Result<u32>) -> Self::Output {
        result.map(drop)
    }

    fn target(&self) -> Target {
        Target::nothing()
    }
}
