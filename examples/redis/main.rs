//! A server that speaks the protocol of Redis and loses nothing that it has acknowledged.
//!
//!     cargo run --release --example redis -- 127.0.0.1:6379 redis.log
//!     redis-cli set greeting hello ex 60
//!     redis-benchmark -t set,get,incr -P 16
//!
//! PING, ECHO, GET, SET (EX, PX, NX, XX), INCR, DEL, EXISTS, EXPIRE, TTL and DBSIZE. Keys live in memory; each
//! change is appended to a log by direct I/O, and no reply is sent before what it says is on the disk. The
//! log is read at the start. It only grows. Ctrl-C lets the commands at hand end.
//!
//! When the log cannot be written, changes get the error MISCONF from then on, and reads show what was there
//! before. The log is cut back to what was acknowledged, so what was refused does not come back with the next
//! start. If it cannot even be cut, nobody knows what the next start will find of the changes that were being
//! written: their clients get no reply, neither OK nor an error, and their connections end. A client has to
//! reckon with that anyway, as with a server that is killed: what it has sent may have been done or not.
//!
//! The log begins with a block that has a random number, which all that follows carries, too. So nothing that
//! clients write is mistaken for a part of the log when it is read after a crash. A file that does not begin
//! so is refused.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this is a program"
)]

use std::env;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use io2::net::TcpListener;
use io2::signal::{SignalKind, signal};
use io2::sync::CancellationToken;

mod server;

#[io2::main(name = "redis")]
async fn main() -> ExitCode {
    let mut arguments = env::args_os().skip(1);
    let address = arguments.next().unwrap_or("127.0.0.1:6379".into());
    let log = PathBuf::from(arguments.next().unwrap_or("redis.log".into()));
    match serve(&address.to_string_lossy(), log).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("redis: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(address: &str, log: PathBuf) -> io::Result<()> {
    let stop = CancellationToken::new();
    for kind in [SignalKind::INTERRUPT, SignalKind::TERMINATE] {
        let (mut signal, stop) = (signal(kind)?, stop.clone());
        io2::spawn(async move {
            if signal.recv().await.is_ok() {
                stop.cancel();
            }
        });
    }
    let file = server::storage::open(&log).await?;
    let listener = TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    server::run(file, listener, &stop).await
}
