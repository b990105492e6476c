//! A TCP proxy: passes on what comes, both ways, and the end of each direction by itself.
//!
//!     cargo run --release --example proxy -- 127.0.0.1:7001 127.0.0.1:7000
//!     echo hello | socat - TCP:127.0.0.1:7001

use std::process::ExitCode;
use std::time::Duration;
use std::{env, io};

use io2::net::{OwnedReadHalf, OwnedWriteHalf, TcpListener, TcpStream};

const CHUNK: usize = 64 << 10;
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

#[io2::main(name = "proxy")]
async fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [from, to] = &arguments[..] else {
        eprintln!("usage: proxy LISTEN-ADDRESS TARGET-ADDRESS");
        return ExitCode::from(2);
    };
    match serve(from, to).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("proxy: {from}: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(from: &str, to: &str) -> io::Result<()> {
    let listener = TcpListener::bind(from).await?;
    println!("{} to {to}", listener.local_addr()?);
    let mut incoming = listener.incoming();
    loop {
        let near = incoming.next().await?;
        let to = to.to_owned();
        io2::spawn(async move {
            if let Err(error) = connection(near, &to).await {
                eprintln!("proxy: {to}: {error}");
            }
        });
    }
}

async fn connection(near: TcpStream, to: &str) -> io::Result<()> {
    let far = TcpStream::connect_timeout(to, CONNECT_LIMIT).await?;
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    let (from_near, to_near) = near.into_split();
    let (from_far, to_far) = far.into_split();
    let there = io2::spawn(pass(from_near, to_far));
    let back = pass(from_far, to_near).await;
    let there = there.await;
    back.and(there)
}

/// Passes on one direction. Its end is passed on when the writing half is dropped.
async fn pass(from: OwnedReadHalf<TcpStream>, to: OwnedWriteHalf<TcpStream>) -> io::Result<()> {
    let mut buf = Vec::with_capacity(CHUNK);
    loop {
        let (read, written);
        (read, buf) = from.read(buf).await;
        if read? == 0 {
            return Ok(());
        }
        (written, buf) = to.write_all(buf).await;
        written?;
    }
}
