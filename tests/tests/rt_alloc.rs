//! What allocates, and what does not.

use std::future::{Future, poll_fn};
use std::io::Write;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use io2::ExecutorConfig;
use io2::fs::File;
use io2::op::nop;
use io2_tests::counting::Counting;
use io2_tests::pipes::pipe;

#[global_allocator]
static MEMORY: Counting = Counting;

fn run<F: Future>(future: F) -> F::Output {
    // A poll over the slice, on a machine that stalls, would be an event.
    let config = ExecutorConfig::new().preempt(io2::Preempt::Off);
    config.run(future).unwrap()
}

/// How often something allocates each time, once it was done a few times.
async fn allocations<F: AsyncFnMut()>(mut work: F) -> usize {
    const WARM: usize = 20;
    const TIMES: usize = 50;
    for _ in 0..WARM {
        work().await;
    }
    let before = MEMORY.allocated();
    for _ in 0..TIMES {
        work().await;
    }
    let allocated = MEMORY.allocated() - before;
    assert_eq!(allocated % TIMES, 0, "{allocated} in {TIMES} times");
    allocated / TIMES
}

#[test]
fn operations_yields_and_sleeps_allocate_nothing() {
    run(async {
        assert_eq!(allocations(async || nop().await.unwrap()).await, 0);
        assert_eq!(allocations(async || io2::yield_now().await).await, 0);
        assert_eq!(allocations(async || io2::yield_if_needed().await).await, 0);
        let short = Duration::from_micros(50);
        assert_eq!(allocations(async || io2::time::sleep(short).await).await, 0);
    });
}

#[test]
fn reads_and_writes_allocate_nothing() {
    run(async {
        let zeros = File::open("/dev/zero").await.unwrap();
        let null = File::options().write(true).open("/dev/null").await.unwrap();
        let mut buf = Some(vec![0; 512]);
        let reads = allocations(async || {
            let (read, back) = zeros.read_at(buf.take().unwrap(), 0).await;
            assert_eq!(read.unwrap(), 512);
            let (written, back) = null.write_at(back, 0).await;
            assert_eq!(written.unwrap(), 512);
            buf = Some(back);
        });
        assert_eq!(reads.await, 0);
        // What has to wait is no dearer.
        let (file, mut writer) = pipe();
        let mut buf = Some(vec![0; 16]);
        let waits = allocations(async || {
            let mut read = file.read(buf.take().unwrap());
            poll_fn(|cx| {
                assert!(Pin::new(&mut read).poll(cx).is_pending());
                Poll::Ready(())
            })
            .await;
            nop().await.unwrap();
            writer.write_all(b"0123456789abcdef").unwrap();
            buf = Some(read.await.1);
        });
        assert_eq!(waits.await, 0);
    });
}

#[test]
fn an_operation_that_times_out_allocates_its_error_alone() {
    run(async {
        let (file, _writer) = pipe();
        let mut buf = Some(vec![0; 16]);
        let stops = allocations(async || {
            let read = file.read(buf.take().unwrap());
            let (read, back) = read.timeout(Duration::from_micros(50)).await;
            assert_eq!(read.unwrap_err().kind(), std::io::ErrorKind::TimedOut);
            buf = Some(back);
        });
        // The error is boxed.
        assert_eq!(stops.await, 1);
    });
}

#[test]
fn a_spawn_allocates_once_at_most() {
    run(async {
        let spawns = allocations(async || {
            let big = [1_u8; 600];
            assert_eq!(io2::spawn(async move { big.len() }).await, 600);
        });
        assert!(spawns.await <= 1);
        // And so if the task lives on, with all others.
        let mut tasks = Vec::with_capacity(20_000);
        for _ in 0..10_000 {
            tasks.push(io2::spawn(std::future::pending::<()>()));
        }
        tasks.clear();
    });
    // Many at once, whose places grow: one each, and some for the places.
    run(async {
        let mut tasks = Vec::with_capacity(20_000);
        let before = MEMORY.allocated();
        for n in 0..20_000_usize {
            tasks.push(io2::spawn(async move { n }));
        }
        let allocated = MEMORY.allocated() - before;
        assert!(allocated < 20_100, "{allocated}");
        for task in tasks {
            task.await;
        }
    });
}

#[test]
fn an_operation_that_is_dropped_in_flight_allocates_twice() {
    run(async {
        let (file, _writer) = pipe();
        let drops = allocations(async || {
            let mut read = file.read(vec![0; 8]);
            poll_fn(|cx| {
                assert!(Pin::new(&mut read).poll(cx).is_pending());
                Poll::Ready(())
            })
            .await;
            nop().await.unwrap();
            drop(read);
            nop().await.unwrap();
        });
        // Beside the buffer: the slot takes the operation over, and it is put on a list to be discarded.
        assert_eq!(drops.await, 3);
    });
}

#[test]
fn a_wake_allocates_nothing() {
    run(async {
        let wakes = allocations(async || {
            let mut woken = 0;
            poll_fn(|cx| {
                woken += 1;
                let waker = cx.waker().clone();
                waker.wake_by_ref();
                waker.wake();
                if woken < 3 {
                    Poll::Pending
                } else {
                    Poll::Ready(())
                }
            })
            .await;
        });
        assert_eq!(wakes.await, 0);
    });
}
