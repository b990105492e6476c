use std::future::Future;

use io2::ExecutorConfig;
pub use io2::fs::File;
use io2::op::nop;
pub use io2::time::sleep;
pub use io2::{spawn, yield_now};

use super::channel;

pub const NAME: &str = "io2";

pub type Buf = Vec<u8>;

fn config() -> ExecutorConfig {
    ExecutorConfig::new().ring_depth(super::DEPTH)
}

pub fn run<F: Future>(future: F) -> F::Output {
    config().run(future).expect("the executor started")
}

pub async fn join<T>(handle: io2::JoinHandle<T>) -> T {
    handle.await
}

pub async fn no_op(_null: &File) {
    nop().await.expect("a no-op succeeds");
}

super::reads!();

channel!(
    io2::sync::mpsc::channel::<u64>,
    io2::sync::mpsc::Sender<u64>,
    io2::sync::mpsc::Receiver<u64>
);

/// Without time slices.
pub mod off {
    pub use super::*;

    pub const NAME: &str = "io2, off";

    pub fn run<F: Future>(future: F) -> F::Output {
        let config = config().preempt(io2::Preempt::Off);
        config.run(future).expect("the executor started")
    }
}

/// With buffers that are registered with the ring.
pub mod registered {
    use std::cell::RefCell;

    use io2::buf::{RegisteredBuf, RegisteredBufs};

    use super::File;
    pub use super::{join, open, run, spawn};

    pub const NAME: &str = "io2, registered buffers";

    pub type Buf = RegisteredBuf;

    thread_local! {
        static POOL: RefCell<Option<RegisteredBufs>> = const { RefCell::new(None) };
    }

    pub fn buffer(size: usize) -> Buf {
        POOL.with_borrow_mut(|pool| {
            let make = || RegisteredBufs::new(128, size, 4096).expect("memory to lock");
            pool.get_or_insert_with(make).take().expect("one is left")
        })
    }

    pub async fn read(file: &File, buf: Buf, offset: u64) -> Buf {
        let (count, buf) = file.read_at(buf, offset).await;
        count.expect("the read succeeded");
        buf
    }
}

/// Files past the page cache.
pub mod direct {
    use io2::buf::AlignedBuf;
    use io2::fs::DioFile;

    pub use super::{NAME, join, run, spawn};

    pub type Buf = AlignedBuf;

    pub async fn open(path: &str) -> DioFile {
        DioFile::open(path).await.expect("the file opened")
    }

    pub fn buffer(size: usize) -> Buf {
        AlignedBuf::new(size, 4096)
    }

    pub async fn read(file: &DioFile, buf: Buf, offset: u64) -> Buf {
        let (count, buf) = file.read_at(buf, offset).await;
        count.expect("the read succeeded");
        buf
    }

    pub async fn open_to_write(path: &str) -> DioFile {
        let file = DioFile::options().write(true).create(true).open(path).await;
        file.expect("the file opened")
    }

    /// A buffer of so many bytes.
    pub fn filled(size: usize, value: u8) -> Buf {
        let mut buf = buffer(size);
        buf.resize(size, value);
        buf
    }

    pub async fn write(file: &DioFile, buf: Buf, offset: u64) -> Buf {
        let (count, buf) = file.write_at(buf, offset).await;
        assert_eq!(count.expect("the write succeeded"), buf.len());
        buf
    }
}

super::append!();

/// Channels of others, in this runtime.
pub mod with_tokio_channel {
    pub use super::{run, spawn};

    pub const NAME: &str = "io2 with tokio's channel";

    super::channel!(
        ::tokio::sync::mpsc::channel::<u64>,
        ::tokio::sync::mpsc::Sender<u64>,
        ::tokio::sync::mpsc::Receiver<u64>
    );
}

pub mod with_local_sync {
    pub use super::{run, spawn};

    pub const NAME: &str = "io2 with local-sync";

    crate::peers::local_sync!();
}

pub mod with_async_channel {
    pub use super::{run, spawn};

    pub const NAME: &str = "io2 with async-channel";

    super::channel!(
        ::async_channel::bounded::<u64>,
        ::async_channel::Sender<u64>,
        ::async_channel::Receiver<u64>
    );
}
