use std::future::Future;

pub use monoio::fs::File;
pub use monoio::spawn;
pub use monoio::time::sleep;

pub use super::wake_oneself as yield_now;

pub const NAME: &str = "monoio";

pub type Buf = Vec<u8>;

fn start<F: Future>(ring: Option<monoio_uring::Builder>, future: F) -> F::Output {
    let mut builder =
        monoio::RuntimeBuilder::<monoio::IoUringDriver>::new().with_entries(super::DEPTH);
    if let Some(ring) = ring {
        builder = builder.uring_builder(ring);
    }
    let mut runtime = builder.enable_timer().build().expect("the runtime started");
    runtime.block_on(future)
}

pub fn run<F: Future>(future: F) -> F::Output {
    start(None, future)
}

pub async fn join<T>(handle: monoio::task::JoinHandle<T>) -> T {
    handle.await
}

/// It has none: a byte of nothing is read.
pub async fn no_op(null: &File) {
    let (count, _) = null.read_at(Vec::with_capacity(1), 0).await;
    assert_eq!(count.expect("the read succeeded"), 0);
}

super::reads!();

super::local_sync!();

/// With the ring's flags for one thread.
pub mod tuned {
    pub use super::*;

    pub const NAME: &str = "monoio, tuned";

    pub fn run<F: Future>(future: F) -> F::Output {
        let mut ring = monoio_uring::IoUring::builder();
        ring.setup_single_issuer().setup_defer_taskrun();
        start(Some(ring), future)
    }
}

super::append!();
