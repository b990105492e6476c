//! The kernel never writes to memory that was freed, whatever becomes of an operation.
//!
//! What is freed here is kept back and looked at: see [`io2_tests::quarantine`].

use std::future::pending;
use std::io::{PipeWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use io2::buf::{AlignedBuf, IoBufMut};
use io2::fs::File;
use io2::op::{Op, Read, nop};
use io2::{ExecutorConfig, JoinSet};
use io2_tests::pipes::pipe;
use io2_tests::quarantine::Quarantine;
use io2_tests::temp::TempDir;
use io2_tests::{child, polling};

#[global_allocator]
static MEMORY: Quarantine = Quarantine;

const READS: usize = 300;
const LEN: usize = 4096;

/// Runs a future, and lets the kernel write what it still may.
fn run<F: Future>(future: F) -> F::Output {
    let output = ExecutorConfig::new().ring_depth(16).run(future).unwrap();
    MEMORY.check();
    output
}

/// Submits operations and lets them come to the kernel.
async fn start<B: IoBufMut>(reads: impl IntoIterator<Item = Op<Read<B>>>) -> Vec<Op<Read<B>>> {
    let mut started = Vec::new();
    for mut read in reads {
        assert!(polling::once(&mut read).await.is_none());
        started.push(read);
    }
    nop().await.unwrap();
    started
}

/// Reads of one pipe that nobody writes to.
async fn start_pipe_reads(file: &File) -> Vec<Op<Read<Vec<u8>>>> {
    start((0..READS).map(|_| file.read(Vec::with_capacity(LEN)))).await
}

/// Gives each read that may still be there something to write to its buffer.
fn tempt(mut writer: PipeWriter) {
    for _ in 0..READS {
        writer.write_all(&[1; 64]).unwrap();
    }
}

/// A file that is read around the page cache, so that the disk writes to the buffers.
struct Disk(TempDir);

impl Disk {
    const LEN: usize = 256 << 10;
    const COUNT: usize = 12;

    fn new() -> Disk {
        let dir = TempDir::new();
        let path = dir.file("disk", vec![7; Self::LEN * Self::COUNT]);
        std::fs::File::open(path).unwrap().sync_all().unwrap();
        Disk(dir)
    }

    fn open(&self) -> File {
        let mut options = std::fs::OpenOptions::new();
        options.read(true).custom_flags(libc::O_DIRECT);
        File::from_std(options.open(self.0.join("disk")).unwrap())
    }

    async fn start_reads(&self, file: &File) -> Vec<Op<Read<AlignedBuf>>> {
        start((0..Self::COUNT).map(|n| {
            let buf = AlignedBuf::new(Self::LEN, 4096);
            file.read_at(buf, (n * Self::LEN) as u64)
        }))
        .await
    }
}

#[test]
fn a_write_to_freed_memory_is_noticed() {
    child::run("a_write_to_freed_memory_is_noticed", || {
        let mut buf = vec![0_u8; LEN];
        let freed = buf.as_mut_ptr();
        drop(std::hint::black_box(buf));
        assert_eq!(MEMORY.spoiled(), 0);
        // SAFETY: the quarantine holds the block, so it is mapped and nobody else's.
        unsafe { freed.add(100).write_volatile(1) };
        assert_eq!(MEMORY.spoiled(), 1);
        assert_eq!(MEMORY.spoiled(), 0);
    });
}

#[test]
fn reads_that_are_dropped_write_nowhere() {
    run(async {
        let (file, writer) = pipe();
        let reads = start_pipe_reads(&file).await;
        drop(reads);
        tempt(writer);
        for _ in 0..10 {
            nop().await.unwrap();
        }
        MEMORY.check();
    });
}

#[test]
fn reads_that_are_dropped_before_they_come_to_the_kernel_write_nowhere() {
    run(async {
        let (file, writer) = pipe();
        for _ in 0..READS {
            let mut read = file.read(Vec::with_capacity(LEN));
            assert!(polling::once(&mut read).await.is_none());
        }
        tempt(writer);
        for _ in 0..10 {
            nop().await.unwrap();
        }
        MEMORY.check();
    });
}

#[test]
fn reads_that_are_forgotten_keep_their_buffers() {
    run(async {
        let (file, writer) = pipe();
        for read in start_pipe_reads(&file).await {
            std::mem::forget(read);
        }
        tempt(writer);
        for _ in 0..10 {
            nop().await.unwrap();
        }
    });
}

#[test]
fn a_forgotten_task_that_reads_keeps_its_buffers() {
    run(async {
        let (file, writer) = pipe();
        let mut reads = Box::pin(async move {
            let reads = start_pipe_reads(&file).await;
            pending::<()>().await;
            drop(reads);
        });
        for _ in 0..4 {
            assert!(polling::once(&mut reads).await.is_none());
            nop().await.unwrap();
        }
        std::mem::forget(reads);
        tempt(writer);
        nop().await.unwrap();
    });
}

#[test]
fn reads_that_time_out_or_are_cancelled_give_their_buffers_back_for_good() {
    run(async {
        let (file, writer) = pipe();
        let mut set = JoinSet::new();
        for (n, read) in start_pipe_reads(&file).await.into_iter().enumerate() {
            set.spawn(async move {
                if n % 2 == 0 {
                    read.timeout(Duration::from_millis(1)).await
                } else {
                    read.cancel().await
                }
            });
        }
        while let Some(output) = set.join_next().await {
            let (read, buf) = output.unwrap();
            let kind = read.unwrap_err().kind();
            use std::io::ErrorKind::{Interrupted, TimedOut};
            assert!(matches!(kind, TimedOut | Interrupted), "{kind}");
            assert_eq!((buf.len(), buf.capacity()), (0, LEN));
        }
        tempt(writer);
        nop().await.unwrap();
        MEMORY.check();
        // None of the reads took anything.
        let (read, buf) = file.read(Vec::with_capacity(READS * 64)).await;
        assert_eq!(read.unwrap(), READS * 64);
        assert!(buf.iter().all(|&byte| byte == 1));
    });
}

#[test]
fn a_task_that_panics_while_it_reads_leaves_no_read_behind() {
    run(async {
        let (file, writer) = pipe();
        let task = io2::spawn(async move {
            let _reads = start_pipe_reads(&file).await;
            panic!("on purpose");
        });
        assert!(task.join().await.unwrap_err().is_panic());
        tempt(writer);
        nop().await.unwrap();
        MEMORY.check();
    });
}

#[test]
fn a_task_that_is_cancelled_while_it_reads_leaves_no_read_behind() {
    run(async {
        let (file, writer) = pipe();
        let task = io2::spawn(async move {
            let _reads = start_pipe_reads(&file).await;
            pending::<()>().await;
        });
        for _ in 0..4 {
            nop().await.unwrap();
        }
        assert_eq!(task.cancel().await, None);
        tempt(writer);
        nop().await.unwrap();
        MEMORY.check();
    });
}

#[test]
fn an_executor_that_ends_leaves_no_read_behind() {
    let writer = run(async {
        let (file, writer) = pipe();
        for _ in 0..READS {
            let file = file.try_clone().unwrap();
            drop(io2::spawn(async move {
                file.read(Vec::with_capacity(LEN)).await.0.unwrap();
            }));
        }
        io2::yield_now().await;
        nop().await.unwrap();
        writer
    });
    // The reading end is closed: there is nobody left to read.
    assert!({ writer }.write(b"x").is_err());
    MEMORY.check();
}

#[test]
fn a_main_future_that_panics_leaves_no_read_behind() {
    let (file, writer) = pipe();
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        run(async move {
            let _reads = start_pipe_reads(&file).await;
            panic!("on purpose");
        })
    }));
    assert!(panicked.is_err());
    assert!({ writer }.write(b"x").is_err());
    MEMORY.check();
}

