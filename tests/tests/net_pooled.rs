//! Receives into buffers of the executor's pool.

use std::cell::RefCell;
use std::io;
use std::net::Shutdown;
use std::pin::pin;
use std::rc::Rc;

use io2::buf::PooledBuf;
use io2::net::{RecvPooled, TcpStream, UnixStream};
use io2::{ExecutorConfig, JoinHandle};
use io2_tests::observed::Observed;
use io2_tests::sockets::{pattern, tcp_pair};
use io2_tests::{child, polling, seccomp};
use tracing::Level;

/// `IORING_REGISTER_PBUF_RING`.
const REGISTER_PBUF_RING: u32 = 22;

/// Runs a test's future in an executor with a pool of so many buffers of so many bytes.
fn run(buffers: u32, bytes: u32, future: impl Future<Output = io::Result<()>>) {
    ExecutorConfig::new()
        .recv_pool(buffers, bytes)
        .run(future)
        .expect("the executor starts")
        .expect("the test's I/O works");
}

/// Receives to the end.
async fn to_end(mut incoming: RecvPooled) -> io::Result<Vec<u8>> {
    let mut received = Vec::new();
    while let Some(buf) = incoming.next().await? {
        received.extend_from_slice(&buf);
    }
    assert!(incoming.next().await?.is_none(), "the end lasts");
    Ok(received)
}

async fn next(incoming: &mut RecvPooled) -> io::Result<PooledBuf> {
    Ok(incoming.next().await?.expect("it has not ended"))
}

/// What comes next, if it comes without anybody's doing.
async fn soon(incoming: &mut RecvPooled) -> io::Result<Option<PooledBuf>> {
    let mut next = pin!(incoming.next());
    for _ in 0..100 {
        if let Some(outcome) = polling::once(&mut next).await {
            return outcome;
        }
        io2::yield_now().await;
    }
    Ok(None)
}

/// Polls once, and lets the kernel see it.
async fn arm(incoming: &mut RecvPooled) -> io::Result<()> {
    assert!(soon(incoming).await?.is_none());
    Ok(())
}

/// A stream on which so many bytes have come.
async fn full(len: usize) -> io::Result<(UnixStream, UnixStream)> {
    let (near, far) = UnixStream::pair()?;
    near.write_all(pattern(len)).await.0?;
    Ok((near, far))
}

/// Fails unless all of the pool's buffers, of one or two bytes, can be had.
async fn assert_complete(buffers: usize) -> io::Result<()> {
    let (_near, far) = full(2 * buffers + 1).await?;
    let mut incoming = far.recv_pooled();
    let mut held = Vec::new();
    for _ in 0..buffers {
        held.extend(soon(&mut incoming).await?);
    }
    assert_eq!(held.len(), buffers);
    assert!(soon(&mut incoming).await?.is_none());
    Ok(())
}

/// Everything in order, and the end, whatever the sizes are.
async fn everything_comes(sizes: &[usize]) -> io::Result<()> {
    for &size in sizes {
        let (near, far) = tcp_pair().await?;
        let receiving = io2::spawn(to_end(far.recv_pooled()));
        near.write_all(pattern(size)).await.0?;
        drop(near);
        assert!(receiving.await? == pattern(size), "{size} bytes");

        let (near, far) = UnixStream::pair()?;
        let receiving = io2::spawn(to_end(far.recv_pooled()));
        near.write_all(pattern(size)).await.0?;
        near.shutdown(Shutdown::Write).await?;
        assert!(receiving.await? == pattern(size), "{size} bytes");
    }
    Ok(())
}

#[test]
fn everything_comes_in_order_and_then_the_end() {
    let sizes = [0, 1, 63, 64, 65, 1000, 100_000];
    run(64, 64, everything_comes(&sizes));
    run(1, 64, everything_comes(&sizes));
    run(128, 8192, everything_comes(&[0, 1, 8192, 1_000_000]));
}

#[test]
fn an_end_that_comes_with_the_last_bytes_is_seen() {
    run(1024, 16, async {
        for _ in 0..20 {
            let (near, far) = UnixStream::pair()?;
            let receiving = io2::spawn(to_end(far.recv_pooled()));
            // The receive waits when all of this comes at once.
            io2::yield_now().await;
            io2::yield_now().await;
            let near = near.into_std().expect("no operation uses it");
            io::Write::write_all(&mut &near, &pattern(20_000))?;
            drop(near);
            assert_eq!(receiving.await?.len(), 20_000);
        }
        Ok(())
    });
}

