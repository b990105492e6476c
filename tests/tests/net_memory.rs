//! Sending and receiving allocate nothing once they have done it for a while.

use std::io;

use io2::net::{RecvPooled, UdpSocket, UnixStream};
use io2::{ExecutorConfig, Preempt};
use io2_tests::counting::Counting;
use io2_tests::sockets::tcp_pair;

/// What fills eight buffers.
static MANY: [u8; 8 * 64] = [7; 8 * 64];

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How often `work` allocates when it is done once more after a few times.
async fn allocations(mut work: impl AsyncFnMut() -> io::Result<()>) -> io::Result<usize> {
    for _ in 0..4 {
        work().await?;
    }
    let before = ALLOCATOR.allocated();
    assert!(before > 0, "nothing counts");
    work().await?;
    Ok(ALLOCATOR.allocated() - before)
}

fn run(future: impl Future<Output = io::Result<()>>) {
    ExecutorConfig::new()
        // A warning about a stall of the machine would allocate.
        .preempt(Preempt::Off)
        .recv_pool(4, 64)
        .run(future)
        .expect("the executor starts")
        .expect("the test's I/O works");
}

async fn next(incoming: &mut RecvPooled) -> io::Result<usize> {
    Ok(incoming.next().await?.expect("it has not ended").len())
}

#[test]
fn reads_and_writes_of_streams_allocate_nothing() {
    run(async {
        let (near, far) = tcp_pair().await?;
        let mut spare = Some((vec![7; 64], Vec::with_capacity(64)));
        let count = allocations(async || {
            let (mut out, mut back) = spare.take().expect("it was put back");
            for _ in 0..20 {
                let (written, buf) = near.write_all(out).await;
                written?;
                let (read, filled) = far.read(back).await;
                assert_eq!(read?, 64);
                let (written, filled) = far.write(filled).await;
                assert_eq!(written?, 64);
                let (read, buf) = near.read_exact(buf).await;
                read?;
                (out, back) = (buf, filled);
            }
            // Once, since its notification waits for the peer.
            let (written, buf) = near.write_zero_copy(out).await;
            assert_eq!(written?, 64);
            let (read, filled) = far.read(back).await;
            assert_eq!(read?, 64);
            spare = Some((buf, filled));
            Ok(())
        })
        .await?;
        assert_eq!(count, 0);
        Ok(())
    });
}

#[test]
fn receives_into_the_pool_allocate_nothing() {
    run(async {
        let (near, far) = UnixStream::pair()?;
        let mut incoming = far.recv_pooled();
        let count = allocations(async || {
            for _ in 0..20 {
                near.write_all("something").await.0?;
                assert_eq!(next(&mut incoming).await?, 9);
                // More than one at a time.
                near.write_all("again").await.0?;
                near.write_all("and again").await.0?;
                let mut count = 0;
                while count < 14 {
                    count += next(&mut incoming).await?;
                }
            }
            Ok(())
        })
        .await?;
        assert_eq!(count, 0);
        Ok(())
    });
}

#[test]
fn receives_that_wait_for_buffers_allocate_nothing_either() {
    run(async {
        let (near, far) = UnixStream::pair()?;
        let mut incoming = far.recv_pooled();
        let count = allocations(async || {
            // Eight of them for the four buffers.
            near.write_all(&MANY[..]).await.0?;
            let mut held = [const { None }; 4];
            for at in 0..8 {
                held[at % 4] = None;
                held[at % 4] = incoming.next().await?;
            }
            Ok(())
        })
        .await?;
        assert_eq!(count, 0);
        Ok(())
    });
}

#[test]
fn datagrams_allocate_nothing() {
    run(async {
        let (a, b) = (
            UdpSocket::bind("127.0.0.1:0").await?,
            UdpSocket::bind("127.0.0.1:0").await?,
        );
        a.connect(b.local_addr()?).await?;
        let mut spare = Some((vec![7; 64], Vec::with_capacity(64)));
        let count = allocations(async || {
            let (mut out, mut back) = spare.take().expect("it was put back");
            for _ in 0..20 {
                let (sent, buf) = a.send(out).await;
                assert_eq!(sent?, 64);
                let (received, filled) = b.recv(back).await;
                assert_eq!(received?, 64);
                (out, back) = (buf, filled);
            }
            spare = Some((out, back));
            Ok(())
        })
        .await?;
        assert_eq!(count, 0);
        Ok(())
    });
}

#[test]
fn the_future_of_a_write_all_has_no_room_to_spare() {
    run(async {
        let (near, _far) = UnixStream::pair()?;
        let room = size_of_val(&near.write_all(Vec::new()));
        // One request with its buffer, and the buffer itself between two requests. Every connection
        // whose task writes has that, also while it waits for something to read.
        assert!(room <= 208, "{room} bytes");
        Ok(())
    });
}
