use std::future::Future;
use std::io;

use monoio::io::{AsyncReadRent, AsyncWriteRentExt, IntoPollIo};
use monoio::net::{TcpListener, TcpStream};
use monoio::{IoUringDriver, RuntimeBuilder};
use monoio_compat::hyper::{MonoioIo, MonoioTimer};

use super::common::{ADDRESS, DEPTH, SPARE, say};
use super::http;

fn run<F: Future + 'static>(
    ring: Option<monoio_uring::Builder>,
    serve: impl Fn(TcpStream) -> F,
) -> io::Result<()> {
    let mut builder = RuntimeBuilder::<IoUringDriver>::new().with_entries(DEPTH);
    if let Some(ring) = ring {
        builder = builder.uring_builder(ring);
    }
    builder.enable_timer().build()?.block_on(async {
        let listener = TcpListener::bind(ADDRESS)?;
        say(listener.local_addr()?)?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            monoio::spawn(serve(stream));
        }
    })
}

/// The ring's flags for one thread.
fn tuned() -> monoio_uring::Builder {
    let mut ring = monoio_uring::IoUring::builder();
    ring.setup_single_issuer().setup_defer_taskrun();
    ring
}

async fn echo_to_end(mut stream: TcpStream, buffer: usize) -> io::Result<()> {
    let mut buf = Vec::with_capacity(buffer);
    loop {
        let (read, filled) = stream.read(buf).await;
        if read? == 0 {
            return Ok(());
        }
        let (written, emptied) = stream.write_all(filled).await;
        written?;
        buf = emptied;
    }
}

pub fn echo(buffer: usize) -> io::Result<()> {
    run(None, |stream| echo_to_end(stream, buffer))
}

pub fn echo_tuned(buffer: usize) -> io::Result<()> {
    run(Some(tuned()), |stream| echo_to_end(stream, buffer))
}

async fn readable_to_end(mut stream: TcpStream, buffer: usize) -> io::Result<()> {
    loop {
        stream.readable(false).await?;
        let mut buf = SPARE.take();
        buf.reserve(buffer);
        let (read, filled) = stream.read(buf).await;
        if read? == 0 {
            return Ok(());
        }
        let (written, mut emptied) = stream.write_all(filled).await;
        written?;
        emptied.clear();
        SPARE.set(emptied);
    }
}

/// With one buffer that all connections share.
pub fn echo_readable(buffer: usize) -> io::Result<()> {
    run(None, |stream| readable_to_end(stream, buffer))
}

async fn http_to_end(stream: TcpStream) -> io::Result<()> {
    let stream = MonoioIo::new(stream.into_poll_io()?);
    let served = http::serve(stream, MonoioTimer).await;
    served.map_err(io::Error::other)
}

pub fn http(_buffer: usize) -> io::Result<()> {
    run(None, http_to_end)
}

pub fn http_tuned(_buffer: usize) -> io::Result<()> {
    run(Some(tuned()), http_to_end)
}