#[test]
fn without_a_ring_of_buffers_everything_comes_too() {
    let test = "without_a_ring_of_buffers_everything_comes_too";
    child::run(test, || {
        seccomp::refuse_registration(REGISTER_PBUF_RING, libc::EINVAL);
        run(4, 64, async {
            everything_comes(&[0, 1, 64, 65, 10_000]).await?;
            buffers_are_handed_out_in_turn().await
        });
        seccomp::refuse_registration(REGISTER_PBUF_RING, libc::ENOMEM);
        run(1, 64, everything_comes(&[0, 1, 64, 65, 10_000]));
    });
}

#[test]
fn an_empty_pool_lets_receives_wait_for_a_buffer() {
    run(2, 4, async {
        let (_near, far) = full(12).await?;
        let mut incoming = far.recv_pooled();
        let one = next(&mut incoming).await?;
        let two = next(&mut incoming).await?;
        assert_eq!((&one[..], &two[..]), (&[0, 1, 2, 3][..], &[4, 5, 6, 7][..]));
        assert!(soon(&mut incoming).await?.is_none(), "there is no buffer");
        drop(one);
        assert_eq!(&next(&mut incoming).await?[..], [8, 9, 10, 11]);
        drop(two);
        arm(&mut incoming).await
    });
}

#[test]
fn an_empty_pool_is_told_at_the_first_the_second_and_the_fourth_time() {
    let name = "an_empty_pool_is_told_at_the_first_the_second_and_the_fourth_time";
    child::run(name, || {
        let observed = Observed::at_most(Level::WARN);
        observed.run(|| {
            run(2, 4, async {
                let (_near, far) = full(40).await?;
                let mut incoming = far.recv_pooled();
                let mut held = vec![next(&mut incoming).await?, next(&mut incoming).await?];
                for _ in 0..4 {
                    assert!(soon(&mut incoming).await?.is_none());
                    held.remove(0);
                    held.push(next(&mut incoming).await?);
                }
                Ok(())
            });
        });
        let told = observed.named("buf.exhausted");
        let counts: Vec<i64> = told.iter().map(|told| told.number("count")).collect();
        assert_eq!(counts, [1, 2, 4]);
        let fields = "count depth group inflight message rt.id";
        told[0].assert_is("io2::ring", Level::WARN, fields);
        assert_eq!((told[0].number("depth"), told[0].number("group")), (2, 0));
    });
}

/// Holds the four buffers of the pool, lets five receives wait, and gives back one by one.
async fn buffers_are_handed_out_in_turn() -> io::Result<()> {
    let (near, far) = UnixStream::pair()?;
    let mut incoming = far.recv_pooled();
    let mut held = Vec::new();
    for _ in 0..4 {
        near.write_all("x").await.0?;
        held.push(next(&mut incoming).await?);
    }

    let order = Rc::new(RefCell::new(Vec::new()));
    let mut peers = Vec::new();
    for number in 0..5 {
        let (near, far) = full(8).await?;
        peers.push(near);
        let order = order.clone();
        let receiving: JoinHandle<io::Result<()>> = io2::spawn(async move {
            let mut incoming = far.recv_pooled();
            loop {
                let buf = next(&mut incoming).await?;
                order.borrow_mut().push((number, buf));
            }
        });
        drop(receiving);
        for _ in 0..10 {
            io2::yield_now().await;
        }
    }
    let mut served = Vec::new();
    for _ in 0..5 {
        assert!(order.borrow().is_empty());
        drop(held.pop());
        for _ in 0..20 {
            io2::yield_now().await;
        }
        // To him who has waited longest, and only to him.
        let taken = order.take();
        assert_eq!(taken.len(), 1);
        for (number, buf) in taken {
            served.push(number);
            held.push(buf);
        }
    }
    assert_eq!(served, [0, 1, 2, 3, 4]);
    Ok(())
}

#[test]
fn waiting_receives_are_given_buffers_in_turn() {
    run(4, 64, buffers_are_handed_out_in_turn());
}

