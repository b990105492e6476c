//! Pipes: a way for bytes from a writer to a reader, within a process or between two.
//!
//! Reads and writes go through the ring and take a buffer by value, as everywhere. All methods take
//! `&self`, so several tasks can share an end through an `Rc`.
//!
//! ```
//! # io2::ExecutorConfig::new().run(async {
//! let (reader, writer) = io2::pipe::pipe()?;
//! let write = io2::spawn(async move { writer.write_all("all of it").await.0 });
//! // The end comes when the last writer is dropped.
//! assert_eq!(reader.read_to_end().await?, b"all of it");
//! write.await?;
//! # std::io::Result::Ok(())
//! # }).unwrap().unwrap();
//! ```
//!
//! A pipe holds a limited number of bytes, 64 KiB unless the system is set otherwise; a write of
//! more waits until somebody reads.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crate::buf::{BufResult, IoBuf, IoBufMut, IoBufs, IoBufsMut};
use crate::fd::Fd;
use crate::op::{Op, POSITION, Read, ReadVectored, Write, WriteVectored, transfer};

/// Makes a pipe. Neither end is inherited by processes that this one starts.
///
/// # Errors
///
/// The kernel's: no more descriptors.
///
/// # Examples
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// let (reader, writer) = io2::pipe::pipe()?;
/// writer.write_all("hello").await.0?;
/// assert_eq!(reader.read(Vec::with_capacity(8)).await.1, b"hello");
/// # std::io::Result::Ok(())
/// # }).unwrap().unwrap();
/// ```
pub fn pipe() -> io::Result<(PipeReader, PipeWriter)> {
    let (reader, writer) = io::pipe()?;
    Ok((OwnedFd::from(reader).into(), OwnedFd::from(writer).into()))
}

/// The end of a pipe to read from.
///
/// Dropping it closes it through the ring, once the operations in flight on it are done; so that may be
/// after a write that comes right behind the drop, and [`close`](Self::close) waits for it. When the
/// last reader is closed, writes fail with [`BrokenPipe`](io::ErrorKind::BrokenPipe).
///
/// # Examples
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// use std::time::Duration;
///
/// let (reader, writer) = io2::pipe::pipe()?;
/// // Nothing has come; the buffer comes back.
/// let (read, buf) = reader.read(vec![0; 16]).timeout(Duration::from_millis(1)).await;
/// assert_eq!(read.unwrap_err().kind(), std::io::ErrorKind::TimedOut);
/// drop(writer);
/// assert_eq!(reader.read(buf).await.0?, 0);
/// # std::io::Result::Ok(())
/// # }).unwrap().unwrap();
/// ```
#[derive(Debug)]
pub struct PipeReader {
    fd: Fd,
}

impl PipeReader {
    /// Reads what has come, at most what fits into the buffer's capacity, and waits while nothing has.
    /// 0 says that the last writer is closed, unless the buffer has no room.
    ///
    /// What a read that is dropped had taken already is lost; [`Op::cancel`] and [`Op::timeout`] lose
    /// nothing.
    pub fn read<B: IoBufMut>(&self, buf: B) -> Op<Read<B>> {
        Op::new(Read::new(self.fd.clone(), buf, POSITION))
    }

    /// Reads until the buffer's length is filled. Dropping it loses what was read.
    ///
    /// # Errors
    ///
    /// `UnexpectedEof` if the last writer is closed before; the kernel's. The buffer's length is then
    /// what was read, unless the very first request failed.
    pub async fn read_exact<B: IoBufMut>(&self, buf: B) -> BufResult<(), B> {
        transfer::read_exact(&self.fd, buf, POSITION).await
    }

    /// Reads until the last writer is closed. Dropping it loses what was read.
    ///
    /// # Errors
    ///
    /// The kernel's, and `OutOfMemory`; what was read is then lost.
    pub async fn read_to_end(&self) -> io::Result<Vec<u8>> {
        transfer::read_to_end(&self.fd, 0).await
    }

    /// Reads into several buffers in turn, each up to its capacity. Dropping it is as for
    /// [`read`](Self::read).
    pub fn read_vectored<B: IoBufsMut>(&self, bufs: B) -> Op<ReadVectored<B>> {
        Op::new(ReadVectored::new(self.fd.clone(), bufs, POSITION))
    }

