//! The runtime of one thread.

use std::future::Future;
use std::io;

use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;

use super::common::{ADDRESS, say};
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

pub fn http(_buffer: usize) -> io::Result<()> {
    run(|stream| http::serve(TokioIo::new(stream), TokioTimer::new()))
}