#[test]
fn a_read_that_outlives_its_executor_gives_its_buffer_back() {
    let (file, mut writer) = pipe();
    let mut reads = run(async { start_pipe_reads(&file).await });
    writer.write_all(&[1; 64]).unwrap();
    let kept = reads.split_off(READS / 2);
    drop(reads);
    run(async {
        for read in kept {
            let (read, buf) = read.await;
            assert_eq!(read.unwrap_err().raw_os_error(), Some(libc::ECANCELED));
            assert_eq!((buf.len(), buf.capacity()), (0, LEN));
        }
    });
}

#[test]
fn disk_reads_that_are_dropped_write_nowhere() {
    let disk = Disk::new();
    for _ in 0..8 {
        run(async {
            let file = disk.open();
            let reads = disk.start_reads(&file).await;
            drop(reads);
            nop().await.unwrap();
            MEMORY.check();
        });
    }
}

#[test]
fn disk_reads_in_flight_when_the_executor_ends_write_nowhere() {
    let disk = Disk::new();
    for _ in 0..8 {
        run(async {
            let file = disk.open();
            let reads = disk.start_reads(&file).await;
            drop(io2::spawn(async move {
                pending::<()>().await;
                drop(reads);
            }));
        });
        // A read that is late would come during these.
        std::fs::read(disk.0.join("disk")).unwrap();
        MEMORY.check();
    }
}

#[test]
fn disk_reads_that_are_cancelled_wait_for_the_disk() {
    let disk = Disk::new();
    run(async {
        let file = disk.open();
        for read in disk.start_reads(&file).await {
            let (read, buf) = read.cancel().await;
            match read {
                Ok(count) => assert_eq!(buf[..count], vec![7; count]),
                Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::Interrupted),
            }
        }
    });
}
