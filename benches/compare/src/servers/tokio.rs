//! The runtime of one thread.

use std::future::Future;
use std::io;

use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;

use super::common::{ADDRESS, SPARE, say};
use super::http;

fn run<F: Future<Output: Send> + Send + 'static>(serve: impl Fn(TcpStream) -> F) -> io::Result<()> {
    let mut builder = Builder::new_current_thread();
    builder.enable_all().build()?.block_on(async {
        let listener = TcpListener::bind(ADDRESS).await?;
        say(listener.local_addr()?)?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(serve(stream));
        }
    })
}

async fn echo_to_end(mut stream: TcpStream, buffer: usize) -> io::Result<()> {
    let mut buf = vec![0; buffer];
    loop {
        let read = stream.read(&mut buf).await?;
        if read == 0 {
            return Ok(());
        }
        stream.write_all(&buf[..read]).await?;
    }
}

pub fn echo(buffer: usize) -> io::Result<()> {
    run(|stream| echo_to_end(stream, buffer))
}

async fn readable_to_end(mut stream: TcpStream, buffer: usize) -> io::Result<()> {
    loop {
        stream.readable().await?;
        let mut buf = SPARE.take();
        buf.reserve(buffer);
        match stream.try_read_buf(&mut buf) {
            Ok(0) => return Ok(()),
            Ok(_) => stream.write_all(&buf).await?,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        buf.clear();
        SPARE.set(buf);
    }
}

/// With one buffer that all connections share.
pub fn echo_readable(buffer: usize) -> io::Result<()> {
    run(|stream| readable_to_end(stream, buffer))
}

pub fn http(_buffer: usize) -> io::Result<()> {
    run(|stream| http::serve(TokioIo::new(stream), TokioTimer::new()))
}
