use std::future::Future;
use std::time::Duration;

use glommio::io::{BufferedFile, ReadResult};
use glommio::{LocalExecutorBuilder, Placement};

pub const NAME: &str = "glommio";

pub type File = BufferedFile;
/// It reads into memory of its own.
pub type Buf = Option<ReadResult>;

pub fn run<F: Future>(future: F) -> F::Output {
    LocalExecutorBuilder::new(Placement::Unbound)
        .ring_depth(super::DEPTH as usize)
        .make()
        .expect("the executor started")
        .run(future)
}

pub fn spawn<T: 'static>(future: impl Future<Output = T> + 'static) -> glommio::Task<T> {
    glommio::spawn_local(future)
}

pub async fn join<T>(task: glommio::Task<T>) -> T {
    task.await
}

pub async fn yield_now() {
    glommio::executor().yield_now().await;
}

pub fn sleep(duration: Duration) -> impl Future {
    glommio::timer::sleep(duration)
}

pub async fn open(path: &str) -> File {
    File::open(path).await.expect("the file opened")
}

pub fn buffer(_size: usize) -> Buf {
    None
}

pub async fn read(file: &File, _buf: Buf, offset: u64) -> Buf {
    let read = file.read_at(offset, crate::works::BLOCK).await;
    Some(read.expect("the read succeeded"))
}

/// It has none: a byte of nothing is read.
pub async fn no_op(null: &File) {
    let read = null.read_at(0, 1).await.expect("the read succeeded");
    assert_eq!(read.len(), 0);
}

super::channel!(
    glommio::channels::local_channel::new_bounded::<u64>,
    glommio::channels::local_channel::LocalSender<u64>,
    glommio::channels::local_channel::LocalReceiver<u64>
);

/// Files past the page cache.
pub mod direct {
    use glommio::io::DmaFile;

    pub use super::{Buf, NAME, buffer, join, run, spawn};

    pub async fn open(path: &str) -> DmaFile {
        DmaFile::open(path).await.expect("the file opened")
    }

    pub async fn read(file: &DmaFile, _buf: Buf, offset: u64) -> Buf {
        let read = file.read_at_aligned(offset, crate::works::BLOCK).await;
        Some(read.expect("the read succeeded"))
    }
}
