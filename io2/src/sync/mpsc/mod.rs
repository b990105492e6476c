//! A queue with many senders and one receiver, with a bound or without.
//!
//! With [`channel`], a sender waits while the queue is full, and that is what holds back whoever is
//! too fast. [`unbounded_channel`] never waits, so something else must bound what is sent.
//!
//! Messages of one sender arrive in the order in which they were sent. Senders that wait get their
//! turn in the order in which they came.
//!
//! # Closing
//!
//! When all senders are dropped, the receiver gets what is left and then `None`. When the receiver is
//! dropped or [closed](Receiver::close), sending fails and gives the message back. Closing keeps what is in the
//! queue, and lets whoever holds a [`Permit`] send one more: `recv` gives `None` after those.
//!
//! # Examples
//!
//! ```
//! use io2::sync::mpsc;
//!
//! # io2::ExecutorConfig::new().run(async {
//! let (sender, mut receiver) = mpsc::channel(16);
//! for worker in 0..3 {
//!     let sender = sender.clone();
//!     io2::spawn(async move {
//!         for n in 0..100 {
//!             sender.send(worker * 100 + n).await.unwrap();
//!         }
//!     });
//! }
//! drop(sender);
//! let mut sum = 0;
//! while let Some(n) = receiver.recv().await {
//!     sum += n;
//! }
//! assert_eq!(sum, 300 * 299 / 2);
//! # }).unwrap();
//! ```

mod bounded;
mod chan;
pub mod error;
mod permit;
mod unbounded;

pub use self::bounded::{Receiver, Sender, WeakSender, channel};
pub use self::permit::{OwnedPermit, Permit, PermitIterator};
pub use self::unbounded::{
    UnboundedReceiver, UnboundedSender, WeakUnboundedSender, unbounded_channel,
};
