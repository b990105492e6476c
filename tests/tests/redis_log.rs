//! What the server of the example `redis` replies while its log is slow, and when it fails.

use std::io;
use std::path::Path;
use std::time::Duration;

use async_channel::{Receiver, Sender};
use io2::buf::{AlignedBuf, BufResult};
use io2::fs::DioFile;
use io2_tests::resp::{Client, command};
use io2_tests::temp::TempDir;

use self::redis::server::storage::{self, Storage};
use self::redis::{serve, serve_file};

mod redis;

const REFUSED: &str = "-MISCONF the log cannot be written, so nothing can be changed";

/// A file that waits for a word before each write, or before each sync: whether it may succeed.
struct Judged {
    file: DioFile,
    step: Step,
    asked: Sender<()>,
    verdicts: Receiver<bool>,
    /// Whether it can be cut.
    cut: bool,
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

    /// Lets a server start, which writes to a log that is new and syncs it.
    fn start(&self) {
        self.answer(true);
        self.wait();
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
            cut: true,
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
        if !self.cut {
            return Err(io::Error::from_raw_os_error(libc::ENOSPC));
        }
        self.file.cut(len).await
    }
}

#[io2::test]
async fn no_reply_shows_what_is_not_synced_and_others_do_not_wait() {
    let dir = TempDir::new();
    let (storage, judge) = Judged::new(&dir.join("log"), Step::Sync).await;
    let client = move |address| {
        judge.start();
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

/// Two batches go well, and a third one is to be judged.
fn set_and_ask(client: &mut Client, judge: &Judge) -> io::Result<()> {
    judge.start();
    for key in ["a", "b"] {
        judge.answer(true);
        assert_eq!(client.ask(&["SET", key, "1"])?, "+OK");
        judge.wait();
    }
    let commands = [&["PING"][..], &["INCR", "a"], &["GET", "a"], &["PING"]];
    client.write(&commands.map(command).concat())?;
    assert!(client.hears_nothing_for(Duration::from_millis(50))?);
    Ok(())
}

/// After two batches went well a third one fails, while a fourth one fills.
async fn fails_at(step: Step) {
    let dir = TempDir::new();
    let log = dir.join("log");
    let (storage, judge) = Judged::new(&log, step).await;
    let client = move |address| {
        let [mut first, mut second, mut reader] =
            [(); 3].map(|()| Client::connect(address).unwrap());
        set_and_ask(&mut first, &judge)?;
        judge.wait();
        second.write(&[command(&["INCR", "a"]), command(&["DEL", "b"])].concat())?;
        assert!(second.hears_nothing_for(Duration::from_millis(50))?);
        reader.send(&["GET", "a"])?;
        assert!(reader.hears_nothing_for(Duration::from_millis(50))?);
        judge.answer(false);

        for reply in ["+PONG", REFUSED, REFUSED, "+PONG"] {
            assert_eq!(first.reply()?, reply);
        }
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
        // What was refused does not come back.
        assert_eq!(client.ask(&["GET", "a"])?, "$1");
        assert_eq!(client.ask(&["GET", "b"])?, "$1");
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
async fn changes_that_come_together_share_a_sync() {
    const CHANGES: usize = 200;
    let dir = TempDir::new();
    let (storage, judge) = Judged::new(&dir.join("log"), Step::Sync).await;
    let client = move |address| {
        let mut client = Client::connect(address)?;
        judge.start();
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

#[io2::test]
async fn where_nobody_knows_what_is_in_the_log_there_is_no_reply() {
    let dir = TempDir::new();
    let log = dir.join("log");
    let (mut storage, judge) = Judged::new(&log, Step::Sync).await;
    storage.cut = false;
    let client = move |address| {
        let [mut first, mut second, mut reader, mut other] =
            [(); 4].map(|()| Client::connect(address).unwrap());
        set_and_ask(&mut first, &judge)?;
        judge.wait();
        reader.send(&["GET", "a"])?;
        second.send(&["INCR", "b"])?;
        for client in [&mut reader, &mut second] {
            assert!(client.hears_nothing_for(Duration::from_millis(50))?);
        }
        judge.answer(false);

        assert_eq!(first.reply()?, "+PONG");
        assert!(first.has_ended()?);
        assert!(reader.has_ended()?);
        // Of what was not written it is known.
        assert_eq!(second.reply()?, REFUSED);
        for client in [&mut second, &mut other] {
            assert_eq!(client.ask(&["INCR", "a"])?, REFUSED);
            assert_eq!(client.ask(&["GET", "a"])?, "$1");
        }
        Ok(())
    };
    let error = serve(storage, client).await.unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::EIO));
    let client = |address| {
        let mut client = Client::connect(address)?;
        assert_eq!(client.ask(&["GET", "a"])?, "$2");
        assert_eq!(client.ask(&["GET", "b"])?, "$1");
        Ok(())
    };
    serve_file(&log, client).await.unwrap();
}

#[io2::test]
async fn what_was_read_back_is_synced_before_the_first_reply() {
    let dir = TempDir::new();
    let log = dir.join("log");
    let client = |address| {
        assert_eq!(Client::connect(address)?.ask(&["SET", "a", "1"])?, "+OK");
        Ok(())
    };
    serve_file(&log, client).await.unwrap();
    for good in [true, false] {
        let (storage, judge) = Judged::new(&log, Step::Sync).await;
        let client = move |address| {
            let mut client = Client::connect(address)?;
            client.send(&["GET", "a"])?;
            assert!(client.hears_nothing_for(Duration::from_millis(50))?);
            judge.wait();
            judge.answer(good);
            if good {
                assert_eq!(client.reply()?, "$1");
            } else {
                assert!(client.reply().is_err());
            }
            Ok(())
        };
        assert_eq!(serve(storage, client).await.is_ok(), good);
    }
}
