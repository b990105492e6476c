//! The example `redis` as a program: killed, ended, started again, and spoken to by Redis's own clients.

use std::fs;
use std::io::{self, BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

use io2_tests::random::random;
use io2_tests::resp::{Client, command};
use io2_tests::skip;
use io2_tests::temp::TempDir;

const SERVER: &str = env!("CARGO_BIN_EXE_redis_server");

/// A server, killed when it is dropped.
struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    fn start(log: &Path) -> Server {
        let mut child = Command::new(SERVER)
            .arg("127.0.0.1:0")
            .arg(log)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let stdout = child.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        let address = line
            .strip_prefix("listening on ")
            .and_then(|line| line.trim().parse().ok());
        let address = address.unwrap_or_else(|| panic!("it printed {line:?}"));
        Server { child, address }
    }

    fn client(&self) -> Client {
        Client::connect(self.address).unwrap()
    }

    /// Sends SIGTERM or the like, and gives the exit status and what was said on standard error.
    fn end(mut self, signal: &str) -> (ExitStatus, String) {
        let id = self.child.id().to_string();
        let kill = Command::new("sh")
            .args(["-c", "kill -$0 $1", signal, &id])
            .status();
        assert!(kill.unwrap().success());
        self.wait()
    }

    fn wait(&mut self) -> (ExitStatus, String) {
        let mut said = String::new();
        let stderr = self.child.stderr.as_mut().unwrap();
        stderr.read_to_string(&mut said).unwrap();
        (self.child.wait().unwrap(), said)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What one client has written: the values of its keys count up. The start of each range was acknowledged,
/// the end was not asked for.
#[derive(Clone)]
struct Written {
    client: usize,
    keys: [Range<u64>; 20],
    counter: Range<u64>,
}

impl Written {
    fn new(client: usize) -> Written {
        Written {
            client,
            keys: [const { 0..1 }; 20],
            counter: 0..1,
        }
    }

    fn key(&self, number: usize) -> String {
        format!("key{}.{number}", self.client)
    }

    fn counter(&self) -> String {
        format!("counter{}", self.client)
    }

    /// Writes, several commands at once, until the server is gone. Tells of each reply.
    fn write(&mut self, address: SocketAddr, replied: &Sender<()>) -> io::Result<()> {
        let mut random = random();
        let mut client = Client::connect(address)?;
        loop {
            let mut bytes = Vec::new();
            let asked: Vec<_> = (0..1 + random(4)).map(|_| random(20) as usize).collect();
            for &number in &asked {
                let next = self.keys[number].end;
                bytes.extend(command(&["SET", &self.key(number), &next.to_string()]));
                bytes.extend(command(&["INCR", &self.counter()]));
                self.keys[number].end += 1;
                self.counter.end += 1;
            }
            let ends: Vec<_> = asked.iter().map(|&number| self.keys[number].end).collect();
            client.write(&bytes)?;
            let last = |place: usize| asked[place + 1..].contains(&asked[place]);
            for (place, &number) in asked.iter().enumerate() {
                assert_eq!(client.reply()?, "+OK");
                let acknowledged = ends[place] - 1;
                if !last(place) {
                    self.keys[number].start = acknowledged;
                }
                let counter = client.reply()?;
                self.counter.start = counter.strip_prefix(':').unwrap().parse().unwrap();
                // Nobody listens any more once the server is to be killed.
                let _ = replied.send(());
            }
        }
    }

    /// Looks at everything, which from then on counts as acknowledged.
    fn check(&mut self, client: &mut Client) {
        let look = |client: &mut Client, name: &str, range: &mut Range<u64>| {
            let reply = client.ask(&["GET", name]).unwrap();
            let found = reply.strip_prefix('$').unwrap();
            let found = if found == "-1" {
                0
            } else {
                found.parse().unwrap()
            };
            assert!(
                range.contains(&found),
                "{name} is {found}, and should be in {range:?}"
            );
            *range = found..found + 1;
        };
        for number in 0..self.keys.len() {
            let name = self.key(number);
            look(client, &name, &mut self.keys[number]);
        }
        look(client, &self.counter(), &mut self.counter);
    }
}

#[test]
fn what_was_acknowledged_is_there_after_each_of_a_hundred_kills() {
    const CLIENTS: usize = 3;
    let dir = TempDir::new();
    let log = dir.join("log");
    let mut random = random();
    let mut all: Vec<_> = (0..CLIENTS).map(Written::new).collect();
    for _ in 0..100 {
        let mut server = Server::start(&log);
        let mut client = server.client();
        all.iter_mut()
            .for_each(|written| written.check(&mut client));
        drop(client);
        let (replied, replies) = channel();
        let address = server.address;
        let writers: Vec<_> = all
            .drain(..)
            .map(|mut written| {
                let replied = replied.clone();
                thread::spawn(move || {
                    let gone = written.write(address, &replied);
                    assert!(gone.is_err());
                    written
                })
            })
            .collect();
        drop(replied);
        for _ in 0..1 + random(20) {
            replies.recv().unwrap();
        }
        thread::sleep(Duration::from_micros(random(20_000)));
        server.child.kill().unwrap();
        server.child.wait().unwrap();
        all.extend(writers.into_iter().map(|writer| writer.join().unwrap()));
    }
    let server = Server::start(&log);
    let mut client = server.client();
    all.iter_mut()
        .for_each(|written| written.check(&mut client));
    assert!(all.iter().all(|written| written.counter.start > 0));
}

#[test]
fn a_signal_ends_it_when_the_commands_at_hand_are_done() {
    let dir = TempDir::new();
    let log = dir.join("log");
    for (round, signal) in ["TERM", "INT"].into_iter().enumerate() {
        let server = Server::start(&log);
        let (mut idle, mut client) = (server.client(), server.client());
        assert_eq!(client.ask(&["PING"]).unwrap(), "+PONG");
        assert_eq!(idle.ask(&["PING"]).unwrap(), "+PONG");
        let busy = thread::spawn(move || {
            // Replies to as many as were carried out, and then a proper end.
            let mut count = 0;
            let end = loop {
                match client.ask(&["INCR", "n"]) {
                    Ok(reply) => assert_eq!(reply, format!(":{}", 1000 * round + count + 1)),
                    Err(error) => break error,
                }
                count += 1;
                if count == 1000 {
                    break io::ErrorKind::UnexpectedEof.into();
                }
            };
            (count, end.kind())
        });
        if round == 0 {
            // All of them in the first round, some in the second.
            assert_eq!(busy.join().unwrap(), (1000, io::ErrorKind::UnexpectedEof));
            let (status, said) = server.end(signal);
            assert_eq!((status.code(), said), (Some(0), String::new()));
        } else {
            let (status, said) = server.end(signal);
            assert_eq!((status.code(), said), (Some(0), String::new()));
            let (count, _) = busy.join().unwrap();
            let server = Server::start(&log);
            let reply = server.client().ask(&["GET", "n"]).unwrap();
            assert_eq!(reply, format!("${}", 1000 + count));
        }
        assert!(idle.has_ended().unwrap());
    }
}

/// Writes `a`, `b` and `c`, each in a batch of its own, and damages the log then.
fn damaged(log: &Path, damage: impl FnOnce(&fs::File, u64)) {
    let server = Server::start(log);
    let mut client = server.client();
    for key in ["a", "b", "c"] {
        assert_eq!(client.ask(&["SET", key, "1"]).unwrap(), "+OK");
    }
    drop(client);
    let (status, said) = server.end("TERM");
    assert_eq!((status.code(), said), (Some(0), String::new()));
    let file = fs::File::options()
        .read(true)
        .write(true)
        .open(log)
        .unwrap();
    let len = file.metadata().unwrap().len();
    assert_eq!(len, 4 * 4096);
    damage(&file, len);
}

/// Starts a server, looks which keys are there, writes `d`, and says what came on standard error.
fn keys_after(log: &Path) -> (String, String) {
    let server = Server::start(log);
    let mut client = server.client();
    let there = |key: &&str| client.ask(&["EXISTS", key]).unwrap() == ":1";
    let keys: Vec<_> = ["a", "b", "c", "d"].into_iter().filter(there).collect();
    assert_eq!(client.ask(&["SET", "d", "1"]).unwrap(), "+OK");
    drop(client);
    let (status, said) = server.end("TERM");
    assert_eq!(status.code(), Some(0));
    (keys.concat(), said)
}

fn flip(file: &fs::File, offset: u64) {
    let mut byte = [0];
    file.read_exact_at(&mut byte, offset).unwrap();
    file.write_all_at(&[byte[0] ^ 1], offset).unwrap();
}

#[test]
fn a_torn_batch_at_the_end_of_the_log_is_cut_off_and_said() {
    type Damage = fn(&fs::File, u64);
    let cases: [(&str, &str, Damage); 7] = [
        ("its end is missing", "ab", |file, len| {
            file.set_len(len - 4096 + 20).unwrap()
        }),
        ("it is but its head", "ab", |file, len| {
            file.set_len(len - 4096 + 5).unwrap()
        }),
        ("a byte has changed", "ab", |file, len| {
            flip(file, len - 4096 + 30)
        }),
        ("its number has changed", "ab", |file, len| {
            flip(file, len - 4096 + 8)
        }),
        ("its length has changed", "ab", |file, len| {
            flip(file, len - 4096 + 2)
        }),
        ("only a later block of it is there", "ab", |file, len| {
            let mut block = vec![0; 4096];
            file.read_exact_at(&mut block, len - 4096).unwrap();
            file.write_all_at(&[0; 4096], len - 4096).unwrap();
            file.write_all_at(&block[50..], len + 4096).unwrap();
        }),
        ("zeros follow", "abc", |file, len| {
            file.set_len(len + 5000).unwrap()
        }),
    ];
    for (case, kept, damage) in cases {
        let dir = TempDir::new();
        let log = dir.join("log");
        damaged(&log, damage);
        let (keys, said) = keys_after(&log);
        assert_eq!(keys, kept, "{case}");
        assert!(said.contains("torn batch: cut "), "{case}: {said}");
        assert!(
            said.contains(&format!(" at {}", 4096 * (1 + kept.len()))),
            "{case}: {said}"
        );
        // What was written behind the cut is all that is there now.
        assert_eq!(
            keys_after(&log),
            (format!("{kept}d"), String::new()),
            "{case}"
        );
    }
}

#[test]
fn a_log_that_is_damaged_before_its_end_is_left_alone() {
    let dir = TempDir::new();
    let log = dir.join("log");
    damaged(&log, |file, len| flip(file, len - 2 * 4096 + 30));
    let before = fs::read(&log).unwrap();
    let mut server = Server::start(&log);
    let (status, said) = server.wait();
    assert_eq!(status.code(), Some(1));
    assert_eq!(
        said,
        "redis: the log is damaged at 8192, and goes on behind\n"
    );
    assert!(fs::read(&log).unwrap() == before);
}

/// Where a text is in the log.
fn position(log: &Path, text: &str) -> usize {
    let bytes = fs::read(log).unwrap();
    let mut windows = bytes.windows(text.len());
    windows
        .position(|window| window == text.as_bytes())
        .expect("it is there")
}

#[test]
fn nothing_in_a_value_is_taken_for_a_batch_that_follows_a_torn_one() {
    let dir = TempDir::new();
    let (log, other) = (dir.join("log"), dir.join("other"));
    damaged(&other, |_, _| ());
    let copy = fs::read(&other).unwrap();

    // The copy of another log begins with a block, and its second and third batch are those that are due.
    let server = Server::start(&log);
    let mut client = server.client();
    assert_eq!(client.ask(&["SET", "a", "the first"]).unwrap(), "+OK");
    let at = position(&log, "the first") % 4096;
    let mut value = b"the second".to_vec();
    value.resize(4096 - at, b' ');
    value.extend(copy);
    let head = format!("*3\r\n$3\r\nSET\r\n$1\r\nb\r\n${}\r\n", value.len());
    let command = [head.as_bytes(), &value, b"\r\n"].concat();
    client.write(&command).unwrap();
    assert_eq!(client.reply().unwrap(), "+OK");
    drop((client, server));

    let file = fs::File::options().read(true).write(true).open(&log);
    flip(&file.unwrap(), position(&log, "the second") as u64);
    let (keys, said) = keys_after(&log);
    assert_eq!(keys, "a");
    assert!(said.contains("torn batch: cut "), "{said}");
}

#[test]
fn a_file_that_does_not_begin_like_a_log_is_left_alone() {
    let dir = TempDir::new();
    let log = dir.join("log");
    for damage in [0, 20, 24] {
        fs::remove_file(&log).unwrap_or_default();
        damaged(&log, |file, _| flip(file, damage));
        refused(&log);
    }
    fs::write(&log, "a letter to a friend").unwrap();
    refused(&log);
}

/// Starts a server in vain.
fn refused(log: &Path) {
    let before = fs::read(log).unwrap();
    let (status, said) = Server::start(log).wait();
    assert_eq!(status.code(), Some(1));
    assert_eq!(
        said,
        "redis: the file does not begin like a log of this server\n"
    );
    assert!(fs::read(log).unwrap() == before);
}

#[test]
fn a_log_that_a_crash_has_left_without_its_first_block_is_begun_anew() {
    let dir = TempDir::new();
    let log = dir.join("log");
    fs::write(&log, [0; 4096]).unwrap();
    assert_eq!(keys_after(&log), (String::new(), String::new()));
    assert_eq!(keys_after(&log), ("d".to_owned(), String::new()));
}

#[test]
fn two_servers_do_not_share_a_log() {
    let dir = TempDir::new();
    let log = dir.join("log");
    let first = Server::start(&log);
    assert_eq!(first.client().ask(&["SET", "a", "1"]).unwrap(), "+OK");
    let second = Command::new(SERVER)
        .args(["127.0.0.1:0".as_ref(), log.as_os_str()])
        .output();
    let second = second.unwrap();
    assert_eq!(second.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&second.stdout), "");
    let said = String::from_utf8_lossy(&second.stderr);
    assert_eq!(said, "redis: another server has the log\n");
    assert_eq!(first.client().ask(&["INCR", "a"]).unwrap(), ":2");
}

/// Runs one of Redis's own programs.
fn redis(program: &str, server: &Server, arguments: &[&str]) -> String {
    let port = server.address.port().to_string();
    let mut command = Command::new(program);
    command
        .args(["-h", "127.0.0.1", "-p", &port])
        .args(arguments);
    let output = command.stdin(Stdio::null()).output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program}: {stdout}{stderr}");
    stdout
}

