//! Moving bytes from files and streams to streams, without a copy through the program's memory.
//!
//! The kernel moves between a pipe and something else only, so there is a pipe in the middle. A move
//! blocks a thread of the kernel, not one of the program: so both ends are first waited for until they
//! are ready, which blocks none.

use std::io;
use std::os::fd::OwnedFd;

use crate::fd::Fd;
use crate::fs::File;
use crate::op::socket::Readiness;
use crate::op::{Op, Splice, transfer};
use crate::sys;

/// How much a pipe is asked to hold; the usual 64 KiB will do where it may not.
const PIPE: usize = 256 * 1024;

/// The pipe in the middle.
struct Pipe {
    reader: Fd,
    writer: Fd,
    capacity: usize,
}

impl Pipe {
    fn new() -> io::Result<Pipe> {
        let (reader, writer) = io::pipe()?;
        let (reader, writer) = (OwnedFd::from(reader), OwnedFd::from(writer));
        let capacity = sys::net::grow_pipe(&writer, PIPE);
        Ok(Pipe {
            reader: Fd::new(reader),
            writer: Fd::new(writer),
            capacity,
        })
    }

    /// Empties the pipe, which holds `count` bytes, into a stream.
    async fn drain(&self, to: &Fd, mut count: usize, more: bool) -> io::Result<()> {
        while count > 0 {
            Op::new(Readiness::to_send(to.clone())).await?;
            let splice = Splice::new(self.reader.clone(), to.clone(), count, more);
            match Op::new(splice).await {
                Ok(0) => return Err(transfer::taken()),
                Ok(moved) => count -= moved.min(count),
                Err(error) if transfer::interrupted(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// How many of `left` bytes to move at a time.
fn step(left: u64, capacity: usize) -> usize {
    usize::try_from(left).unwrap_or(capacity).min(capacity)
}

/// Sends a part of a file.
pub(super) async fn send_file(to: &Fd, file: &File, offset: u64, len: u64) -> io::Result<u64> {
    let pipe = Pipe::new()?;
    let mut done = 0;
    // How much there is, as soon as it matters.
    let mut end = None;
    while done < len {
        let wanted = step(len - done, pipe.capacity);
        let (from, into) = (file.fd().clone(), pipe.writer.clone());
        let at = offset.saturating_add(done);
        let splice = Splice::from_file(from, at, into, wanted);
        let count = match Op::new(splice).await {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if transfer::interrupted(&error) => continue,
            Err(error) => return Err(error),
        };
        done += count as u64;
        if done < len && end.is_none() {
            end = Some(file.size().await?.saturating_sub(offset).min(len));
        }
        // The kernel keeps a small rest back while more is to follow.
        let more = end.is_some_and(|end| done < end);
        pipe.drain(to, count, more).await?;
    }
    Ok(done)
}

/// Moves bytes from one stream to another within the kernel, until `from` ends or `len` bytes have been
/// moved, and says how many that were. Neither stream is closed, nor a direction of it ended.
///
/// Dropping it loses how many bytes were moved, and loses bytes that were received and not sent yet; an
/// error does too.
///
/// # Errors
///
/// The kernel's, for either stream.
///
/// # Examples
///
/// A proxy for one connection:
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// use io2::net::{Shutdown, TcpStream, UnixStream, splice};
///
/// async fn proxy(client: UnixStream, server: UnixStream) -> std::io::Result<()> {
///     let (from_client, to_client) = client.into_split();
///     let (from_server, to_server) = server.into_split();
///     let there = io2::spawn(async move {
///         splice(&from_client, &to_server, u64::MAX).await
///         // Dropping `to_server` passes the end on.
///     });
///     splice(&from_server, &to_client, u64::MAX).await?;
///     there.await?;
///     Ok(())
/// }
/// # let ((client, a), (b, server)) = (UnixStream::pair()?, UnixStream::pair()?);
/// # let proxied = io2::spawn(proxy(a, b));
/// # client.write_all("hello").await.0?;
/// # assert_eq!(server.read(Vec::with_capacity(8)).await.1, b"hello");
/// # client.shutdown(Shutdown::Write).await?;
/// # assert_eq!(server.read(Vec::with_capacity(8)).await.0?, 0);
/// # drop(server);
/// # proxied.await?;
/// # std::io::Result::Ok(())
/// # }).unwrap().unwrap();
/// ```
pub async fn splice<R: SpliceFrom, W: SpliceTo>(from: &R, to: &W, len: u64) -> io::Result<u64> {
    let (End(from), End(to)) = (from.source(), to.sink());
    let pipe = Pipe::new()?;
    let mut done = 0;
    while done < len {
        Op::new(Readiness::to_receive(from.clone())).await?;
        let wanted = step(len - done, pipe.capacity);
        let splice = Splice::new(from.clone(), pipe.writer.clone(), wanted, false);
        let count = match Op::new(splice).await {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if transfer::interrupted(&error) => continue,
            Err(error) => return Err(error),
        };
        pipe.drain(&to, count, false).await?;
        done += count as u64;
    }
    Ok(done)
}

/// A stream, or the reading half of one, that [`splice`] moves bytes from.
pub trait SpliceFrom: sealed::Source {}

/// A stream, or the writing half of one, that [`splice`] moves bytes to.
pub trait SpliceTo: sealed::Sink {}

impl<T: sealed::Source> SpliceFrom for T {}
impl<T: sealed::Sink> SpliceTo for T {}

/// One end of a stream.
#[derive(Debug)]
pub struct End(pub(super) Fd);

pub(super) mod sealed {
    use super::End;

    pub trait Source {
        fn source(&self) -> End;
    }

    pub trait Sink {
        fn sink(&self) -> End;
    }
}
