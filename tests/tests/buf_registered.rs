//! Registered buffers are used as all others, and are the kernel's exactly as long as they must.

use std::future::{Future, poll_fn};
use std::io::{ErrorKind, Write};
use std::os::fd::OwnedFd;
use std::task::Poll;

use io2::ExecutorConfig;
use io2::buf::{IoBuf, RegisteredBufs};
use io2::fs::File;

fn run<F: Future>(future: F) -> F::Output {
    ExecutorConfig::new().run(future).unwrap()
}

/// Whether a ring of this process has memory registered that begins here.
fn is_registered(address: usize) -> bool {
    let region = format!("0x{address:x}/");
    std::fs::read_dir("/proc/self/fdinfo")
        .unwrap()
        .any(|entry| {
            // Other tests open and close descriptors meanwhile.
            let info = std::fs::read_to_string(entry.unwrap().path()).unwrap_or_default();
            info.contains("UserBufs") && info.contains(&region)
        })
}

/// The reading end as a file, and the writing end.
fn pipe() -> (File, std::io::PipeWriter) {
    let (reader, writer) = std::io::pipe().unwrap();
    (
        File::from_std(std::fs::File::from(OwnedFd::from(reader))),
        writer,
    )
}

#[test]
fn what_is_written_from_them_is_read_into_them() {
    let path = std::env::temp_dir().join(format!("io2-registered-{}", std::process::id()));
    run(async {
        let pool = RegisteredBufs::new(3, 1000, 512).unwrap();
        let file = File::create(&path).await.unwrap();
        let mut one = pool.take().unwrap();
        one.resize(1000, b'1');
        let mut two = pool.take().unwrap();
        two.extend_from_slice(b"..two..");
        let (written, one) = file.write_at(one, 0).await;
        assert_eq!(written.unwrap(), 1000);
        let (written, _) = file.write_at(two.slice(2..5), 1000).await;
        assert_eq!(written.unwrap(), 3);

        let file = File::open(&path).await.unwrap();
        let three = pool.take().unwrap();
        assert_eq!(three.len(), 0);
        let (read, three) = file.read_at(three, 900).await;
        assert_eq!(read.unwrap(), 103);
        assert_eq!(three[..100], one[..100]);
        assert_eq!(three[100..], *b"two");
        let (read, three) = file.read_at(three.slice(10..15), 998).await;
        assert_eq!(read.unwrap(), 5);
        assert_eq!(three.into_inner()[10..15], *b"11two");
    });
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn each_has_memory_of_its_own_at_an_aligned_address() {
    run(async {
        let pool = RegisteredBufs::new(10, 700, 512).unwrap();
        assert_eq!(
            (pool.count(), pool.available(), pool.capacity()),
            (10, 10, 700)
        );
        let mut bufs: Vec<_> = std::iter::from_fn(|| pool.take()).collect();
        assert_eq!((bufs.len(), pool.available()), (10, 0));
        for (number, buf) in bufs.iter_mut().enumerate() {
            assert_eq!(buf.as_ptr().addr() % 512, 0);
            assert_eq!((buf.len(), buf.capacity()), (0, 700));
            buf.resize(700, number as u8);
        }
        for (number, buf) in bufs.iter().enumerate() {
            assert!(buf.iter().all(|byte| *byte == number as u8));
        }
        // The one that came back is taken again, empty.
        let address = bufs.swap_remove(4).as_ptr();
        let again = pool.take().unwrap();
        assert_eq!(again.as_ptr(), address);
        assert!(again.is_empty());
        assert!(pool.take().is_none());
    });
}

#[test]
fn memory_is_registered_until_the_last_buffer_is_dropped() {
    run(async {
        let pool = RegisteredBufs::new(2, 4096, 4096).unwrap();
        let buf = pool.take().unwrap();
        let address = buf.as_ptr().addr();
        assert!(is_registered(address));
        drop(pool);
        assert!(is_registered(address));
        drop(buf);
        assert!(!is_registered(address));
    });
}

#[test]
fn a_read_that_was_dropped_keeps_its_buffer_until_the_kernel_is_done() {
    run(async {
        let pool = RegisteredBufs::new(1, 4096, 4096).unwrap();
        let (reader, mut writer) = pipe();
        let mut read = Box::pin(reader.read(pool.take().unwrap()));
        let first = poll_fn(|cx| Poll::Ready(read.as_mut().poll(cx).is_pending()));
        assert!(first.await);
        io2::yield_now().await;
        drop(read);
        // Cancelled, but not yet done.
        assert_eq!(pool.available(), 0);
        while pool.available() == 0 {
            io2::yield_now().await;
        }
        let mut buf = pool.take().unwrap();
        buf.resize(4096, b'x');
        writer.write_all(b"late").unwrap();
        io2::yield_now().await;
        assert!(buf.iter().all(|byte| *byte == b'x'));
    });
}

#[test]
fn many_reads_at_once_fill_each_their_own() {
    run(async {
        let pool = RegisteredBufs::new(50, 64, 64).unwrap();
        let ends: Vec<_> = (0..50).map(|_| pipe()).collect();
        let (readers, writers): (Vec<_>, Vec<_>) = ends.into_iter().unzip();
        let tasks = readers.into_iter().map(|reader| {
            let buf = pool.take().unwrap();
            io2::spawn(async move { reader.read(buf).await })
        });
        let tasks: Vec<_> = tasks.collect();
        io2::yield_now().await;
        for (number, mut writer) in writers.into_iter().enumerate() {
            writer
                .write_all(format!("pipe {number}").as_bytes())
                .unwrap();
        }
        for (number, task) in tasks.into_iter().enumerate() {
            let (read, buf) = task.await;
            assert_eq!(*buf, *format!("pipe {number}").as_bytes());
            assert_eq!(read.unwrap(), buf.len());
        }
        assert_eq!(pool.available(), 50);
    });
}

#[test]
fn they_can_be_used_in_another_executor_and_after_all_of_them() {
    let pool = run(async { RegisteredBufs::new(1, 4096, 4096).unwrap() });
    run(async {
        let zeros = File::open("/dev/zero").await.unwrap();
        let (read, buf) = zeros.read_at(pool.take().unwrap(), 0).await;
        assert_eq!(read.unwrap(), 4096);
        assert_eq!(*buf, [0; 4096]);
    });
    let mut buf = pool.take().unwrap();
    drop(pool);
    buf.extend_from_slice(b"still there");
    assert_eq!(*buf, *b"still there");
}

#[test]
fn an_executor_has_64_pools_and_places_are_used_again() {
    run(async {
        let make = || RegisteredBufs::new(1, 4096, 4096);
        let mut pools: Vec<_> = (0..64).map(|_| make().unwrap()).collect();
        let error = make().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::QuotaExceeded);
        assert!(error.to_string().contains("64 pools"), "{error}");
        pools.swap_remove(20);
        let pool = make().unwrap();
        assert!(make().is_err());
        let zeros = File::open("/dev/zero").await.unwrap();
        let (read, buf) = zeros.read_at(pool.take().unwrap(), 0).await;
        assert_eq!((read.unwrap(), buf.len()), (4096, 4096));
    });
}

#[test]
fn a_pool_of_nothing_or_too_much_is_an_error() {
    run(async {
        let cases = [
            (0, 4096, 512),
            (4, 0, 512),
            (4, 10, 0),
            (4, 10, 3),
            (2, 1 << 30, 1),
            (2, usize::MAX, 8),
        ];
        for (count, capacity, alignment) in cases {
            let error = RegisteredBufs::new(count, capacity, alignment).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        }
    });
}

#[test]
fn a_pool_outside_an_executor_is_an_error() {
    let error = RegisteredBufs::new(1, 4096, 4096).unwrap_err();
    assert!(error.to_string().contains("inside"), "{error}");
}
