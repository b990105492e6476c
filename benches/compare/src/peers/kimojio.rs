//! Its channels have room for one message or have no bound; for more room it has local-sync's.

use std::ffi::CString;
use std::future::Future;
use std::os::fd::OwnedFd;
use std::time::Duration;

use kimojio::operations::{self, OFlags, TaskHandle};
use kimojio::{Runtime, configuration::Configuration};

pub const NAME: &str = "kimojio";

pub type File = OwnedFd;
pub type Buf = Vec<u8>;

pub fn run<F: Future + 'static>(future: F) -> F::Output {
    match Runtime::new(0, Configuration::new()).block_on(future) {
        Some(Ok(output)) => output,
        _ => panic!("the future did not end"),
    }
}

pub fn spawn<F: Future + 'static>(future: F) -> TaskHandle<F::Output> {
    operations::spawn_task(future)
}

pub async fn join<T>(task: TaskHandle<T>) -> T {
    match task.await {
        Ok(output) => output,
        Err(_) => panic!("the task did not end"),
    }
}

pub async fn yield_now() {
    operations::yield_io().await;
}

pub fn sleep(duration: Duration) -> impl Future {
    operations::sleep(duration)
}

pub async fn no_op(_null: &File) {
    operations::nop().await.expect("a no-op succeeds");
}

pub async fn open(path: &str) -> File {
    let path = CString::new(path).expect("no byte is zero");
    let file = operations::open(&path, OFlags::RDONLY, 0.into()).await;
    file.expect("the file opened")
}

pub fn buffer(size: usize) -> Buf {
    vec![0; size]
}

pub async fn read(file: &File, mut buf: Buf, offset: u64) -> Buf {
    let count = operations::pread(file, &mut buf, offset).await;
    buf.truncate(count.expect("the read succeeded"));
    buf
}

super::local_sync!();
