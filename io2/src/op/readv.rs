//! Reading from a file into several buffers at once.

use std::io;

use io_uring::{opcode, squeue::Entry, types};

use super::iovec::{self, IoVecs};
use super::{Operation, Target};
use crate::buf::{BufResult, IoBufsMut};
use crate::fd::Fd;

/// Reads from a file into several buffers; made by `read_vectored_at` of a file.
///
/// It fills the buffers in turn, each from 0 up to its capacity, and sets the length of each to
/// what it got; on an error they come back as they were.
#[derive(Debug)]
pub struct ReadVectored<B> {
    fd: Fd,
    bufs: B,
    offset: u64,
    /// What the kernel is told of the buffers: here from the submission on.
    vecs: IoVecs,
}

impl<B: IoBufsMut> ReadVectored<B> {
    pub(crate) fn new(fd: Fd, bufs: B, offset: u64) -> ReadVectored<B> {
        ReadVectored {
            fd,
            bufs,
            offset,
            vecs: IoVecs::new(),
        }
    }
}

// SAFETY: the entry holds the address of the vector's memory, which `self` owns on the heap, and
// that the addresses of the buffers, which are on the heap and stay valid while `self` lives, by the
// contract of `IoBufsMut`. `self` is private to the future and then to the driver, so nothing else
// reaches any of it.
unsafe impl<B: IoBufsMut> Operation for ReadVectored<B> {
    type Output = BufResult<usize, B>;
    type Side = ();
    const NAME: &'static str = "readv";

    fn side(&mut self) {}

    fn encode(&mut self, _side: *mut ()) -> Entry {
        self.vecs = iovec::to_fill(&mut self.bufs);
        let count = self.vecs.len() as u32;
        opcode::Readv::new(types::Fd(self.fd.raw()), self.vecs.as_ptr(), count)
            .offset(self.offset)
            .build()
    }

    fn finish(mut self, _side: (), result: io::Result<u32>) -> Self::Output {
        let result = result.map(|count| {
            let count = count as usize;
            // SAFETY: the kernel fills the buffers in turn, so it wrote the first `count` bytes.
            unsafe { self.bufs.set_init(count) };
            count
        });
        (result, self.bufs)
    }

    fn target(&self) -> Target {
        let len = self.bufs.bytes_total() as u64;
        Target {
            fd: self.fd.raw(),
            len,
            offset: self.offset,
        }
    }
}
