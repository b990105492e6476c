//! Files and streams to streams, without a copy through the program.

use std::fs;
use std::io::{self, ErrorKind};

use io2::ExecutorConfig;
use io2::fs::File;
use io2::net::{Shutdown, TcpStream, UnixStream, splice};
use io2_tests::sockets::{pattern, tcp_pair};
use io2_tests::{child, descriptors, polling, temp::TempDir};

/// Runs a test's future in an executor.
fn run(future: impl Future<Output = io::Result<()>>) {
    ExecutorConfig::new()
        .run(future)
        .expect("the executor starts")
        .expect("the test's I/O works");
}

async fn turns(count: usize) {
    for _ in 0..count {
        io2::yield_now().await;
    }
}

/// Everything that comes on a stream.
async fn to_end(stream: TcpStream) -> io::Result<Vec<u8>> {
    let mut received = Vec::new();
    let mut buf = Vec::with_capacity(30_000);
    loop {
        let (read, filled) = stream.read(buf).await;
        if read? == 0 {
            return Ok(received);
        }
        received.extend_from_slice(&filled);
        buf = filled;
    }
}

/// Threads that the kernel has started for requests that block.
fn workers() -> usize {
    let tasks = fs::read_dir("/proc/self/task").expect("/proc is mounted");
    tasks
        .filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok())
        .filter(|name| name.starts_with("iou-wrk"))
        .count()
}

#[test]
fn a_part_of_a_file_is_sent_as_it_is() {
    run(async {
        let dir = TempDir::new();
        let contents = pattern(700_001);
        let file = File::open(dir.file("f", &contents)).await?;
        let len = contents.len() as u64;
        // An offset, how much is asked for, how much there is.
        let parts = [
            (0, 0, 0),
            (0, 1, 1),
            (3, 65_536, 65_536),
            (1, 262_144, 262_144),
            (0, len, len),
            (10, u64::MAX, len - 10),
            (len - 1, 5, 1),
            (len, 5, 0),
            (len + 5, 5, 0),
        ];
        for (offset, asked, there) in parts {
            let (near, far) = tcp_pair().await?;
            let receiving = io2::spawn(to_end(far));
            assert_eq!(near.send_file(&file, offset, asked).await?, there);
            drop(near);
            let start = offset.min(len) as usize;
            assert!(receiving.await? == contents[start..start + there as usize]);
        }
        let (near, far) = UnixStream::pair()?;
        assert_eq!(near.send_file(&file, 5, 7).await?, 7);
        assert_eq!(far.read(Vec::with_capacity(8)).await.1, contents[5..12]);
        Ok(())
    });
}

#[test]
fn what_has_no_offsets_is_no_file_to_send() {
    run(async {
        let (near, _far) = tcp_pair().await?;
        let (reader, _writer) = io::pipe()?;
        let file = File::from_std(std::os::fd::OwnedFd::from(reader).into());
        let error = near.send_file(&file, 0, 10).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotSeekable);
        Ok(())
    });
}

#[test]
fn a_file_for_a_reader_that_is_gone_is_an_error() {
    run(async {
        let dir = TempDir::new();
        let file = File::open(dir.file("f", pattern(8 << 20))).await?;
        let (near, far) = tcp_pair().await?;
        let sending = io2::spawn(async move { near.send_file(&file, 0, 8 << 20).await });
        turns(50).await;
        assert!(!sending.is_finished(), "nobody reads");
        far.set_zero_linger()?;
        far.close().await?;
        let error = sending.await.unwrap_err();
        assert!(
            matches!(
                error.kind(),
                ErrorKind::BrokenPipe | ErrorKind::ConnectionReset
            ),
            "{error}"
        );
        Ok(())
    });
}

#[test]
fn a_proxy_passes_everything_on_and_the_ends_too() {
    const LEN: usize = 1_000_003;
    run(async {
        let (client, outside) = tcp_pair().await?;
        let (inside, server) = tcp_pair().await?;
        let (from_client, to_client) = outside.into_split();
        let (from_server, to_server) = inside.into_split();
        let there = io2::spawn(async move { splice(&from_client, &to_server, u64::MAX).await });
        let back = io2::spawn(async move { splice(&from_server, &to_client, u64::MAX).await });

        let echo = io2::spawn(async move {
            let mut count = 0;
            let mut incoming = server.recv_pooled();
            while let Some(buf) = incoming.next().await? {
                count += buf.len();
                server.write_all(buf).await.0?;
            }
            io::Result::Ok(count)
        });
        let (reader, writer) = client.into_split();
        let writing = io2::spawn(async move { writer.write_all(pattern(LEN)).await.0 });
        let mut received = Vec::new();
        loop {
            let (read, buf) = reader.read(Vec::with_capacity(50_000)).await;
            if read? == 0 {
                break;
            }
            received.extend_from_slice(&buf);
        }
        writing.await?;
        assert!(received == pattern(LEN));
        assert_eq!(echo.await?, LEN);
        assert_eq!(there.await?, LEN as u64);
        assert_eq!(back.await?, LEN as u64);
        Ok(())
    });
}

#[test]
fn no_more_is_moved_than_was_asked_for() {
    run(async {
        let (a, b) = UnixStream::pair()?;
        let (c, d) = tcp_pair().await?;
        a.write_all("0123456789").await.0?;
        assert_eq!(splice(&b, &c, 4).await?, 4);
        assert_eq!(d.read(Vec::with_capacity(16)).await.1, b"0123");
        assert_eq!(splice(&b, &c, 0).await?, 0);
        assert_eq!(b.read(Vec::with_capacity(16)).await.1, b"456789");
        // And less, if the end comes before; the other stream goes on.
        a.write_all("rest").await.0?;
        a.shutdown(Shutdown::Write).await?;
        assert_eq!(splice(&b, &c, 100).await?, 4);
        c.write_all("!").await.0?;
        assert_eq!(d.read_exact(vec![0; 5]).await.1, b"rest!");
        Ok(())
    });
}

#[test]
fn connections_on_which_nothing_moves_take_no_thread_and_nothing_stays_of_them() {
    let test = "connections_on_which_nothing_moves_take_no_thread_and_nothing_stays_of_them";
    child::run(test, || {
        let before = descriptors::open();
        run(async {
            let mut held = Vec::new();
            for _ in 0..20 {
                let ((a, b), (c, d)) = (UnixStream::pair()?, UnixStream::pair()?);
                held.push((a, d));
                let mut moving = Box::pin(async move { splice(&b, &c, u64::MAX).await });
                assert!(polling::once(&mut moving).await.is_none());
                turns(2).await;
                if held.len() % 2 == 0 {
                    io2::spawn(moving);
                }
            }
            turns(5).await;
            assert_eq!(workers(), 0);

            // One that waits for its reader takes a thread at most, and leaves it behind.
            let dir = TempDir::new();
            let file = File::open(dir.file("f", pattern(8 << 20))).await?;
            let (near, far) = tcp_pair().await?;
            let mut sending = Box::pin(near.send_file(&file, 0, 8 << 20));
            for _ in 0..200 {
                assert!(polling::once(&mut sending).await.is_none());
                turns(1).await;
            }
            drop(sending);
            drop((near, far));
            Ok(())
        });
        assert_eq!(descriptors::open(), before);
    });
}
