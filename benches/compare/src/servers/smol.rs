//! Its executor of one thread.

use std::io;

use smol::LocalExecutor;
use smol::net::TcpListener;

use super::common::{ADDRESS, echo_to_end, say};

pub fn echo(buffer: usize) -> io::Result<()> {
    let executor = LocalExecutor::new();
    smol::block_on(executor.run(async {
        let listener = TcpListener::bind(ADDRESS).await?;
        say(listener.local_addr()?)?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            executor.spawn(echo_to_end(stream, buffer)).detach();
        }
    }))
}
