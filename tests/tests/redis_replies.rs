//! What the server of the example `redis` replies, and when.

use std::collections::{HashMap, HashSet};
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::thread;
use std::time::{Duration, SystemTime};

use async_channel::{Receiver, Sender};
use io2::buf::{AlignedBuf, BufResult};
use io2::fs::DioFile;
use io2::net::TcpListener;
use io2::sync::CancellationToken;
use io2_tests::child;
use io2_tests::observed::{Step as Occurrence, observe};
use io2_tests::random::random;
use io2_tests::resp::{Client, command};
use io2_tests::temp::TempDir;

use self::server::storage::{self, Storage};

#[allow(clippy::print_stderr, reason = "it is part of a program")]
#[path = "../../examples/redis/server/mod.rs"]
mod server;

const REFUSED: &str = "-MISCONF the log cannot be written, so nothing can be changed";

/// Runs a server, and a client on another thread until it returns.
async fn serve<S: Storage>(
    storage: S,
    client: impl FnOnce(SocketAddr) -> io::Result<()> + Send + 'static,
) -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let (address, stop) = (listener.local_addr()?, CancellationToken::new());
    let stopped = stop.clone();
    let server = io2::spawn(async move { server::run(storage, listener, &stopped).await });
    io2::spawn_blocking(move || client(address)).await?;
    stop.cancel();
    server.await
}

async fn serve_file(
    log: &Path,
    client: impl FnOnce(SocketAddr) -> io::Result<()> + Send + 'static,
) -> io::Result<()> {
    serve(storage::open(log).await?, client).await
}

/// A file that waits for a word before each write, or before each sync: whether it may succeed.
struct Judged {
    file: DioFile,
    step: Step,
    asked: Sender<()>,
    verdicts: Receiver<bool>,
}

/// Who gives it the word.
struct Judge {
    questions: Receiver<()>,
    answers: Sender<bool>,
}

impl Judge {
    /// Waits until there is something to judge. It stays so until there is an answer.
    fn wait(&self) {
        self.questions.recv_blocking().unwrap();
    }

    fn answer(&self, good: bool) {
        // Nobody asks any more after a failure.
        let _ = self.answers.send_blocking(good);
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Write,
    Sync,
}

impl Judged {
    async fn new(log: &Path, step: Step) -> (Judged, Judge) {
        let (asked, questions) = async_channel::unbounded();
        let (answers, verdicts) = async_channel::unbounded();
        let judged = Judged {
            file: storage::open(log).await.unwrap(),
            step,
            asked,
            verdicts,
        };
        (judged, Judge { questions, answers })
    }

    async fn judge(&self, step: Step) -> io::Result<()> {
        if step != self.step {
            return Ok(());
        }
        let _ = self.asked.try_send(());
        match self.verdicts.recv().await {
            Ok(true) => Ok(()),
            _ => Err(io::Error::from_raw_os_error(libc::EIO)),
        }
    }
}

impl Storage for Judged {
    async fn size(&self) -> io::Result<u64> {
        Storage::size(&self.file).await
    }

    async fn read(&self, buf: AlignedBuf, offset: u64) -> BufResult<(), AlignedBuf> {
        self.file.read(buf, offset).await
    }

    async fn write(&self, buf: AlignedBuf, offset: u64) -> BufResult<(), AlignedBuf> {
        match self.judge(Step::Write).await {
            Ok(()) => self.file.write(buf, offset).await,
            Err(error) => (Err(error), buf),
        }
    }

    async fn sync(&self) -> io::Result<()> {
        self.judge(Step::Sync).await?;
        self.file.sync().await
    }

