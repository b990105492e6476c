//! Sends without a copy: two completions, and what is held until which.

use std::io;

use io2::ExecutorConfig;
use io2::net::TcpStream;
use io2_tests::sockets::{pattern, tcp_pair};
use io2_tests::{child, descriptors, polling};

/// More than fits into the two sockets.
const MUCH: usize = 12 << 20;

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
async fn to_end(stream: &TcpStream) -> io::Result<Vec<u8>> {
    let mut received = Vec::new();
    let mut buf = Vec::with_capacity(100_000);
    loop {
        let (read, filled) = stream.read(buf).await;
        if read? == 0 {
            return Ok(received);
        }
        received.extend_from_slice(&filled);
        buf = filled;
    }
}

#[test]
fn what_is_sent_without_a_copy_arrives_and_the_buffer_comes_back() {
    run(async {
        let (near, far) = tcp_pair().await?;
        for len in [1, 100, 20_000] {
            let (written, buf) = near.write_zero_copy(pattern(len)).await;
            assert_eq!(written?, len);
            assert!(buf == pattern(len));
            assert!(far.read_exact(vec![0; len]).await.1 == pattern(len));
        }
        Ok(())
    });
}

#[test]
fn the_buffer_comes_back_when_the_kernel_is_done_with_it_and_not_before() {
    run(async {
        let (near, far) = tcp_pair().await?;
        let mut writing = near.write_zero_copy(pattern(MUCH));
        for _ in 0..50 {
            assert!(polling::once(&mut writing).await.is_none());
            turns(1).await;
        }
        let reading = io2::spawn(async move { to_end(&far).await });
        let (written, buf) = writing.await;
        let written = written?;
        assert!(buf == pattern(MUCH));
        assert!(0 < written && written < MUCH, "{written}");
        drop(near);
        assert!(reading.await? == pattern(MUCH)[..written]);
        Ok(())
    });
}

#[test]
fn a_peer_that_receives_nothing_keeps_no_dropped_stream_open() {
    let test = "a_peer_that_receives_nothing_keeps_no_dropped_stream_open";
    child::run(test, || {
        run(async {
            // Dropped before its result came, and after.
            for early in [true, false] {
                let (near, far) = tcp_pair().await?;
                turns(5).await;
                let before = descriptors::open().len();
                let mut writing = near.write_zero_copy(pattern(MUCH));
                assert!(polling::once(&mut writing).await.is_none());
                if !early {
                    turns(10).await;
                }
                drop(writing);
                drop(near);
                turns(10).await;
                assert_eq!(descriptors::open().len(), before - 1, "early: {early}");
                // The kernel goes on with what it had taken.
                let received = to_end(&far).await?;
                assert!(!received.is_empty() || early);
                assert!(received == pattern(MUCH)[..received.len()]);
            }
            Ok(())
        });
    });
}
