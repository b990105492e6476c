//! Buffers that the kernel knows already.

use std::cell::RefCell;
use std::fmt;
use std::io;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::rc::{Rc, Weak};

use super::contents::Contents;
use super::{AlignedBuf, IoBuf, IoBufMut};
use crate::driver::Driver;
use crate::executor::context;

#[cfg(test)]
mod tests;

/// The kernel registers no more than this in one piece.
const POOL_MAX: usize = 1 << 30;

/// Memory is registered in whole pages.
const PAGE: usize = 4096;

/// A pool of buffers whose memory is registered with the ring of the executor.
///
/// Of any other buffer the kernel looks up and pins the pages anew for each operation. For these it
/// did so once, which makes small reads and writes cheaper. They are used as all other buffers, with
/// the same methods of a file; where they are registered with the executor that the operation runs
/// in, the operation says so to the kernel. Direct I/O that is polled for does without.
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// # io2::ExecutorConfig::new().run(async {
/// use io2::buf::RegisteredBufs;
///
/// let pool = RegisteredBufs::new(16, 4096, 4096)?;
/// let file = io2::fs::File::open("/dev/zero").await?;
///
/// let buf = pool.take().expect("none of the sixteen is in use");
/// let (read, buf) = file.read_at(buf, 0).await;
/// assert_eq!(read?, 4096);
/// assert_eq!(*buf, [0; 4096]);
/// assert_eq!(pool.available(), 15);
///
/// drop(buf);
/// assert_eq!(pool.available(), 16);
/// # std::io::Result::Ok(())
/// # })?
/// # }
/// ```
///
/// # How long it lasts
///
/// The memory stays registered, and allocated, as long as there is the pool, a clone of it, or any
/// of its buffers, also one that an operation in flight uses whose future was dropped. After the
/// end of the executor the buffers can still be used, as unregistered ones.
///
/// # Limits
///
/// A pool is at most 1 GiB, and an executor can have 64 of them at a time. The memory is locked:
/// without
/// `CAP_IPC_LOCK` it counts against `RLIMIT_MEMLOCK`.
#[derive(Clone)]
pub struct RegisteredBufs {
    pool: Rc<Pool>,
}

struct Pool {
    /// All buffers, one after the other, at multiples of `stride`. Nobody touches its contents.
    memory: AlignedBuf,
    stride: usize,
    capacity: usize,
    count: usize,
    /// Those that are not in use; the one that was used last is used first.
    available: RefCell<Vec<usize>>,
    driver: Weak<RefCell<Driver>>,
    /// What the ring calls the memory.
    region: u16,
}

impl RegisteredBufs {
    /// Makes `count` buffers with room for `capacity` bytes, each at a multiple of `alignment`, and
    /// registers them with the executor of this thread.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if there would be no bytes, or more than a GiB, or if the alignment is not a
    /// power of two; `OutOfMemory` if the memory may not be locked; `QuotaExceeded` if the executor
    /// has 64 pools; `Unsupported` before Linux 5.19; and an error outside an executor.
    pub fn new(count: usize, capacity: usize, alignment: usize) -> io::Result<RegisteredBufs> {
        if !alignment.is_power_of_two() {
            let text = format!("an alignment of {alignment} is not a power of two");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        let stride = capacity.checked_next_multiple_of(alignment);
        let total = stride.and_then(|stride| stride.checked_mul(count));
        let (stride, total) = match (stride, total) {
            (Some(stride), Some(total)) if (1..=POOL_MAX).contains(&total) => (stride, total),
            _ => {
                let text = format!(
                    "{count} buffers of {capacity} bytes: a pool is of at least a byte and at \
                     most {POOL_MAX}"
                );
                return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
            }
        };
        let Some(driver) = context::with(|executor| executor.driver.clone()) else {
            return Err(io::Error::other(
                "buffers are registered with an executor: make the pool inside of one",
            ));
        };
        let memory = AlignedBuf::new(total, alignment.max(PAGE));
        let base = memory.stable_ptr().cast_mut();
        let region = driver.borrow_mut().add_region(base, total)?;
        let pool = Pool {
            memory,
            stride,
            capacity,
            count,
            available: RefCell::new((0..count).rev().collect()),
            driver: Rc::downgrade(&driver),
            region,
        };
        Ok(RegisteredBufs {
            pool: Rc::new(pool),
        })
    }

    /// Takes an empty buffer out of the pool, if there is one that is not in use. It goes back when
    /// it is dropped.
    #[must_use]
    pub fn take(&self) -> Option<RegisteredBuf> {
        let index = self.pool.available.borrow_mut().pop()?;
        let start = index * self.pool.stride;
        // SAFETY: there is a buffer for each index, so the start is within the memory.
        let ptr = unsafe { self.pool.memory.stable_ptr().cast_mut().add(start) };
        let ptr = NonNull::new(ptr).expect("memory is not at the address zero");
        // SAFETY: the memory lives as long as the pool, which the buffer holds, and the index is
        // nobody else's until the buffer puts it back.
        let contents = unsafe { Contents::new(ptr, 0, self.pool.capacity) };
        Some(RegisteredBuf {
            contents,
            index,
            pool: self.pool.clone(),
        })
    }

    /// How many buffers there are that are not in use.
    #[must_use]
    pub fn available(&self) -> usize {
        self.pool.available.borrow().len()
    }

    /// How many buffers there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.pool.count
    }