#[test]
fn connections_on_which_nothing_comes_hold_no_buffer() {
    run(2, 64, async {
        let mut idle = Vec::new();
        for _ in 0..20 {
            let (near, far) = UnixStream::pair()?;
            let mut incoming = far.recv_pooled();
            arm(&mut incoming).await?;
            idle.push((near, incoming));
        }
        // Also those that found the pool empty when they began.
        let (near, far) = full(128).await?;
        let mut incoming = far.recv_pooled();
        let held = (next(&mut incoming).await?, next(&mut incoming).await?);
        for _ in 0..20 {
            let (near, far) = UnixStream::pair()?;
            let mut incoming = far.recv_pooled();
            arm(&mut incoming).await?;
            idle.push((near, incoming));
        }
        drop(held);
        for _ in 0..10 {
            near.write_all(pattern(128)).await.0?;
            let held = (next(&mut incoming).await?, next(&mut incoming).await?);
            drop(held);
        }
        // And none of them was forgotten.
        for (number, (near, incoming)) in idle.iter_mut().enumerate() {
            near.write_all(vec![number as u8]).await.0?;
            assert_eq!(&next(incoming).await?[..], [number as u8]);
        }
        Ok(())
    });
}

#[test]
fn a_stream_whose_buffers_nobody_takes_does_not_empty_the_pool() {
    run(256, 16, async {
        let (greedy, far) = UnixStream::pair()?;
        let mut greedy_incoming = far.recv_pooled();
        arm(&mut greedy_incoming).await?;
        greedy.write_all(pattern(256 * 16)).await.0?;
        for _ in 0..100 {
            io2::yield_now().await;
        }
        let (_near, far) = full(16).await?;
        let buf = soon(&mut far.recv_pooled()).await?;
        assert_eq!(buf.as_deref(), Some(&pattern(16)[..]));
        // What was left in the socket comes when the rest is taken.
        let mut received = Vec::new();
        while received.len() < 256 * 16 {
            received.extend_from_slice(&next(&mut greedy_incoming).await?);
        }
        assert!(received == pattern(256 * 16));
        Ok(())
    });
}

#[test]
fn a_receive_that_is_dropped_gives_its_buffers_back_whatever_it_did() {
    run(4, 1, async {
        // Before it did anything; while it waits for something to come.
        let (_near, far) = UnixStream::pair()?;
        drop(far.recv_pooled());
        assert_complete(4).await?;
        let mut incoming = far.recv_pooled();
        arm(&mut incoming).await?;
        drop(incoming);
        assert_complete(4).await?;

        // With buffers that have come and were not taken, all or all but one.
        for take in [0, 1] {
            let (near, far) = UnixStream::pair()?;
            let mut incoming = far.recv_pooled();
            arm(&mut incoming).await?;
            near.write_all(pattern(9)).await.0?;
            for _ in 0..20 {
                io2::yield_now().await;
            }
            for _ in 0..take {
                drop(next(&mut incoming).await?);
            }
            drop(incoming);
            assert_complete(4).await?;
        }

        // While more comes, which the kernel has seen and nobody else.
        let (near, far) = UnixStream::pair()?;
        let mut incoming = far.recv_pooled();
        arm(&mut incoming).await?;
        let std = near.into_std().expect("no operation uses it");
        io::Write::write_all(&mut &std, &pattern(9))?;
        drop(incoming);
        assert_complete(4).await?;

        // Before it was submitted.
        let (_near, far) = full(9).await?;
        let mut incoming = far.recv_pooled();
        polling::once(&mut pin!(incoming.next())).await;
        drop(incoming);
        assert_complete(4).await
    });
}

#[test]
fn a_receive_that_waits_for_a_buffer_leaves_the_queue_when_it_is_dropped() {
    run(1, 64, async {
        let (near, far) = full(64).await?;
        let mut incoming = far.recv_pooled();
        let held = next(&mut incoming).await?;

        let (_near1, far1) = full(1).await?;
        let (_near2, far2) = full(2).await?;
        let (_near3, far3) = full(3).await?;
        let (mut first, mut second) = (far1.recv_pooled(), far2.recv_pooled());
        arm(&mut first).await?;
        arm(&mut second).await?;
        drop(second);
        drop(held);
        // The buffer is the first one's now, who does not take it.
        drop(first);
        assert_eq!(next(&mut far3.recv_pooled()).await?.len(), 3);

        near.write_all("!").await.0?;
        assert_eq!(&next(&mut incoming).await?[..], b"!");
        Ok(())
    });
}

#[test]
fn buffers_outlive_their_stream_and_their_executor() {
    let mut kept = None;
    let mut incoming = None;
    run(4, 64, async {
        let (near, far) = full(64).await?;
        let mut receiving = far.recv_pooled();
        kept = Some(next(&mut receiving).await?);
        near.write_all(pattern(64)).await.0?;
        for _ in 0..20 {
            io2::yield_now().await;
        }
        incoming = Some(receiving);
        drop(far);
        Ok(())
    });
    let mut kept = kept.expect("it was received");
    assert!(kept[..] == pattern(64));
    kept[0] = 7;
    drop(incoming);
    assert_eq!(kept[..2], [7, 1]);
    drop(kept);
}

