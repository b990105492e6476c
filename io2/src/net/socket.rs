//! What all sockets share: a descriptor, and its options as `socket2` sees them.

use std::io;
use std::os::fd::OwnedFd;

use socket2::{Domain, Protocol, SockAddr, SockRef, Socket, Type};

use crate::fd::Fd;
use crate::op::Op;
use crate::op::socket::{Accept, Connect};

/// Makes a socket whose calls block, which is what the ring wants: it waits instead of the caller.
pub(super) fn make(domain: Domain, kind: Type, protocol: Option<Protocol>) -> io::Result<Socket> {
    Socket::new(domain, kind, protocol)
}

/// Takes a socket over. One that does not block would make the ring give up instead of wait.
pub(super) fn adopt(fd: impl Into<OwnedFd>) -> io::Result<Fd> {
    let fd = fd.into();
    SockRef::from(&fd).set_nonblocking(false)?;
    Ok(Fd::new(fd))
}

/// The socket's options.
pub(super) fn options(fd: &Fd) -> SockRef<'_> {
    SockRef::from(fd)
}

/// Accepts one connection.
pub(super) async fn accept(fd: &Fd) -> io::Result<(Fd, SockAddr)> {
    loop {
        match Op::new(Accept::new(fd.clone())).await {
            // The peer gave up before it was accepted: not the listener's concern.
            Err(error) if is_peers(&error) => {}
            outcome => return outcome,
        }
    }
}

/// Whether an accept failed for a reason of the one connection, such as a network that went down
/// before it was accepted, or was interrupted.
pub(super) fn is_peers(error: &io::Error) -> bool {
    let Some(errno) = error.raw_os_error() else {
        return false;
    };
    matches!(
        errno,
        libc::ECONNABORTED
            | libc::EPROTO
            | libc::EINTR
            | libc::ENETDOWN
            | libc::ENOPROTOOPT
            | libc::EHOSTDOWN
            | libc::ENONET
            | libc::EHOSTUNREACH
            | libc::ENETUNREACH
    )
}

/// Connects a new socket, and gives its descriptor.
pub(super) async fn connect(socket: Socket, address: SockAddr) -> io::Result<Fd> {
    let fd = Fd::new(socket.into());
    Op::new(Connect::new(fd.clone(), address)).await?;
    Ok(fd)
}

/// The descriptor as one of std's types, or back while operations use it.
pub(super) fn into_std<T: From<OwnedFd>, S>(fd: Fd, again: impl FnOnce(Fd) -> S) -> Result<T, S> {
    fd.try_into_owned().map(T::from).map_err(again)
}
