//! Making a symbolic link.

use std::ffi::CString;
use std::io;

use io_uring::{opcode, squeue::Entry, types};

use super::{Operation, Target};

/// Makes a symbolic link at `link` that says `original`.
#[derive(Debug)]
pub(crate) struct Symlink {
    original: CString,
    link: CString,
}

impl Symlink {
    pub(crate) fn new(original: CString, link: CString) -> Symlink {
        Symlink { original, link }
    }
}

// SAFETY: the entry holds the addresses of the two paths alone, which `self` owns on the heap and
// nobody else reaches.
unsafe impl Operation for Symlink {
    type Output = io::Result<()>;
    type Side = ();
    const NAME: &'static str = "symlinkat";

    fn side(&mut self) {}

    fn encode(&mut self, _side: *mut ()) -> Entry {
        let here = types::Fd(libc::AT_FDCWD);
        opcode::SymlinkAt::new(here, self.original.as_ptr(), self.link.as_ptr()).build()
    }

    fn finish(self, _side: (), result: io::Result<u32>) -> Self::Output {
        result.map(drop)
    }

    fn target(&self) -> Target {
        Target::nothing()
    }
}
