//! A client: commands in, replies out, each in its turn.

use std::io;
use std::net::Shutdown;
use std::ops::Range;
use std::time::Duration;

use io2::buf::IoBuf;
use io2::net::TcpStream;
use io2::sync::CancellationToken;
use io2::time;

use super::Server;
use super::command::{self, REFUSED, Session};
use super::resp::{self, Words};
use super::store::now;

/// What is read at once.
const CHUNK: usize = 64 << 10;
/// So many bytes of replies are sent before further commands are carried out.
const ENOUGH: usize = 1 << 20;
/// How long a client may take to notice that the connection ends.
const LINGER: Duration = Duration::from_secs(1);

/// Replies in the order of their commands.
#[derive(Debug, Default)]
struct Replies {
    bytes: Vec<u8>,
    /// Those that must not be sent before a batch of the log is synced, and which batch.
    owed: Vec<(Range<usize>, u64)>,
}

/// What comes after some commands.
enum Next {
    Read,
    Answer,
    Close,
}

/// Serves a client until one of the two ends it.
pub(super) async fn serve(
    stream: &TcpStream,
    server: &Server,
    stop: &CancellationToken,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut input = Vec::new();
    loop {
        let (replies, mut next) = answer(server, &mut input).await;
        if !replies.bytes.is_empty() {
            let (bytes, known) = replies.settled(server).await;
            stream.write_all(bytes).await.0?;
            if !known {
                next = Next::Close;
            }
        }
        match next {
            Next::Answer => {}
            Next::Close => break,
            Next::Read => {
                let begin = input.len();
                if begin == 0 {
                    // A great command may have left much memory behind.
                    input.shrink_to(CHUNK);
                }
                input.reserve(CHUNK);
                let read = stream.read(input.slice(begin..begin + CHUNK));
                let Some((read, slice)) = stop.run_until_cancelled(read).await else {
                    break;
                };
                input = slice.into_inner();
                if read? == 0 {
                    break;
                }
            }
        }
    }
    // To close while something is unread would take the last replies from the client.
    stream.shutdown(Shutdown::Write).await?;
    let _ = time::timeout(LINGER, discard(stream)).await;
    Ok(())
}

async fn discard(stream: &TcpStream) -> io::Result<()> {
    let mut buf = Vec::with_capacity(CHUNK);
    loop {
        let read;
        (read, buf) = stream.read(buf).await;
        if read? == 0 {
            return Ok(());
        }
    }
}

/// Carries out the commands that are there, and takes them off the input.
async fn answer(server: &Server, input: &mut Vec<u8>) -> (Replies, Next) {
    let (mut replies, mut used) = (Replies::default(), 0);
    let next = loop {
        if replies.bytes.len() >= ENOUGH {
            break Next::Answer;
        }
        match resp::parse(&input[used..]) {
            Ok(None) => break Next::Read,
            Ok(Some((words, len))) => {
                used += len;
                if words
                    .first()
                    .is_some_and(|name| name.eq_ignore_ascii_case(b"QUIT"))
                {
                    resp::simple(&mut replies.bytes, "OK");
                    break Next::Close;
                }
                replies.add(server, &words);
            }
            Err(what) => {
                resp::error(&mut replies.bytes, &format!("ERR Protocol error: {what}"));
                break Next::Close;
            }
        }
        io2::yield_if_needed().await;
    };
    input.drain(..used);
    (replies, next)
}

impl Replies {
    /// Carries out one command.
    fn add(&mut self, server: &Server, words: &Words<'_>) {
        let [name, words @ ..] = &words[..] else {
            return;
        };
        let begin = self.bytes.len();
        let mut session = Session {
            store: &mut server.store.borrow_mut(),
            log: &server.log,
            now: now(),
            needs: 0,
        };
        if let Err(error) = command::execute(name, words, &mut session, &mut self.bytes) {
            self.bytes.truncate(begin);
            resp::error(&mut self.bytes, &error);
        }
        if session.needs > 0 {
            self.owed.push((begin..self.bytes.len(), session.needs));
        }
    }

    /// Waits for the log, and gives what can be sent. What the log could not take is refused. Where nobody
    /// knows whether it has taken it there is no right reply: what comes before is given, and false.
    async fn settled(self, server: &Server) -> (Vec<u8>, bool) {
        let Some(newest) = self.owed.iter().map(|(_, batch)| *batch).max() else {
            return (self.bytes, true);
        };
        let log = server.log.wait_for(newest).await;
        if log.synced >= newest {
            return (self.bytes, true);
        }
        let (mut bytes, mut copied) = (Vec::new(), 0);
        for (reply, batch) in self.owed.iter().filter(|(_, batch)| *batch > log.synced) {
            bytes.extend_from_slice(&self.bytes[copied..reply.start]);
            if log.unknown == Some(*batch) {
                return (bytes, false);
            }
            resp::error(&mut bytes, REFUSED);
            copied = reply.end;
        }
        bytes.extend_from_slice(&self.bytes[copied..]);
        (bytes, true)
    }
}
