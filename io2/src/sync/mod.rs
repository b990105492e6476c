//! Channels, locks and signals between tasks of one executor.
//!
//! | what | for |
//! |---|---|
//! | [`oneshot`] | one value, such as an answer |
//! | [`mpsc`] | a queue with many senders and one receiver |
//! | [`broadcast`] | a queue in which every receiver gets every message |
//! | [`watch`] | the latest value |
//! | [`Semaphore`] | so many at once |
//! | [`Mutex`], [`RwLock`] | a value that is worked on over awaits |
//! | [`Notify`] | something has happened |
//! | [`Barrier`] | waiting for each other |
//! | [`CancellationToken`] | telling tasks to stop |
//!
//! Names and behaviour are those that users of tokio know. What is different: nothing here crosses threads.
//! There is no lock and no atomic operation inside, shares are [`Rc`](std::rc::Rc)s, and values need
//! not be `Send`.
//!
//! # What all have in common
//!
//! * **Fair.** Waiters are served in the order in which they came, and nobody overtakes.
//! * **Safe to drop.** A future that is dropped while it waits, in a `select!` or a timeout say, gives
//!   its place up and hands on what it was given. No message, permit or notification is lost.
//!   Where the future owns something, such as the message in [`send`](mpsc::Sender::send), its docs say
//!   what becomes of that.
//! * **They give way.** An await that is ready without waiting goes on only while the time slice lasts
//!   (see [Time slices](crate#time-slices)), so a loop over a full channel lets others run in time.
//!   [`unconstrained`](crate::unconstrained) turns that off for a future.
//! * **No allocation to wait**, after there have been as many waiters as there get.
//! * They need a waker and no executor: any executor of the same thread will do.
//!
//! # Between threads
//!
//! io2's wakers work from any thread, so channels of other crates do as well: `async-channel`, `flume`,
//! `futures::channel` and the channels and locks of `tokio::sync` are tested with io2 at
//! both ends, each on a thread of its own. Use those to talk to another executor, or to a plain thread.

mod barrier;
pub mod broadcast;
mod cancellation;
mod gate;
pub mod mpsc;
mod mutex;
mod notify;
pub mod oneshot;
mod rwlock;
mod semaphore;
mod wait;
pub mod watch;

pub use self::barrier::{Barrier, BarrierWaitResult};
pub use self::cancellation::{
    CancellationToken, DropGuard, DropGuardRef, WaitForCancellationFuture,
    WaitForCancellationFutureOwned,
};
pub use self::mutex::{MappedMutexGuard, Mutex, MutexGuard, OwnedMutexGuard, TryLockError};
pub use self::notify::{Notified, Notify};
pub use self::rwlock::{RwLock, RwLockMappedWriteGuard, RwLockReadGuard, RwLockWriteGuard};
pub use self::semaphore::{
    AcquireError, OwnedSemaphorePermit, Semaphore, SemaphorePermit, TryAcquireError,
};
