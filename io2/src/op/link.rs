//! Giving a file one more name.

use std::ffi::CString;
use std::io;

use io_uring::{opcode, squeue::Entry, types};

use super::{Operation, Target};

/// Makes `link` a second name of the file at `original`; a symbolic link there is not followed.
#[derive(Debug)]
pub(crate) struct Link {
    original: CString,
    link: CString,
}

impl Link {
    pub(crate) fn new(original: CString, link: CString) -> Link {
        Link { original, link }
    }
}

// SAFETY: the entry holds the addresses of the two paths alone, which `self` owns on the heap and
// nobody else reaches.
unsafe impl Operation for Link {
    type Output = io::Result<()>;
    type Side = ();
    const NAME: &'static str = "linkat";

    fn side(&mut self) {}

    fn encode(&mut self, _side: *mut ()) -> Entry {
        let here = types::Fd(libc::AT_FDCWD);
        opcode::LinkAt::new(here, self.original.as_ptr(), here, self.link.as_ptr()).build()
    }

    fn finish(self, _side: (), result: io::Result<u32>) -> Self::Output {
        result.map(drop)
    }

    fn target(&self) -> Target {
        Target::nothing()
    }
}
