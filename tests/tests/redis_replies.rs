//! What the server of the example `redis` replies, and when.

use std::collections::{HashMap, HashSet};
use std::io::{self, Write};
use std::thread;
use std::time::{Duration, SystemTime};

use io2_tests::child;
use io2_tests::observed::{Step as Occurrence, observe};
use io2_tests::random::random;
use io2_tests::resp::{Client, command};
use io2_tests::temp::TempDir;

use self::redis::serve_file;

mod redis;

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
