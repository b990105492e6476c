//! Its executor of one thread. Files are read by its pool of threads, with std's positioned reads.

use std::fs::File as StdFile;
use std::future::Future;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::Duration;

use smol::LocalExecutor;
pub use smol::future::yield_now;

pub const NAME: &str = "smol";

pub type File = Arc<StdFile>;
pub type Buf = Vec<u8>;

thread_local! {
    static EXECUTOR: &'static LocalExecutor<'static> = Box::leak(Box::default());
}

pub fn run<F: Future>(future: F) -> F::Output {
    smol::block_on(EXECUTOR.with(|executor| *executor).run(future))
}

pub fn spawn<T: 'static>(future: impl Future<Output = T> + 'static) -> smol::Task<T> {
    EXECUTOR.with(|executor| executor.spawn(future))
}

pub async fn join<T>(task: smol::Task<T>) -> T {
    task.await
}

pub fn sleep(duration: Duration) -> smol::Timer {
    smol::Timer::after(duration)
}

pub async fn open(path: &str) -> File {
    Arc::new(StdFile::open(path).expect("the file opened"))
}

pub fn buffer(size: usize) -> Buf {
    vec![0; size]
}

pub async fn read(file: &File, mut buf: Buf, offset: u64) -> Buf {
    let file = file.clone();
    smol::unblock(move || {
        let count = file.read_at(&mut buf, offset).expect("the read succeeded");
        buf.truncate(count);
        buf
    })
    .await
}

super::channel!(
    smol::channel::bounded::<u64>,
    smol::channel::Sender<u64>,
    smol::channel::Receiver<u64>
);
