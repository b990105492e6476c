//! Its streams copy through a buffer of their own, so the operations themselves are used.

use std::io;
use std::net::{TcpListener, TcpStream};

use kimojio::operations;
use kimojio::{Runtime, configuration::Configuration};

use super::common::{ADDRESS, accepted, say};

async fn echo_to_end(stream: TcpStream, buffer: usize) -> io::Result<()> {
    let mut buf = vec![0; buffer];
    loop {
        let read = operations::read(&stream, &mut buf).await?;
        if read == 0 {
            return Ok(());
        }
        let mut sent = 0;
        while sent < read {
            sent += operations::write(&stream, &buf[sent..read]).await?;
        }
    }
}

async fn serve(buffer: usize) -> io::Result<()> {
    let listener = TcpListener::bind(ADDRESS)?;
    say(listener.local_addr()?)?;
    loop {
        let stream = accepted(operations::accept(&listener).await?)?;
        operations::spawn_task(echo_to_end(stream, buffer));
    }
}

pub fn echo(buffer: usize) -> io::Result<()> {
    match Runtime::new(0, Configuration::new()).block_on(serve(buffer)) {
        Some(Ok(served)) => served,
        _ => Err(io::Error::other("the server did not end by itself")),
    }
}
