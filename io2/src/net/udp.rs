//! UDP.

use std::io;
use std::net::{self, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};

use socket2::{Domain, Protocol, Type};

use super::resolve::{self, ToSocketAddrs};
use super::{address, socket, transfer};
use crate::buf::{IoBuf, IoBufMut};
use crate::fd::Fd;
use crate::op::Op;
use crate::op::socket::{Connect, Recv, RecvFrom, Send, SendTo};

/// A UDP socket.
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// use io2::net::UdpSocket;
///
/// let (a, b) = (UdpSocket::bind("127.0.0.1:0").await?, UdpSocket::bind("127.0.0.1:0").await?);
/// a.send_to("ping", b.local_addr()?).await.0?;
/// let (received, buf) = b.recv_from(Vec::with_capacity(1500)).await;
/// assert_eq!(received?, (4, a.local_addr()?));
/// assert_eq!(buf, b"ping");
/// # std::io::Result::Ok(())
/// # }).unwrap().unwrap();
/// ```
#[derive(Debug)]
pub struct UdpSocket {
    fd: Fd,
}

impl UdpSocket {
    /// Binds to the first address that can be had.
    ///
    /// # Errors
    ///
    /// The kernel's for the last address; the resolver's for a name.
    pub async fn bind<A: ToSocketAddrs>(host: A) -> io::Result<UdpSocket> {
        resolve::each(host, async |address| {
            let domain = Domain::for_address(address);
            let socket = socket::make(domain, Type::DGRAM, Some(Protocol::UDP))?;
            socket.bind(&address.into())?;
            Ok(UdpSocket {
                fd: Fd::new(socket.into()),
            })
        })
        .await
    }

    /// Sets where [`send`](Self::send) sends to, and whom [`recv`](Self::recv) hears.
    ///
    /// # Errors
    ///
    /// The kernel's for the last address; the resolver's for a name.
    pub async fn connect<A: ToSocketAddrs>(&self, host: A) -> io::Result<()> {
        resolve::each(host, async |address: SocketAddr| {
            Op::new(Connect::new(self.fd.clone(), address.into())).await
        })
        .await
    }

    /// Sends a datagram to the connected address.
    pub fn send<B: IoBuf>(&self, buf: B) -> Op<Send<B>> {
        transfer::write(&self.fd, buf)
    }

    /// Receives a datagram from the connected address. What does not fit into the buffer is lost.
    pub fn recv<B: IoBufMut>(&self, buf: B) -> Op<Recv<B>> {
        transfer::read(&self.fd, buf)
    }

    /// Receives a datagram without taking it.
    pub fn peek<B: IoBufMut>(&self, buf: B) -> Op<Recv<B>> {
        Op::new(Recv::peek(self.fd.clone(), buf))
    }

    /// Sends a datagram to an address.
    pub fn send_to<B: IoBuf>(&self, buf: B, to: SocketAddr) -> Op<SendTo<B>> {
        Op::new(SendTo::new(self.fd.clone(), buf, to.into()))
    }

    /// Receives a datagram, and says where it came from. What does not fit into the buffer is lost.
    pub fn recv_from<B: IoBufMut>(&self, buf: B) -> Op<RecvFrom<B, SocketAddr>> {
        let convert = address::internet_sender;
        Op::new(RecvFrom::new(self.fd.clone(), buf, false, convert))
    }

    /// The same without taking the datagram.
    pub fn peek_from<B: IoBufMut>(&self, buf: B) -> Op<RecvFrom<B, SocketAddr>> {
        let convert = address::internet_sender;
        Op::new(RecvFrom::new(self.fd.clone(), buf, true, convert))
    }

    /// The address that it is bound to.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        address::internet(&socket::options(&self.fd).local_addr()?)
    }

    /// The address that it is connected to.
    ///
    /// # Errors
    ///
    /// The kernel's; `NotConnected` among them.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        address::internet(&socket::options(&self.fd).peer_addr()?)
    }

    /// Whether it may send to broadcast addresses.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn set_broadcast(&self, on: bool) -> io::Result<()> {
        socket::options(&self.fd).set_broadcast(on)
    }

    /// Takes over a socket of std's. It is set to block, for all who share it: the ring waits.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn from_std(socket: net::UdpSocket) -> io::Result<UdpSocket> {
        Ok(UdpSocket {
            fd: socket::adopt(socket)?,
        })
    }

    /// Gives the socket to std.
    ///
    /// # Errors
    ///
    /// The socket itself, while operations use it.
    pub fn into_std(self) -> Result<net::UdpSocket, UdpSocket> {
        socket::into_std(self.fd, |fd| UdpSocket { fd })
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

impl AsFd for UdpSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
