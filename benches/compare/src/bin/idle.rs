//! How much memory an idle connection takes in an echo server on io2, tokio and monoio.
//!
//! ```text
//! cargo run --release --manifest-path benches/compare/Cargo.toml --bin idle -- [ROUNDS] [CONNECTIONS]
//! ```
//!
//! Each server is a process of its own, and so are its clients. A client says one byte and hears it back,
//! so that the connection has done all that it does, and is silent from then on. What is told is the
//! resident memory of the server's process with all of them, less that with one that has talked for a
//! while, for each. The kernel's own memory is not in it, neither for the rings nor for epoll.
//!
//! Servers that hold no buffer while they wait are compared with each other, and those that hold one of
//! 4 KiB with each other.

use std::cell::RefCell;
use std::future::Future;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

const BUFFER: usize = 4096;

/// How often the first connection talks: a server that shares buffers has then used all of them.
const WARM_UP: usize = 1000;

struct Server {
    name: &'static str,
    buffer: &'static str,
    serve: fn() -> io::Result<()>,
}

const SERVERS: &[Server] = &[
    Server {
        name: "io2 recv_pooled",
        buffer: "none",
        serve: || in_io2(io2_server(io2_pooled)),
    },
    Server {
        name: "io2 peek, read",
        buffer: "none",
        serve: || in_io2(io2_server(io2_peek)),
    },
    Server {
        name: "tokio readable, try_read",
        buffer: "none",
        serve: || in_tokio(tokio_server(tokio_readable)),
    },
    Server {
        name: "io2 read",
        buffer: "4 KiB",
        serve: || in_io2(io2_server(io2_read)),
    },
    Server {
        name: "tokio read",
        buffer: "4 KiB",
        serve: || in_tokio(tokio_server(tokio_read)),
    },
    Server {
        name: "monoio read",
        buffer: "4 KiB",
        serve: || in_monoio(monoio_server()),
    },
];

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, otherwise: usize| {
        let argument = arguments.get(at).map(|text| text.parse());
        argument.unwrap_or(Ok(otherwise)).map_err(io::Error::other)
    };
    match arguments.first().map(String::as_str) {
        Some("serve") => {
            let wanted = |server: &&Server| Some(server.name) == arguments.get(1).map(|s| &s[..]);
            let server = SERVERS.iter().find(wanted).expect("a server's name");
            (server.serve)()
        }
        Some("connect") => connect(&arguments[1], number(2, 0)?),
        _ => measure(number(0, 5)?, number(1, 10_000)?),
    }
}

fn measure(rounds: usize, connections: usize) -> io::Result<()> {
    let mut bytes = vec![Vec::new(); SERVERS.len()];
    for round in 0..rounds {
        eprintln!("round {} of {rounds}", round + 1);
        for turn in 0..SERVERS.len() {
            // Nobody is always first.
            let at = (round + turn) % SERVERS.len();
            bytes[at].push(bytes_of_each(SERVERS[at].name, connections)?);
        }
    }
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "\nbytes a connection, {connections} idle ones, {rounds} rounds\n"
    )?;
    writeln!(
        out,
        "| {:<24} | buffer held | {:>6} | {:>6} | {:>6} |",
        "server", "least", "median", "most"
    )?;
    writeln!(out, "|{:-<26}|{0:-<13}|{0:->7}:|{0:->7}:|{0:->7}:|", "")?;
    for (server, mut bytes) in SERVERS.iter().zip(bytes) {
        bytes.sort_by(f64::total_cmp);
        let (Some(least), Some(most)) = (bytes.first(), bytes.last()) else {
            continue;
        };
        let median = bytes[bytes.len() / 2];
        let Server { name, buffer, .. } = server;
        writeln!(
            out,
            "| {name:<24} | {buffer:<11} | {least:>6.0} | {median:>6.0} | {most:>6.0} |"
        )?;
    }
    Ok(())
}

/// A process that is killed in the end.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts this program with other arguments, and reads the line that it says when it is ready.
fn start(arguments: &[&str]) -> io::Result<(Process, String)> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(arguments).stdout(Stdio::piped());
    let mut process = Process(command.stdin(Stdio::piped()).spawn()?);
    let stdout = process.0.stdout.as_mut().expect("it is a pipe");
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line)?;
    if line.is_empty() {
        return Err(io::Error::other(format!("{arguments:?} ended")));
    }
    Ok((process, line.trim().to_owned()))
}

fn bytes_of_each(server: &str, connections: usize) -> io::Result<f64> {
    let (server, address) = start(&["serve", server])?;
    let mut first = talk(&address)?;
    for _ in 0..WARM_UP {
        hear_back(&mut first)?;
    }
    let before = resident(server.0.id())?;
    let (_clients, _) = start(&["connect", &address, &connections.to_string()])?;
    let after = resident(server.0.id())?;
    Ok((after - before) / connections as f64)
}

