//! The runtime of one thread. Files are read by its pool of threads, with std's positioned reads: one trip
//! to the pool a read, where its own file type would take two, one to seek and one to read.

use std::fs::File as StdFile;
use std::future::Future;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

pub use tokio::spawn;
pub use tokio::task::yield_now;
pub use tokio::time::sleep;

pub const NAME: &str = "tokio";

pub type File = Arc<StdFile>;
pub type Buf = Vec<u8>;

pub fn run<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("the runtime started")
        .block_on(future)
}

pub async fn join<T>(handle: tokio::task::JoinHandle<T>) -> T {
    handle.await.expect("the task ended")
}

pub async fn open(path: &str) -> File {
    Arc::new(StdFile::open(path).expect("the file opened"))
}

pub fn buffer(size: usize) -> Buf {
    vec![0; size]
}

pub async fn read(file: &File, mut buf: Buf, offset: u64) -> Buf {
    let file = file.clone();
    let read = tokio::task::spawn_blocking(move || {
        let count = file.read_at(&mut buf, offset).expect("the read succeeded");
        buf.truncate(count);
        buf
    });
    read.await.expect("the call ended")
}

super::channel!(
    tokio::sync::mpsc::channel::<u64>,
    tokio::sync::mpsc::Sender<u64>,
    tokio::sync::mpsc::Receiver<u64>
);