#[test]
fn the_clients_of_redis_are_served() {
    for program in ["redis-cli", "redis-benchmark"] {
        if Command::new(program).arg("--version").output().is_err() {
            return skip(&format!(
                "there is no {program} (apt-get install redis-tools)"
            ));
        }
    }
    let dir = TempDir::new();
    let server = Server::start(&dir.join("log"));
    let cli = |arguments: &[&str]| redis("redis-cli", &server, arguments);
    assert_eq!(
        cli(&["SET", "greeting", "hello world", "EX", "100"]),
        "OK\n"
    );
    assert_eq!(cli(&["GET", "greeting"]), "hello world\n");
    assert_eq!(cli(&["INCR", "n"]), "1\n");
    assert_eq!(cli(&["GET", "nothing"]), "\n");
    for pipeline in ["1", "16"] {
        let arguments = [
            "-t",
            "set,get,incr",
            "-n",
            "2000",
            "-c",
            "20",
            "-P",
            pipeline,
            "--csv",
        ];
        let figures = redis("redis-benchmark", &server, &arguments);
        for name in ["SET", "GET", "INCR"] {
            assert!(figures.contains(&format!("\"{name}\",")), "{figures}");
        }
    }
    assert_eq!(cli(&["GET", "counter:__rand_int__"]), "4000\n");
    let (status, said) = server.end("INT");
    assert_eq!((status.code(), said), (Some(0), String::new()));
}
