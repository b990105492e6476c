use std::future::Future;
use std::io;
use std::time::Duration;

use io2::ExecutorConfig;
use io2::compat::{LocalTimer, Stream};
use io2::net::{TcpListener, TcpStream};

use super::common::{ADDRESS, DEPTH, say};
use super::http;

/// Longer than a client takes to send again.
const SPIN: Duration = Duration::from_micros(50);

fn config() -> ExecutorConfig {
    ExecutorConfig::new().ring_depth(DEPTH)
}

async fn accept<F: Future + 'static>(serve: impl Fn(TcpStream) -> F) -> io::Result<()> {
    let listener = TcpListener::bind(ADDRESS).await?;
    say(listener.local_addr()?)?;
    let mut incoming = listener.incoming();
    loop {
        let stream = incoming.next().await?;
        stream.set_nodelay(true)?;
        io2::spawn(serve(stream));
    }
}

async fn echo_to_end(stream: TcpStream, buffer: usize) -> io::Result<()> {
    let mut buf = Vec::with_capacity(buffer);
    loop {
        let (read, written);
        (read, buf) = stream.read(buf).await;
        if read? == 0 {
            return Ok(());
        }
        (written, buf) = stream.write_all(buf).await;
        written?;
    }
}

pub fn echo(buffer: usize) -> io::Result<()> {
    config().run(accept(|stream| echo_to_end(stream, buffer)))?
}

pub fn echo_spinning(buffer: usize) -> io::Result<()> {
    let config = config().spin(SPIN);
    config.run(accept(|stream| echo_to_end(stream, buffer)))?
}

async fn pooled_to_end(stream: TcpStream) -> io::Result<()> {
    let mut incoming = stream.recv_pooled();
    while let Some(buf) = incoming.next().await? {
        stream.write_all(buf).await.0?;
    }
    Ok(())
}

/// With a pool of buffers that all connections share, as large as it is unless set.
pub fn echo_pooled(_buffer: usize) -> io::Result<()> {
    config().run(accept(pooled_to_end))?
}

pub fn http(_buffer: usize) -> io::Result<()> {
    config().run(accept(|stream| {
        http::serve(Stream::new(stream), LocalTimer)
    }))?
}
