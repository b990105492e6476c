//! A TCP echo server on all cores: each has an executor and a socket of its own, and the kernel spreads
//! the connections over them.
//!
//!     cargo run --release --example echo -- 127.0.0.1:7000
//!     echo hello | socat - TCP:127.0.0.1:7000

use std::net::SocketAddr;
use std::{env, io, thread};

use io2::ExecutorConfig;
use io2::net::{TcpSocket, TcpStream};

fn main() -> io::Result<()> {
    let address = env::args().nth(1).unwrap_or("127.0.0.1:7000".into());
    let address = address.parse().map_err(io::Error::other)?;
    println!("listening on {address}");
    let workers = (0..thread::available_parallelism()?.get()).map(|core| {
        let config = ExecutorConfig::new().name(format!("echo-{core}"));
        thread::spawn(move || config.run(serve(address))?)
    });
    for worker in workers.collect::<Vec<_>>() {
        worker.join().expect("a worker panicked")?;
    }
    Ok(())
}

async fn serve(address: SocketAddr) -> io::Result<()> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    let socket = socket.reuse_address(true)?.reuse_port(true)?;
    let listener = socket.bind(address)?.listen(1024)?;
    let mut incoming = listener.incoming();
    loop {
        let stream = incoming.next().await?;
        io2::spawn(async move {
            // A peer that goes in the middle is its own concern.
            let _ = echo(stream).await;
        });
    }
}

async fn echo(stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buf = Vec::with_capacity(16 << 10);
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
