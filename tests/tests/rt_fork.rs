//! A fork inside an executor: the child gets an error, and the parent notices nothing.

use std::io::Write;

use io2::ExecutorConfig;
use io2::fs::File;
use io2::op::nop;
use io2_tests::pipes::pipe;
use io2_tests::{child, polling};

/// Forks. In the child, calls `f` and leaves with its result; in the parent, gives that.
fn fork(f: impl FnOnce() -> i32) -> i32 {
    // SAFETY: the child of a thread among others may do little; here it allocates, which the C library
    // allows for, and leaves without running anything else.
    match unsafe { libc::fork() } {
        -1 => panic!("{}", std::io::Error::last_os_error()),
        0 => {
            let code = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f));
            // SAFETY: ends the process.
            unsafe { libc::_exit(code.unwrap_or(99)) }
        }
        pid => wait(pid),
    }
}

fn wait(pid: i32) -> i32 {
    let mut status = 0;
    // SAFETY: the status is there to be written to.
    assert_eq!(unsafe { libc::waitpid(pid, &raw mut status, 0) }, pid);
    assert!(libc::WIFEXITED(status), "{status:#x}");
    libc::WEXITSTATUS(status)
}

#[test]
fn the_child_of_a_fork_in_an_executor_gets_an_error_and_the_parent_goes_on() {
    let test = "the_child_of_a_fork_in_an_executor_gets_an_error_and_the_parent_goes_on";
    child::run(test, || {
        let mut pid = 0;
        let outcome = ExecutorConfig::new().ring_depth(4).run(async {
            let (file, mut writer) = pipe();
            let mut reads: Vec<_> = (0..50).map(|_| file.read(vec![0; 2])).collect();
            for read in &mut reads {
                assert!(polling::once(read).await.is_none());
            }
            nop().await.unwrap();
            // One is submitted and not yet known to the kernel.
            let mut late = file.read(vec![0; 2]);
            assert!(polling::once(&mut late).await.is_none());
            // SAFETY: as in `fork`.
            pid = unsafe { libc::fork() };
            assert!(pid >= 0);
            if pid == 0 {
                let _ = nop().await;
                // Not reached: `run` ends with an error.
                return;
            }
            for _ in 0..51 {
                writer.write_all(b"ok").unwrap();
            }
            for read in reads {
                assert_eq!(read.await.1, b"ok");
            }
            assert_eq!(late.await.1, b"ok");
            let zeros = File::open("/dev/zero").await.unwrap();
            assert_eq!(zeros.read_at(vec![1; 8], 0).await.1, [0; 8]);
        });
        if pid == 0 {
            let error = outcome.expect_err("the rings are the parent's");
            let told = error.to_string().contains("forked");
            // An executor of its own works.
            let own = ExecutorConfig::new().run(async {
                let zeros = File::open("/dev/zero").await?;
                zeros.read_at(vec![1; 8], 0).await.0
            });
            let works = matches!(own, Ok(Ok(8)));
            let code = if told && works { 42 } else { 1 };
            // SAFETY: ends the process.
            unsafe { libc::_exit(code) };
        }
        outcome.unwrap();
        assert_eq!(wait(pid), 42);
    });
}

#[test]
fn what_the_child_of_a_fork_drops_harms_nobody() {
    let test = "what_the_child_of_a_fork_drops_harms_nobody";
    child::run(test, || {
        let executor = ExecutorConfig::new().run(async {
            let (file, mut writer) = pipe();
            let other = File::open("/dev/zero").await.unwrap();
            let mut read = file.read(vec![0; 4]);
            assert!(polling::once(&mut read).await.is_none());
            nop().await.unwrap();
            let mut parts = Some((file, read, other));
            let code = fork(|| {
                // Closes the child's descriptors, and cancels nothing of the parent's.
                drop(parts.take());
                7
            });
            assert_eq!(code, 7);
            let (_file, read, other) = parts.unwrap();
            writer.write_all(b"data").unwrap();
            assert_eq!(read.await.1, b"data");
            assert_eq!(other.read_at(vec![1; 4], 0).await.1, [0; 4]);
        });
        executor.unwrap();
    });
}

#[test]
fn a_fork_between_two_executors_is_no_matter() {
    let test = "a_fork_between_two_executors_is_no_matter";
    child::run(test, || {
        let work = || ExecutorConfig::new().run(async { nop().await }).unwrap();
        work().unwrap();
        assert_eq!(fork(|| if work().is_ok() { 5 } else { 6 }), 5);
        work().unwrap();
    });
}
