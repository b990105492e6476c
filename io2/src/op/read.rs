//! Reading from a file into one buffer.

use std::io;

use io_uring::{opcode, squeue::Entry, types};

use super::{Operation, Target, transfer_len};
use crate::buf::{BufResult, IoBufMut};
use crate::fd::Fd;

/// Reads from a file into a buffer; made by `read` and `read_at` of a file.
///
/// It fills the buffer from 0 up to its capacity and sets its length to the count; on an error
/// the buffer comes back as it was.
#[derive(Debug)]
pub struct Read<B> {
    fd: Fd,
    buf: B,
    offset: u64,
    // Memory is registered with the main ring only.
    main_ring: bool,
}

impl<B: IoBufMut> Read<B> {
    /// A read at `offset`, or at the file's own position if that is [`POSITION`](super::POSITION).
    pub(crate) fn new(fd: Fd, buf: B, offset: u64) -> Read<B> {
        Read {
            fd,
            buf,
            offset,
            main_ring: true,
        }
    }

    /// A read that may go to the polled ring.
    pub(crate) fn polled(fd: Fd, buf: B, offset: u64) -> Read<B> {
        Read {
            fd,
            buf,
            offset,
            main_ring: false,
        }
    }
}

// SAFETY: the entry holds the buffer's address alone, which is on the heap and stays valid while
// `self` lives, by the contract of `IoBufMut`. `self` is private to the future and then to the
// driver, so nothing else reaches the buffer.
unsafe impl<B: IoBufMut> Operation for Read<B> {
    type Output = BufResult<usize, B>;
    type Side = ();
    const NAME: &'static str = "read";

    fn side(&mut self) {}

    fn encode(&mut self, _side: *mut ()) -> Entry {
        let len = transfer_len(self.buf.bytes_total());
        let (fd, ptr) = (types::Fd(self.fd.raw()), self.buf.stable_mut_ptr());
        match self.buf.region() {
            Some(region) if self.main_ring => opcode::ReadFixed::new(fd, ptr, len, region)
                .offset(self.offset)
                .build(),
            _ => opcode::Read::new(fd, ptr, len).offset(self.offset).build(),
        }
    }

    fn finish(mut self, _side: (), result: io::Result<u32>) -> Self::Output {
        let result = result.map(|count| {
            let count = count as usize;
            // SAFETY: the kernel wrote the first `count` bytes of the buffer.
            unsafe { self.buf.set_init(count) };
            count
        });
        (result, self.buf)
    }

    fn target(&self) -> Target {
        Target {
            fd: self.fd.raw(),
            len: transfer_len(self.buf.bytes_total()).into(),
            offset: self.offset,
        }
    }
}
