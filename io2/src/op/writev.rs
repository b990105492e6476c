//! Writing several buffers to a file at once.

use std::io;

use io_uring::{opcode, squeue::Entry, types};

use super::iovec::{self, IoVecs};
use super::{Operation, Target};
use crate::buf::{BufResult, IoBufs};
use crate::fd::Fd;

/// Writes several buffers to a file, one behind the other; made by `write_vectored_at` of a file.
///
/// A write that is dropped may still land, even after a later write to the same place.
#[derive(Debug)]
pub struct WriteVectored<B> {
    fd: Fd,
    bufs: B,
    offset: u64,
    /// What the kernel is told of the buffers: here from the submission on.
    vecs: IoVecs,
}

impl<B: IoBufs> WriteVectored<B> {
    pub(crate) fn new(fd: Fd, bufs: B, offset: u64) -> WriteVectored<B> {
        WriteVectored {
            fd,
            bufs,
            offset,
            vecs: IoVecs::new(),
        }
    }
}

// SAFETY: the entry holds the address of the vector's memory, which `self` owns on the heap, and
// that the addresses of the buffers, which are on the heap or static and stay valid while `self` lives, by the
// contract of `IoBufs`. `self` is private to the future and then to the driver, so nothing else
// reaches any of it.
unsafe impl<B: IoBufs> Operation for WriteVectored<B> {
    type Output = BufResult<usize, B>;
    type Side = ();
    const NAME: &'static str = "writev";

    fn side(&mut self) {}

    fn encode(&mut self, _side: *mut ()) -> Entry {
        self.vecs = iovec::to_write(&self.bufs);
        let count = self.vecs.len() as u32;
        opcode::Writev::new(types::Fd(self.fd.raw()), self.vecs.as_ptr(), count)
            .offset(self.offset)
            .build()
    }

    fn finish(self, _side: (), result: io::Result<u32>) -> Self::Output {
        (result.map(|count| count as usize), self.bufs)
    }

    fn target(&self) -> Target {
        let len = self.bufs.bytes_init() as u64;
        Target {
            fd: self.fd.raw(),
            len,
            offset: self.offset,
        }
    }
}
