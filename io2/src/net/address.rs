//! Addresses, from the kernel's form to std's and back.

use std::ffi::OsStr;
use std::io;
use std::net::SocketAddr;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use socket2::SockAddr;

use super::UnixSocketAddr;

fn unexpected() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "the socket's address is of another family",
    )
}

/// An IPv4 or IPv6 address.
pub(super) fn internet(address: &SockAddr) -> io::Result<SocketAddr> {
    address.as_socket().ok_or_else(unexpected)
}

/// The sender of a datagram.
pub(super) fn internet_sender(address: Option<SockAddr>) -> io::Result<SocketAddr> {
    internet(&address.ok_or_else(unexpected)?)
}

/// A Unix address: a path, an abstract name, or none. A path of the full 108 bytes, which the kernel
/// allows and std does not, counts as none: nobody's accept is to fail for a peer's name.
pub(super) fn unix(address: &SockAddr) -> io::Result<UnixSocketAddr> {
    let named = if let Some(path) = address.as_pathname() {
        UnixSocketAddr::from_pathname(path)
    } else if let Some(name) = address.as_abstract_namespace() {
        UnixSocketAddr::from_abstract_name(name)
    } else if address.is_unix() {
        unnamed()
    } else {
        return Err(unexpected());
    };
    named.or_else(|_| unnamed())
}

/// The sender of a Unix datagram.
pub(super) fn unix_sender(address: Option<SockAddr>) -> io::Result<UnixSocketAddr> {
    match address {
        Some(address) => unix(&address),
        None => unnamed(),
    }
}

fn unnamed() -> io::Result<UnixSocketAddr> {
    UnixSocketAddr::from_pathname("")
}

/// The kernel's form of a path. An abstract name is none, though it looks like one.
pub(super) fn of_path(path: &Path) -> io::Result<SockAddr> {
    if path.as_os_str().as_bytes().contains(&0) {
        let text = "a socket's path must not contain a zero byte";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    SockAddr::unix(path)
}

/// The kernel's form of a Unix address.
pub(super) fn of_unix(address: &UnixSocketAddr) -> io::Result<SockAddr> {
    if let Some(path) = address.as_pathname() {
        of_path(path)
    } else if let Some(name) = address.as_abstract_name() {
        let name = [&[0], name].concat();
        SockAddr::unix(OsStr::from_bytes(&name))
    } else {
        SockAddr::unix("")
    }
}
