//! TCP servers.

use std::io;
use std::net::{self, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};

use super::resolve::{self, ToSocketAddrs};
use super::{Incoming, TcpSocket, TcpStream, address, socket};
use crate::fd::Fd;

/// A socket that accepts TCP connections.
///
/// Dropping it closes it through the ring.
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// let listener = io2::net::TcpListener::bind(("127.0.0.1", 0)).await?;
/// let client = io2::net::TcpStream::connect(listener.local_addr()?).await?;
/// let (_stream, peer) = listener.accept().await?;
/// assert_eq!(peer, client.local_addr()?);
/// # std::io::Result::Ok(())
/// # }).unwrap().unwrap();
/// ```
#[derive(Debug)]
pub struct TcpListener {
    fd: Fd,
}

impl TcpListener {
    pub(super) fn from_fd(fd: Fd) -> TcpListener {
        TcpListener { fd }
    }

    /// Binds to the first address that can be had and listens, with the address reusable and a queue
    /// of 1024 connections. [`TcpSocket`] sets more.
    ///
    /// # Errors
    ///
    /// The kernel's for the last address; the resolver's for a name.
    pub async fn bind<A: ToSocketAddrs>(host: A) -> io::Result<TcpListener> {
        resolve::each(host, async |address| {
            TcpSocket::for_address(address)?
                .reuse_address(true)?
                .bind(address)?
                .listen(1024)
        })
        .await
    }

    /// Accepts one connection, and says where it came from. Dropping it closes a connection that
    /// comes afterwards all the same.
    ///
    /// # Errors
    ///
    /// The kernel's; `EMFILE` among them, when the process has no free descriptor.
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (fd, peer) = socket::accept(&self.fd).await?;
        Ok((TcpStream::from_fd(fd), address::internet(&peer)?))
    }

    /// All connections from now on, by one request to the kernel.
    ///
    /// ```
    /// # io2::ExecutorConfig::new().run(async {
    /// let listener = io2::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    /// let client = io2::net::TcpStream::connect(listener.local_addr()?).await?;
    /// let mut incoming = listener.incoming();
    /// let stream = incoming.next().await?;
    /// assert_eq!(stream.peer_addr()?, client.local_addr()?);
    /// # std::io::Result::Ok(())
    /// # }).unwrap().unwrap();
    /// ```
    pub fn incoming(&self) -> Incoming<TcpStream> {
        Incoming::new(self.fd.clone(), TcpStream::from_fd)
    }

    /// The address that it is bound to.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        address::internet(&socket::options(&self.fd).local_addr()?)
    }

    /// Takes over a listener of std's. It is set to block, for all who share it: the ring waits.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn from_std(listener: net::TcpListener) -> io::Result<TcpListener> {
        Ok(TcpListener::from_fd(socket::adopt(listener)?))
    }

    /// Gives the listener to std.
    ///
    /// # Errors
    ///
    /// The listener itself, while operations use it.
    pub fn into_std(self) -> Result<net::TcpListener, TcpListener> {
        socket::into_std(self.fd, TcpListener::from_fd)
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

impl AsFd for TcpListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
