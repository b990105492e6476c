//! When a descriptor closes, and how.

use std::fs::File as StdFile;
use std::future::Future;
use std::io::{self, Read as _, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use futures::future::select_all;
use io2::ExecutorConfig;
use io2::fs::File;
use io2::op::nop;
use io2_tests::observed::Observed;
use io2_tests::pipes::pipe;
use io2_tests::{child, descriptors, polling};

fn run<F: Future>(future: F) -> F::Output {
    ExecutorConfig::new().ring_depth(2).run(future).unwrap()
}

/// Whether the number is an open descriptor.
fn is_open(fd: i32) -> bool {
    descriptors::open().contains_key(&fd)
}

fn number(file: &File) -> i32 {
    file.as_fd().as_raw_fd()
}

#[test]
fn a_descriptor_stays_open_until_its_last_operation_has_ended() {
    let test = "a_descriptor_stays_open_until_its_last_operation_has_ended";
    child::run(test, || {
        run(async {
            let (file, mut writer) = pipe();
            let fd = number(&file);
            let mut reads: Vec<_> = (0..10).map(|_| file.read(vec![0; 2])).collect();
            for read in &mut reads {
                assert!(polling::once(read).await.is_none());
            }
            nop().await.unwrap();
            drop(file);
            while !reads.is_empty() {
                for _ in 0..3 {
                    nop().await.unwrap();
                }
                assert!(is_open(fd));
                writer.write_all(b"ok").unwrap();
                // Whichever of them the kernel lets have it.
                let ((_, buf), _, rest) = select_all(reads).await;
                assert_eq!(buf, b"ok");
                reads = rest;
            }
            for _ in 0..3 {
                nop().await.unwrap();
            }
            assert!(!is_open(fd));
        });
    });
}

#[test]
fn a_dropped_operation_holds_its_descriptor_until_the_kernel_is_done() {
    let test = "a_dropped_operation_holds_its_descriptor_until_the_kernel_is_done";
    child::run(test, || {
        run(async {
            let (file, _writer) = pipe();
            let fd = number(&file);
            let mut read = file.read(vec![0; 2]);
            assert!(polling::once(&mut read).await.is_none());
            nop().await.unwrap();
            drop(file);
            drop(read);
            // Not submitted yet: neither the cancellation nor, behind it, the close.
            assert!(is_open(fd));
            while is_open(fd) {
                nop().await.unwrap();
            }
        });
    });
}

#[test]
fn closing_waits_for_the_operations_in_flight() {
    run(async {
        let (file, mut writer) = pipe();
        let mut read = file.read(vec![0; 4]);
        assert!(polling::once(&mut read).await.is_none());
        let mut close = Box::pin(file.close());
        for _ in 0..5 {
            assert!(polling::once(&mut close).await.is_none());
            nop().await.unwrap();
        }
        // Somebody else waits now.
        let close = io2::spawn(close);
        io2::yield_now().await;
        writer.write_all(b"data").unwrap();
        assert_eq!(read.await.1, b"data");
        close.await.unwrap();
        assert!(writer.write_all(b"x").is_err());
    });
}

#[test]
fn a_close_that_is_dropped_closes_all_the_same() {
    let test = "a_close_that_is_dropped_closes_all_the_same";
    child::run(test, || {
        let before = descriptors::open();
        run(async {
            for polls in 0..3 {
                let (file, _writer) = pipe();
                let fd = number(&file);
                {
                    let mut close = Box::pin(file.close());
                    for _ in 0..polls {
                        if polling::once(&mut close).await.is_some() {
                            break;
                        }
                    }
                }
                while is_open(fd) {
                    nop().await.unwrap();
                }
            }
        });
        assert_eq!(descriptors::open(), before);
    });
}

#[test]
fn outside_an_executor_a_descriptor_closes_at_once() {
    let test = "outside_an_executor_a_descriptor_closes_at_once";
    child::run(test, || {
        let (file, _writer) = pipe();
        let fd = number(&file);
        drop(file);
        assert!(!is_open(fd));
        // Also one that an executor opened.
        let file = run(async { File::open("/dev/null").await.unwrap() });
        let fd = number(&file);
        assert!(is_open(fd));
        drop(file);
        assert!(!is_open(fd));
        // And one whose close is polled there, which cannot work.
        let (file, _writer) = pipe();
        let fd = number(&file);
        let polled = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
            let mut close = Box::pin(file.close());
            let mut cx = Context::from_waker(Waker::noop());
            close.as_mut().poll(&mut cx).is_ready()
        }));
        assert!(polled.is_err());
        assert!(!is_open(fd));
    });
}

