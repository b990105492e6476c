//! Setting the length of a file.

use std::io;

use io_uring::{opcode, squeue::Entry, types};

use super::{Operation, Target};
use crate::executor::context;
use crate::fd::Fd;

/// Sets the length of a file. Kernels before 6.12 do not have it.
#[derive(Debug)]
pub(crate) struct Ftruncate {
    fd: Fd,
    len: u64,
}

impl Ftruncate {
    pub(crate) fn new(fd: Fd, len: u64) -> Ftruncate {
        Ftruncate { fd, len }
    }

    /// Whether the kernel has the operation.
    pub(crate) fn is_supported() -> bool {
        // Outside an executor the operation itself says what is wrong.
        let driver = context::with(|executor| executor.driver.clone());
        driver.is_none_or(|driver| driver.borrow().capabilities().has(opcode::Ftruncate::CODE))
    }
}

// SAFETY: the entry holds no address.
unsafe impl Operation for Ftruncate {
    type Output = io::Result<()>;
    type Side = ();
    const NAME: &'static str = "ftruncate";

    fn side(&mut self) {}

    fn encode(&mut self, _side: *mut ()) -> Entry {
        opcode::Ftruncate::new(types::Fd(self.fd.raw()), self.len).build()
    }

    fn finish(self, _side: (), result: io::Result<u32>) -> Self::Output {
        result.map(drop)
    }

    fn target(&self) -> Target {
        Target {
            fd: self.fd.raw(),
            len: self.len,
            offset: 0,
        }
    }
}
