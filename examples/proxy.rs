//! A TCP proxy: passes on what comes, both ways, and the end of each direction by itself.
//!
//!     cargo run --release --example proxy -- 127.0.0.1:7001 127.0.0.1:7000
//!     cargo run --release --example proxy -- --copy 127.0.0.1:7001 127.0.0.1:7000
//!     echo hello | socat - TCP:127.0.0.1:7001
//!
//! The kernel moves the bytes from socket to socket, so that the program never sees them. That is for
//! large transfers: 1 GiB over loopback went through at 0.88 GiB/s, with 0.58 s of processor time, and
//! with `--copy`, which reads and writes, at 0.56 GiB/s with 0.68 s. For messages to and fro `--copy` is
//! better, since each move is made by a thread of the kernel: a round trip of 64 bytes took 12 µs of
//! processor time with it and 32 µs without. (Medians of seven runs in turn, Linux 6.18, two busy cores.)

use std::process::ExitCode;
use std::time::Duration;
use std::{env, io};

use io2::net::{OwnedReadHalf, OwnedWriteHalf, TcpListener, TcpStream, splice};

const CHUNK: usize = 64 << 10;
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

#[io2::main(name = "proxy")]
async fn main() -> ExitCode {
    let mut arguments: Vec<String> = env::args().skip(1).collect();
    let copy = arguments.first().is_some_and(|first| first == "--copy");
    if copy {
        arguments.remove(0);
    }
    let [from, to] = &arguments[..] else {
        eprintln!("usage: proxy [--copy] LISTEN-ADDRESS TARGET-ADDRESS");
        return ExitCode::from(2);
    };
    match serve(from, to, copy).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("proxy: {from}: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(from: &str, to: &str, copy: bool) -> io::Result<()> {
    let listener = TcpListener::bind(from).await?;
    println!("{} to {to}", listener.local_addr()?);
    let mut incoming = listener.incoming();
    loop {
        let near = incoming.next().await?;
        let to = to.to_owned();
        io2::spawn(async move {
            if let Err(error) = connection(near, &to, copy).await {
                eprintln!("proxy: {to}: {error}");
            }
        });
    }
}

async fn connection(near: TcpStream, to: &str, copy: bool) -> io::Result<()> {
    let far = TcpStream::connect_timeout(to, CONNECT_LIMIT).await?;
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    let (from_near, to_near) = near.into_split();
    let (from_far, to_far) = far.into_split();
    let there = io2::spawn(pass(from_near, to_far, copy));
    let back = pass(from_far, to_near, copy).await;
    let there = there.await;
    back.and(there)
}

/// Passes on one direction. Its end is passed on when the writing half is dropped.
async fn pass(
    from: OwnedReadHalf<TcpStream>,
    to: OwnedWriteHalf<TcpStream>,
    copy: bool,
) -> io::Result<()> {
    if !copy {
        return splice(&from, &to, u64::MAX).await.map(drop);
    }
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
