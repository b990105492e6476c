//! A TCP socket whose options are set before it is connected or listens.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};

use super::{TcpListener, TcpStream, socket};
use crate::fd::Fd;

/// A TCP socket in the making.
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// use io2::net::TcpSocket;
///
/// let listener = TcpSocket::new_v4()?
///     .reuse_port(true)?
///     .recv_buffer_size(64 * 1024)?
///     .bind("127.0.0.1:0".parse().unwrap())?
///     .listen(128)?;
/// let stream = TcpSocket::new_v4()?.nodelay(true)?.connect(listener.local_addr()?).await?;
/// # drop(stream);
/// # std::io::Result::Ok(())
/// # }).unwrap().unwrap();
/// ```
#[derive(Debug)]
pub struct TcpSocket {
    socket: Socket,
}

impl TcpSocket {
    /// An IPv4 socket.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn new_v4() -> io::Result<TcpSocket> {
        TcpSocket::new(Domain::IPV4)
    }

    /// An IPv6 socket.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn new_v6() -> io::Result<TcpSocket> {
        TcpSocket::new(Domain::IPV6)
    }

    /// A socket of the address's family.
    pub(super) fn for_address(address: SocketAddr) -> io::Result<TcpSocket> {
        TcpSocket::new(Domain::for_address(address))
    }

    fn new(domain: Domain) -> io::Result<TcpSocket> {
        let socket = socket::make(domain, Type::STREAM, Some(Protocol::TCP))?;
        Ok(TcpSocket { socket })
    }

    fn set(self, outcome: io::Result<()>) -> io::Result<TcpSocket> {
        outcome.map(|()| self)
    }

    /// Whether an address may be bound that connections of an earlier socket still linger on.
    ///
    /// # Errors
    ///
    /// The kernel's, as for all options.
    pub fn reuse_address(self, on: bool) -> io::Result<TcpSocket> {
        let outcome = self.socket.set_reuse_address(on);
        self.set(outcome)
    }

    /// Whether several sockets may be bound to one address; the kernel spreads connections over
    /// them, by a hash and so unevenly.
    pub fn reuse_port(self, on: bool) -> io::Result<TcpSocket> {
        let outcome = self.socket.set_reuse_port(on);
        self.set(outcome)
    }

    /// Whether small writes are sent at once instead of gathered.
    pub fn nodelay(self, on: bool) -> io::Result<TcpSocket> {
        let outcome = self.socket.set_tcp_nodelay(on);
        self.set(outcome)
    }

    /// After how long without traffic the peer is asked whether it is alive.
    pub fn keepalive(self, idle: Duration) -> io::Result<TcpSocket> {
        let keepalive = TcpKeepalive::new().with_time(idle);
        let outcome = self.socket.set_tcp_keepalive(&keepalive);
        self.set(outcome)
    }

    /// Bytes of the kernel's buffer for what is received.
    pub fn recv_buffer_size(self, bytes: usize) -> io::Result<TcpSocket> {
        let outcome = self.socket.set_recv_buffer_size(bytes);
        self.set(outcome)
    }

    /// Bytes of the kernel's buffer for what is sent.
    pub fn send_buffer_size(self, bytes: usize) -> io::Result<TcpSocket> {
        let outcome = self.socket.set_send_buffer_size(bytes);
        self.set(outcome)
    }

    /// Whether an IPv6 socket leaves IPv4 alone.
    pub fn only_v6(self, on: bool) -> io::Result<TcpSocket> {
        let outcome = self.socket.set_only_v6(on);
        self.set(outcome)
    }

    /// Binds it to an address.
    ///
    /// # Errors
    ///
    /// The kernel's, such as `AddrInUse`.
    pub fn bind(self, address: SocketAddr) -> io::Result<TcpSocket> {
        let outcome = self.socket.bind(&address.into());
        self.set(outcome)
    }

    /// Listens, with a queue of so many connections that were not accepted yet.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn listen(self, backlog: u32) -> io::Result<TcpListener> {
        let backlog = i32::try_from(backlog).unwrap_or(i32::MAX);
        self.socket.listen(backlog)?;
        Ok(TcpListener::from_fd(Fd::new(self.socket.into())))
    }

    /// Connects to an address. Dropping it closes the socket.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub async fn connect(self, address: SocketAddr) -> io::Result<TcpStream> {
        let fd = socket::connect(self.socket, address.into()).await?;
        Ok(TcpStream::from_fd(fd))
    }
}

impl AsFd for TcpSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
