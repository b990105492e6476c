//! Connecting a socket.

use std::io;

use io_uring::{opcode, squeue::Entry, types};
use socket2::SockAddr;

use crate::fd::Fd;
use crate::op::{Operation, Target};

/// Connects a socket to an address. Dropping it leaves the socket in between: it is good for
/// nothing but to be closed.
#[derive(Debug)]
pub(crate) struct Connect {
    fd: Fd,
    address: SockAddr,
}

impl Connect {
    pub(crate) fn new(fd: Fd, address: SockAddr) -> Connect {
        Connect { fd, address }
    }
}

// SAFETY: the entry holds the address of the side data alone.
unsafe impl Operation for Connect {
    type Output = io::Result<()>;
    /// The address: the kernel may read it late.
    type Side = SockAddr;
    const NAME: &'static str = "connect";

    fn side(&mut self) -> SockAddr {
        self.address.clone()
    }

    fn encode(&mut self, side: *mut SockAddr) -> Entry {
        // SAFETY: the side data were just put there, and nothing else refers to them.
        let address = unsafe { &*side };
        opcode::Connect::new(
            types::Fd(self.fd.raw()),
            address.as_ptr().cast(),
            address.len(),
        )
        .build()
    }

    fn finish(self, _side: SockAddr, result: io::Result<u32>) -> Self::Output {
        result.map(drop)
    }

    fn target(&self) -> Target {
        Target::whole(&self.fd)
    }
}
