//! A service that stalls now and then, and a page that shows which task it was, where in its code, and who
//! had to wait.
//!
//!     RUSTFLAGS=-Cforce-frame-pointers=yes cargo run --release -p io2-examples-stalls -- --port 7070
//!
//! Open the address that it prints. Without the flag for frame pointers there is everything but stacks. Ctrl-C
//! ends it.

use std::hint::black_box;
use std::io;
use std::time::{Duration, Instant};

use io2::fs::File;
use io2::net::TcpListener;
use io2::{Builder, ExecutorConfig, signal, time};

fn main() -> io::Result<()> {
    let port = match std::env::args().skip(1).collect::<Vec<_>>().as_slice() {
        [] => 7070,
        [option, port] if option == "--port" => port.parse().map_err(io::Error::other)?,
        _ => {
            return Err(io::Error::other(
                "usage: stalls [--port PORT]; 0 is any that is free",
            ));
        }
    };
    ExecutorConfig::new()
        .name("service")
        .stall_stack(true)
        .dashboard(format!("127.0.0.1:{port}"))
        .run(serve())?
}

async fn serve() -> io::Result<()> {
    if let Some(url) = io2::observe::dashboard_url() {
        println!("{url}");
    }
    // Two that should not be written so, and one that should.
    Builder::new().name("indexer").spawn(indexer());
    Builder::new().name("reporter").spawn(reporter());
    Builder::new().name("checksum").spawn(checksum());
    // And those who have to wait.
    Builder::new().name("heartbeat").spawn(heartbeat());
    Builder::new().name("reader").spawn(reader());
    Builder::new().name("listener").spawn(listener());
    signal::ctrl_c().await
}

/// Computes for 60 ms at a time, and lets nobody else run meanwhile.
async fn indexer() {
    loop {
        build_index(Duration::from_millis(60));
        time::sleep(Duration::from_millis(1000)).await;
    }
}

#[inline(never)]
fn build_index(duration: Duration) -> u64 {
    let start = Instant::now();
    let mut index = 0_u64;
    while start.elapsed() < duration {
        for word in 0..10_000_u64 {
            index = index.rotate_left(5) ^ black_box(word);
        }
    }
    index
}

/// Sleeps in the kernel, and all others with it. `io2::time::sleep` would let them run.
async fn reporter() {
    loop {
        std::thread::sleep(Duration::from_millis(80));
        time::sleep(Duration::from_millis(1700)).await;
    }
}

/// Computes as long as the indexer, and yields when its slice is used up.
async fn checksum() {
    loop {
        let start = Instant::now();
        let mut sum = 0_u64;
        while start.elapsed() < Duration::from_millis(60) {
            for byte in 0..10_000_u64 {
                sum = sum.wrapping_mul(31) ^ black_box(byte);
            }
            io2::yield_if_needed().await;
        }
        black_box(sum);
        time::sleep(Duration::from_millis(1300)).await;
    }
}

async fn heartbeat() {
    let mut interval = time::interval(Duration::from_millis(10));
    loop {
        interval.tick().await;
    }
}

async fn reader() -> io::Result<()> {
    let file = File::open("/dev/zero").await?;
    let mut buf = Vec::with_capacity(64 * 1024);
    loop {
        let read;
        (read, buf) = file.read_at(buf, 0).await;
        read?;
        time::sleep(Duration::from_millis(2)).await;
    }
}

async fn listener() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    loop {
        drop(listener.accept().await?);
    }
}
