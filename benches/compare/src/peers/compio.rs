use std::future::Future;

use compio::BufResult;
pub use compio::fs::File;
use compio::io::{AsyncReadAt, AsyncWriteAt};
pub use compio::runtime::spawn;
use compio::runtime::{JoinHandle, RuntimeBuilder};
pub use compio::time::sleep;

pub use super::wake_oneself as yield_now;

pub const NAME: &str = "compio";

pub type Buf = Vec<u8>;

pub fn run<F: Future>(future: F) -> F::Output {
    let mut proactor = compio::driver::ProactorBuilder::new();
    proactor.capacity(super::DEPTH);
    let mut builder = RuntimeBuilder::new();
    builder.with_proactor(proactor);
    builder
        .build()
        .expect("the runtime started")
        .block_on(future)
}

pub async fn join<T>(handle: JoinHandle<T>) -> T {
    handle.await.expect("the task ended")
}

pub async fn open(path: &str) -> File {
    File::open(path).await.expect("the file opened")
}

pub fn buffer(size: usize) -> Buf {
    Vec::with_capacity(size)
}

pub async fn read(file: &File, buf: Buf, offset: u64) -> Buf {
    let BufResult(count, buf) = file.read_at(buf, offset).await;
    count.expect("the read succeeded");
    buf
}

/// It has none: a byte of nothing is read.
pub async fn no_op(null: &File) {
    let BufResult(count, _) = null.read_at(Vec::with_capacity(1), 0).await;
    assert_eq!(count.expect("the read succeeded"), 0);
}

super::local_sync!();

pub mod append {
    pub use super::*;

    pub async fn create(path: &str) -> File {
        File::create(path).await.expect("the file was made")
    }

    pub async fn append(mut file: &File, buf: Vec<u8>, offset: u64) -> Vec<u8> {
        let BufResult(count, buf) = file.write_at(buf, offset).await;
        assert_eq!(count.expect("the write succeeded"), buf.len());
        file.sync_data().await.expect("the file is synced");
        buf
    }
}
