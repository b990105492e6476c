//! Waiting until a socket can be received from or sent to, without a buffer.

use std::io;

use io_uring::{opcode, squeue::Entry, types};

use crate::fd::Fd;
use crate::op::{Operation, Target};

/// Waits until a call would not block. It may nevertheless, if somebody else is faster.
#[derive(Debug)]
pub(crate) struct Readiness {
    fd: Fd,
    events: i16,
}

impl Readiness {
    /// There is something to receive, or the peer sends no more.
    pub(crate) fn to_receive(fd: Fd) -> Readiness {
        let events = libc::POLLIN | libc::POLLRDHUP;
        Readiness { fd, events }
    }

    /// There is room for something to send.
    pub(crate) fn to_send(fd: Fd) -> Readiness {
        let events = libc::POLLOUT;
        Readiness { fd, events }
    }
}

// SAFETY: the entry holds no address.
unsafe impl Operation for Readiness {
    type Output = io::Result<()>;
    type Side = ();
    const NAME: &'static str = "poll";

    fn side(&mut self) {}

    fn encode(&mut self, _side: *mut ()) -> Entry {
        opcode::PollAdd::new(types::Fd(self.fd.raw()), self.events as u32).build()
    }

    fn finish(self, _side: (), result: io::Result<u32>) -> Self::Output {
        result.map(drop)
    }

    fn target(&self) -> Target {
        Target::whole(&self.fd)
    }
}
