//! Transfers that take as many requests as they need.

use std::io;

use crate::buf::{BufResult, IoBuf, IoBufMut};
use crate::fd::Fd;
use crate::op::{Op, POSITION, Read, Write};

/// The offset of a request at a place in the file. The greatest number has another meaning for the
/// kernel; no file is that long, so the one before it gets the same answer, an error.
pub(super) fn at(offset: u64) -> u64 {
    offset.min(POSITION - 1)
}

/// The offset of the next request after `done` bytes.
fn advance(offset: u64, done: usize) -> u64 {
    if offset == POSITION {
        POSITION
    } else {
        at(offset.saturating_add(done as u64))
    }
}

/// Whether the request was interrupted by a signal and is to be made again. An operation that was
/// cancelled has no code.
fn interrupted(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EINTR)
}

/// Fills the buffer up to its length.
pub(super) async fn read_exact<B: IoBufMut>(fd: &Fd, mut buf: B, offset: u64) -> BufResult<(), B> {
    let len = buf.bytes_init();
    let mut done = 0;
    while done < len {
        let read = Read::new(fd.clone(), buf.slice(done..len), advance(offset, done));
        let (result, slice) = Op::new(read).await;
        buf = slice.into_inner();
        match result {
            Ok(0) => {
                let error = io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    "the file ended before the buffer was full",
                );
                return (Err(error), buf);
            }
            Ok(count) => done += count,
            Err(error) if interrupted(&error) => {}
            Err(error) => return (Err(error), buf),
        }
    }
    (Ok(()), buf)
}

/// Writes the whole buffer.
pub(super) async fn write_all<B: IoBuf>(fd: &Fd, mut buf: B, offset: u64) -> BufResult<(), B> {
    let len = buf.bytes_init();
    let mut done = 0;
    while done < len {
        let write = Write::new(fd.clone(), buf.slice(done..len), advance(offset, done));
        let (result, slice) = Op::new(write).await;
        buf = slice.into_inner();
        match result {
            Ok(0) => {
                let error = io::Error::new(io::ErrorKind::WriteZero, "the file took no more bytes");
                return (Err(error), buf);
            }
            Ok(count) => done += count,
            Err(error) if interrupted(&error) => {}
            Err(error) => return (Err(error), buf),
        }
    }
    (Ok(()), buf)
}

/// Reads from the file's position to its end, which is `size` bytes away if nothing changes.
pub(super) async fn read_to_end(fd: &Fd, size: u64) -> io::Result<Vec<u8>> {
    // One byte more than there is to read, so that the read which finds the end needs no more room.
    // Files that the kernel makes up have size 0 and are short.
    const UNKNOWN: usize = 4096;
    let room = match usize::try_from(size) {
        Ok(0) => UNKNOWN,
        Ok(size) => size.saturating_add(1),
        Err(_) => usize::MAX,
    };
    let mut buf = Vec::new();
    buf.try_reserve_exact(room)?;
    loop {
        let len = buf.len();
        if len == buf.capacity() {
            buf.try_reserve(UNKNOWN)?;
        }
        let end = buf.capacity();
        let (result, slice) = Op::new(Read::new(fd.clone(), buf.slice(len..end), POSITION)).await;
        buf = slice.into_inner();
        match result {
            Ok(0) => return Ok(buf),
            Ok(_) => {}
            Err(error) if interrupted(&error) => {}
            Err(error) => return Err(error),
        }
    }
}
