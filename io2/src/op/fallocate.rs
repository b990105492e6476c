//! Allocating room for a file.

use std::io;

use io_uring::{opcode, squeue::Entry, types};

use super::{Operation, Target};
use crate::fd::Fd;

/// Allocates room on the device; made by `allocate` of a file.
#[derive(Debug)]
pub struct Fallocate {
    fd: Fd,
    offset: u64,
    len: u64,
}

impl Fallocate {
    pub(crate) fn new(fd: Fd, offset: u64, len: u64) -> Fallocate {
        Fallocate { fd, offset, len }
    }
}

// SAFETY: the entry holds no address.
unsafe impl Operation for Fallocate {
    type Output = io::Result<()>;
    type Side = ();
    const NAME: &'static str = "fallocate";

    fn side(&mut self) {}

    fn encode(&mut self, _side: *mut ()) -> Entry {
        opcode::Fallocate::new(types::Fd(self.fd.raw()), self.len)
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
