//! Connections to oneself.

use std::io;
use std::mem;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use io2::net::{TcpListener, TcpStream};

/// Two ends of a TCP connection.
pub async fn tcp_pair() -> io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let near = TcpStream::connect(listener.local_addr()?).await?;
    let (far, _) = listener.accept().await?;
    Ok((near, far))
}

/// So many bytes, of which no two that are less than 251 apart are the same.
pub fn pattern(len: usize) -> Vec<u8> {
    let all: Vec<u8> = (0..251).collect();
    let mut bytes = all.repeat(len / 251 + 1);
    bytes.truncate(len);
    bytes
}

/// The kernel's form of a path of at most 108 bytes, and its length.
fn unix_address(path: &Path) -> (libc::sockaddr_un, libc::socklen_t) {
    let bytes = path.as_os_str().as_bytes();
    let mut address = libc::sockaddr_un {
        sun_family: libc::AF_UNIX as libc::sa_family_t,
        sun_path: [0; 108],
    };
    for (to, from) in address.sun_path.iter_mut().zip(bytes) {
        *to = *from as libc::c_char;
    }
    let length = mem::offset_of!(libc::sockaddr_un, sun_path) + bytes.len();
    (address, length as libc::socklen_t)
}

/// A Unix stream socket that is bound to a path of 108 bytes, for which std has no room.
///
/// # Errors
///
/// The kernel's.
pub fn bound_to_full_path(path: &Path) -> io::Result<OwnedFd> {
    let (address, length) = unix_address(path);
    // SAFETY: the call takes no address.
    let fd = unsafe { libc::socket(libc::AF_UNIX, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it is new and nobody else's.
    let socket = unsafe { OwnedFd::from_raw_fd(fd) };
    // SAFETY: the address is there, and of that length.
    if unsafe { libc::bind(fd, (&raw const address).cast(), length) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(socket)
}

/// Connects a Unix socket to a path.
///
/// # Errors
///
/// The kernel's.
pub fn connect_unix(socket: RawFd, path: &Path) -> io::Result<()> {
    let (address, length) = unix_address(path);
    // SAFETY: the address is there, and of that length.
    if unsafe { libc::connect(socket, (&raw const address).cast(), length) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
