//! Files and the descriptors behind them: none leaks, and none is mistaken for another.

use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::pin::pin;
use std::process::Command;

use io2::fs::{self, File, OpenOptions};
use io2::{ExecutorConfig, JoinSet};
use io2_tests::observed::Observed;
use io2_tests::{child, descriptors, polling, temp::TempDir};
use tracing::Level;

/// Runs a test's future in an executor.
fn run(future: impl Future<Output = io::Result<()>>) {
    ExecutorConfig::new()
        .run(future)
        .expect("the executor starts")
        .expect("the test's I/O works");
}

/// Makes a named pipe. Opening it for reading waits until somebody opens it for writing.
fn fifo(dir: &TempDir) -> std::path::PathBuf {
    let path = dir.join("fifo");
    let status = Command::new("mkfifo").arg(&path).status();
    assert!(status.is_ok_and(|status| status.success()));
    path
}

/// Polls a call once, drops it, and lets others run `turns` times.
async fn drop_early<F: Future>(call: F, turns: usize) {
    {
        let mut call = pin!(call);
        polling::once(&mut call).await;
    }
    for _ in 0..turns {
        io2::yield_now().await;
    }
}

#[test]
fn a_file_is_closed_when_it_is_dropped() {
    child::run("a_file_is_closed_when_it_is_dropped", || {
        let dir = TempDir::new();
        let path = dir.file("f", "abc");
        let before = descriptors::open();
        run(async {
            for _ in 0..100 {
                let file = File::open(&path).await?;
                let clone = file.try_clone()?;
                // Not even submitted, or dropped in flight: neither holds it open for ever.
                drop(file.read_at(vec![0; 3], 0));
                drop_early(clone.read_at(vec![0; 3], 0), 0).await;
            }
            Ok(())
        });
        assert_eq!(descriptors::open(), before);
    });
}

#[test]
fn a_file_that_outlives_its_executor_is_closed_all_the_same() {
    let test = "a_file_that_outlives_its_executor_is_closed_all_the_same";
    child::run(test, || {
        let dir = TempDir::new();
        let path = dir.file("f", "abc");
        let before = descriptors::open();
        let file = ExecutorConfig::new()
            .run(File::open(&path))
            .unwrap()
            .unwrap();
        assert_eq!(descriptors::open().len(), before.len() + 1);
        drop(file);
        assert_eq!(descriptors::open(), before);
    });
}

#[test]
fn an_open_that_is_dropped_leaves_no_descriptor() {
    child::run("an_open_that_is_dropped_leaves_no_descriptor", || {
        let dir = TempDir::new();
        let path = dir.file("f", "abc");
        let before = descriptors::open();
        run(async {
            // The first kind is done while it is submitted, the second by a worker of the kernel.
            for round in 0..200 {
                drop_early(File::open(&path), round % 5).await;
                drop_early(File::create(dir.join(round.to_string())), round % 5).await;
                drop(File::open(&path));
            }
            Ok(())
        });
        assert_eq!(descriptors::open(), before);
    });
}

#[test]
fn an_open_that_never_ends_is_dropped_at_any_time() {
    child::run("an_open_that_never_ends_is_dropped_at_any_time", || {
        let dir = TempDir::new();
        let path = fifo(&dir);
        let before = descriptors::open();
        run(async {
            for round in 0..20 {
                drop_early(File::open(&path), round % 5).await;
            }
            // Nor does it keep the executor from ending.
            let path = path.clone();
            io2::spawn(async move { File::open(path).await.map(drop) });
            io2::yield_now().await;
            Ok(())
        });
        assert_eq!(descriptors::open(), before);
        // Nobody waits for a writer any more: to open it at once for writing fails.
        let error = std::fs::File::options()
            .write(true)
            .custom_flags(libc::O_NONBLOCK)
            .open(&path)
            .unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENXIO));
    });
}

