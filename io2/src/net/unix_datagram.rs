//! Unix datagrams.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net;
use std::path::Path;

use socket2::{Domain, SockAddr, Socket, Type};

use super::{UnixSocketAddr, address, socket, transfer};
use crate::buf::{BufResult, IoBuf, IoBufMut};
use crate::fd::Fd;
use crate::op::Op;
use crate::op::socket::{Connect, Recv, RecvFrom, Send, SendTo};

/// A Unix datagram socket.
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// let (a, b) = io2::net::UnixDatagram::pair()?;
/// a.send("one").await.0?;
/// a.send("two").await.0?;
/// assert_eq!(b.recv(Vec::with_capacity(8)).await.1, b"one");
/// assert_eq!(b.recv(Vec::with_capacity(8)).await.1, b"two");
/// # std::io::Result::Ok(())
/// # }).unwrap().unwrap();
/// ```
#[derive(Debug)]
pub struct UnixDatagram {
    fd: Fd,
}

impl UnixDatagram {
    fn from_socket(socket: Socket) -> UnixDatagram {
        UnixDatagram {
            fd: Fd::new(socket.into()),
        }
    }

    /// Makes the path and binds to it. The path stays when the socket is dropped.
    ///
    /// # Errors
    ///
    /// The kernel's; `AddrInUse` if the path is there already; `InvalidInput` for a path that is too long.
    pub fn bind<P: AsRef<Path>>(path: P) -> io::Result<UnixDatagram> {
        UnixDatagram::bind_to(&address::of_path(path.as_ref())?)
    }

    /// Binds to an address, which may be a name in the abstract namespace.
    ///
    /// # Errors
    ///
    /// The kernel's; `AddrInUse` if somebody is bound to it already.
    pub fn bind_addr(address: &UnixSocketAddr) -> io::Result<UnixDatagram> {
        UnixDatagram::bind_to(&address::of_unix(address)?)
    }

    fn bind_to(address: &SockAddr) -> io::Result<UnixDatagram> {
        let socket = socket::make(Domain::UNIX, Type::DGRAM, None)?;
        socket.bind(address)?;
        Ok(UnixDatagram::from_socket(socket))
    }

    /// One without a name.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn unbound() -> io::Result<UnixDatagram> {
        let socket = socket::make(Domain::UNIX, Type::DGRAM, None)?;
        Ok(UnixDatagram::from_socket(socket))
    }

    /// Two that are connected with each other.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn pair() -> io::Result<(UnixDatagram, UnixDatagram)> {
        let (a, b) = Socket::pair(Domain::UNIX, Type::DGRAM, None)?;
        Ok((UnixDatagram::from_socket(a), UnixDatagram::from_socket(b)))
    }

    /// Sets where [`send`](Self::send) sends to, and whom [`recv`](Self::recv) hears.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub async fn connect<P: AsRef<Path>>(&self, path: P) -> io::Result<()> {
        let address = address::of_path(path.as_ref())?;
        Op::new(Connect::new(self.fd.clone(), address)).await
    }

    /// The same for an address, such as one that [`recv_from`](Self::recv_from) gave.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub async fn connect_addr(&self, address: &UnixSocketAddr) -> io::Result<()> {
        let address = address::of_unix(address)?;
        Op::new(Connect::new(self.fd.clone(), address)).await
    }

    /// Sends a datagram to the connected socket.
    pub fn send<B: IoBuf>(&self, buf: B) -> Op<Send<B>> {
        transfer::write(&self.fd, buf)
    }

    /// Receives a datagram. What does not fit into the buffer is lost.
    pub fn recv<B: IoBufMut>(&self, buf: B) -> Op<Recv<B>> {
        transfer::read(&self.fd, buf)
    }

    /// Sends a datagram to the socket at a path. Not an [`Op`], since the path may be too long.
    ///
    /// # Errors
    ///
    /// The kernel's; `InvalidInput` for a path that is too long.
    pub async fn send_to<B: IoBuf, P: AsRef<Path>>(&self, buf: B, path: P) -> BufResult<usize, B> {
        self.send_to_address(buf, address::of_path(path.as_ref()))
            .await
    }

    /// The same for an address, such as one that [`recv_from`](Self::recv_from) gave.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub async fn send_to_addr<B: IoBuf>(
        &self,
        buf: B,
        address: &UnixSocketAddr,
    ) -> BufResult<usize, B> {
        self.send_to_address(buf, address::of_unix(address)).await
    }

    async fn send_to_address<B: IoBuf>(
        &self,
        buf: B,
        address: io::Result<SockAddr>,
    ) -> BufResult<usize, B> {
        match address {
            Ok(address) => Op::new(SendTo::new(self.fd.clone(), buf, address)).await,
            Err(error) => (Err(error), buf),
        }
    }

    /// Receives a datagram, and says where it came from. What does not fit into the buffer is lost.
    pub fn recv_from<B: IoBufMut>(&self, buf: B) -> Op<RecvFrom<B, UnixSocketAddr>> {
        let convert = address::unix_sender;
        Op::new(RecvFrom::new(self.fd.clone(), buf, false, convert))
    }

    /// The address that it is connected to.
    ///
    /// # Errors
    ///
    /// The kernel's; `NotConnected` among them.
    pub fn peer_addr(&self) -> io::Result<UnixSocketAddr> {
        address::unix(&socket::options(&self.fd).peer_addr()?)
    }

    /// The address that it is bound to.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn local_addr(&self) -> io::Result<UnixSocketAddr> {
        address::unix(&socket::options(&self.fd).local_addr()?)
    }

    /// Takes over a socket of std's. It is set to block, for all who share it: the ring waits.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn from_std(socket: net::UnixDatagram) -> io::Result<UnixDatagram> {
        Ok(UnixDatagram {
            fd: socket::adopt(socket)?,
        })
    }

    /// Gives the socket to std.
    ///
    /// # Errors
    ///
    /// The socket itself, while operations use it.
    pub fn into_std(self) -> Result<net::UnixDatagram, UnixDatagram> {
        socket::into_std(self.fd, |fd| UnixDatagram { fd })
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

impl AsFd for UnixDatagram {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