/// Bytes of a process that are in memory.
fn resident(process: u32) -> io::Result<f64> {
    let rollup = std::fs::read_to_string(format!("/proc/{process}/smaps_rollup"))?;
    let field = rollup.lines().find_map(|line| line.strip_prefix("Rss:"));
    let kib = field.and_then(|field| field.trim().strip_suffix(" kB"));
    let kib: f64 = kib.and_then(|kib| kib.parse().ok()).expect("Rss, in kB");
    Ok(kib * 1024.0)
}

fn talk(address: &str) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(address)?;
    hear_back(&mut stream)?;
    Ok(stream)
}

fn hear_back(stream: &mut TcpStream) -> io::Result<()> {
    stream.write_all(b"!")?;
    stream.read_exact(&mut [0])
}

/// The clients: connect, talk once, and are silent until the input ends.
fn connect(address: &str, connections: usize) -> io::Result<()> {
    let streams: io::Result<Vec<_>> = (0..connections).map(|_| talk(address)).collect();
    say("connected")?;
    io::stdin().read_to_end(&mut Vec::new())?;
    drop(streams?);
    Ok(())
}

fn say(line: impl std::fmt::Display) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{line}")
}

thread_local! {
    /// A buffer that is lent to whichever connection has something to read.
    static SPARE: RefCell<Vec<u8>> = RefCell::new(Vec::with_capacity(BUFFER));
}

fn in_io2<F: Future<Output = io::Result<()>>>(server: F) -> io::Result<()> {
    io2::ExecutorConfig::new().run(server)?
}

async fn io2_server<F: Future + 'static>(
    echo: impl Fn(io2::net::TcpStream) -> F,
) -> io::Result<()> {
    let listener = io2::net::TcpListener::bind("127.0.0.1:0").await?;
    say(listener.local_addr()?)?;
    let mut incoming = listener.incoming();
    loop {
        io2::spawn(echo(incoming.next().await?));
    }
}

async fn io2_pooled(stream: io2::net::TcpStream) -> io::Result<()> {
    let mut incoming = stream.recv_pooled();
    while let Some(buf) = incoming.next().await? {
        stream.write_all(buf).await.0?;
    }
    Ok(())
}

async fn io2_peek(stream: io2::net::TcpStream) -> io::Result<()> {
    let mut one = Vec::with_capacity(1);
    loop {
        let (peeked, read, written);
        (peeked, one) = stream.peek(one).await;
        if peeked? == 0 {
            return Ok(());
        }
        let mut buf = SPARE.take();
        buf.reserve(BUFFER);
        (read, buf) = stream.read(buf).await;
        read?;
        (written, buf) = stream.write_all(buf).await;
        written?;
        SPARE.set(buf);
    }
}

async fn io2_read(stream: io2::net::TcpStream) -> io::Result<()> {
    let mut buf = Vec::with_capacity(BUFFER);
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

fn in_tokio<F: Future<Output = io::Result<()>>>(server: F) -> io::Result<()> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().build()?;
    runtime.block_on(server)
}

async fn tokio_server<F: Future<Output: Send> + Send + 'static>(
    echo: impl Fn(tokio::net::TcpStream) -> F,
) -> io::Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    say(listener.local_addr()?)?;
    loop {
        tokio::spawn(echo(listener.accept().await?.0));
    }
}

async fn tokio_readable(mut stream: tokio::net::TcpStream) -> io::Result<()> {
    use tokio::io::AsyncWriteExt;
    loop {
        stream.readable().await?;
        let mut buf = SPARE.take();
        buf.reserve(BUFFER);
        match stream.try_read_buf(&mut buf) {
            Ok(0) => return Ok(()),
            Ok(_) => stream.write_all(&buf).await?,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        buf.clear();
        SPARE.set(buf);
    }
}

async fn tokio_read(mut stream: tokio::net::TcpStream) -> io::Result<()> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut buf = vec![0; BUFFER];
    loop {
        let read = stream.read(&mut buf).await?;
        if read == 0 {
            return Ok(());
        }
        stream.write_all(&buf[..read]).await?;
    }
}

fn in_monoio<F: Future<Output = io::Result<()>>>(server: F) -> io::Result<()> {
    let builder = monoio::RuntimeBuilder::<monoio::IoUringDriver>::new();
    builder.enable_timer().build()?.block_on(server)
}

async fn monoio_server() -> io::Result<()> {
    let listener = monoio::net::TcpListener::bind("127.0.0.1:0")?;
    say(listener.local_addr()?)?;
    loop {
        monoio::spawn(monoio_read(listener.accept().await?.0));
    }
}

async fn monoio_read(mut stream: monoio::net::TcpStream) -> io::Result<()> {
    use monoio::io::{AsyncReadRent, AsyncWriteRentExt};
    let mut buf = Vec::with_capacity(BUFFER);
    loop {
        let (read, filled) = stream.read(buf).await;
        if read? == 0 {
            return Ok(());
        }
        let (written, emptied) = stream.write_all(filled).await;
        written?;
        buf = emptied;
    }
}
