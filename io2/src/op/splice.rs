//! Moving bytes between a pipe and something else, within the kernel.

use std::io;

use io_uring::{opcode, squeue::Entry, types};

use super::{Operation, Target, transfer_len};
use crate::fd::Fd;

/// The offset of what has none.
const NONE: i64 = -1;

/// Moves up to `len` bytes from one descriptor to another one, of which one is a pipe.
#[derive(Debug)]
pub(crate) struct Splice {
    from: Fd,
    offset: i64,
    to: Fd,
    len: usize,
    flags: u32,
}

impl Splice {
    /// Between a pipe and a stream. `more` says that further bytes follow at once, so that a last
    /// small packet is not sent yet.
    pub(crate) fn new(from: Fd, to: Fd, len: usize, more: bool) -> Splice {
        Splice {
            from,
            offset: NONE,
            to,
            len,
            flags: if more { libc::SPLICE_F_MORE } else { 0 },
        }
    }

    /// From a place in a file to a pipe.
    pub(crate) fn from_file(from: Fd, offset: u64, to: Fd, len: usize) -> Splice {
        Splice {
            offset: i64::try_from(offset).unwrap_or(i64::MAX),
            ..Splice::new(from, to, len, false)
        }
    }
}

// SAFETY: the entry holds no address.
unsafe impl Operation for Splice {
    type Output = io::Result<usize>;
    type Side = ();
    const NAME: &'static str = "splice";

    fn side(&mut self) {}

    fn encode(&mut self, _side: *mut ()) -> Entry {
        let (from, to) = (types::Fd(self.from.raw()), types::Fd(self.to.raw()));
        opcode::Splice::new(from, self.offset, to, NONE, transfer_len(self.len))
            .flags(self.flags)
            .build()
    }

    fn finish(self, _side: (), result: io::Result<u32>) -> Self::Output {
        result.map(|count| count as usize)
    }

    fn target(&self) -> Target {
        Target {
            len: self.len as u64,
            offset: u64::try_from(self.offset).unwrap_or(0),
            ..Target::whole(&self.from)
        }
    }
}