#[test]
fn setting_a_length_closing_and_opening_at_once_touches_no_other_file() {
    run(async {
        let dir = TempDir::new();
        let contents = vec![7; 4096];
        let truncated = dir.file("truncated", &contents);
        let other = dir.file("other", &contents);
        for round in 0..300 {
            let first = OpenOptions::new().write(true).open(&truncated).await?;
            // In flight when the file is dropped, and when the next one is opened.
            drop_early(first.set_len(0), 0).await;
            drop(first);
            let second = OpenOptions::new().write(true).open(&other).await?;
            for _ in 0..round % 3 {
                io2::yield_now().await;
            }
            assert_eq!(second.size().await?, 4096, "round {round}");
        }
        assert_eq!(std::fs::read(&other)?, contents);
        Ok(())
    });
}

#[test]
fn allocating_closing_and_opening_at_once_touches_no_other_file() {
    run(async {
        let dir = TempDir::new();
        let other = dir.file("other", "");
        for round in 0..300 {
            let mine = dir.join(round.to_string());
            let first = File::create(&mine).await?;
            // A worker of the kernel does this, and looks the descriptor up when it gets to it.
            let mut allocate = first.allocate(0, 4096);
            let early = polling::once(&mut allocate).await;
            drop(first);
            let second = OpenOptions::new().write(true).open(&other).await?;
            match early {
                Some(result) => result?,
                None => allocate.await?,
            }
            assert_eq!(second.size().await?, 0, "round {round}");
            assert_eq!(fs::metadata(&mine).await?.len(), 4096, "round {round}");
        }
        Ok(())
    });
}

#[test]
fn what_a_dropped_call_left_to_the_pool_touches_no_other_file() {
    run(async {
        let dir = TempDir::new();
        let mine = dir.file("mine", "");
        let other = dir.file("other", "");
        let mode = |mode| std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(&other, mode(0o600))?;
        for round in 0..100 {
            let first = File::open(&mine).await?;
            drop_early(first.set_permissions(mode(0o640)), 0).await;
            first.close().await?;
            let second = File::open(&other).await?;
            for _ in 0..round % 3 {
                io2::yield_now().await;
            }
            assert_eq!(
                second.metadata().await?.mode() & 0o777,
                0o600,
                "round {round}"
            );
        }
        assert_eq!(fs::metadata(&other).await?.mode() & 0o777, 0o600);
        Ok(())
    });
}

#[test]
fn ten_thousand_files_read_by_a_thousand_tasks_leave_nothing_behind() {
    let test = "ten_thousand_files_read_by_a_thousand_tasks_leave_nothing_behind";
    // At most one file a task is open, and some that are being closed.
    child::run_with_files(test, 8192, || {
        let dir = TempDir::new();
        for file in 0..100 {
            dir.file(&file.to_string(), format!("contents of {file}"));
        }
        let before = descriptors::open();
        for depth in [1, 2, 8, 256] {
            let observed = Observed::at_most(Level::DEBUG);
            let read = observed.run(|| read_ten_thousand(depth, dir.path()));
            assert_eq!(read, 10_000, "at depth {depth}");
            assert_eq!(descriptors::open(), before, "at depth {depth}");
            // All tasks were joined, and no operation was left for the end to cancel.
            let stop = observed.named("rt.stop").remove(0);
            assert_eq!(stop.number("inflight"), 0, "at depth {depth}");
            assert!(observed.named("op.orphan").is_empty(), "at depth {depth}");
        }
    });
}

fn read_ten_thousand(depth: u32, dir: &Path) -> usize {
    ExecutorConfig::new()
        .ring_depth(depth)
        .run(async {
            let mut tasks = JoinSet::new();
            for task in 0..1_000 {
                let dir = dir.to_owned();
                tasks.spawn(async move {
                    for file in (0..10).map(|file| (task + 7 * file) % 100) {
                        let open = File::open(dir.join(file.to_string())).await.unwrap();
                        let (result, buf) = open.read_at(Vec::with_capacity(64), 0).await;
                        result.unwrap();
                        assert_eq!(buf, format!("contents of {file}").into_bytes());
                    }
                    10
                });
            }
            let mut read = 0;
            while let Some(files) = tasks.join_next().await {
                read += files.unwrap();
            }
            read
        })
        .expect("the executor starts")
}