    /// A second handle of the same end. What one of them reads, the other does not.
    ///
    /// # Errors
    ///
    /// The kernel's: no more descriptors.
    pub fn try_clone(&self) -> io::Result<PipeReader> {
        self.fd.as_fd().try_clone_to_owned().map(PipeReader::from)
    }

    /// Waits until no operation uses it, and closes it. Dropped before, it is closed all the same.
    ///
    /// # Errors
    ///
    /// The kernel's; the descriptor is closed nevertheless.
    pub async fn close(self) -> io::Result<()> {
        self.fd.close().await
    }

    /// Gives the descriptor away: for std's types, and to become the standard input of a process.
    ///
    /// # Errors
    ///
    /// The reader itself, while operations use it, dropped ones included.
    pub fn into_owned_fd(self) -> Result<OwnedFd, PipeReader> {
        self.fd.try_into_owned().map_err(|fd| PipeReader { fd })
    }
}

/// Takes over the end of a pipe, also one whose reads do not block: the ring waits all the same.
impl From<OwnedFd> for PipeReader {
    fn from(fd: OwnedFd) -> Self {
        PipeReader { fd: Fd::new(fd) }
    }
}

impl AsFd for PipeReader {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// The end of a pipe to write to.
///
/// Dropping it closes it through the ring, once the operations in flight on it are done. When the last
/// writer is closed, readers come to the end.
///
/// # Examples
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// let (reader, writer) = io2::pipe::pipe()?;
/// reader.close().await?;
/// let (written, buf) = writer.write("nobody reads this").await;
/// assert_eq!(written.unwrap_err().kind(), std::io::ErrorKind::BrokenPipe);
/// assert_eq!(buf, "nobody reads this");
/// # std::io::Result::Ok(())
/// # }).unwrap().unwrap();
/// ```
#[derive(Debug)]
pub struct PipeWriter {
    pub(crate) fd: Fd,
}

impl PipeWriter {
    /// Writes some of the buffer, and waits while the pipe is full. At most 4096 bytes
    /// (`PIPE_BUF`) are written as a whole, with nothing of other writers in between.
    ///
    /// A write that is dropped may have happened, in part or as a whole; [`Op::cancel`] and
    /// [`Op::timeout`] tell.
    ///
    /// # Errors
    ///
    /// `BrokenPipe` if the last reader is closed. Programs that have Rust's `main` ignore the signal
    /// SIGPIPE that the kernel sends too; others must do so by themselves.
    pub fn write<B: IoBuf>(&self, buf: B) -> Op<Write<B>> {
        Op::new(Write::new(self.fd.clone(), buf, POSITION))
    }

    /// Writes the whole buffer. Dropping it loses how much was written.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write); part of the buffer may have been written.
    pub async fn write_all<B: IoBuf>(&self, buf: B) -> BufResult<(), B> {
        transfer::write_all(&self.fd, buf, POSITION).await
    }

    /// Writes some of several buffers, in turn. Errors and dropping are as for [`write`](Self::write).
    pub fn write_vectored<B: IoBufs>(&self, bufs: B) -> Op<WriteVectored<B>> {
        Op::new(WriteVectored::new(self.fd.clone(), bufs, POSITION))
    }

    /// A second handle of the same end. Readers come to the end only when both are closed.
    ///
    /// # Errors
    ///
    /// The kernel's: no more descriptors.
    pub fn try_clone(&self) -> io::Result<PipeWriter> {
        self.fd.as_fd().try_clone_to_owned().map(PipeWriter::from)
    }

    /// Waits until no operation uses it, and closes it. Dropped before, it is closed all the same.
    ///
    /// # Errors
    ///
    /// The kernel's; the descriptor is closed nevertheless.
    pub async fn close(self) -> io::Result<()> {
        self.fd.close().await
    }

    /// Gives the descriptor away: for std's types, and to become the standard output of a process.
    ///
    /// # Errors
    ///
    /// The writer itself, while operations use it, dropped ones included.
    pub fn into_owned_fd(self) -> Result<OwnedFd, PipeWriter> {
        self.fd.try_into_owned().map_err(|fd| PipeWriter { fd })
    }
}

/// Takes over the end of a pipe, also one whose writes do not block: the ring waits all the same.
impl From<OwnedFd> for PipeWriter {
    fn from(fd: OwnedFd) -> Self {
        PipeWriter { fd: Fd::new(fd) }
    }
}

impl AsFd for PipeWriter {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
