//! Operations: what one submission queue entry asks of the kernel.
//!
//! Each kernel operation is one small file that describes itself by [`Operation`]; the one future
//! `Op` submits it, waits for it, and cancels it when it is dropped. The driver
//! below knows no operation by name.
//!
//! # How to add one
//!
//! 1. Make a struct that owns everything the kernel may look at: the descriptor (an
//!    `Fd`, which keeps it open until the last completion), buffers and paths.
//! 2. Put what the kernel needs at a fixed address, but does not live on the heap already, into
//!    `Side`: it stays in the driver's slot from the submission to the last completion.
//! 3. Write `encode`, `finish` and, if a success makes something that must be disposed of
//!    (a descriptor), `discard`.

mod cancelled;
mod close;
mod fadvise;
mod fallocate;
mod fsync;
mod ftruncate;
mod future;
mod guarded;
mod iovec;
mod link;
mod mkdir;
#[cfg_attr(
    not(feature = "net"),
    allow(
        dead_code,
        reason = "only sockets have operations with many completions"
    )
)]
mod multishot;
mod nop;
mod open;
#[cfg(feature = "process")]
mod poll;
mod read;
mod readv;
mod rename;
#[cfg(feature = "net")]
mod splice;
mod statx;
mod symlink;
pub(crate) mod transfer;
mod unlink;
mod write;
mod writev;

#[cfg(feature = "net")]
pub mod socket;

use std::any::Any;
use std::io;
use std::task::{Context, Poll};

use io_uring::squeue::Entry;

use crate::fd::Fd;

pub use self::cancelled::{Cancelled, Timed};
pub use self::fadvise::Fadvise;
pub use self::fallocate::Fallocate;
pub use self::fsync::Fsync;
pub use self::future::Op;
pub use self::guarded::Guarded;
#[cfg(feature = "net")]
pub(crate) use self::multishot::Multishot;
pub use self::nop::{Nop, nop};
pub use self::read::Read;
pub use self::readv::ReadVectored;
pub use self::write::Write;
pub use self::writev::WriteVectored;

pub(crate) use self::close::Close;
pub(crate) use self::ftruncate::Ftruncate;
pub(crate) use self::guarded::Guard;
pub(crate) use self::link::Link;
pub(crate) use self::mkdir::Mkdir;
pub(crate) use self::open::Open;
#[cfg(feature = "process")]
pub(crate) use self::poll::PollReady;
pub(crate) use self::rename::Rename;
#[cfg(feature = "net")]
pub(crate) use self::splice::Splice;
pub(crate) use self::statx::Statx;
pub(crate) use self::symlink::Symlink;
pub(crate) use self::unlink::Unlink;

/// The offset that means the file's own position, which the read or write then moves on. What has
/// no positions, a pipe or a terminal, takes no other.
pub(crate) const POSITION: u64 = u64::MAX;

/// The most bytes that one request moves; the kernel stops there too.
const MAX_TRANSFER: usize = 0x7fff_f000;

/// The length to ask for of a buffer with `len` bytes.
fn transfer_len(len: usize) -> u32 {
    len.min(MAX_TRANSFER) as u32
}

/// What an operation works on, for spans and for the list of operations in flight.
#[derive(Clone, Copy, Debug, Default)]
pub struct Target {
    /// The descriptor, or -1.
    pub fd: i32,
    /// How many bytes are asked for.
    pub len: u64,
    /// The offset in the file.
    pub offset: u64,
}

impl Target {
    /// No descriptor: the operation works on a path, or on nothing.
    pub(crate) fn nothing() -> Target {
        Target {
            fd: -1,
            len: 0,
            offset: 0,
        }
    }

    /// A descriptor as a whole.
    pub(crate) fn whole(fd: &Fd) -> Target {
        Target {
            fd: fd.raw(),
            len: 0,
            offset: 0,
        }
    }
}

/// One kernel operation, from its submission queue entry to its output.
///
/// # Safety
///
/// The entry that `encode` returns may hold addresses of only these: memory that `self` owns on
/// the heap (it must neither move nor be freed when `self` moves), static memory, and `*side`.
/// All of it must stay valid until `finish` or `discard` is called, and no safe code may be able to
/// reach it in between.
pub unsafe trait Operation: Unpin + Sized + 'static {
    /// What the future resolves to.
    type Output;

    /// What the kernel reads or writes beside the buffer: it lives in the driver's slot, at an
    /// address that never changes, from the submission to the last completion.
    type Side: 'static;

    /// The operation's name in spans and in lists of operations in flight.
    const NAME: &'static str;

    /// Asks whether the operation may be submitted yet; who says no wakes the task later. It is
    /// asked before each submission. An error is what `finish` gets, and nothing is submitted.
    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let _ = cx;
        Poll::Ready(Ok(()))
    }

    /// Makes the side data, once, right before `encode`.
    fn side(&mut self) -> Self::Side;

    /// Fills the submission queue entry. Its `user_data` is set by the driver.
    fn encode(&mut self, side: *mut Self::Side) -> Entry;

    /// Turns the completion into the output. A failure of the kernel is an error with the
    /// kernel's code; a cancelled operation is `Interrupted` or `TimedOut`.
    fn finish(self, side: Self::Side, result: io::Result<u32>) -> Self::Output;

    /// Disposes of a completion that nobody waits for any more. An operation whose success makes
    /// a descriptor closes it here.
    fn discard(self, side: Self::Side, result: io::Result<u32>) {
        let _ = (side, result);
    }

    /// The first of several completions has come, and nobody waits any more: gives away what the kernel
    /// is done with before the last one, such as the descriptor. It is dropped at once.
    fn settle(&mut self) -> Option<Box<dyn Any>> {
        None
    }

    /// What the operation works on.
    fn target(&self) -> Target;

    /// Whether it should go to the polled ring: only direct reads and writes on a device that
    /// polls.
    fn polled(&self) -> bool {
        false
    }

    /// The device behind the polled ring refused to poll: from now on `polled` must be false. The
    /// operation is then encoded once more, for the main ring.
    fn poll_refused(&mut self) {}
}