#[test]
fn a_thousand_files_dropped_at_once_are_closed_when_run_returns() {
    let test = "a_thousand_files_dropped_at_once_are_closed_when_run_returns";
    child::run_with_files(test, 1_100, || {
        let before = descriptors::open();
        for depth in [1, 256] {
            ExecutorConfig::new()
                .ring_depth(depth)
                .run(async {
                    let mut files = Vec::new();
                    for _ in 0..1_000 {
                        files.push(File::from_std(StdFile::open("/dev/null").unwrap()));
                    }
                    drop(files);
                })
                .unwrap();
            assert_eq!(descriptors::open(), before);
        }
    });
}

#[test]
fn descriptors_close_through_the_ring() {
    let test = "descriptors_close_through_the_ring";
    child::run(test, || {
        let observed = Observed::default();
        observed.run(|| {
            run(async {
                let (file, _writer) = pipe();
                drop(file);
                nop().await.unwrap();
            })
        });
        let closes = observed.named("submit");
        let closes = closes
            .iter()
            .filter(|submit| submit.text("op.code") == "close");
        assert_eq!(closes.count(), 1);
    });
}

#[test]
fn a_descriptor_comes_back_to_std_unless_an_operation_is_in_flight() {
    run(async {
        let (file, mut writer) = pipe();
        let mut read = file.read(vec![0; 4]);
        assert!(polling::once(&mut read).await.is_none());
        let file = file.into_std().unwrap_err();
        writer.write_all(b"data").unwrap();
        assert_eq!(read.await.1, b"data");
        let mut file = file.into_std().unwrap();
        // It is nobody else's any more, and open.
        nop().await.unwrap();
        writer.write_all(b"more").unwrap();
        let mut buf = [0; 4];
        file.read_exact(&mut buf).unwrap();
        assert_eq!(&buf, b"more");
    });
}

#[test]
fn a_file_of_one_executor_works_in_the_next() {
    // A process that another test starts has a copy of the pipe for a moment.
    child::run("a_file_of_one_executor_works_in_the_next", || {
        let (file, mut writer) = pipe();
        let file = run(async {
            nop().await.unwrap();
            file
        });
        writer.write_all(b"data").unwrap();
        let (buf, fd) = run(async {
            let buf = file.read(vec![0; 4]).await.1;
            let fd = number(&file);
            file.close().await.unwrap();
            (buf, fd)
        });
        assert_eq!(buf, b"data");
        assert!(fd >= 0);
        assert_eq!(
            writer.write(b"x").unwrap_err().kind(),
            io::ErrorKind::BrokenPipe
        );
    });
}

#[test]
fn a_number_that_is_used_again_at_once_is_not_closed_by_the_one_before() {
    let test = "a_number_that_is_used_again_at_once_is_not_closed_by_the_one_before";
    child::run(test, || {
        run(async {
            for _ in 0..500 {
                let file = File::from_std(StdFile::open("/dev/null").unwrap());
                let fd = number(&file);
                drop(file);
                // The close is queued; as soon as it is done somebody else gets the number.
                let mut other = StdFile::open("/dev/zero").unwrap();
                for _ in 0..2 {
                    nop().await.unwrap();
                    let again = StdFile::open("/dev/zero").unwrap();
                    if again.as_raw_fd() == fd {
                        other = again;
                    }
                }
                nop().await.unwrap();
                let mut byte = [1];
                other.read_exact(&mut byte).unwrap();
                assert_eq!(byte, [0]);
            }
        });
    });
}

#[test]
fn a_read_polled_by_hand_keeps_its_file() {
    // The operation owns what it needs: the file may go first, also when nobody polls it again.
    let test = "a_read_polled_by_hand_keeps_its_file";
    child::run(test, || {
        let before = descriptors::open();
        run(async {
            let (file, writer) = pipe();
            let mut read = Box::pin(file.read(vec![0; 4]));
            drop(file);
            std::future::poll_fn(|cx| {
                assert!(Pin::new(&mut read).poll(cx).is_pending());
                Poll::Ready(())
            })
            .await;
            std::mem::forget(read);
            drop(writer);
        });
        // What was forgotten is leaked, and nothing else.
        let after = descriptors::open();
        assert!(after.len() <= before.len() + 1, "{after:?}");
    });
}

struct Panics;

impl std::task::Wake for Panics {
    fn wake(self: std::sync::Arc<Self>) {
        panic!("a waker that panics");
    }
}

#[test]
fn an_operation_whose_drop_lets_a_close_go_on_does_not_panic_with_its_waker() {
    io2::ExecutorConfig::new()
        .run(async {
            let (reader, _writer) = io2::pipe::pipe().unwrap();
            let read = reader.read(vec![0; 8]);
            let mut close = Box::pin(reader.close());
            let waker = std::task::Waker::from(std::sync::Arc::new(Panics));
            let mut cx = std::task::Context::from_waker(&waker);
            assert!(close.as_mut().poll(&mut cx).is_pending());
            // The last one but the close that uses the descriptor.
            drop(read);
            close.await.unwrap();
        })
        .unwrap();
}
