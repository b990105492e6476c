//! Transfers that take as many requests as they need: the loops around reads and writes.

use std::io;

use super::{Op, POSITION, Read, Write};
use crate::buf::{BufResult, IoBuf, IoBufMut, Slice};
use crate::fd::Fd;

/// The offset of a request at a place in the file. The greatest number has another meaning for the
/// kernel; no file is that long, so the one before it gets the same answer, an error.
pub(crate) fn at(offset: u64) -> u64 {
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
pub(crate) fn interrupted(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EINTR)
}

/// Moves the bytes of a buffer, from 0 to its length, by requests for what is left of it. A request
/// that moves nothing ends it with `stalled`.
#[expect(
    clippy::manual_async_fn,
    reason = "the future of an async fn has room for each argument twice, and connections hold it"
)]
pub(crate) fn whole<B: IoBuf, R>(
    mut buf: B,
    mut request: impl FnMut(Slice<B>, usize) -> R,
    stalled: fn() -> io::Error,
) -> impl Future<Output = BufResult<(), B>>
where
    R: Future<Output = BufResult<usize, Slice<B>>>,
{
    async move {
        let len = buf.bytes_init();
        let mut done = 0;
        while done < len {
            let (result, slice) = request(buf.slice(done..len), done).await;
            buf = slice.into_inner();
            match result {
                Ok(0) => return (Err(stalled()), buf),
                Ok(count) => done += count,
                Err(error) if interrupted(&error) => {}
                Err(error) => return (Err(error), buf),
            }
        }
        (Ok(()), buf)
    }
}

/// The end came before the buffer was full.
pub(crate) fn ended() -> io::Error {
    io::Error::new(
        io::ErrorKind::UnexpectedEof,
        "the end came before the buffer was full",
    )
}

/// No more bytes are taken.
pub(crate) fn taken() -> io::Error {
    io::Error::new(io::ErrorKind::WriteZero, "no more bytes were taken")
}

/// Fills the buffer up to its length.
pub(crate) fn read_exact<B: IoBufMut>(
    fd: &Fd,
    buf: B,
    offset: u64,
) -> impl Future<Output = BufResult<(), B>> {
    let request = move |slice, done| Op::new(Read::new(fd.clone(), slice, advance(offset, done)));
    whole(buf, request, ended)
}

/// Writes the whole buffer.
pub(crate) fn write_all<B: IoBuf>(
    fd: &Fd,
    buf: B,
    offset: u64,
) -> impl Future<Output = BufResult<(), B>> {
    let request = move |slice, done| Op::new(Write::new(fd.clone(), slice, advance(offset, done)));
    whole(buf, request, taken)
}

/// Reads from the file's position to its end, which is `size` bytes away if nothing changes.
pub(crate) async fn read_to_end(fd: &Fd, size: u64) -> io::Result<Vec<u8>> {
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
