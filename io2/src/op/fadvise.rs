//! Telling the kernel how a file will be used.

use std::io;

use io_uring::{opcode, squeue::Entry, types};

use super::{Operation, Target};
use crate::fd::Fd;

/// The longest range that an entry has room for on every kernel, in whole pages.
const MAX_RANGE: u64 = 0xffff_0000;

/// Gives advice on a range of a file; made by `advise` of a file.
#[derive(Debug)]
pub struct Fadvise {
    fd: Fd,
    offset: u64,
    len: u64,
    advice: i32,
}

impl Fadvise {
    /// Advice on `len` bytes from `offset` on; 0 means up to the end of the file.
    pub(crate) fn new(fd: Fd, offset: u64, len: u64, advice: i32) -> Fadvise {
        Fadvise {
            fd,
            offset,
            len: len.min(MAX_RANGE),
            advice,
        }
    }
}

// SAFETY: the entry holds no address.
unsafe impl Operation for Fadvise {
    type Output = io::Result<()>;
    type Side = ();
    const NAME: &'static str = "fadvise";

    fn side(&mut self) {}

    fn encode(&mut self, _side: *mut ()) -> Entry {
        opcode::Fadvise::new(
            types::Fd(self.fd.raw()),
            self.len as libc::off_t,
            self.advice,
        )
        .offset(self.offset)
        .build()
    }

    fn finish(self, _side: (), result: io::Result<u32>) -> Self::Output {
        result.map(drop)
    }

    fn target(&self) -> Target {
        Target {
            fd: self.fd.raw(),
            len: self.len,
            offset: self.offset,
        }
    }
}
