//! Buffers that receives share.

use std::fmt;
use std::io;
use std::ops::{Deref, DerefMut};
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use super::{IoBuf, IoBufMut};
use crate::driver::{POOL_GROUP, Pool, Seat};
use crate::executor::{self, context};
use crate::trace;

/// A buffer of the executor's pool, with what was received; made by `recv_pooled` of the streams.
///
/// It dereferences to the bytes, can be written from like any other buffer, and goes back to the pool
/// when it is dropped. Who keeps one keeps it from others: a pool without buffers lets all receives wait.
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// let (a, b) = io2::net::UnixStream::pair()?;
/// a.write_all("hello").await.0?;
/// let mut incoming = b.recv_pooled();
/// let buf = incoming.next().await?.expect("it has not ended");
/// assert_eq!(&buf[..], b"hello");
/// // Sent back without a copy.
/// b.write_all(buf).await.0?;
/// assert_eq!(a.read(Vec::with_capacity(8)).await.1, b"hello");
/// # std::io::Result::Ok(())
/// # }).unwrap().unwrap();
/// ```
pub struct PooledBuf {
    pool: Rc<Pool>,
    index: u16,
    len: u32,
}

impl PooledBuf {
    /// # Safety
    ///
    /// The buffer with this index is the caller's alone, and its first `len` bytes are initialised.
    pub(crate) unsafe fn new(pool: Rc<Pool>, index: u16, len: u32) -> PooledBuf {
        let len = len.min(pool.bytes());
        PooledBuf { pool, index, len }
    }

    /// How many bytes there are room for.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.pool.bytes() as usize
    }

    /// Makes the buffer shorter; does nothing if it is not longer than `len`.
    pub fn truncate(&mut self, len: usize) {
        self.len = self.len.min(u32::try_from(len).unwrap_or(u32::MAX));
    }
}

impl Drop for PooledBuf {
    fn drop(&mut self) {
        self.pool.give_back(self.index);
    }
}

impl Deref for PooledBuf {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        let start = self.pool.address(self.index);
        // SAFETY: the first `len` bytes are initialised, and nobody else's until the drop.
        unsafe { std::slice::from_raw_parts(start, self.len as usize) }
    }
}

impl DerefMut for PooledBuf {
    fn deref_mut(&mut self) -> &mut [u8] {
        let start = self.pool.address(self.index);
        // SAFETY: as for `deref`; `self` is borrowed mutably.
        unsafe { std::slice::from_raw_parts_mut(start, self.len as usize) }
    }
}

impl AsRef<[u8]> for PooledBuf {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl AsMut<[u8]> for PooledBuf {
    fn as_mut(&mut self) -> &mut [u8] {
        self
    }
}

impl fmt::Debug for PooledBuf {
    /// The measures; the bytes are too many to be of use.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PooledBuf")
            .field("len", &self.len)
            .field("capacity", &self.capacity())
            .finish()
    }
}

// SAFETY: the bytes are in the pool's memory, which does not move and which the buffer keeps alive; they
// are its own until it is dropped, and only `&mut` methods write them or change the length.
unsafe impl IoBuf for PooledBuf {
    fn stable_ptr(&self) -> *const u8 {
        self.pool.address(self.index)
    }

    fn bytes_init(&self) -> usize {
        self.len as usize
    }

    fn bytes_total(&self) -> usize {
        self.capacity()
    }
}

// SAFETY: the buffer owns all of its capacity alone.
unsafe impl IoBufMut for PooledBuf {
    fn stable_mut_ptr(&mut self) -> *mut u8 {
        self.pool.address(self.index)
    }

    unsafe fn set_init(&mut self, len: usize) {
        debug_assert!(len <= self.capacity());
        self.len = len as u32;
    }
}

/// The pool of this thread's executor, which is made now if it is used first.
pub(crate) fn current() -> io::Result<Rc<Pool>> {
    let Some(driver) = context::with(|executor| executor.driver.clone()) else {
        executor::outside("recv_pooled")
    };
    let made = driver.borrow_mut().pool();
    let (pool, refused) = made?;
    if let Some(error) = refused {
        trace::advice(format_args!(
            "the kernel takes no buffers for receives by itself ({error}), which makes them \
             slower; raise RLIMIT_MEMLOCK, or make recv_pool smaller"
        ));
    }
    Ok(pool)
}

/// Whether this is the pool of this thread's executor.
pub(crate) fn is_current(pool: &Rc<Pool>) -> bool {
    context::with(|executor| executor.driver.borrow().is_pool(pool)).unwrap_or(false)
}

/// Waits for a buffer of a pool, in the order of asking; dropping it leaves the queue.
pub(crate) struct Taking {
    pool: Rc<Pool>,
    seat: Rc<Seat>,
}

impl Taking {
    /// The seat must be nobody else's; it is taken over for its memory.
    pub(crate) fn new(pool: Rc<Pool>, seat: Rc<Seat>) -> Taking {
        Taking { pool, seat }
    }

    pub(crate) fn pool(&self) -> &Rc<Pool> {
        &self.pool
    }

    /// An empty buffer.
    pub(crate) fn poll(&self, cx: &mut Context<'_>) -> Poll<PooledBuf> {
        let before = self.pool.shortages();
        let polled = self.pool.poll_take(&self.seat, cx);
        let count = self.pool.shortages();
        // Said at the first, the second, the fourth and so on.
        if count > before && count.is_power_of_two() {
            let known = context::with(|it| (it.id, it.driver.borrow().pending() as u64));
            let (rt, inflight) = known.unwrap_or_default();
            trace::buf_exhausted(rt, POOL_GROUP, self.pool.count(), inflight, count);
        }
        let index = ready!(polled);
        // SAFETY: the pool gave the buffer to this one alone.
        Poll::Ready(unsafe { PooledBuf::new(self.pool.clone(), index, 0) })
    }
}

impl Drop for Taking {
    fn drop(&mut self) {
        self.pool.leave(&self.seat);
    }
}
