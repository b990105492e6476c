//! The servers. Each reads into a buffer of its own and writes back what it has read.

use std::io::{self, Write};
use std::net::TcpListener;
use std::os::fd::AsRawFd;

use io_uring::{opcode, types};

use crate::ring::{Ring, check};

type Serve = fn() -> io::Result<()>;

pub const SERVERS: &[(&str, Serve)] = &[
    ("raw", raw),
    ("io2", || {
        io2::ExecutorConfig::new()
            .ring_depth(1024)
            .run(io2_server())?
    }),
    ("tokio", tokio_server),
    ("monoio", || monoio_server(false)),
    ("monoio, tuned", || monoio_server(true)),
    ("compio", compio_server),
];

const BUFFER: usize = 16 * 1024;

fn say(line: impl std::fmt::Display) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{line}")
}

// ---- by hand ---------------------------------------------------------------------------------------

struct Connection {
    fd: i32,
    buf: Vec<u8>,
    filled: usize,
    sent: usize,
}

const ACCEPT: u64 = u64::MAX;
const SEND: u64 = 1 << 32;

fn raw() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    say(listener.local_addr()?)?;
    let mut ring = Ring::new()?;
    let mut connections: Vec<Connection> = Vec::new();
    let accept = opcode::AcceptMulti::new(types::Fd(listener.as_raw_fd())).build();
    // SAFETY: it points to nothing.
    unsafe { ring.push(&accept.user_data(ACCEPT))? };
    let mut completions = Vec::new();
    loop {
        ring.turn(&mut completions)?;
        for (data, result, _) in completions.drain(..) {
            if data == ACCEPT {
                connections.push(Connection {
                    fd: check(result)? as i32,
                    buf: vec![0; BUFFER],
                    filled: 0,
                    sent: 0,
                });
                let number = connections.len() - 1;
                raw_receive(&mut ring, &mut connections[number], number)?;
                continue;
            }
            let number = (data & (SEND - 1)) as usize;
            let count = check(result)?;
            let connection = &mut connections[number];
            if data & SEND == 0 {
                if count == 0 {
                    continue;
                }
                (connection.filled, connection.sent) = (count, 0);
                raw_send(&mut ring, connection, number)?;
            } else {
                connection.sent += count;
                if connection.sent < connection.filled {
                    raw_send(&mut ring, connection, number)?;
                } else {
                    raw_receive(&mut ring, connection, number)?;
                }
            }
        }
    }
}

fn raw_receive(ring: &mut Ring, connection: &mut Connection, number: usize) -> io::Result<()> {
    let (fd, buf) = (types::Fd(connection.fd), &mut connection.buf);
    let entry = opcode::Recv::new(fd, buf.as_mut_ptr(), buf.len() as u32).build();
    // SAFETY: the buffer's memory stays where it is, and is not looked at before this has completed.
    unsafe { ring.push(&entry.user_data(number as u64)) }
}

fn raw_send(ring: &mut Ring, connection: &Connection, number: usize) -> io::Result<()> {
    let rest = &connection.buf[connection.sent..connection.filled];
    let fd = types::Fd(connection.fd);
    let entry = opcode::Send::new(fd, rest.as_ptr(), rest.len() as u32).build();
    // SAFETY: the same.
    unsafe { ring.push(&entry.user_data(SEND | number as u64)) }
}

// ---- the runtimes ------------------------------------------------------------------------------------

async fn io2_server() -> io::Result<()> {
    let listener = io2::net::TcpListener::bind("127.0.0.1:0").await?;
    say(listener.local_addr()?)?;
    let mut incoming = listener.incoming();
    loop {
        io2::spawn(io2_echo(incoming.next().await?));
    }
}

async fn io2_echo(stream: io2::net::TcpStream) -> io::Result<()> {
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

fn tokio_server() -> io::Result<()> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    async fn echo(mut stream: tokio::net::TcpStream) -> io::Result<()> {
        let mut buf = vec![0; BUFFER];
        loop {
            let read = stream.read(&mut buf).await?;
            if read == 0 {
                return Ok(());
            }
            stream.write_all(&buf[..read]).await?;
        }
    }

    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build()?.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        say(listener.local_addr()?)?;
        loop {
            tokio::spawn(echo(listener.accept().await?.0));
        }
    })
}

fn monoio_server(tuned: bool) -> io::Result<()> {
    use monoio::io::{AsyncReadRent, AsyncWriteRentExt};

    async fn echo(mut stream: monoio::net::TcpStream) -> io::Result<()> {
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

    async fn serve() -> io::Result<()> {
        let listener = monoio::net::TcpListener::bind("127.0.0.1:0")?;
        say(listener.local_addr()?)?;
        loop {
            monoio::spawn(echo(listener.accept().await?.0));
        }
    }

    let mut builder = monoio::RuntimeBuilder::<monoio::IoUringDriver>::new().with_entries(1024);
    if tuned {
        let mut ring = monoio_uring::IoUring::builder();
        ring.setup_single_issuer().setup_defer_taskrun();
        builder = builder.uring_builder(ring);
    }
    builder.build()?.block_on(serve())
}

fn compio_server() -> io::Result<()> {
    use compio::io::{AsyncRead, AsyncWriteExt};

    async fn echo(mut stream: compio::net::TcpStream) -> io::Result<()> {
        let mut buf = Vec::with_capacity(BUFFER);
        loop {
            let compio::BufResult(read, filled) = stream.read(buf).await;
            if read? == 0 {
                return Ok(());
            }
            let compio::BufResult(written, emptied) = stream.write_all(filled).await;
            written?;
            buf = emptied;
            buf.clear();
        }
    }

    compio::runtime::Runtime::new()?.block_on(async {
        let listener = compio::net::TcpListener::bind("127.0.0.1:0").await?;
        say(listener.local_addr()?)?;
        loop {
            let (stream, _) = listener.accept().await?;
            compio::runtime::spawn(echo(stream)).detach();
        }
    })
}