    /// How many bytes there are room for in each.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.pool.capacity
    }
}

impl fmt::Debug for RegisteredBufs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegisteredBufs")
            .field("count", &self.count())
            .field("available", &self.available())
            .field("capacity", &self.capacity())
            .finish()
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        // No buffer is in use, since each holds the pool. Without the driver the ring is gone.
        if let Some(driver) = self.driver.upgrade() {
            driver.borrow_mut().remove_region(self.region);
        }
    }
}

/// A buffer of [`RegisteredBufs`]. It has a length and a fixed capacity, and dereferences to the
/// bytes up to its length.
pub struct RegisteredBuf {
    contents: Contents,
    index: usize,
    pool: Rc<Pool>,
}

impl RegisteredBuf {
    /// How many bytes there are room for.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.contents.capacity()
    }

    /// Sets the length to zero.
    pub fn clear(&mut self) {
        self.contents.truncate(0);
    }

    /// Makes the buffer shorter; does nothing if it is not longer than `len`.
    pub fn truncate(&mut self, len: usize) {
        self.contents.truncate(len);
    }

    /// Makes the buffer shorter, or longer by bytes of this value.
    ///
    /// # Panics
    ///
    /// If `len` is more than the capacity.
    #[track_caller]
    pub fn resize(&mut self, len: usize, value: u8) {
        self.contents.resize(len, value);
    }

    /// Appends bytes.
    ///
    /// # Panics
    ///
    /// If they do not fit into the capacity.
    #[track_caller]
    pub fn extend_from_slice(&mut self, bytes: &[u8]) {
        self.contents.extend_from_slice(bytes);
    }
}

impl Drop for RegisteredBuf {
    fn drop(&mut self) {
        self.pool.available.borrow_mut().push(self.index);
    }
}

impl Deref for RegisteredBuf {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.contents.bytes()
    }
}

impl DerefMut for RegisteredBuf {
    fn deref_mut(&mut self) -> &mut [u8] {
        self.contents.bytes_mut()
    }
}

impl AsRef<[u8]> for RegisteredBuf {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl AsMut<[u8]> for RegisteredBuf {
    fn as_mut(&mut self) -> &mut [u8] {
        self
    }
}

impl fmt::Debug for RegisteredBuf {
    /// The measures; the bytes are too many to be of use.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegisteredBuf")
            .field("len", &self.len())
            .field("capacity", &self.capacity())
            .finish()
    }
}

// SAFETY: the bytes are in the pool's memory, which does not move and which the buffer keeps alive;
// they are its own, and only `&mut` methods write them or change the length.
unsafe impl IoBuf for RegisteredBuf {
    fn stable_ptr(&self) -> *const u8 {
        self.contents.as_ptr()
    }

    fn bytes_init(&self) -> usize {
        self.contents.len()
    }

    fn bytes_total(&self) -> usize {
        self.contents.capacity()
    }

    fn region(&self) -> Option<u16> {
        let here = context::with(|executor| Rc::as_ptr(&executor.driver))?;
        (Weak::as_ptr(&self.pool.driver) == here).then_some(self.pool.region)
    }
}

// SAFETY: the buffer owns all of its capacity alone.
unsafe impl IoBufMut for RegisteredBuf {
    fn stable_mut_ptr(&mut self) -> *mut u8 {
        self.contents.as_ptr()
    }

    unsafe fn set_init(&mut self, len: usize) {
        // SAFETY: the caller has initialised so many bytes within the capacity.
        unsafe { self.contents.set_len(len) }
    }
}
