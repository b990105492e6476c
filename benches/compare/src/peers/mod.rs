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
