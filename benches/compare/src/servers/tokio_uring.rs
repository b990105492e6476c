use std::io;

use tokio_uring::buf::BoundedBuf;
use tokio_uring::net::{TcpListener, TcpStream};

use super::common::{ADDRESS, DEPTH, say};

async fn echo_to_end(stream: TcpStream, buffer: usize) -> io::Result<()> {
    let mut buf = vec![0; buffer];
    loop {
        let (read, filled) = stream.read(buf).await;
        let read = read?;
        if read == 0 {
            return Ok(());
        }
        let (written, emptied) = stream.write_all(filled.slice(..read)).await;
        written?;
        buf = emptied.into_inner();
    }
}

pub fn echo(buffer: usize) -> io::Result<()> {
    let mut builder = tokio_uring::builder();
    builder.entries(DEPTH).start(async {
        let address = ADDRESS.parse().expect("an address");
        let listener = TcpListener::bind(address)?;
        say(listener.local_addr()?)?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio_uring::spawn(echo_to_end(stream, buffer));
        }
    })
}