    async fn cut(&self, len: u64) -> io::Result<()> {
        self.file.cut(len).await
    }
}

#[io2::test]
async fn commands_do_what_their_names_say() {
    let dir = TempDir::new();
    let client = |address| {
        let mut client = Client::connect(address)?;
        for (words, reply) in [
            ("PING", "+PONG"),
            ("ping hello", "$hello"),
            ("ECHO hello", "$hello"),
            ("GET a", "$-1"),
            ("SET a 1", "+OK"),
            ("get a", "$1"),
            ("INCR a", ":2"),
            ("INCR new", ":1"),
            ("TTL a", ":-1"),
            ("TTL nothing", ":-2"),
            ("EXPIRE a 100", ":1"),
            ("EXPIRE nothing 100", ":0"),
            ("INCR a", ":3"),
            ("SET a x", "+OK"),
            ("TTL a", ":-1"),
            ("INCR a", "-ERR value is not an integer or out of range"),
            ("SET a 9223372036854775807", "+OK"),
            ("INCR a", "-ERR increment or decrement would overflow"),
            ("SET a 2 NX", "$-1"),
            ("SET a 2 XX PX 100000", "+OK"),
            ("SET b 2 XX", "$-1"),
            ("SET b 2 ex 100 nx", "+OK"),
            ("EXISTS a b a nothing", ":3"),
            ("DBSIZE", ":3"),
            ("DEL a b a nothing", ":2"),
            ("EXISTS a b", ":0"),
            ("EXPIRE new 0", ":1"),
            ("GET new", "$-1"),
            ("SET a 1 EX 0", "-ERR invalid expire time in 'set' command"),
            ("SET a 1 PX 9223372036854775807", "-ERR invalid expire time"),
            ("SET a 1 EX", "-ERR syntax error"),
            ("SET a 1 EX 1 PX 1", "-ERR syntax error"),
            ("SET a 1 NX XX", "-ERR syntax error"),
            (
                "SET a 1 EX 1x",
                "-ERR value is not an integer or out of range",
            ),
            ("GET", "-ERR wrong number of arguments for 'GET' command"),
            ("nonsense", "-ERR unknown command 'nonsense'"),
            ("DBSIZE", ":0"),
            ("COMMAND DOCS", "*0"),
            ("QUIT", "+OK"),
        ] {
            let words: Vec<_> = words.split(' ').collect();
            assert_eq!(client.ask(&words)?, reply, "{words:?}");
        }
        assert!(client.has_ended()?);
        Ok(())
    };
    serve_file(&dir.join("log"), client).await.unwrap();
}

#[io2::test]
async fn ten_thousand_commands_in_one_go_are_answered_in_order_however_they_are_split() {
    let dir = TempDir::new();
    let client = |address| {
        let mut random = random();
        let mut values = HashMap::new();
        let (mut bytes, mut replies) = (Vec::new(), Vec::new());
        for number in 0..10_000_u64 {
            let key = format!("key{}", random(100));
            match random(4) {
                0 => {
                    bytes.extend(command(&["SET", &key, &number.to_string()]));
                    values.insert(key, number);
                    replies.push("+OK".to_owned());
                }
                1 => {
                    bytes.extend(command(&["INCR", &key]));
                    let value = values.entry(key).or_insert(0);
                    *value += 1;
                    replies.push(format!(":{value}"));
                }
                2 => {
                    bytes.extend_from_slice(format!("get  '{key}' \r\n\r\n").as_bytes());
                    let value = values.get(&key).map(u64::to_string);
                    replies.push(format!("${}", value.unwrap_or("-1".to_owned())));
                }
                _ => {
                    bytes.extend(command(&["ECHO", "\r\n$-1\r\n*1\r\n"]));
                    replies.push("$\r\n$-1\r\n*1\r\n".to_owned());
                }
            }
        }
        let mut client = Client::connect(address)?;
        let mut writer = client.writer()?;
        let writing = thread::spawn(move || {
            let mut rest = &bytes[..];
            while !rest.is_empty() {
                // A few bytes, or some thousands.
                let most = [20, 9_000][random(2) as usize];
                let piece = rest.split_off(..rest.len().min(1 + random(most) as usize));
                writer.write_all(piece.expect("as much is there"))?;
            }
            io::Result::Ok(())
        });
        for (number, reply) in replies.iter().enumerate() {
            assert_eq!(&client.reply()?, reply, "the reply to command {number}");
        }
        writing.join().unwrap()?;
        assert_eq!(client.ask(&["PING"])?, "+PONG");
        Ok(())
    };
    serve_file(&dir.join("log"), client).await.unwrap();
}

#[io2::test]
async fn malformed_input_ends_its_connection_alone_after_all_replies() {
    let dir = TempDir::new();
    let client = |address| {
        let mut other = Client::connect(address)?;
        let long = "a".repeat(70_000);
        let cases = [
            ("*x\r\n".to_owned(), "invalid multibulk length"),
            ("*1025\r\n".to_owned(), "invalid multibulk length"),
            ("*1\r\n:1\r\n".to_owned(), "expected '$', got ':'"),
            ("*1\r\n\r\n".to_owned(), "expected '$', got '\\r'"),
            ("*1\r\n$x\r\n".to_owned(), "invalid bulk length"),
            ("*1\r\n$-1\r\n".to_owned(), "invalid bulk length"),
            ("*1\r\n$16777217\r\n".to_owned(), "invalid bulk length"),
            ("*1\r\n$+4\r\nPING\r\n".to_owned(), "invalid bulk length"),
            (
                "*1\r\n$4\r\nPING.\r\n".to_owned(),
                "expected CRLF after a bulk",
            ),
            ("GET \"a\r\n".to_owned(), "unbalanced quotes in request"),
            ("GET 'a'b\r\n".to_owned(), "unbalanced quotes in request"),
            ("a ".repeat(1025) + "\r\n", "too many words in request"),
            (long.clone(), "too big inline request"),
            (format!("*{long}"), "too big mbulk count string"),
            (format!("*1\r\n${long}"), "too big bulk count string"),
        ];
        for (number, (bytes, what)) in cases.iter().enumerate() {
            other.write(b"*2\r\n$4\r\nIN")?;
            let mut client = Client::connect(address)?;
            // What comes behind is not read as commands, and does not cost the client its replies.
            let all = [
                &command(&["INCR", "n"]),
                bytes.as_bytes(),
                &b"PING\r\n".repeat(50_000),
            ];
            client.write(&all.concat())?;
            assert_eq!(client.reply()?, format!(":{}", 2 * number + 1));
            assert_eq!(client.reply()?, format!("-ERR Protocol error: {what}"));
            assert!(client.has_ended()?);
            other.write(b"CR\r\n$1\r\nn\r\n")?;
            assert_eq!(other.reply()?, format!(":{}", 2 * number + 2));
        }
        Ok(())
    };
    serve_file(&dir.join("log"), client).await.unwrap();
}

#[io2::test]
async fn no_reply_shows_what_is_not_synced_and_others_do_not_wait() {
    let dir = TempDir::new();
    let (storage, judge) = Judged::new(&dir.join("log"), Step::Sync).await;
    let client = move |address| {
        let [mut writer, mut reader, mut other] =
            [(); 3].map(|()| Client::connect(address).unwrap());
        writer.send(&["SET", "a", "1"])?;
        judge.wait();
        assert!(writer.hears_nothing_for(Duration::from_millis(50))?);
        assert_eq!(other.ask(&["GET", "b"])?, "$-1");
        for words in [&["GET", "a"][..], &["SET", "a", "2", "NX"], &["DBSIZE"]] {
            let mut reader = Client::connect(address)?;
            reader.send(words)?;
            assert!(
                reader.hears_nothing_for(Duration::from_millis(50))?,
                "{words:?}"
            );
        }
        reader.send(&["GET", "a"])?;
        assert!(reader.hears_nothing_for(Duration::from_millis(50))?);
        judge.answer(true);
        assert_eq!(writer.reply()?, "+OK");
        assert_eq!(reader.reply()?, "$1");
        assert_eq!(other.ask(&["GET", "a"])?, "$1");
        Ok(())
    };
    serve(storage, client).await.unwrap();
}

/// After two batches went well a third one fails, while a fourth one fills.
async fn fails_at(step: Step) {
    let dir = TempDir::new();
    let log = dir.join("log");
    let (storage, judge) = Judged::new(&log, step).await;
    let client = move |address| {
        let [mut first, mut second, mut reader] =
            [(); 3].map(|()| Client::connect(address).unwrap());
        for key in ["a", "b"] {
            judge.answer(true);
            assert_eq!(first.ask(&["SET", key, "1"])?, "+OK");
            judge.wait();
        }

        first.write(
            &[
                command(&["INCR", "a"]),
                command(&["GET", "a"]),
                command(&["PING"]),
            ]
            .concat(),
        )?;
        assert!(first.hears_nothing_for(Duration::from_millis(50))?);
        judge.wait();
        second.write(&[command(&["INCR", "a"]), command(&["DEL", "b"])].concat())?;
        assert!(second.hears_nothing_for(Duration::from_millis(50))?);
        reader.send(&["GET", "a"])?;
        assert!(reader.hears_nothing_for(Duration::from_millis(50))?);
        judge.answer(false);

        assert_eq!(
            [first.reply()?, first.reply()?, first.reply()?],
            [REFUSED, REFUSED, "+PONG"]
        );
        assert_eq!([second.reply()?, second.reply()?], [REFUSED, REFUSED]);
        // It depends on when the question came, but never is it the new value.
        assert!([REFUSED, "$1"].contains(&&*reader.reply()?));
        // A sync that would go well now proves nothing of what was lost.
        judge.answer(true);
        for client in [&mut first, &mut second, &mut reader] {
            for words in ["SET a 5", "SET new 5", "INCR a", "DEL a", "EXPIRE a 100"] {
                let words: Vec<_> = words.split(' ').collect();
                assert_eq!(client.ask(&words)?, REFUSED, "{words:?}");
            }
            assert_eq!(client.ask(&["GET", "a"])?, "$1");
            assert_eq!(client.ask(&["GET", "b"])?, "$1");
            assert_eq!(client.ask(&["TTL", "a"])?, ":-1");
            assert_eq!(client.ask(&["EXISTS", "new"])?, ":0");
        }
        Ok(())
    };
    let error = serve(storage, client).await.unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::EIO));
    let client = |address| {
        let mut client = Client::connect(address)?;
        assert_eq!(client.ask(&["EXISTS", "new"])?, ":0");
        assert_eq!(client.ask(&["EXISTS", "a"])?, ":1");
        Ok(())
    };
    serve_file(&log, client).await.unwrap();
}

