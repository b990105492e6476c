//! Renaming a file.

use std::ffi::CString;
use std::io;

use io_uring::{opcode, squeue::Entry, types};

use super::{Operation, Target};

/// Gives the file at `from` the name `to`, in place of what has that name.
#[derive(Debug)]
pub(crate) struct Rename {
    from: CString,
    to: CString,
}

impl Rename {
    pub(crate) fn new(from: CString, to: CString) -> Rename {
        Rename { from, to }
    }
}

// SAFETY: the entry holds the addresses of the two paths alone, which `self` owns on the heap and
// nobody else reaches.
unsafe impl Operation for Rename {
    type Output = io::Result<()>;
    type Side = ();
    const NAME: &'static str = "renameat";

    fn side(&mut self) {}

    fn encode(&mut self, _side: *mut ()) -> Entry {
        let here = types::Fd(libc::AT_FDCWD);
        opcode::RenameAt::new(here, self.from.as_ptr(), here, self.to.as_ptr()).build()
    }

    fn finish(self, _side: (), result: io::Result<u32>) -> Self::Output {
        result.map(drop)
    }

    fn target(&self) -> Target {
        Target::nothing()
    }
}
