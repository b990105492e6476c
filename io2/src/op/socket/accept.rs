//! Accepting connections: one, or one after the other.

use std::fmt;
use std::io;

use io_uring::{opcode, squeue::Entry, types};
use socket2::{SockAddr, SockAddrStorage};

use crate::driver::Completion;
use crate::fd::Fd;
use crate::op::multishot::MultishotOperation;
use crate::op::{Operation, Target};

/// More connections than these are left to the listener's queue until some are taken.
const MOST_WAITING: usize = 256;

/// The descriptor that a completion brought.
fn descriptor(result: io::Result<u32>) -> io::Result<Fd> {
    // SAFETY: the kernel just made it for this operation, so nobody else owns it.
    result.map(|fd| unsafe { Fd::from_result(fd) })
}

/// Accepts one connection. A connection that comes after this was dropped is closed.
#[derive(Debug)]
pub(crate) struct Accept {
    fd: Fd,
}

impl Accept {
    pub(crate) fn new(fd: Fd) -> Accept {
        Accept { fd }
    }
}

/// Where the kernel writes the peer's address.
pub(crate) struct Peer {
    storage: SockAddrStorage,
    len: libc::socklen_t,
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Peer")
    }
}

// SAFETY: the entry holds addresses within the side data alone.
unsafe impl Operation for Accept {
    type Output = io::Result<(Fd, SockAddr)>;
    type Side = Peer;
    const NAME: &'static str = "accept";

    fn side(&mut self) -> Peer {
        let storage = SockAddrStorage::zeroed();
        let len = storage.size_of();
        Peer { storage, len }
    }

    fn encode(&mut self, side: *mut Peer) -> Entry {
        // SAFETY: the side data were just put there; only addresses of their fields are made.
        let (storage, len) = unsafe { (&raw mut (*side).storage, &raw mut (*side).len) };
        opcode::Accept::new(types::Fd(self.fd.raw()), storage.cast(), len)
            .flags(libc::SOCK_CLOEXEC)
            .build()
    }

    fn finish(self, side: Peer, result: io::Result<u32>) -> Self::Output {
        let fd = descriptor(result)?;
        // SAFETY: the kernel wrote an address of this length.
        let address = unsafe { SockAddr::new(side.storage, side.len) };
        Ok((fd, address))
    }

    fn discard(self, _side: Peer, result: io::Result<u32>) {
        drop(descriptor(result));
    }

    fn target(&self) -> Target {
        Target::whole(&self.fd)
    }
}

/// Accepts connection after connection with one entry.
#[derive(Debug)]
pub(crate) struct AcceptMulti {
    fd: Fd,
}

impl AcceptMulti {
    pub(crate) fn new(fd: Fd) -> AcceptMulti {
        AcceptMulti { fd }
    }
}

// SAFETY: the entry holds no address.
unsafe impl MultishotOperation for AcceptMulti {
    type Item = io::Result<Fd>;
    const NAME: &'static str = "accept";

    fn most_waiting(&self) -> usize {
        MOST_WAITING
    }

    fn encode(&mut self) -> Entry {
        opcode::AcceptMulti::new(types::Fd(self.fd.raw()))
            .flags(libc::SOCK_CLOEXEC)
            .build()
    }

    fn next(&mut self, completion: Completion) -> Option<Self::Item> {
        // Whatever ended it, full queues included, the next poll submits it anew.
        (completion.res != -libc::ECANCELED).then(|| descriptor(completion.result()))
    }

    fn discard(&self, completion: Completion) {
        drop(descriptor(completion.result()));
    }

    fn target(&self) -> Target {
        Target::whole(&self.fd)
    }
}
