//! A server on all cores: on each a thread that stays there, with an executor of its own. It answers
//! each line with the number of the core before it, and says at Ctrl-C what each core has done.
//!
//!     cargo run --release --example per_core -- 127.0.0.1:7003
//!     cargo run --release --example per_core -- --hand-over 127.0.0.1:7003
//!     echo hello | socat - TCP:127.0.0.1:7003
//!
//! Each core has a listening socket of its own, and the kernel chooses one for each connection by a hash
//! of its addresses: with few connections some cores get many and others none. With `--hand-over` one
//! core accepts all, and hands them to the others in turn.

use std::cell::Cell;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::{env, io};

use futures_lite::future::or;
use io2::net::{TcpListener, TcpSocket, TcpStream};
use io2::signal::{SignalKind, signal};
use io2::{ExecutorConfig, Handle};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// What a core has done.
#[derive(Clone, Copy, Default)]
struct Counts {
    connections: u64,
    lines: u64,
}

thread_local! {
    /// What belongs to a core is a thread-local variable: nothing is shared, so nothing is locked.
    static COUNTS: Cell<Counts> = Cell::default();
}

fn count(change: impl FnOnce(&mut Counts)) {
    let mut counts = COUNTS.get();
    change(&mut counts);
    COUNTS.set(counts);
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let (hand_over, address) = match &arguments[..] {
        [address] => (false, address.parse()),
        [option, address] if option == "--hand-over" => (true, address.parse()),
        _ => {
            eprintln!("usage: per_core [--hand-over] ADDRESS");
            return ExitCode::from(2);
        }
    };
    let outcome = address
        .map_err(io::Error::other)
        .and_then(|address| run(address, hand_over));
    if let Err(error) = outcome {
        eprintln!("per_core: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn run(mut address: SocketAddr, hand_over: bool) -> io::Result<()> {
    // Those that this process may use: a container may have less than the machine.
    let allowed = sched_getaffinity(None)?;
    let cores: Vec<usize> = (0..CpuSet::MAX_CPU)
        .filter(|&core| allowed.is_set(core))
        .collect();
    let (mut workers, mut others) = (Vec::new(), Vec::new());
    // One after the other, the one that hands over last: it must know the others.
    for (n, &core) in cores.iter().enumerate() {
        let role = match hand_over {
            false => Role::Serve(address),
            true if n + 1 < cores.len() => Role::Take,
            true => Role::HandOver(address, others.clone()),
        };
        let (ready, told) = mpsc::channel();
        let worker = thread::spawn(move || work(core, role, ready));
        let Ok(started) = told.recv() else {
            return end(worker).map(drop);
        };
        // All listen on the port that the first one got.
        address = started.address.unwrap_or(address);
        others.push((core, started.handle));
        workers.push((core, worker));
    }
    println!("listening on {address}, {} cores", workers.len());
    for (core, worker) in workers {
        let Counts { connections, lines } = end(worker)?;
        println!("core {core}: {connections} connections, {lines} lines");
    }
    Ok(())
}

fn end<T>(worker: JoinHandle<io::Result<T>>) -> io::Result<T> {
    worker.join().expect("a worker panicked")
}

enum Role {
    /// Accepts connections and serves them.
    Serve(SocketAddr),
    /// Serves connections that another core has accepted.
    Take,
    /// Accepts connections for the others.
    HandOver(SocketAddr, Vec<(usize, Handle)>),
}

/// What a worker tells when it is ready.
struct Started {
    address: Option<SocketAddr>,
    handle: Handle,
}

/// A core's thread.
fn work(core: usize, role: Role, ready: mpsc::Sender<Started>) -> io::Result<Counts> {
    let mut only = CpuSet::new();
    only.set(core);
    sched_setaffinity(None, &only)?;
    let config = ExecutorConfig::new().name(format!("core-{core}"));
    config.run(async move {
        // Each executor listens for the signal, so that none has to be told to end.
        let mut interrupt = signal(SignalKind::INTERRUPT)?;
        let (listener, others) = match role {
            Role::Take => (None, Vec::new()),
            Role::Serve(address) => (Some(listen(address)?), Vec::new()),
            Role::HandOver(address, others) => (Some(listen(address)?), others),
        };
        let address = listener.as_ref().map(TcpListener::local_addr).transpose()?;
        let handle = Handle::current();
        // Who does not hear it any more is ending.
        let _ = ready.send(Started { address, handle });
        let serve = async {
            match listener {
                Some(listener) => accept(core, listener, others).await,
                None => std::future::pending().await,
            }
        };
        let outcome = or(serve, interrupt.recv()).await;
        if let Err(error) = &outcome {
            // The other cores go on.
            eprintln!("per_core: core {core}: {error}");
        }
        outcome.map(|()| COUNTS.get())
    })?
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    let socket = socket.reuse_address(true)?.reuse_port(true)?;
    socket.bind(address)?.listen(1024)
}

/// Accepts connections: for this core, or for the others if there are any.
async fn accept(
    core: usize,
    listener: TcpListener,
    others: Vec<(usize, Handle)>,
) -> io::Result<()> {
    let mut incoming = listener.incoming();
    let mut turn = others.iter().cycle();
    loop {
        let stream = incoming.next().await?;
        let Some(&(other, ref handle)) = turn.next() else {
            io2::spawn(serve(core, stream));
            continue;
        };
        // A stream belongs to its executor, a descriptor to the process.
        let Ok(descriptor) = stream.into_std() else {
            unreachable!("no operation uses a connection that is new");
        };
        handle.spawn_with(move || async move {
            match TcpStream::from_std(descriptor) {
                Ok(stream) => serve(other, stream).await,
                Err(error) => eprintln!("per_core: {error}"),
            }
        });
    }
}

async fn serve(core: usize, stream: TcpStream) {
    count(|counts| counts.connections += 1);
    // A peer that goes in the middle is its own concern.
    let _ = answer(core, stream).await;
}

async fn answer(core: usize, stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut buf, mut out) = (Vec::with_capacity(16 << 10), Vec::new());
    let mut at_start = true;
    loop {
        let (read, written);
        (read, buf) = stream.read(buf).await;
        if read? == 0 {
            return Ok(());
        }
        out.clear();
        for piece in buf.split_inclusive(|&byte| byte == b'\n') {
            if at_start {
                out.extend_from_slice(format!("{core}: ").as_bytes());
            }
            out.extend_from_slice(piece);
            at_start = piece.ends_with(b"\n");
            count(|counts| counts.lines += u64::from(at_start));
        }
        (written, out) = stream.write_all(out).await;
        written?;
    }
}
