//! Operations inside what other crates make of futures.

use std::cell::RefCell;
use std::io::Write;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use futures::future::{Either, FutureExt, join_all, select};
use futures::stream::{FuturesUnordered, StreamExt};
use io2::ExecutorConfig;
use io2::fs::File;
use io2::op::nop;
use io2_tests::pipes::{pipe, pipes};
use io2_tests::polling;

fn run<F: Future>(future: F) -> F::Output {
    ExecutorConfig::new().ring_depth(8).run(future).unwrap()
}

#[test]
fn a_thousand_joined_reads_are_all_done() {
    run(async {
        let file = File::open("/dev/zero").await.unwrap();
        let reads = (0..1_000).map(|n| file.read_at(vec![1; n % 50 + 1], 0));
        for (n, (read, buf)) in join_all(reads).await.into_iter().enumerate() {
            assert_eq!(read.unwrap(), n % 50 + 1);
            assert_eq!(buf, vec![0; n % 50 + 1]);
        }
    });
}

#[test]
fn unordered_reads_come_as_their_data_come() {
    run(async {
        let (files, mut writers) = pipes(50);
        let mut reads: FuturesUnordered<_> = files
            .iter()
            .enumerate()
            .map(|(n, file)| file.read(Vec::with_capacity(1)).map(move |done| (n, done)))
            .collect();
        for n in (0..50).rev() {
            writers[n].write_all(&[n as u8]).unwrap();
            let (which, (read, buf)) = reads.next().await.unwrap();
            assert_eq!((which, read.unwrap(), buf), (n, 1, vec![n as u8]));
        }
        assert!(reads.next().await.is_none());
    });
}

#[test]
fn the_loser_of_a_select_goes_on_and_loses_nothing() {
    run(async {
        let (files, mut writers) = pipes(2);
        let mut slow = files[0].read(Vec::with_capacity(8));
        for round in 0..10_u8 {
            writers[1].write_all(&[round]).unwrap();
            let mut fast = files[1].read(Vec::with_capacity(8));
            futures::select! {
                _ = (&mut slow).fuse() => panic!("nothing was written to it"),
                (read, buf) = (&mut fast).fuse() => {
                    assert_eq!((read.unwrap(), buf), (1, vec![round]));
                }
            }
        }
        writers[0].write_all(b"late").unwrap();
        let (read, buf) = slow.await;
        assert_eq!((read.unwrap(), buf), (4, b"late".to_vec()));
    });
}

#[test]
fn the_loser_of_a_select_can_be_cancelled_and_gives_its_buffer_back() {
    run(async {
        let (file, mut writer) = pipe();
        let read = file.read(Vec::with_capacity(8));
        let Either::Right((_, read)) = select(read, nop()).await else {
            panic!("nothing was written");
        };
        let (read, buf) = read.cancel().await;
        let error = read.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::Interrupted);
        assert_eq!(error.to_string(), "cancelled");
        assert_eq!(buf.capacity(), 8);
        // It took nothing.
        writer.write_all(b"later").unwrap();
        let (read, buf) = file.read(buf).await;
        assert_eq!((read.unwrap(), buf), (5, b"later".to_vec()));
    });
}

#[test]
fn an_operation_wakes_who_polled_it_last() {
    run(async {
        let (file, mut writer) = pipe();
        let mut read = file.read(Vec::with_capacity(8));
        assert!(polling::once(&mut read).await.is_none());
        // Another task, and so another waker.
        let task = io2::spawn(read);
        io2::yield_now().await;
        nop().await.unwrap();
        writer.write_all(b"data").unwrap();
        assert_eq!(task.await.1, b"data");
    });
}

#[test]
fn an_operation_that_is_polled_again_and_again_is_submitted_once() {
    run(async {
        let (file, mut writer) = pipe();
        let mut read = file.read(Vec::with_capacity(4));
        for _ in 0..100 {
            assert!(polling::once(&mut read).await.is_none());
            nop().await.unwrap();
        }
        writer.write_all(b"12345678").unwrap();
        assert_eq!(read.await.1, b"1234");
        let rest = file.read(Vec::with_capacity(8)).await;
        assert_eq!(rest.1, b"5678");
    });
}

#[test]
fn an_operation_that_is_never_polled_is_never_submitted() {
    run(async {
        let (file, mut writer) = pipe();
        writer.write_all(b"data").unwrap();
        drop(file.read(Vec::with_capacity(8)));
        let (read, _) = file.read(Vec::with_capacity(8)).cancel().await;
        assert_eq!(read.unwrap_err().kind(), std::io::ErrorKind::Interrupted);
        assert_eq!(file.read(Vec::with_capacity(8)).await.1, b"data");
    });
}

#[test]
fn a_result_that_is_there_wins_over_cancellation_and_timeout() {
    run(async {
        let (file, mut writer) = pipe();
        for stop in 0..2 {
            let mut read = file.read(Vec::with_capacity(8));
            assert!(polling::once(&mut read).await.is_none());
            writer.write_all(b"data").unwrap();
            nop().await.unwrap();
            nop().await.unwrap();
            let (read, buf) = if stop == 0 {
                read.cancel().await
            } else {
                read.timeout(Duration::ZERO).await
            };
            assert_eq!((read.unwrap(), buf), (4, b"data".to_vec()));
        }
    });
}

#[test]
fn data_that_race_with_a_stop_are_either_read_or_still_there() {
    run(async {
        let (file, mut writer) = pipe();
        for round in 0..300_u32 {
            let mut read = file.read(Vec::with_capacity(8));
            assert!(polling::once(&mut read).await.is_none());
            for _ in 0..round % 3 {
                nop().await.unwrap();
            }
            writer.write_all(b"data").unwrap();
            let (read, buf) = if round % 2 == 0 {
                read.cancel().await
            } else {
                read.timeout(Duration::from_nanos(u64::from(round) * 300))
                    .await
            };
            let data = match read {
                Ok(_) => buf,
                Err(_) => file.read(buf).await.1,
            };
            assert_eq!(data, b"data");
        }
    });
}

#[test]
fn operations_that_wait_for_each_other_across_tasks_end() {
    run(async {
        let log = Rc::new(RefCell::new(Vec::new()));
        let (files, writers) = pipes(20);
        let mut writers = writers.into_iter();
        let mut first = writers.next().unwrap();
        let tasks: Vec<_> = files
            .into_iter()
            .enumerate()
            .map(|(n, file)| {
                let (next, log) = (writers.next(), log.clone());
                io2::spawn(async move {
                    let (read, buf) = file.read(Vec::with_capacity(1)).await;
                    assert_eq!(read.unwrap(), 1);
                    log.borrow_mut().push(n);
                    if let Some(mut next) = next {
                        next.write_all(&buf).unwrap();
                    }
                })
            })
            .collect();
        io2::yield_now().await;
        first.write_all(b"x").unwrap();
        for task in tasks {
            task.await;
        }
        assert_eq!(*log.borrow(), (0..20).collect::<Vec<_>>());
    });
}

#[test]
fn polling_an_operation_that_was_ready_panics_and_says_so() {
    run(async {
        let mut done = nop();
        (&mut done).await.unwrap();
        let again = io2::spawn(async move { Pin::new(&mut done).await })
            .join()
            .await;
        let text = again.unwrap_err().to_string();
        assert!(text.contains("polled after it was ready"), "{text}");
    });
}
