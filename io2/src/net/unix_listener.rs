//! Unix servers.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net;
use std::path::Path;

use socket2::{Domain, SockAddr, Type};

use super::{Incoming, UnixSocketAddr, UnixStream, address, socket};
use crate::fd::Fd;

/// A Unix socket that accepts connections.
///
/// The path is made by [`bind`](Self::bind), and stays when the listener is dropped.
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// # let path = std::env::temp_dir().join(format!("io2-doc-unix-{}", std::process::id()));
/// use io2::net::{UnixListener, UnixStream};
///
/// let listener = UnixListener::bind(&path)?;
/// let client = UnixStream::connect(&path).await?;
/// let (stream, _peer) = listener.accept().await?;
/// stream.write_all("hello").await.0?;
/// assert_eq!(client.read(Vec::with_capacity(8)).await.1, b"hello");
/// # io2::fs::remove_file(&path).await?;
/// # std::io::Result::Ok(())
/// # }).unwrap().unwrap();
/// ```
#[derive(Debug)]
pub struct UnixListener {
    fd: Fd,
}

impl UnixListener {
    fn from_fd(fd: Fd) -> UnixListener {
        UnixListener { fd }
    }

    /// Makes the path and listens on it, with a queue of 1024 connections.
    ///
    /// # Errors
    ///
    /// The kernel's; `AddrInUse` if the path is there already; `InvalidInput` for a path that is too long.
    pub fn bind<P: AsRef<Path>>(path: P) -> io::Result<UnixListener> {
        UnixListener::listen(&address::of_path(path.as_ref())?)
    }

    /// The same for an address, which may be a name in the abstract namespace: that leaves no path
    /// behind.
    ///
    /// ```
    /// # io2::ExecutorConfig::new().run(async {
    /// # let name = format!("io2-doc-{}", std::process::id());
    /// use std::os::linux::net::SocketAddrExt;
    /// use io2::net::{UnixListener, UnixSocketAddr, UnixStream};
    ///
    /// let address = UnixSocketAddr::from_abstract_name(&name)?;
    /// let listener = UnixListener::bind_addr(&address)?;
    /// let client = UnixStream::connect_addr(&address).await?;
    /// let (stream, _peer) = listener.accept().await?;
    /// # drop((client, stream));
    /// # std::io::Result::Ok(())
    /// # }).unwrap().unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn bind_addr(address: &UnixSocketAddr) -> io::Result<UnixListener> {
        UnixListener::listen(&address::of_unix(address)?)
    }

    fn listen(address: &SockAddr) -> io::Result<UnixListener> {
        let socket = socket::make(Domain::UNIX, Type::STREAM, None)?;
        socket.bind(address)?;
        socket.listen(1024)?;
        Ok(UnixListener::from_fd(Fd::new(socket.into())))
    }

    /// Accepts one connection, and says where it came from: mostly from a socket without a name.
    /// Dropping it closes a connection that comes afterwards all the same.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub async fn accept(&self) -> io::Result<(UnixStream, UnixSocketAddr)> {
        let (fd, peer) = socket::accept(&self.fd).await?;
        Ok((UnixStream::from_fd(fd), address::unix(&peer)?))
    }

    /// All connections from now on, by one request to the kernel.
    pub fn incoming(&self) -> Incoming<UnixStream> {
        Incoming::new(self.fd.clone(), UnixStream::from_fd)
    }

    /// The address that it is bound to.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn local_addr(&self) -> io::Result<UnixSocketAddr> {
        address::unix(&socket::options(&self.fd).local_addr()?)
    }

    /// Takes over a listener of std's. It is set to block, for all who share it: the ring waits.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn from_std(listener: net::UnixListener) -> io::Result<UnixListener> {
        Ok(UnixListener::from_fd(socket::adopt(listener)?))
    }

    /// Gives the listener to std.
    ///
    /// # Errors
    ///
    /// The listener itself, while operations use it.
    pub fn into_std(self) -> Result<net::UnixListener, UnixListener> {
        socket::into_std(self.fd, UnixListener::from_fd)
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

impl AsFd for UnixListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