#[io2::test]
async fn after_a_sync_that_failed_changes_are_refused_and_reads_go_on() {
    fails_at(Step::Sync).await;
}

#[io2::test]
async fn after_a_write_that_failed_changes_are_refused_and_reads_go_on() {
    fails_at(Step::Write).await;
}

#[io2::test]
async fn a_key_that_has_expired_is_not_shown() {
    let dir = TempDir::new();
    let client = |address| {
        let mut client = Client::connect(address)?;
        assert_eq!(client.ask(&["SET", "lasting", "1", "EX", "1000"])?, "+OK");
        // One is looked at soon after it has expired, whenever the server frees them.
        for millis in 1..100 {
            let key = format!("key{millis}");
            let reply = client.ask(&["SET", &key, "1", "PX", &millis.to_string()])?;
            assert_eq!(reply, "+OK");
            wait(SystemTime::now() + Duration::from_millis(millis));
            assert_eq!(client.ask(&["GET", &key])?, "$-1", "{millis}");
            assert_eq!(client.ask(&["TTL", &key])?, ":-2");
            assert_eq!(client.ask(&["EXISTS", &key])?, ":0");
            assert_eq!(client.ask(&["INCR", &key])?, ":1");
            assert_eq!(client.ask(&["TTL", &key])?, ":-1");
        }
        assert_eq!(client.ask(&["GET", "lasting"])?, "$1");
        Ok(())
    };
    serve_file(&dir.join("log"), client).await.unwrap();
}

