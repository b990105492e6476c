//! Writing one buffer to a file.

use std::io;

use io_uring::{opcode, squeue::Entry, types};

use super::{Operation, Target, transfer_len};
use crate::buf::{BufResult, IoBuf};
use crate::fd::Fd;

/// Writes a buffer to a file; made by `write` and `write_at` of a file.
///
/// A write that is dropped may still land, even after a later write to the same place.
#[derive(Debug)]
pub struct Write<B> {
    fd: Fd,
    buf: B,
    offset: u64,
    // Memory is registered with the main ring only.
    main_ring: bool,
}

impl<B: IoBuf> Write<B> {
    /// A write at `offset`, or at the file's own position if that is [`POSITION`](super::POSITION).
    pub(crate) fn new(fd: Fd, buf: B, offset: u64) -> Write<B> {
        Write {
            fd,
            buf,
            offset,
            main_ring: true,
        }
    }

    /// A write that may go to the polled ring.
    pub(crate) fn polled(fd: Fd, buf: B, offset: u64) -> Write<B> {
        Write {
            fd,
            buf,
            offset,
            main_ring: false,
        }
    }
}

// SAFETY: the entry holds the buffer's address alone, which is on the heap or static and stays
// valid while `self` lives, by the contract of `IoBuf`. `self` is private to the future and then to
// the driver, so nothing else reaches the buffer.
unsafe impl<B: IoBuf> Operation for Write<B> {
    type Output = BufResult<usize, B>;
    type Side = ();
    const NAME: &'static str = "write";

    fn side(&mut self) {}

    fn encode(&mut self, _side: *mut ()) -> Entry {
        let len = transfer_len(self.buf.bytes_init());
        let (fd, ptr) = (types::Fd(self.fd.raw()), self.buf.stable_ptr());
        match self.buf.region() {
            Some(region) if self.main_ring => opcode::WriteFixed::new(fd, ptr, len, region)
                .offset(self.offset)
                .build(),
            _ => opcode::Write::new(fd, ptr, len).offset(self.offset).build(),
        }
    }

    fn finish(self, _side: (), result: io::Result<u32>) -> Self::Output {
        (result.map(|count| count as usize), self.buf)
    }

    fn target(&self) -> Target {
        Target {
            fd: self.fd.raw(),
            len: transfer_len(self.buf.bytes_init()).into(),
            offset: self.offset,
        }
    }
}
