use std::io;

use glommio::net::TcpListener;
use glommio::{LocalExecutorBuilder, Placement};

use super::common::{ADDRESS, DEPTH, echo_to_end, say};

pub fn echo(buffer: usize) -> io::Result<()> {
    // The process is on its core already.
    let builder = LocalExecutorBuilder::new(Placement::Unbound).ring_depth(DEPTH as usize);
    builder.make()?.run(async {
        let listener = TcpListener::bind(ADDRESS)?;
        say(listener.local_addr()?)?;
        loop {
            let stream = listener.accept().await?;
            stream.set_nodelay(true)?;
            glommio::spawn_local(echo_to_end(stream, buffer)).detach();
        }
    })
}
