//! Ending one direction of a connection, or both.

use std::io;
use std::net;

use io_uring::{opcode, squeue::Entry, types};

use crate::fd::Fd;
use crate::op::{Operation, Target};

/// Ends a direction of a connection; made by `shutdown` of a stream.
#[derive(Debug)]
pub struct Shutdown {
    fd: Fd,
    how: net::Shutdown,
}

impl Shutdown {
    pub(crate) fn new(fd: Fd, how: net::Shutdown) -> Shutdown {
        Shutdown { fd, how }
    }
}

// SAFETY: the entry holds no address.
unsafe impl Operation for Shutdown {
    type Output = io::Result<()>;
    type Side = ();
    const NAME: &'static str = "shutdown";

    fn side(&mut self) {}

    fn encode(&mut self, _side: *mut ()) -> Entry {
        let how = match self.how {
            net::Shutdown::Read => libc::SHUT_RD,
            net::Shutdown::Write => libc::SHUT_WR,
            net::Shutdown::Both => libc::SHUT_RDWR,
        };
        opcode::Shutdown::new(types::Fd(self.fd.raw()), how).build()
    }

    fn finish(self, _side: (), result: io::Result<u32>) -> Self::Output {
        result.map(drop)
    }

    fn target(&self) -> Target {
        Target::whole(&self.fd)
    }
}