/// Until the clock on the wall shows more than that.
fn wait(time: SystemTime) {
    while let Ok(left) = time.duration_since(SystemTime::now()) {
        thread::sleep(left + Duration::from_millis(1));
    }
}

#[io2::test]
async fn keys_that_nobody_asks_for_are_freed_when_they_have_expired() {
    let dir = TempDir::new();
    let client = |address| {
        let mut client = Client::connect(address)?;
        let mut bytes = Vec::new();
        for number in 0..3000 {
            bytes.extend(command(&["SET", &number.to_string(), "1", "PX", "20"]));
        }
        client.write(&bytes)?;
        for _ in 0..3000 {
            assert_eq!(client.reply()?, "+OK");
        }
        assert_eq!(client.ask(&["SET", "lasting", "1", "EX", "1000"])?, "+OK");
        while client.ask(&["DBSIZE"])? != ":1" {
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    };
    serve_file(&dir.join("log"), client).await.unwrap();
}

#[io2::test]
async fn a_time_to_live_goes_on_while_the_server_is_away() {
    let dir = TempDir::new();
    let log = dir.join("log");
    let client = |address| {
        let mut client = Client::connect(address)?;
        for words in [
            "SET set 1 PX 50",
            "SET later 1",
            "SET lasting 1 EX 1000",
            "SET kept 1",
        ] {
            let words: Vec<_> = words.split(' ').collect();
            assert_eq!(client.ask(&words)?, "+OK");
        }
        assert_eq!(client.ask(&["EXPIRE", "later", "1"])?, ":1");
        assert_eq!(client.ask(&["EXPIRE", "kept", "2000"])?, ":1");
        assert_eq!(client.ask(&["INCR", "kept"])?, ":2");
        Ok(())
    };
    serve_file(&log, client).await.unwrap();
    wait(SystemTime::now() + Duration::from_secs(1));
    let client = |address| {
        let mut client = Client::connect(address)?;
        assert_eq!(client.ask(&["GET", "set"])?, "$-1");
        assert_eq!(client.ask(&["GET", "later"])?, "$-1");
        assert_eq!(client.ask(&["GET", "kept"])?, "$2");
        for (key, most) in [("lasting", 999), ("kept", 1999)] {
            let left = client.ask(&["TTL", key])?;
            let left: u32 = left.strip_prefix(':').unwrap().parse().unwrap();
            assert!((1..=most).contains(&left), "{key}: {left}");
        }
        Ok(())
    };
    serve_file(&log, client).await.unwrap();
}

#[test]
fn a_reply_to_a_change_is_sent_after_a_sync_that_began_when_the_change_was_written() {
    child::run(
        "a_reply_to_a_change_is_sent_after_a_sync_that_began_when_the_change_was_written",
        || {
            const CLIENTS: usize = 4;
            const CHANGES: usize = 25;
            let dir = TempDir::new();
            let log = dir.join("log");
            let client = |address| {
                let clients = (0..CLIENTS).map(|number| {
                    thread::spawn(move || {
                        let mut client = Client::connect(address)?;
                        for change in 0..CHANGES {
                            let (key, value) = (format!("key{number}"), change.to_string());
                            assert_eq!(client.ask(&["SET", &key, &value])?, "+OK");
                        }
                        io::Result::Ok(())
                    })
                });
                let clients: Vec<_> = clients.collect();
                clients
                    .into_iter()
                    .try_for_each(|client| client.join().unwrap())
            };
            let ((), observed) = observe(async { serve_file(&log, client).await.unwrap() });

            // Where the changes are, by the descriptors of the clients that asked for them.
            let mut received = HashMap::new();
            let (mut made, mut writing, mut written) =
                (HashSet::new(), HashSet::new(), HashSet::new());
            let (mut syncing, mut synced) = (HashSet::new(), HashSet::new());
            let mut receives = HashMap::new();
            let mut sent = 0;
            for step in observed.steps() {
                let Occurrence::Enter(id) = step else {
                    continue;
                };
                let span = observed.get(id);
                let code = span.values.get("op.code").map_or("", String::as_str);
                match (span.name, code) {
                    ("submit", "recv") => {
                        let who = (span.number("task.id"), span.number("fd"));
                        receives.insert(span.number("op.id"), who);
                    }
                    ("complete", "recv") => {
                        let (task, fd) = receives[&span.number("op.id")];
                        received.insert(task, fd);
                    }
                    ("poll", _) => made.extend(received.remove(&span.number("task.id"))),
                    ("submit", "write") => writing.extend(made.drain()),
                    ("complete", "write") => written.extend(writing.drain()),
                    ("submit", "fsync") => syncing.extend(written.drain()),
                    ("complete", "fsync") => synced.extend(syncing.drain()),
                    ("submit", "send") => {
                        let fd = span.number("fd");
                        assert!(synced.remove(&fd), "sent too early, by {fd}: {span:?}");
                        sent += 1;
                    }
                    _ => {}
                }
            }
            assert_eq!(sent, CLIENTS * CHANGES);
        },
    );
}

#[io2::test]
async fn changes_that_come_together_share_a_sync() {
    const CHANGES: usize = 200;
    let dir = TempDir::new();
    let (storage, judge) = Judged::new(&dir.join("log"), Step::Sync).await;
    let client = move |address| {
        let mut client = Client::connect(address)?;
        for _ in 0..CHANGES {
            judge.answer(true);
        }
        client.write(&command(&["INCR", "n"]).repeat(CHANGES))?;
        for number in 1..=CHANGES {
            assert_eq!(client.reply()?, format!(":{number}"));
        }
        let syncs = judge.questions.len();
        assert!((1..=CHANGES / 4).contains(&syncs), "{syncs} syncs");
        Ok(())
    };
    serve(storage, client).await.unwrap();
}
