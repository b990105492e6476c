//! tokio's runtime of one thread with a ring: tasks, timers and channels are tokio's.

use std::future::Future;

pub use tokio::task::yield_now;
pub use tokio::time::sleep;
pub use tokio_uring::fs::File;
pub use tokio_uring::spawn;

pub use super::tokio::{channel, join, receive, send};

pub const NAME: &str = "tokio-uring";

pub type Buf = Vec<u8>;

pub fn run<F: Future>(future: F) -> F::Output {
    let mut builder = tokio_uring::builder();
    builder.entries(super::DEPTH);
    builder.start(future)
}

pub async fn no_op(_null: &File) {
    tokio_uring::no_op().await.expect("a no-op succeeds");
}

pub async fn open(path: &str) -> File {
    File::open(path).await.expect("the file opened")
}

pub fn buffer(size: usize) -> Buf {
    Vec::with_capacity(size)
}

pub async fn read(file: &File, buf: Buf, offset: u64) -> Buf {
    let (count, buf) = file.read_at(buf, offset).await;
    count.expect("the read succeeded");
    buf
}

pub mod append {
    use super::File;
    pub use super::{NAME, run};

    pub async fn create(path: &str) -> File {
        File::create(path).await.expect("the file was made")
    }

    pub async fn append(file: &File, buf: Vec<u8>, offset: u64) -> Vec<u8> {
        let (count, buf) = file.write_at(buf, offset).submit().await;
        assert_eq!(count.expect("the write succeeded"), buf.len());
        file.sync_data().await.expect("the file is synced");
        buf
    }
}
