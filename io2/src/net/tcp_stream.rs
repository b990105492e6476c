//! TCP connections.

use std::io;
use std::net::{self, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use socket2::TcpKeepalive;

use super::resolve::{self, ToSocketAddrs};
use super::splice::{self, End, sealed};
use super::split::{self, OwnedReadHalf, OwnedWriteHalf};
use super::{RecvPooled, Shutdown, TcpSocket, address, socket, transfer};
use crate::buf::{BufResult, IoBuf, IoBufMut, IoBufs, IoBufsMut};
use crate::fd::Fd;
use crate::fs::File;
use crate::op::Op;
use crate::op::socket::{self as ops, Recv, RecvVectored, Send, SendVectored};
use crate::time::timeout;

/// A TCP connection.
///
/// Dropping it closes it through the ring, when the operations in flight on it have ended. See the
/// [module](super) for how to read and write at the same time.
#[derive(Debug)]
pub struct TcpStream {
    pub(crate) fd: Fd,
}

impl TcpStream {
    pub(super) fn from_fd(fd: Fd) -> TcpStream {
        TcpStream { fd }
    }

    /// Connects to the first address of `host` that answers.
    ///
    /// Dropping it gives up.
    ///
    /// # Errors
    ///
    /// The kernel's for the last address; the resolver's for a name.
    pub async fn connect<A: ToSocketAddrs>(host: A) -> io::Result<TcpStream> {
        resolve::each(host, async |address| {
            TcpSocket::for_address(address)?.connect(address).await
        })
        .await
    }

    /// The same with a limit for the whole of it.
    ///
    /// # Errors
    ///
    /// `TimedOut` beside those of [`connect`](Self::connect).
    pub async fn connect_timeout<A: ToSocketAddrs>(
        host: A,
        limit: Duration,
    ) -> io::Result<TcpStream> {
        timeout(limit, TcpStream::connect(host)).await?
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
    /// # let listener = io2::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    /// # let stream = io2::net::TcpStream::connect(listener.local_addr()?).await?;
    /// # let (peer, _) = listener.accept().await?;
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
        RecvPooled::tcp(self.fd.clone())
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

    /// Writes without copying: the network card fetches the bytes, and the buffer comes back when it
    /// has. That pays from tens of kilobytes on, on a real network; on loopback the kernel copies
    /// nevertheless, and it is slower than [`write`](Self::write). Kernels before Linux 6.0 always copy.
    ///
    /// [`Op::cancel`] and [`Op::timeout`] wait for the network too, once the kernel has taken bytes: a
    /// peer that receives nothing lets them wait. A write that is dropped keeps its buffer until then, but
    /// not the connection open; the end of the executor waits for it, at most for the
    /// [`shutdown_timeout`](crate::ExecutorConfig::shutdown_timeout).
    ///
    /// ```
    /// # io2::ExecutorConfig::new().run(async {
    /// # let listener = io2::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    /// # let stream = io2::net::TcpStream::connect(listener.local_addr()?).await?;
    /// # let (peer, _) = listener.accept().await?;
    /// let (written, buf) = stream.write_zero_copy(vec![7; 100]).await;
    /// assert_eq!((written?, buf.len()), (100, 100));
    /// # assert_eq!(peer.read(vec![0; 100]).await.0?, 100);
    /// # std::io::Result::Ok(())
    /// # }).unwrap().unwrap();
    /// ```
    pub fn write_zero_copy<B: IoBuf>(&self, buf: B) -> Op<Send<B>> {
        Op::new(Send::zero_copy(self.fd.clone(), buf))
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
    /// # let listener = io2::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    /// # let stream = io2::net::TcpStream::connect(listener.local_addr()?).await?;
    /// # let (peer, _) = listener.accept().await?;
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
    ///
    /// ```
    /// # io2::ExecutorConfig::new().run(async {
    /// use io2::net::{Shutdown, TcpListener, TcpStream};
    ///
    /// let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    /// let stream = TcpStream::connect(listener.local_addr()?).await?;
    /// let (peer, _) = listener.accept().await?;
    /// stream.shutdown(Shutdown::Write).await?;
    /// assert_eq!(peer.read(vec![0; 8]).await.0?, 0);
    /// # std::io::Result::Ok(())
    /// # }).unwrap().unwrap();
    /// ```
    pub fn shutdown(&self, how: Shutdown) -> Op<ops::Shutdown> {
        Op::new(ops::Shutdown::new(self.fd.clone(), how))
    }

    /// Two halves, for a task that reads and one that writes. Dropping the writing half ends that
    /// direction; [`OwnedReadHalf::reunite`] gives the stream back.
    ///
    /// ```
    /// # io2::ExecutorConfig::new().run(async {
    /// use io2::net::{TcpListener, TcpStream};
    ///
    /// let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    /// let (reader, writer) = TcpStream::connect(listener.local_addr()?).await?.into_split();
    /// let (peer, _) = listener.accept().await?;
    /// io2::spawn(async move { writer.write_all("bye").await.0 }).await?;
    /// assert_eq!(peer.read(Vec::with_capacity(8)).await.1, b"bye");
    /// drop(peer);
    /// assert_eq!(reader.read(vec![0; 8]).await.0?, 0);
    /// # std::io::Result::Ok(())
    /// # }).unwrap().unwrap();
    /// ```
    pub fn into_split(self) -> (OwnedReadHalf<TcpStream>, OwnedWriteHalf<TcpStream>) {
        let fd = self.fd.clone();
        split::halves(self, fd)
    }

    /// The peer's address.
    ///
    /// # Errors
    ///
    /// The kernel's; `NotConnected` if the peer has gone.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        address::internet(&socket::options(&self.fd).peer_addr()?)
    }

    /// This end's address.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        address::internet(&socket::options(&self.fd).local_addr()?)
    }

    /// Whether small writes are sent at once instead of gathered.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn set_nodelay(&self, on: bool) -> io::Result<()> {
        socket::options(&self.fd).set_tcp_nodelay(on)
    }

    /// Whether small writes are sent at once.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn nodelay(&self) -> io::Result<bool> {
        socket::options(&self.fd).tcp_nodelay()
    }

    /// How many routers a packet may pass.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        socket::options(&self.fd).set_ttl_v4(ttl)
    }

    /// How many routers a packet may pass.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn ttl(&self) -> io::Result<u32> {
        socket::options(&self.fd).ttl_v4()
    }

    /// After how long without traffic the peer is asked whether it is alive; `None` for never.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn set_keepalive(&self, idle: Option<Duration>) -> io::Result<()> {
        let socket = socket::options(&self.fd);
        match idle {
            Some(idle) => socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(idle)),
            None => socket.set_keepalive(false),
        }
    }

    /// Lets the close of the connection reset it at once: the peer gets an error, and what was not sent
    /// yet is thrown away. There is no other way to linger here, since it would block the thread.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn set_zero_linger(&self) -> io::Result<()> {
        socket::options(&self.fd).set_linger(Some(Duration::ZERO))
    }

    /// The error that the connection has met and nobody was told of yet. It is told once.
    ///
    /// # Errors
    ///
    /// The kernel's, if it cannot tell.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        socket::options(&self.fd).take_error()
    }

    /// Takes over a connection of std's. It is set to block, for all who share it: the ring waits.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn from_std(stream: net::TcpStream) -> io::Result<TcpStream> {
        Ok(TcpStream::from_fd(socket::adopt(stream)?))
    }

    /// Gives the connection to std.
    ///
    /// # Errors
    ///
    /// The connection itself, while operations use it.
    pub fn into_std(self) -> Result<net::TcpStream, TcpStream> {
        socket::into_std(self.fd, TcpStream::from_fd)
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

impl AsFd for TcpStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl sealed::Source for TcpStream {
    fn source(&self) -> End {
        End(self.fd.clone())
    }
}

impl sealed::Sink for TcpStream {
    fn sink(&self) -> End {
        End(self.fd.clone())
    }
}
