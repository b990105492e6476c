//! A chat room: every line goes to everybody else. A guest who reads too slowly misses some.
//!
//!     cargo run --release --example chat -- 127.0.0.1:7002
//!     socat - TCP:127.0.0.1:7002

use std::rc::Rc;
use std::{env, io};

use io2::net::{OwnedReadHalf, OwnedWriteHalf, TcpListener, TcpStream};
use io2::sync::broadcast::{self, Receiver, Sender, error::RecvError};

/// Lines that a guest may be behind.
const BEHIND: usize = 256;
const LONGEST_LINE: usize = 4 << 10;

/// A line, and the number of the guest who has written it.
#[derive(Clone)]
struct Line {
    from: u32,
    text: Rc<[u8]>,
}

#[io2::main(name = "chat")]
async fn main() -> io::Result<()> {
    let address = env::args().nth(1).unwrap_or("127.0.0.1:7002".into());
    let listener = TcpListener::bind(address.as_str()).await?;
    println!("listening on {}", listener.local_addr()?);
    let (room, _) = broadcast::channel(BEHIND);
    let mut incoming = listener.incoming();
    for guest in 1.. {
        let (reader, writer) = incoming.next().await?.into_split();
        let (said, heard) = (room.clone(), room.subscribe());
        let listening = io2::spawn(async move { listen(guest, heard, writer).await });
        io2::spawn(async move {
            say(&said, guest, "has come");
            let _ = talk(guest, reader, &said).await;
            say(&said, guest, "has gone");
            // Whoever has ended his side is not told any more, either.
            listening.cancel().await;
        });
    }
    Ok(())
}

fn say(room: &Sender<Line>, from: u32, text: &str) {
    let text = format!("{from} {text}\n").into_bytes().into();
    // Nobody else may be there.
    let _ = room.send(Line { from, text });
}

/// Reads lines and tells them to all.
async fn talk(guest: u32, reader: OwnedReadHalf<TcpStream>, room: &Sender<Line>) -> io::Result<()> {
    let (mut buf, mut line) = (Vec::with_capacity(LONGEST_LINE), Vec::new());
    loop {
        let read;
        (read, buf) = reader.read(buf).await;
        if read? == 0 {
            return Ok(());
        }
        for piece in buf.split_inclusive(|&byte| byte == b'\n') {
            line.extend_from_slice(piece);
            if piece.ends_with(b"\n") || line.len() >= LONGEST_LINE {
                let text = String::from_utf8_lossy(&line);
                say(room, guest, &format!("says: {}", text.trim_end()));
                line.clear();
            }
        }
    }
}

/// Writes what others say.
async fn listen(
    guest: u32,
    mut room: Receiver<Line>,
    writer: OwnedWriteHalf<TcpStream>,
) -> io::Result<()> {
    loop {
        match room.recv().await {
            Ok(line) if line.from == guest => {}
            Ok(line) => writer.write_all(line.text).await.0?,
            Err(RecvError::Lagged(missed)) => {
                let note = format!("(you missed {missed} lines)\n");
                writer.write_all(note).await.0?;
            }
            Err(RecvError::Closed) => return Ok(()),
        }
    }
}
