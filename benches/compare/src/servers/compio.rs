use std::future::Future;
use std::io;

use compio::BufResult;
use compio::driver::ProactorBuilder;
use compio::io::{AsyncRead, AsyncReadManaged, AsyncWriteExt};
use compio::net::{TcpListener, TcpStream};
use compio::runtime::RuntimeBuilder;
use cyper_core::{CompioTimer, HyperStream};

use super::common::{ADDRESS, DEPTH, say};
use super::http;

fn run<F: Future + 'static>(
    driver: &ProactorBuilder,
    serve: impl Fn(TcpStream) -> F,
) -> io::Result<()> {
    let mut builder = RuntimeBuilder::new();
    builder.with_proactor(driver.clone());
    builder.build()?.block_on(async {
        let listener = TcpListener::bind(ADDRESS).await?;
        say(listener.local_addr()?)?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            compio::runtime::spawn(serve(stream)).detach();
        }
    })
}

fn driver() -> ProactorBuilder {
    let mut driver = ProactorBuilder::new();
    driver.capacity(DEPTH);
    driver
}

/// With the ring's flags for one thread.
fn tuned() -> ProactorBuilder {
    let mut driver = driver();
    driver.single_issuer(true).defer_taskrun(true);
    driver
}

async fn echo_to_end(mut stream: TcpStream, buffer: usize) -> io::Result<()> {
    let mut buf = Vec::with_capacity(buffer);
    loop {
        let BufResult(read, filled) = stream.read(buf).await;
        if read? == 0 {
            return Ok(());
        }
        let BufResult(written, emptied) = stream.write_all(filled).await;
        written?;
        buf = emptied;
        buf.clear();
    }
}

pub fn echo(buffer: usize) -> io::Result<()> {
    run(&driver(), |stream| echo_to_end(stream, buffer))
}

pub fn echo_tuned(buffer: usize) -> io::Result<()> {
    run(&tuned(), |stream| echo_to_end(stream, buffer))
}

async fn managed_to_end(mut stream: TcpStream) -> io::Result<()> {
    while let Some(buf) = stream.read_managed(0).await? {
        stream.write_all(buf).await.0?;
    }
    Ok(())
}

/// With a pool of buffers that all connections share, as large as it is unless set.
pub fn echo_managed(_buffer: usize) -> io::Result<()> {
    run(&driver(), managed_to_end)
}

async fn http_to_end(stream: TcpStream) -> hyper::Result<()> {
    http::serve(HyperStream::new_plain(stream), CompioTimer).await
}

pub fn http(_buffer: usize) -> io::Result<()> {
    run(&driver(), http_to_end)
}

pub fn http_tuned(_buffer: usize) -> io::Result<()> {
    run(&tuned(), http_to_end)
}
