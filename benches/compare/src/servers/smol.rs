//! Its executor of one thread.

use std::future::Future;
use std::io;

use smol::LocalExecutor;
use smol::net::{TcpListener, TcpStream};
use smol_hyper::rt::{FuturesIo, SmolTimer};

use super::common::{ADDRESS, echo_to_end, say};
use super::http;

fn run<F: Future + 'static>(serve: impl Fn(TcpStream) -> F) -> io::Result<()> {
    let executor = LocalExecutor::new();
    smol::block_on(executor.run(async {
        let listener = TcpListener::bind(ADDRESS).await?;
        say(listener.local_addr()?)?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            executor.spawn(serve(stream)).detach();
        }
    }))
}

pub fn echo(buffer: usize) -> io::Result<()> {
    run(|stream| echo_to_end(stream, buffer))
}

pub fn http(_buffer: usize) -> io::Result<()> {
    run(|stream| http::serve(FuturesIo::new(stream), SmolTimer::new()))
}
