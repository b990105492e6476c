//! Writes a file past the page cache with 32 requests in flight, reads it back and checks it. Beside
//! that two tasks count primes: one lets others run meanwhile, the other does not, and is caught.
//! Then serves a page by HTTP, once, and fetches it itself.
//!
//!     cargo run --release --example quickstart -- --stay
//!
//! The address that it prints first is that of its dashboard, where all of this can be seen. With `--stay` the two go
//! on, each second, until Ctrl-C; without it the program ends when it is done.

use std::time::{Duration, Instant};
use std::{env, fmt::Debug, io, process, rc::Rc, sync::Mutex};

use io2::buf::AlignedBuf;
use io2::fs::{self, DioFile};
use io2::net::{TcpListener, TcpStream};
use tracing::field::Field;
use tracing_subscriber::{Layer, filter::LevelFilter, layer::Context, prelude::*};

const IN_FLIGHT: u64 = 32;
const BLOCK: usize = 64 << 10;
const MIB: u64 = 64;
const PAGE: &str = "hello from io2";

// Port 0 is any that is free.
#[io2::main(name = "quickstart", preempt_ms = 10, dashboard = "127.0.0.1:0")]
async fn main() -> io::Result<()> {
    let stay = match &env::args().skip(1).collect::<Vec<_>>()[..] {
        [] => false,
        [option] if option == "--stay" => true,
        _ => return Err(io::Error::other("usage: quickstart [--stay]")),
    };
    if let Some(url) = io2::observe::dashboard_url() {
        println!("dashboard    : {url}");
    }
    let warnings = Warnings.with_filter(LevelFilter::WARN);
    tracing_subscriber::registry().with(warnings).init();

    let path = env::temp_dir().join(format!("io2-quickstart-{}", process::id()));
    let mut new = DioFile::options();
    new.write(true).create_new(true).direct_or_buffered(true);
    let file = Rc::new(new.open(&path).await?);
    // The name goes now, the file when it is closed: nothing is left, whatever happens.
    fs::remove_file(&path).await?;
    let how = match file.is_direct() {
        true => "direct",
        false => "buffered, since this file system has no direct I/O",
    };

    let polite = io2::Builder::new().name("polite").spawn(primes(true));
    let hog = io2::Builder::new().name("hog").spawn(primes(false));
    for (verb, write) in [("wrote", true), ("read, checked", false)] {
        let start = Instant::now();
        let mut workers = io2::JoinSet::new();
        for first in 0..IN_FLIGHT {
            workers.spawn(blocks(file.clone(), first, write));
        }
        while let Some(outcome) = workers.join_next().await {
            outcome??;
        }
        let took = start.elapsed();
        println!("{verb:<13}: {MIB} MiB in {took:.0?}, {IN_FLIGHT} requests in flight, {how}");
    }
    let (polite, hog) = (polite.await, hog.await);
    println!("polite task  : counted {polite} primes in many slices");
    println!("hog task     : counted {hog} primes in one go");
    for warning in CAUGHT.lock().unwrap().iter() {
        println!("caught       : {warning}");
    }

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let server = io2::spawn(serve_once(listener));
    let answer = fetch(TcpStream::connect(address).await?).await?;
    server.await?;
    let (head, page) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.lines().next().unwrap_or_default();
    println!("served       : one page at http://{address}/, and fetched it from there");
    println!("fetched      : {status}: {page:?}");

    if stay {
        println!("The dashboard is open until Ctrl-C.");
        io2::spawn(again());
        io2::signal::ctrl_c().await?;
    } else {
        println!("The dashboard ends with the program; --stay keeps both.");
    }
    Ok(())
}

/// Something to look at.
async fn again() {
    loop {
        let polite = io2::Builder::new().name("polite").spawn(primes(true));
        let hog = io2::Builder::new().name("hog").spawn(primes(false));
        polite.await;
        hog.await;
        io2::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Answers one request with a page, whatever is asked for.
async fn serve_once(listener: TcpListener) -> io::Result<()> {
    let (stream, _) = listener.accept().await?;
    let (mut pieces, mut request) = (stream.recv_pooled(), Vec::new());
    while !request.ends_with(b"\r\n\r\n") {
        let Some(piece) = pieces.next().await? else {
            return Err(io::ErrorKind::UnexpectedEof.into());
        };
        request.extend_from_slice(&piece);
    }
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close";
    let answer = format!("{head}\r\nContent-Length: {}\r\n\r\n{PAGE}", PAGE.len());
    stream.write_all(answer).await.0
}

/// Asks for a page, and reads until the server ends the connection.
async fn fetch(stream: TcpStream) -> io::Result<String> {
    let request = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(request).await.0?;
    let (mut pieces, mut answer) = (stream.recv_pooled(), Vec::new());
    while let Some(piece) = pieces.next().await? {
        answer.extend_from_slice(&piece);
    }
    String::from_utf8(answer).map_err(io::Error::other)
}

/// Writes every 32nd block of the file, or reads and checks it.
async fn blocks(file: Rc<DioFile>, first: u64, write: bool) -> io::Result<()> {
    let mut buf = AlignedBuf::zeroed(BLOCK, file.alignment().memory());
    for block in (first..(MIB << 20) / BLOCK as u64).step_by(IN_FLIGHT as usize) {
        let (byte, offset) = ((block % 251) as u8, block * BLOCK as u64);
        let result;
        if write {
            buf.fill(byte);
            (result, buf) = file.write_all_at(buf, offset).await;
        } else {
            (result, buf) = file.read_exact_at(buf, offset).await;
        }
        result?;
        if buf.iter().any(|&found| found != byte) {
            return Err(io::Error::other("a block is not what was written"));
        }
    }
    Ok(())
}

async fn primes(polite: bool) -> usize {
    let mut count = 0;
    for n in 2..1_000_000_u32 {
        count += usize::from((2..).take_while(|d| d * d <= n).all(|d| n % d != 0));
        if polite {
            io2::yield_if_needed().await;
        }
    }
    count
}

/// Keeps what the runtime warns of: a `tracing` layer like any other.
struct Warnings;
static CAUGHT: Mutex<Vec<String>> = Mutex::new(Vec::new());

impl<S: tracing::Subscriber> Layer<S> for Warnings {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        event.record(&mut |field: &Field, value: &dyn Debug| {
            if event.metadata().target() == "io2::preempt" && field.name() == "message" {
                CAUGHT.lock().unwrap().push(format!("{value:?}"));
            }
        });
    }
}
