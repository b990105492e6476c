//! Services that clients in another process use: what a request costs the server.
//!
//! A server is a process of its own on the first core; the clients are in the driver's, on the second. What counts is
//! the server's CPU time for a request, by the kernel's own books: it is the same whether the clients keep the server
//! busy or not. How busy the clients were is told, too. All servers have buffers of the same size, and send without
//! delay.

mod common;
mod compio;
mod glommio;
mod http;
mod idle;
mod io2;
mod kimojio;
mod load;
mod monoio;
mod process;
mod protocol;
mod raw;
mod ring;
mod smol;
mod tokio;
mod tokio_uring;

use std::io;
use std::time::Duration;

use crate::sample::Sample;
use load::Load;
use process::Process;
use protocol::Protocol;

/// How long each is measured, after a start that does not count.
const WARM_UP: Duration = Duration::from_millis(200);
const MEASURED: Duration = Duration::from_millis(700);

/// A server that lives longer has been forgotten.
const LIMIT_SECONDS: u32 = 60;

/// A peer's name, and its server, with a buffer of so many bytes for each connection.
type Server = (&'static str, fn(usize) -> io::Result<()>);

const BUFFER: usize = 16 * 1024;
const BUFFER_OF_IDLE: usize = 4 * 1024;

const ECHO: [Server; 12] = [
    ("raw", raw::echo),
    ("io2", io2::echo),
    ("tokio", tokio::echo),
    ("tokio-uring", tokio_uring::echo),
    ("monoio", monoio::echo),
    ("monoio, tuned", monoio::echo_tuned),
    ("compio", compio::echo),
    ("compio, tuned", compio::echo_tuned),
    ("glommio", glommio::echo),
    ("smol", smol::echo),
    ("kimojio", kimojio::echo),
    // Worth its while where the server waits for one client.
    ("io2, spinning", io2::echo_spinning),
];

const HTTP: [Server; 7] = [
    ("io2", io2::http),
    ("tokio", tokio::http),
    ("monoio", monoio::http),
    ("monoio, tuned", monoio::http_tuned),
    ("compio", compio::http),
    ("compio, tuned", compio::http_tuned),
    ("smol", smol::http),
];

const HTTP_PEERS: &[&str] = &names(&HTTP);
/// With a buffer for each connection.
const IDLE: [Server; 9] = [
    ("raw", raw::echo),
    ("io2", io2::echo),
    ("tokio", tokio::echo),
    ("tokio-uring", tokio_uring::echo),
    ("monoio", monoio::echo),
    ("compio", compio::echo),
    ("glommio", glommio::echo),
    ("smol", smol::echo),
    ("kimojio", kimojio::echo),
];

/// With buffers that all connections share.
const IDLE_SHARED: [Server; 4] = [
    ("io2", io2::echo_pooled),
    ("tokio", tokio::echo_readable),
    ("monoio", monoio::echo_readable),
    ("compio", compio::echo_managed),
];

const IDLE_PEERS: &[&str] = &names(&IDLE);
const IDLE_SHARED_PEERS: &[&str] = &names(&IDLE_SHARED);
const ECHO_PEERS: &[&str] = &names(&ECHO);
const ECHO_PEERS_OF_MANY: &[&str] = ECHO_PEERS.split_at(ECHO.len() - 1).0;

const fn names<const N: usize>(servers: &[Server; N]) -> [&'static str; N] {
    let mut names = [""; N];
    let mut at = 0;
    while at < N {
        names[at] = servers[at].0;
        at += 1;
    }
    names
}

/// What the clients of a service do.
enum Clients {
    Ask(Load),
    Wait,
}

/// One service under one load.
pub struct Case {
    pub name: &'static str,
    /// Who offers it.
    pub peers: &'static [&'static str],
    service: &'static str,
    clients: Clients,
}

/// All of them.
pub const CASES: &[Case] = &[
    echo_case("TCP echo, 1 x 64 B", ECHO_PEERS, 1, 64),
    echo_case("TCP echo, 50 x 64 B", ECHO_PEERS_OF_MANY, 50, 64),
    echo_case("TCP echo, 500 x 64 B", ECHO_PEERS_OF_MANY, 500, 64),
    echo_case("TCP echo, 50 x 16 KiB", ECHO_PEERS_OF_MANY, 50, 16 * 1024),
    http_case("HTTP hello, 50 connections", http::HELLO),
    http_case("HTTP 64 KiB, 50 connections", http::BODY),
    Case {
        name: "memory of an idle connection, with 4 KiB of its own",
        peers: IDLE_PEERS,
        service: "idle",
        clients: Clients::Wait,
    },
    Case {
        name: "memory of an idle connection, with shared buffers",
        peers: IDLE_SHARED_PEERS,
        service: "idle, shared",
        clients: Clients::Wait,
    },
];

const fn echo_case(
    name: &'static str,
    peers: &'static [&'static str],
    connections: usize,
    size: usize,
) -> Case {
    Case {
        name,
        peers,
        service: "echo",
        clients: Clients::Ask(Load {
            connections,
            protocol: Protocol::Echo(size),
        }),
    }
}

const fn http_case(name: &'static str, (path, body): (&'static str, &'static [u8])) -> Case {
    Case {
        name,
        peers: HTTP_PEERS,
        service: "http",
        clients: Clients::Ask(Load {
            connections: 50,
            protocol: Protocol::Http(path, body),
        }),
    }
}

impl Case {
    /// It is measured in one of so many rounds: memory is the same in each, and takes long to fill.
    pub fn every(&self) -> usize {
        match self.clients {
            Clients::Ask(_) => 1,
            Clients::Wait => 5,
        }
    }

    /// One measurement, in the driver's process, of a server that is a child of it.
    pub fn measure(&self, peer: &str) -> io::Result<Sample> {
        let Clients::Ask(load) = &self.clients else {
            return idle::measure(self.service, peer);
        };
        let server = Process::start(self.service, peer)?;
        let mut clients = load.connect(server.address)?;
        clients.run(WARM_UP)?;
        let before = server.cpu_micros()?;
        let outcome = clients.run(MEASURED)?;
        let cpu = server.cpu_micros()? - before;
        let requests = outcome.latencies.len() as f64;
        Ok(Sample::new()
            .with("rate", requests / outcome.took.as_secs_f64())
            .with("cpu_us", cpu / requests)
            .with("p50_us", outcome.latency_micros(0.5))
            .with("p99_us", outcome.latency_micros(0.99))
            .with("p999_us", outcome.latency_micros(0.999))
            .with("busy", outcome.busy))
    }
}

/// Serves until it is killed. The address goes to standard output.
pub fn serve(service: &str, peer: &str) -> io::Result<()> {
    // SAFETY: nothing else uses the alarm, whose signal ends the process.
    unsafe { libc::alarm(LIMIT_SECONDS) };
    let (servers, buffer) = match service {
        "echo" => (&ECHO[..], BUFFER),
        "http" => (&HTTP[..], BUFFER),
        "idle" => (&IDLE[..], BUFFER_OF_IDLE),
        "idle, shared" => (&IDLE_SHARED[..], BUFFER_OF_IDLE),
        _ => return Err(io::Error::other(format!("no service {service:?}"))),
    };
    match servers.iter().find(|(name, _)| *name == peer) {
        Some((_, serve)) => serve(buffer),
        None => Err(io::Error::other(format!("no {service} in {peer:?}"))),
    }
}
