//! The server of the example `redis`, within a test.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use io2::net::TcpListener;
use io2::sync::CancellationToken;

use self::server::storage::{self, Storage};

#[allow(clippy::print_stderr, reason = "it is part of a program")]
#[path = "../../../examples/redis/server/mod.rs"]
pub(crate) mod server;

/// Runs a server, and a client on another thread until it returns.
pub(crate) async fn serve<S: Storage>(
    storage: S,
    client: impl FnOnce(SocketAddr) -> io::Result<()> + Send + 'static,
) -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let (address, stop) = (listener.local_addr()?, CancellationToken::new());
    let stopped = stop.clone();
    let server = io2::spawn(async move { server::run(storage, listener, &stopped).await });
    io2::spawn_blocking(move || client(address)).await?;
    stop.cancel();
    server.await
}

pub(crate) async fn serve_file(
    log: &Path,
    client: impl FnOnce(SocketAddr) -> io::Result<()> + Send + 'static,
) -> io::Result<()> {
    serve(storage::open(log).await?, client).await
}
