//! The standard streams of the process, read and written through the ring.
//!
//! Each call of [`stdin`], [`stdout`] or [`stderr`] makes a descriptor of its own for the stream,
//! which can be a terminal, a pipe, a file or a socket. Reads and writes take a buffer by value, as
//! everywhere, and neither buffers anything by itself. A regular file is read and written at its
//! position, which all processes and all descriptors share that inherited it.
//!
//! ```
//! # io2::ExecutorConfig::new().run(async {
//! let stdout = io2::stdio::stdout()?;
//! stdout.write_all("hello\n").await.0?;
//! # std::io::Result::Ok(())
//! # }).unwrap().unwrap();
//! ```
//!
//! # Together with std
//!
//! [`std::io::stdin`] and [`std::io::stdout`] have buffers, which these know nothing of. What std has
//! read ahead does not come here; what `print!` has written but not flushed comes after what is
//! written here later. So read by one of the two only, and flush before changing the one that
//! writes. `std::io::stderr` has no buffer.
//!
//! Nothing of what is written here waits in the process: when a write is done, the kernel has it. So
//! nothing needs a flush at the end.
//!
//! # Terminals
//!
//! A terminal gives whole lines unless it is set otherwise. While a read of one waits, a worker
//! thread of the kernel waits with it; dropping or cancelling the read ends that. Whether a stream is
//! a terminal tells `std::io::IsTerminal` of [`as_fd`](AsFd::as_fd).

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use crate::buf::{BufResult, IoBuf, IoBufMut, IoBufs, IoBufsMut};
use crate::fd::Fd;
use crate::op::{Op, POSITION, Read, ReadVectored, Write, WriteVectored, transfer};

/// The standard input.
///
/// # Errors
///
/// The kernel's: it is closed, or there are no more descriptors.
///
/// # Examples
///
/// ```no_run
/// # io2::ExecutorConfig::new().run(async {
/// let all = io2::stdio::stdin()?.read_to_end().await?;
/// # std::io::Result::Ok(())
/// # }).unwrap().unwrap();
/// ```
pub fn stdin() -> io::Result<Input> {
    duplicate(io::stdin()).map(|fd| Input { fd })
}

/// The standard output.
///
/// # Errors
///
/// The kernel's: it is closed, or there are no more descriptors.
///
/// # Examples
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// io2::stdio::stdout()?.write_all("done\n").await.0?;
/// # std::io::Result::Ok(())
/// # }).unwrap().unwrap();
/// ```
pub fn stdout() -> io::Result<Output> {
    duplicate(io::stdout()).map(|fd| Output { fd })
}

/// The standard error output.
///
/// # Errors
///
/// The kernel's: it is closed, or there are no more descriptors.
///
/// # Examples
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// io2::stdio::stderr()?.write_all("not so good\n").await.0?;
/// # std::io::Result::Ok(())
/// # }).unwrap().unwrap();
/// ```
pub fn stderr() -> io::Result<Output> {
    duplicate(io::stderr()).map(|fd| Output { fd })
}

/// A descriptor of our own: closing it must not close the process's.
fn duplicate(stream: impl AsFd) -> io::Result<Fd> {
    stream.as_fd().try_clone_to_owned().map(Fd::new)
}

/// A standard stream to read from; made by [`stdin`].
///
/// Dropping it leaves the process's stream open.
///
/// # Examples
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// use std::io::ErrorKind;
/// use std::time::Duration;
///
/// let stdin = io2::stdio::stdin()?;
/// let read = stdin.read(Vec::with_capacity(4096));
/// match read.timeout(Duration::from_millis(10)).await {
///     (Ok(0), _) => println!("the end"),
///     (Ok(_), buf) => println!("{buf:?}"),
///     (Err(error), _) if error.kind() == ErrorKind::TimedOut => println!("nothing yet"),
///     (Err(error), _) => return Err(error),
/// }
/// # std::io::Result::Ok(())
/// # }).unwrap().unwrap();
/// ```
#[derive(Debug)]
pub struct Input {
    fd: Fd,
}

impl Input {
    /// Reads what has come, at most what fits into the buffer's capacity, and waits while nothing has.
    /// 0 says that the end has come, unless the buffer has no room.
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
    /// `UnexpectedEof` if the end comes before; the kernel's. The buffer's length is then what was
    /// read, unless the very first request failed.
    pub async fn read_exact<B: IoBufMut>(&self, buf: B) -> BufResult<(), B> {
        transfer::read_exact(&self.fd, buf, POSITION).await
    }

    /// Reads to the end. Dropping it loses what was read.
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
}

impl AsFd for Input {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// A standard stream to write to; made by [`stdout`] and [`stderr`].
///
/// Dropping it leaves the process's stream open.
///
/// # Examples
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// let stdout = io2::stdio::stdout()?;
/// print!("std keeps this in its buffer, ");
/// std::io::Write::flush(&mut std::io::stdout())?;
/// stdout.write_all("so it is flushed before this.\n").await.0?;
/// # std::io::Result::Ok(())
/// # }).unwrap().unwrap();
/// ```
#[derive(Debug)]
pub struct Output {
    pub(crate) fd: Fd,
}

impl Output {
    /// Writes some of the buffer, and waits while the stream takes nothing.
    ///
    /// A write that is dropped may have happened, in part or as a whole; [`Op::cancel`] and
    /// [`Op::timeout`] tell.
    ///
    /// # Errors
    ///
    /// The kernel's: `BrokenPipe` if nobody reads any more.
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
}

impl AsFd for Output {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
