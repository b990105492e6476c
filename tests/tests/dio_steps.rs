//! Direct I/O step by step: which operations a request takes, and what is in the file if its steps
//! are broken off.
//!
//! Each test has a process of its own, since the operations are counted by a subscriber, which
//! threads without one would disturb.

use std::future::Future;
use std::io;
use std::rc::Rc;

use io2::ExecutorConfig;
use io2::buf::{AlignedBuf, IoBuf};
use io2::fs::DioFile;
use io2_tests::child;
use io2_tests::observed::Observed;
use io2_tests::skip;
use io2_tests::temp::TempDir;

fn run(future: impl Future<Output = io::Result<()>>) {
    let result = ExecutorConfig::new().run(future);
    result
        .expect("the executor starts")
        .expect("the test's I/O works");
}

fn filled(file: &DioFile, len: usize, value: u8) -> AlignedBuf {
    // Writes are polled from whole pages only.
    let mut buf = AlignedBuf::new(len, file.alignment().memory().max(4096));
    buf.resize(len, value);
    buf
}

#[test]
fn aligned_requests_are_one_operation_each() {
    child::run("aligned_requests_are_one_operation_each", || {
        let observed = Observed::default();
        observed.run(|| {
            run(async {
                let dir = TempDir::new();
                let file = DioFile::create(dir.join("f")).await?;
                let block = file.alignment().offset() as usize;
                let before = count(&observed, "");
                let (written, _) = file.write_aligned(filled(&file, 2 * block, 1), 0).await;
                assert_eq!(written?, 2 * block);
                let (written, _) = file
                    .write_at(filled(&file, 2 * block, 2), block as u64)
                    .await;
                assert_eq!(written?, 2 * block);
                let (read, buf) = file.read_aligned(filled(&file, 4 * block, 0), 0).await;
                assert_eq!(read?, 3 * block);
                assert!(buf[..block].iter().all(|&byte| byte == 1));
                let (read, buf) = file.read_at(filled(&file, block, 0), block as u64).await;
                assert_eq!(read?, block);
                assert!(buf.iter().all(|&byte| byte == 2));
                assert_eq!(count(&observed, "") - before, 4);
                assert_eq!(
                    (count(&observed, "read"), count(&observed, "write")),
                    (2, 2)
                );
                Ok(())
            })
        });
    });
}

#[test]
fn a_device_that_does_not_poll_is_said_once() {
    child::run("a_device_that_does_not_poll_is_said_once", || {
        let observed = Observed::default();
        let mut polls = false;
        observed.run(|| {
            for name in ["f", "g"] {
                run(async {
                    let dir = TempDir::new();
                    let file = DioFile::create(dir.join(name)).await?;
                    file.write_all_at(filled(&file, 4096, 1), 0).await.0?;
                    polls = file.polls();
                    let (read, _) = file.read_at(filled(&file, 4096, 0), 0).await;
                    assert_eq!(read?, 4096);
                    let ring = io2::ring_info().expect("within an executor");
                    assert_eq!(
                        ring.polled, polls,
                        "there is a polled ring if it has any use"
                    );
                    Ok(())
                });
            }
        });
        let told = observed.named("ring.poll_fallback");
        assert_eq!(told.len(), usize::from(!polls), "{told:?}");
        assert!(
            told.iter()
                .all(|seen| seen.text("reason").contains("io_poll"))
        );
    });
}

#[test]
fn requests_that_the_device_takes_in_one_part_are_polled_where_it_polls() {
    child::run(
        "requests_that_the_device_takes_in_one_part_are_polled_where_it_polls",
        || {
            let observed = Observed::default();
            let polled = || {
                let submitted = observed.named("submit");
                let polled = submitted
                    .iter()
                    .filter(|seen| seen.text("ring") == "polled");
                polled.count()
            };
            observed.run(|| {
                run(async {
                    let dir = TempDir::new();
                    let file = DioFile::create(dir.join("f")).await?;
                    let each = usize::from(file.polls());
                    if each == 0 {
                        skip(
                            "the device does not poll: that nothing is polled is all that is seen",
                        );
                    }
                    // What makes the file longer is not polled.
                    let (written, _) = file.write_aligned(filled(&file, 32 * 4096, 9), 0).await;
                    assert_eq!((written?, polled()), (32 * 4096, 0));
                    for round in 0..32 {
                        let at = 4096 * round as u64;
                        let (written, _) = file.write_aligned(filled(&file, 4096, 1), at).await;
                        assert_eq!(written?, 4096);
                        let (read, buf) = file.read_aligned(filled(&file, 4096, 0), at).await;
                        assert_eq!(read?, 4096);
                        assert!(buf.iter().all(|&byte| byte == 1));
                        assert_eq!(polled(), (2 * round + 2) * each);
                    }
                    file.sync_data().await?;
                    // More than the block layer ever takes in one part.
                    let long = 64 << 20;
                    file.write_all_at(filled(&file, long, 2), 0).await.0?;
                    let (read, buf) = file.read_at(filled(&file, long, 0), 0).await;
                    assert_eq!(read?, long);
                    assert!(buf.iter().all(|&byte| byte == 2));
                    assert_eq!(polled(), 64 * each);
                    // A hole that meets the end, read over the end, and read up to it.
                    file.set_len(long as u64 + 8192).await?;
                    let (read, _) = file
                        .read_at(filled(&file, 8192, 9), long as u64 + 4096)
                        .await;
                    assert_eq!(read?, 4096);
                    let (read, buf) = file.read_at(filled(&file, 8192, 9), long as u64).await;
                    assert_eq!(read?, 8192);
                    assert!(buf.iter().all(|&byte| byte == 0));
                    Ok(())
                });
            });
        },
    );
}

