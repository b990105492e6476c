//! The runtimes, each behind the same few functions, so that the work is written once.
//!
//! All have their timers on and, where it has one, a ring of the same depth.

/// Entries of the submission queue.
const DEPTH: u32 = 256;

/// Bytes of a read.
pub const BLOCK: usize = 4096;

pub mod io2 {
    use std::future::Future;
    use std::time::Duration;

    pub use ::io2::fs::File;
    pub use ::io2::spawn;
    pub use ::io2::yield_now;

    pub fn run<F: Future>(future: F) -> F::Output {
        ::io2::ExecutorConfig::new()
            .ring_depth(super::DEPTH)
            .run(future)
            .expect("the executor started")
    }

    pub async fn join<T>(handle: ::io2::JoinHandle<T>) -> T {
        handle.await
    }

    pub fn sleep(duration: Duration) -> ::io2::time::Sleep {
        ::io2::time::sleep(duration)
    }

    pub async fn open(path: &str) -> File {
        File::open(path).await.expect("the file opened")
    }

    pub async fn read(file: &mut File, buf: Vec<u8>, offset: u64) -> Vec<u8> {
        let (count, buf) = file.read_at(buf, offset).await;
        count.expect("the read succeeded");
        buf
    }

    pub async fn nop(_null: &mut File, buf: Vec<u8>) -> Vec<u8> {
        ::io2::op::nop().await.expect("a no-op succeeds");
        buf
    }
}

pub mod tokio {
    use std::future::Future;
    use std::io::SeekFrom;
    use std::time::Duration;

    use ::tokio::io::{AsyncReadExt, AsyncSeekExt};

    pub use ::tokio::fs::File;
    pub use ::tokio::spawn;
    pub use ::tokio::task::yield_now;

    pub fn run<F: Future>(future: F) -> F::Output {
        ::tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("the runtime started")
            .block_on(future)
    }

    pub async fn join<T>(handle: ::tokio::task::JoinHandle<T>) -> T {
        handle.await.expect("the task ended")
    }

    pub fn sleep(duration: Duration) -> ::tokio::time::Sleep {
        ::tokio::time::sleep(duration)
    }

    pub async fn open(path: &str) -> File {
        File::open(path).await.expect("the file opened")
    }

    /// It reads on from where it is; only the start is sought.
    pub async fn read(file: &mut File, mut buf: Vec<u8>, offset: u64) -> Vec<u8> {
        if offset == 0 {
            file.seek(SeekFrom::Start(0))
                .await
                .expect("the seek succeeded");
        }
        buf.resize(super::BLOCK, 0);
        file.read(&mut buf).await.expect("the read succeeded");
        buf
    }

    pub async fn nop(null: &mut File, mut buf: Vec<u8>) -> Vec<u8> {
        buf.resize(1, 0);
        let count = null.read(&mut buf).await.expect("the read succeeded");
        assert_eq!(count, 0);
        buf
    }
}

pub mod monoio {
    use std::future::{Future, poll_fn};
    use std::task::Poll;
    use std::time::Duration;

    pub use ::monoio::fs::File;
    pub use ::monoio::spawn;

    pub fn run<F: Future>(future: F) -> F::Output {
        ::monoio::RuntimeBuilder::<::monoio::IoUringDriver>::new()
            .with_entries(super::DEPTH)
            .enable_timer()
            .build()
            .expect("the runtime started")
            .block_on(future)
    }

    pub async fn join<T>(handle: ::monoio::task::JoinHandle<T>) -> T {
        handle.await
    }

    /// It has none of its own: the task wakes itself, which its scheduler looks out for.
    pub async fn yield_now() {
        let mut yielded = false;
        poll_fn(|cx| {
            if yielded {
                return Poll::Ready(());
            }
            yielded = true;
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }

    pub fn sleep(duration: Duration) -> ::monoio::time::Sleep {
        ::monoio::time::sleep(duration)
    }

    pub async fn open(path: &str) -> File {
        File::open(path).await.expect("the file opened")
    }

    pub async fn read(file: &mut File, buf: Vec<u8>, offset: u64) -> Vec<u8> {
        let (count, buf) = file.read_at(buf, offset).await;
        count.expect("the read succeeded");
        buf
    }

    pub async fn nop(null: &mut File, buf: Vec<u8>) -> Vec<u8> {
        let (count, buf) = null.read_at(buf, 0).await;
        assert_eq!(count.expect("the read succeeded"), 0);
        buf
    }
}
