//! How much memory an idle connection takes in an echo server.
//!
//! A client says one byte and hears it back, so that the connection has done all that it does, and is silent from then
//! on. What is told is the resident memory of the server's process with all of them, less that with one that has
//! talked for a while, for each. The kernel's own memory is not in it, neither for the rings nor for epoll.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsRawFd;

use super::process::Process;
use crate::sample::Sample;

const CONNECTIONS: usize = 10_000;

/// How often the first connection talks: a server that shares buffers has then used all of them.
const WARM_UP: usize = 1000;

/// Descriptors of the server and of the clients that belong to no connection.
const OTHERS: u64 = 100;

pub fn measure(service: &str, peer: &str) -> io::Result<Sample> {
    // The server inherits it.
    allow_descriptors(CONNECTIONS as u64 + OTHERS)?;
    let server = Process::start(service, peer)?;
    let mut first = talk(server.address)?;
    for _ in 0..WARM_UP {
        hear_back(&mut first)?;
    }
    let before = server.resident()?;
    let clients = (0..CONNECTIONS).map(|_| talk(server.address));
    let clients = clients.collect::<io::Result<Vec<_>>>()?;
    let after = server.resident()?;
    Ok(Sample::new().with("bytes", (after - before) / clients.len() as f64))
}

fn talk(address: SocketAddr) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    leave_at_once(&stream)?;
    hear_back(&mut stream)?;
    Ok(stream)
}

fn hear_back(stream: &mut TcpStream) -> io::Result<()> {
    let mut heard = [0];
    stream.write_all(b"!")?;
    stream.read_exact(&mut heard)?;
    match &heard {
        b"!" => Ok(()),
        _ => Err(io::Error::other("the echo is not what was sent")),
    }
}

/// A connection that is reset leaves nothing behind for the kernel to wait for.
fn leave_at_once(stream: &TcpStream) -> io::Result<()> {
    let linger = libc::linger {
        l_onoff: 1,
        l_linger: 0,
    };
    // SAFETY: the option is there to be read, and is as long as is said.
    let result = unsafe {
        libc::setsockopt(
            stream.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_LINGER,
            (&raw const linger).cast(),
            size_of_val(&linger) as libc::socklen_t,
        )
    };
    checked(result)
}

fn allow_descriptors(count: u64) -> io::Result<()> {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the place is there to be written to.
    checked(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) })?;
    limit.rlim_cur = limit.rlim_cur.max(count);
    // SAFETY: the limit is there to be read.
    checked(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) })
}

fn checked(result: libc::c_int) -> io::Result<()> {
    match result {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
