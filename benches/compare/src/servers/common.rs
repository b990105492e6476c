//! What all servers have in common.

use std::cell::RefCell;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;

use smol::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Where they listen: the kernel chooses the port.
pub const ADDRESS: &str = "127.0.0.1:0";

/// Entries of the submission queue, where it can be said.
pub const DEPTH: u32 = 1024;

thread_local! {
    /// A buffer that is lent to whichever connection has something to read.
    pub static SPARE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Tells the driver where the server listens.
pub fn say(address: SocketAddr) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{address}")
}

/// The stream of a connection that is known by its descriptor alone, without delay as all of them.
pub fn accepted(fd: OwnedFd) -> io::Result<TcpStream> {
    let stream = TcpStream::from(fd);
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Echo, for the runtimes whose streams have these traits.
pub async fn echo_to_end(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    buffer: usize,
) -> io::Result<()> {
    let mut buf = vec![0; buffer];
    loop {
        let read = stream.read(&mut buf).await?;
        if read == 0 {
            return Ok(());
        }
        stream.write_all(&buf[..read]).await?;
    }
}
