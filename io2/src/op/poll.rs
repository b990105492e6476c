//! Waiting until a descriptor is ready.

use std::io;

use io_uring::{opcode, squeue::Entry, types};

use super::{Operation, Target};
use crate::fd::Fd;

/// Waits until a descriptor is ready for one of some events (`POLLIN` and so on), and gives those that
/// it is ready for, errors among them.
#[derive(Debug)]
pub(crate) struct PollReady {
    fd: Fd,
    events: u32,
}

impl PollReady {
    pub(crate) fn new(fd: Fd, events: libc::c_short) -> PollReady {
        // The kernel's mask is wider, with the same bits: they are never negative.
        PollReady {
            fd,
            events: u32::from(events.unsigned_abs()),
        }
    }
}

// SAFETY: the entry holds no address.
unsafe impl Operation for PollReady {
    type Output = io::Result<u32>;
    type Side = ();
    const NAME: &'static str = "poll";

    fn side(&mut self) {}

    fn encode(&mut self, _side: *mut ()) -> Entry {
        opcode::PollAdd::new(types::Fd(self.fd.raw()), self.events).build()
    }

    fn finish(self, _side: (), result: io::Result<u32>) -> Self::Output {
        result
    }

    fn target(&self) -> Target {
        Target::whole(&self.fd)
    }
}