/// How many operations of that name, or of any, were submitted.
fn count(observed: &Observed, code: &str) -> usize {
    let submitted = observed.named("submit");
    submitted
        .iter()
        .filter(|seen| code.is_empty() || seen.text("op.code") == code)
        .count()
}

#[test]
fn widened_requests_take_no_more_operations_than_they_need() {
    child::run(
        "widened_requests_take_no_more_operations_than_they_need",
        || {
            let observed = Observed::default();
            observed.run(|| {
                run(async {
                    let dir = TempDir::new();
                    let file = DioFile::create(dir.join("f")).await?;
                    file.write_all_at(filled(&file, 64 * 1024, 1), 0).await.0?;
                    let reads = count(&observed, "read");
                    let writes = count(&observed, "write");
                    // Both ends are partial: two reads and one write, all within the file.
                    file.write_all_at(vec![2; 10_000], 1_000).await.0?;
                    assert_eq!(count(&observed, "read") - reads, 2);
                    assert_eq!(count(&observed, "write") - writes, 1);
                    // Both ends are in one block.
                    file.write_all_at(vec![2; 10], 1_000).await.0?;
                    assert_eq!(count(&observed, "read") - reads, 3);
                    assert_eq!(count(&observed, "write") - writes, 2);
                    // Whole blocks in memory that is not aligned: nothing to be read.
                    let buf = filled(&file, 8 * 4096 + 1, 3);
                    file.write_all_at(buf.slice(1..), 4096).await.0?;
                    assert_eq!(count(&observed, "read") - reads, 3);
                    assert_eq!(count(&observed, "write") - writes, 3);
                    assert_eq!(count(&observed, "ftruncate"), 0);
                    // Past the end: the file is padded, and cut.
                    file.write_all_at(vec![4; 10], 64 * 1024).await.0?;
                    assert_eq!(count(&observed, "ftruncate"), 1);
                    Ok(())
                })
            });
        },
    );
}

/// Widened writes, and the file before and after them.
struct Case {
    before: usize,
    at: usize,
    len: usize,
    /// How many operations the write takes.
    operations: usize,
}

static CASES: [Case; 5] = [
    // Within the file, in one block, and over several.
    Case {
        before: 5_000,
        at: 1_000,
        len: 10,
        operations: 2,
    },
    Case {
        before: 5_000,
        at: 1_000,
        len: 2_000,
        operations: 3,
    },
    // Over the end of the file, and behind it. The length is asked for, the file is padded, and cut.
    Case {
        before: 5_000,
        at: 4_000,
        len: 1_500,
        operations: 5,
    },
    Case {
        before: 5_000,
        at: 9_000,
        len: 1_500,
        operations: 5,
    },
    Case {
        before: 0,
        at: 0,
        len: 1,
        operations: 4,
    },
];

impl Case {
    fn before(&self) -> Vec<u8> {
        vec![1; self.before]
    }

    fn after(&self) -> Vec<u8> {
        let mut new = self.before();
        new.resize(self.before.max(self.at + self.len), 0);
        new[self.at..self.at + self.len].fill(2);
        new
    }

    /// A file that somebody has written, whose blocks are no longer cached.
    fn make(&self, dir: &TempDir) -> std::path::PathBuf {
        dir.file("f", self.before())
    }
}

#[test]
fn an_executor_that_ends_between_the_steps_of_a_write_leaves_the_file_as_it_was_or_as_it_should_be()
{
    child::run(
        "an_executor_that_ends_between_the_steps_of_a_write_leaves_the_file_as_it_was_or_as_it_should_be",
        || {
            for case in &CASES {
                let mut ends = Vec::new();
                for operation in 0..=case.operations {
                    ends.push(broken_off(case, operation));
                }
                assert!(!ends[0], "nothing was submitted, so nothing was written");
                assert!(ends[case.operations], "everything was done");
            }
        },
    );
}

/// Ends the executor when so many operations of a write were submitted. Whether it was done.
fn broken_off(case: &'static Case, operations: usize) -> bool {
    let observed = Observed::default();
    let dir = TempDir::new();
    let path = case.make(&dir);
    observed.run(|| {
        run(async {
            let file = Rc::new(DioFile::options().write(true).open(&path).await?);
            let before = count(&observed, "");
            let task = io2::spawn({
                let file = file.clone();
                async move { file.write_at(vec![2; case.len], case.at as u64).await.0 }
            });
            let all = operations == case.operations;
            while if all {
                !task.is_finished()
            } else {
                count(&observed, "") - before < operations
            } {
                io2::yield_now().await;
            }
            let submitted = count(&observed, "") - before;
            assert!(
                submitted == operations || submitted == operations + 1,
                "{submitted}"
            );
            Ok(())
        });
    });
    let bytes = std::fs::read(&path).expect("the file is there");
    let (old, new) = (case.before(), case.after());
    assert!(
        bytes == old || bytes == new,
        "{} bytes instead of {} or {}, ended after {operations} operations of a write of {} at {}",
        bytes.len(),
        old.len(),
        new.len(),
        case.len,
        case.at,
    );
    bytes == new
}
