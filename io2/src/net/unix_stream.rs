//! Unix connections.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net;
use std::path::Path;

use socket2::{Domain, SockAddr, Socket, Type};

use super::splice::{self, End, sealed};
use super::split::{self, OwnedReadHalf, OwnedWriteHalf};
use super::{RecvPooled, Shutdown, UnixSocketAddr, address, socket, transfer};
use crate::buf::{BufResult, IoBuf, IoBufMut, IoBufs, IoBufsMut};
use crate::fd::Fd;
use crate::fs::File;
use crate::op::Op;
use crate::op::socket::{self as ops, Recv, RecvVectored, Send, SendVectored};

/// A Unix stream connection.
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// let (a, b) = io2::net::UnixStream::pair()?;
/// a.write_all("hello").await.0?;
/// assert_eq!(b.read(Vec::with_capacity(8)).await.1, b"hello");
/// # std::io::Result::Ok(())
/// # }).unwrap().unwrap();
/// ```
#[derive(Debug)]
pub struct UnixStream {
    pub(crate) fd: Fd,
}

impl UnixStream {
    pub(super) fn from_fd(fd: Fd) -> UnixStream {
        UnixStream { fd }
    }

    /// Connects to the listener at a path. Dropping it gives up.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub async fn connect<P: AsRef<Path>>(path: P) -> io::Result<UnixStream> {
        UnixStream::connect_to(address::of_path(path.as_ref())?).await
    }

    /// Connects to the listener at an address, which may be a name in the abstract namespace: see
    /// [`UnixListener::bind_addr`](super::UnixListener::bind_addr). Dropping it gives up.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub async fn connect_addr(address: &UnixSocketAddr) -> io::Result<UnixStream> {
        UnixStream::connect_to(address::of_unix(address)?).await
    }

    async fn connect_to(address: SockAddr) -> io::Result<UnixStream> {
        let socket = socket::make(Domain::UNIX, Type::STREAM, None)?;
        let fd = socket::connect(socket, address).await?;
        Ok(UnixStream::from_fd(fd))
    }

    /// Two that are connected with each other.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn pair() -> io::Result<(UnixStream, UnixStream)> {
        let (a, b) = Socket::pair(Domain::UNIX, Type::STREAM, None)?;
        let stream = |socket: Socket| UnixStream::from_fd(Fd::new(socket.into()));
        Ok((stream(a), stream(b)))
    }

    /// Reads what has come, at most what fits into the buffer's capacity. 0 says that the peer sends
    /// no more, unless the buffer has no room.
    pub fn read<B: IoBufMut>(&self, buf: B) -> Op<Recv<B>> {
        transfer::read(&self.fd, buf)
    }

    /// Reads until the buffer's length is filled. Dropping it loses what was read.
    ///
    /// # Errors
    ///
    /// `UnexpectedEof` if the peer ends before; the buffer then holds what came.
    pub async fn read_exact<B: IoBufMut>(&self, buf: B) -> BufResult<(), B> {
        transfer::read_exact(&self.fd, buf).await
    }

    /// Reads into several buffers in turn.
    pub fn read_vectored<B: IoBufsMut>(&self, bufs: B) -> Op<RecvVectored<B>> {
        transfer::read_vectored(&self.fd, bufs)
    }

    /// Reads again and again with one request, into buffers of the executor's pool, which are taken when
    /// there is something to put into them. What it reads no other read sees. See [`RecvPooled`] and
    /// [`recv_pool`](crate::ExecutorConfig::recv_pool).
    ///
    /// ```
    /// # io2::ExecutorConfig::new().run(async {
    /// # let (stream, peer) = io2::net::UnixStream::pair()?;
    /// # peer.write_all("hello").await.0?;
    /// # drop(peer);
    /// let mut incoming = stream.recv_pooled();
    /// while let Some(buf) = incoming.next().await? {
    ///     assert_eq!(&buf[..], b"hello");
    /// }
    /// # std::io::Result::Ok(())
    /// # }).unwrap().unwrap();
    /// ```
    pub fn recv_pooled(&self) -> RecvPooled {
        RecvPooled::unix(self.fd.clone())
    }

    /// Reads without taking it: the next read finds the same bytes.
    pub fn peek<B: IoBufMut>(&self, buf: B) -> Op<Recv<B>> {
        Op::new(Recv::peek(self.fd.clone(), buf))
    }

    /// Writes some of the buffer. A write that is dropped may have been sent, in part or as a
    /// whole; [`Op::cancel`] tells.
    pub fn write<B: IoBuf>(&self, buf: B) -> Op<Send<B>> {
        transfer::write(&self.fd, buf)
    }

    /// Writes the whole buffer. Dropping it loses how much was sent.
    pub async fn write_all<B: IoBuf>(&self, buf: B) -> BufResult<(), B> {
        transfer::write_all(&self.fd, buf).await
    }

    /// Writes some of several buffers, in turn.
    pub fn write_vectored<B: IoBufs>(&self, bufs: B) -> Op<SendVectored<B>> {
        transfer::write_vectored(&self.fd, bufs)
    }

    /// Sends `len` bytes of a file, from `offset` on, without a copy through the program's memory, and
    /// says how many: fewer if the file ends before.
    ///
    /// Dropping it loses how many bytes were sent; an error does too.
    ///
    /// # Errors
    ///
    /// The kernel's, for the file or for the connection; `NotSeekable` for what has no offsets.
    ///
    /// ```
    /// # io2::ExecutorConfig::new().run(async {
    /// # let (stream, peer) = io2::net::UnixStream::pair()?;
    /// let file = io2::fs::File::open("Cargo.toml").await?;
    /// assert_eq!(stream.send_file(&file, 1, 7).await?, 7);
    /// # assert_eq!(peer.read(Vec::with_capacity(9)).await.1, b"package");
    /// # std::io::Result::Ok(())
    /// # }).unwrap().unwrap();
    /// ```
    pub async fn send_file(&self, file: &File, offset: u64, len: u64) -> io::Result<u64> {
        splice::send_file(&self.fd, file, offset, len).await
    }

    /// Ends a direction, or both. The peer reads to the end of what was written, then 0.
    pub fn shutdown(&self, how: Shutdown) -> Op<ops::Shutdown> {
        Op::new(ops::Shutdown::new(self.fd.clone(), how))
    }

    /// Two halves, for a task that reads and one that writes. Dropping the writing half ends that
    /// direction.
    pub fn into_split(self) -> (OwnedReadHalf<UnixStream>, OwnedWriteHalf<UnixStream>) {
        let fd = self.fd.clone();
        split::halves(self, fd)
    }

    /// The peer's address.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn peer_addr(&self) -> io::Result<UnixSocketAddr> {
        address::unix(&socket::options(&self.fd).peer_addr()?)
    }

    /// This end's address.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn local_addr(&self) -> io::Result<UnixSocketAddr> {
        address::unix(&socket::options(&self.fd).local_addr()?)
    }

    /// Takes over a connection of std's. It is set to block, for all who share it: the ring waits.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn from_std(stream: net::UnixStream) -> io::Result<UnixStream> {
        Ok(UnixStream::from_fd(socket::adopt(stream)?))
    }

    /// Gives the connection to std.
    ///
    /// # Errors
    ///
    /// The connection itself, while operations use it.
    pub fn into_std(self) -> Result<net::UnixStream, UnixStream> {
        socket::into_std(self.fd, UnixStream::from_fd)
    }

    /// Waits until no operation uses it, and closes it.
    ///
    /// # Errors
    ///
    /// The kernel's; the descriptor is closed nevertheless.
    pub async fn close(self) -> io::Result<()> {
        self.fd.close().await
    }
}

impl AsFd for UnixStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl sealed::Source for UnixStream {
    fn source(&self) -> End {
        End(self.fd.clone())
    }
}

impl sealed::Sink for UnixStream {
    fn sink(&self) -> End {
        End(self.fd.clone())
    }
}
