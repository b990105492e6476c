//! Receiving with one entry, into buffers of the executor's pool.

use std::io;
use std::rc::Rc;

use io_uring::{opcode, squeue::Entry, types};

use crate::buf::PooledBuf;
use crate::driver::{Completion, POOL_GROUP, Pool};
use crate::fd::Fd;
use crate::op::multishot::MultishotOperation;
use crate::op::{MAX_TRANSFER, Target};

/// What a receive yields.
#[derive(Debug)]
pub(crate) enum Received {
    Bytes(PooledBuf),
    /// The peer sends no more.
    End,
    /// The pool was empty. The receive has ended.
    Shortage,
    /// It was cancelled. The receive has ended.
    Stopped,
    Failed(io::Error),
}

/// Receives again and again.
#[derive(Debug)]
pub(crate) struct RecvMulti {
    fd: Fd,
    pool: Rc<Pool>,
}

impl RecvMulti {
    /// The pool must be that of the executor that runs this.
    pub(crate) fn new(fd: Fd, pool: Rc<Pool>) -> RecvMulti {
        RecvMulti { fd, pool }
    }

    /// The buffer that came with a completion, whatever else it says.
    fn buffer(&self, completion: Completion) -> Option<PooledBuf> {
        let index = completion
            .buffer()
            .filter(|&index| index < self.pool.count())?;
        let len = u32::try_from(completion.res).unwrap_or(0);
        // SAFETY: the kernel took the buffer out of the pool's ring for this completion, which is looked at
        // once, and wrote so many bytes to it.
        Some(unsafe { PooledBuf::new(self.pool.clone(), index, len) })
    }
}

// SAFETY: the entry holds no address. What the kernel writes to is the pool's memory, which lives as long
// as `self`, and of that only buffers that nobody else holds.
unsafe impl MultishotOperation for RecvMulti {
    type Item = Received;
    const NAME: &'static str = "recv";

    /// No connection is to hold the whole pool without looking at it.
    fn most_waiting(&self) -> usize {
        usize::from(self.pool.count() / 4).max(2)
    }

    fn encode(&mut self) -> Entry {
        opcode::RecvMulti::new(types::Fd(self.fd.raw()), POOL_GROUP).build()
    }

    fn next(&mut self, completion: Completion) -> Option<Received> {
        let buffer = self.buffer(completion);
        Some(match (completion.res, buffer) {
            (1.., Some(buffer)) => Received::Bytes(buffer),
            (1.., None) => Received::Failed(io::Error::from(io::ErrorKind::InvalidData)),
            (0, _) => Received::End,
            (error, _) => match error.wrapping_neg() {
                libc::ENOBUFS => Received::Shortage,
                libc::ECANCELED => Received::Stopped,
                errno => Received::Failed(io::Error::from_raw_os_error(errno)),
            },
        })
    }

    fn discard(&self, completion: Completion) {
        drop(self.buffer(completion));
    }

    fn target(&self) -> Target {
        Target {
            len: MAX_TRANSFER.min(self.pool.bytes() as usize) as u64,
            ..Target::whole(&self.fd)
        }
    }
}
