//! The runtimes, each behind the same few functions, so that the works are written once.
//!
//! All have their timers on and, where it can be said, a ring of the same depth. A peer that has no such
//! function lacks it, and is not named in the list of who does the work.

pub mod compio;
pub mod glommio;
pub mod io2;
pub mod kimojio;
pub mod monoio;
pub mod raw;
pub mod smol;
pub mod tokio;
pub mod tokio_uring;

/// Entries of the submission queue.
pub const DEPTH: u32 = 256;

/// For runtimes that cannot yield: the task wakes itself, which their schedulers look out for.
pub async fn wake_oneself() {
    let mut yielded = false;
    std::future::poll_fn(|cx| {
        if yielded {
            return std::task::Poll::Ready(());
        }
        yielded = true;
        cx.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}

/// The channel of a peer: made, sent to and received from by the same calls.
macro_rules! channel {
    ($channel:path, $sender:ty, $receiver:ty) => {
        pub fn channel(room: usize) -> ($sender, $receiver) {
            $channel(room)
        }

        pub async fn send(sender: &$sender, message: u64) {
            assert!(sender.send(message).await.is_ok());
        }

        #[allow(unused_mut, reason = "some receive by a shared reference")]
        pub async fn receive(receiver: &mut $receiver) -> u64 {
            receiver.recv().await.expect("a message")
        }
    };
}
use channel;

/// local-sync's, for runtimes of one thread that have no channel with room.
macro_rules! local_sync {
    () => {
        $crate::peers::channel!(
            ::local_sync::mpsc::bounded::channel::<u64>,
            ::local_sync::mpsc::bounded::Tx<u64>,
            ::local_sync::mpsc::bounded::Rx<u64>
        );
    };
}
use local_sync;

/// Reads of files whose operations take a buffer and give it back.
macro_rules! reads {
    () => {
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
    };
}
use reads;

/// Appends to such files that are on the disk before the next one. Some write when they are told to `submit`.
macro_rules! append {
    ($($submit:ident)?) => {
        pub mod append {
            use super::File;
            pub use super::{NAME, run};

            pub async fn create(path: &str) -> File {
                File::create(path).await.expect("the file was made")
            }

            pub async fn append(file: &File, buf: Vec<u8>, offset: u64) -> Vec<u8> {
                let (count, buf) = file.write_at(buf, offset)$(.$submit())?.await;
                assert_eq!(count.expect("the write succeeded"), buf.len());
                file.sync_data().await.expect("the file is synced");
                buf
            }
        }
    };
}
use append;
