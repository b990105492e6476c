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

super::reads!();

super::append!(submit);