#[test]
fn a_receive_goes_on_in_the_next_executor() {
    let mut moved = None;
    run(8, 64, async {
        let (near, far) = full(5).await?;
        let mut incoming = far.recv_pooled();
        assert_eq!(next(&mut incoming).await?.len(), 5);
        arm(&mut incoming).await?;
        moved = Some((near, incoming));
        Ok(())
    });
    let (near, mut incoming) = moved.expect("the test ran");
    // Buffers of another size, and fewer: those of the other pool would not do.
    run(1, 2, async {
        assert_complete(1).await?;
        near.write_all(pattern(6)).await.0?;
        for expected in [[0, 1], [2, 3], [4, 5]] {
            let buf = next(&mut incoming).await?;
            assert_eq!((&buf[..], buf.capacity()), (&expected[..], 2));
        }
        Ok(())
    });
}

#[test]
fn forgotten_receives_and_buffers_are_safe() {
    run(8, 1, async {
        let (near, far) = UnixStream::pair()?;
        let mut incoming = far.recv_pooled();
        arm(&mut incoming).await?;
        near.write_all("abc").await.0?;
        std::mem::forget(next(&mut incoming).await?);
        std::mem::forget(incoming);
        // The forgotten ones have at most four of the eight.
        let (_near, far) = full(4).await?;
        let mut incoming = far.recv_pooled();
        let mut held = Vec::new();
        for _ in 0..4 {
            held.push(next(&mut incoming).await?);
        }
        Ok(())
    });
}

#[test]
fn a_receive_that_is_stopped_loses_nothing() {
    run(64, 16, async {
        let (near, far) = UnixStream::pair()?;
        let mut incoming = far.recv_pooled();
        arm(&mut incoming).await?;
        near.write_all(pattern(1000)).await.0?;
        let mut received = next(&mut incoming).await?.to_vec();
        incoming.stop();
        while let Some(buf) = incoming.next().await? {
            received.extend_from_slice(&buf);
        }
        near.write_all("rest").await.0?;
        near.shutdown(Shutdown::Write).await?;
        let mut rest = Vec::new();
        while rest.len() < 1004 - received.len() {
            let (read, buf) = far.read(Vec::with_capacity(1004)).await;
            assert!(
                read? > 0,
                "{} and {} bytes came",
                received.len(),
                rest.len()
            );
            rest.extend_from_slice(&buf);
        }
        received.extend_from_slice(&rest);
        assert!(received[..1000] == pattern(1000));
        assert_eq!(&received[1000..], b"rest");
        Ok(())
    });
}

#[test]
fn a_received_buffer_can_be_sent_and_read_into() {
    run(4, 64, async {
        let (near, far) = tcp_pair().await?;
        near.write_all("hello").await.0?;
        let buf = next(&mut far.recv_pooled()).await?;
        let (sent, buf) = far.write(buf).await;
        assert_eq!((sent?, &buf[..]), (5, &b"hello"[..]));
        let (read, buf) = near.read(buf).await;
        assert_eq!((read?, &buf[..]), (5, &b"hello"[..]));
        Ok(())
    });
}

#[test]
fn the_error_of_a_connection_comes_after_what_was_received() {
    run(4, 64, async {
        let (near, far): (TcpStream, TcpStream) = tcp_pair().await?;
        let mut incoming = far.recv_pooled();
        arm(&mut incoming).await?;
        near.write_all("last").await.0?;
        assert_eq!(&next(&mut incoming).await?[..], b"last");
        // Closing with something unread resets the connection.
        far.write_all("unread").await.0?;
        near.close().await?;
        let error = incoming.next().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        Ok(())
    });
}

#[test]
fn sizes_of_the_pool_are_validated() {
    let refused = [
        (0, 1),
        (3, 1),
        (65_536, 1),
        (1, 0),
        (2, (1 << 29) + 1),
        (32_768, u32::MAX),
    ];
    for (buffers, bytes) in refused {
        let error = ExecutorConfig::new()
            .recv_pool(buffers, bytes)
            .run(async {})
            .unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{error}");
    }
    run(32_768, 1, everything_comes(&[100]));
}
