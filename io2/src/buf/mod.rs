//! Buffers that the kernel reads from and writes to.
//!
//! The kernel works on a buffer from the submission of an operation to its completion, also when
//! the future of the operation is dropped or forgotten in between. So an operation never borrows
//! a buffer: it takes it, and gives it back together with the result, as a [`BufResult`].
//!
//! ```
//! use io2::buf::{IoBuf, IoBufMut};
//!
//! // A read fills the capacity of a buffer, not its length: here up to 4096 bytes.
//! let buf = Vec::with_capacity(4096);
//! assert_eq!(buf.bytes_total(), 4096);
//!
//! // A slice limits that, and gives the buffer back.
//! let slice = buf.slice(..512);
//! assert_eq!(slice.bytes_total(), 512);
//! let buf: Vec<u8> = slice.into_inner();
//! # let _ = buf;
//! ```
//!
//! # Which types are buffers
//!
//! | type | written from | read into |
//! |---|---|---|
//! | `Vec<u8>`, `Box<[u8]>`, [`AlignedBuf`], [`RegisteredBuf`], `PooledBuf` (feature `net`) | yes | yes |
//! | `String`, `&'static str`, `&'static [u8]`, `Rc<[u8]>`, `Arc<[u8]>` | yes | |
//! | `bytes::BytesMut` (feature `bytes`) | yes | yes |
//! | `bytes::Bytes` (feature `bytes`) | yes | |
//! | [`Slice`] of any of them | yes | as its buffer |
//!
//! An array is not: its bytes move with it. `Vec<B>`, `Box<[B]>`, `[B; N]` and tuples of buffers
//! are [`IoBufs`], for the calls that read into or write from several at once.

mod aligned;
mod contents;
mod fill;
mod impls;
#[cfg(feature = "net")]
pub(crate) mod pool;
mod registered;
mod slice;
mod vectored;

use std::io;
use std::ops::RangeBounds;

pub use aligned::AlignedBuf;
pub(crate) use fill::put;
#[cfg(feature = "net")]
pub use pool::PooledBuf;
#[cfg(feature = "net")]
pub(crate) use pool::Taking;
pub use registered::{RegisteredBuf, RegisteredBufs};
pub use slice::Slice;
pub use vectored::{IoBufs, IoBufsMut};

/// The result of an operation and the buffer that it was given.
///
/// The buffer comes back whether the operation succeeded or not.
pub type BufResult<T, B> = (io::Result<T>, B);

/// A buffer that the kernel can read from: it has bytes at an address that stays the same when the
/// buffer is moved.
///
/// # Safety
///
/// As long as the buffer is not dropped and none of its methods is called that takes it by `&mut`:
///
/// - [`stable_ptr`](IoBuf::stable_ptr) returns the same pointer, wherever the buffer is moved to;
///   [`bytes_init`](IoBuf::bytes_init) and [`bytes_total`](IoBuf::bytes_total) return the same
///   numbers.
/// - `bytes_total()` bytes from that pointer on are one allocation that stays allocated, the
///   first `bytes_init()` of them are initialised, and `bytes_init() <= bytes_total()`.
/// - Nobody writes to the initialised ones, not even through other handles to the same memory.
pub unsafe trait IoBuf: Unpin + 'static {
    /// Where the bytes are.
    fn stable_ptr(&self) -> *const u8;

    /// How many bytes are initialised, counted from the start. A write writes these.
    fn bytes_init(&self) -> usize;

    /// How many bytes there are room for, the initialised ones included. A read reads up to so
    /// many. Whatever can be read into must say this; for all others it is
    /// [`bytes_init`](IoBuf::bytes_init).
    fn bytes_total(&self) -> usize {
        self.bytes_init()
    }

    /// What the ring of this thread's executor calls the memory, if the memory is registered with
    /// it. Only the pool of registered buffers knows.
    #[doc(hidden)]
    fn region(&self) -> Option<u16> {
        None
    }

    /// A part of the buffer, to be used as a buffer.
    ///
    /// A write writes the initialised bytes in the range; a read fills the range from its start on.
    /// The range may reach beyond the initialised bytes, up to the capacity, but must not begin
    /// beyond them, since a read would leave a gap.
    ///
    /// # Panics
    ///
    /// If the range ends before it begins, begins after [`bytes_init`](IoBuf::bytes_init) or ends
    /// after [`bytes_total`](IoBuf::bytes_total).
    #[track_caller]
    fn slice(self, range: impl RangeBounds<usize>) -> Slice<Self>
    where
        Self: Sized,
    {
        Slice::new(self, range)
    }
}

/// A buffer that the kernel can write to.
///
/// # Safety
///
/// - [`stable_mut_ptr`](IoBufMut::stable_mut_ptr) returns what
///   [`stable_ptr`](IoBuf::stable_ptr) returns, and all `bytes_total()` bytes from there on may be
///   written to.
/// - Nobody else reads or writes them while the buffer exists.
/// - After `set_init(len)` the first `len` bytes count as initialised.
pub unsafe trait IoBufMut: IoBuf {
    /// Where the bytes are.
    fn stable_mut_ptr(&mut self) -> *mut u8;

    /// Sets the length after a read: exactly the first `len` bytes are the contents now.
    ///
    /// A buffer whose length cannot change, as that of `Box<[u8]>`, stays as long as it is; then
    /// only the result of the read tells how many bytes are new.
    ///
    /// # Safety
    ///
    /// The first `len` bytes are initialised, and `len <= bytes_total()`.
    unsafe fn set_init(&mut self, len: usize);
}
