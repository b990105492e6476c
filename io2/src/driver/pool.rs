//! The pool that receives share: buffers of one size, which the kernel takes one by one out of a ring
//! that is shared with it, when there is something to put into them.
//!
//! A buffer is in one place at a time:
//!
//! | where | until |
//! |---|---|
//! | in the ring: *provided* | the kernel has filled it and the completion is reaped |
//! | with whoever took the completion, or received into it | it is given back |
//! | *granted* to the first in the queue, if somebody waits | that one takes it |
//! | in the list of *free* ones, where there is no ring | somebody takes it |
//!
//! A buffer that is given back goes to the one that waits longest; only when nobody waits does it go
//! into the ring, where a receive of a busy connection could take one after the other.

use std::alloc::{self, Layout};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;
use std::rc::Rc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::task::{Context, Poll, Waker};

use crate::task::drop_quietly;

use io_uring::types::BufRingEntry;

/// The name of the ring of buffers: an executor has one.
pub(crate) const GROUP: u16 = 0;

/// The kernel wants the ring on a page of its own.
const PAGE: usize = 4096;

/// See the module.
pub(crate) struct Pool {
    count: u16,
    bytes: u32,
    memory: Block,
    /// The ring: an entry for each buffer.
    entries: Block,
    /// Where the next entry goes, modulo the count.
    tail: Cell<u16>,
    /// Whether the kernel knows the ring.
    registered: Cell<bool>,
    /// Entries in the ring that the kernel was not seen to take.
    provided: Cell<u32>,
    free: RefCell<Vec<u16>>,
    queue: RefCell<VecDeque<Rc<Seat>>>,
    /// How often a receive found the pool empty.
    shortages: Cell<u64>,
}

impl Pool {
    /// Allocates `count` buffers, a power of two, of `bytes` each. None is provided yet.
    pub(super) fn new(count: u16, bytes: u32) -> io::Result<Pool> {
        let length = usize::from(count) * size_of::<BufRingEntry>();
        Ok(Pool {
            count,
            bytes,
            memory: Block::new(usize::from(count) * bytes as usize)?,
            entries: Block::zeroed(length)?,
            tail: Cell::new(0),
            registered: Cell::new(false),
            provided: Cell::new(0),
            free: RefCell::new((0..count).rev().collect()),
            queue: RefCell::new(VecDeque::new()),
            shortages: Cell::new(0),
        })
    }

    /// How many buffers there are.
    pub(crate) fn count(&self) -> u16 {
        self.count
    }

    /// How many bytes there are room for in each.
    pub(crate) fn bytes(&self) -> u32 {
        self.bytes
    }

    // ---- the ring ---------------------------------------------------------------------------

    /// Where the ring is, for its registration.
    pub(super) fn ring_address(&self) -> *mut u8 {
        self.entries.start.as_ptr()
    }

    /// The kernel knows the ring now: it gets the buffers.
    pub(super) fn registered(&self) {
        self.registered.set(true);
        for index in self.free.take() {
            self.provide(index);
        }
    }

    /// The kernel has forgotten the ring. What is in it now is in nobody's hands any more.
    pub(super) fn unregistered(&self) {
        self.registered.set(false);
        self.provided.set(0);
    }

    /// A completion says that the kernel took a buffer out of the ring.
    pub(super) fn taken(&self) {
        self.provided.set(self.provided.get().saturating_sub(1));
    }

    /// Whether a multishot receive would find a buffer.
    pub(crate) fn has_provided(&self) -> bool {
        self.registered.get() && self.provided.get() > 0
    }

    fn provide(&self, index: u16) {
        let tail = self.tail.get();
        let at = usize::from(tail & (self.count - 1)) * size_of::<BufRingEntry>();
        let ring = self.entries.start.as_ptr().cast::<BufRingEntry>();
        // SAFETY: the offset is within the ring, which is aligned and was zeroed, and zeros are an entry. The
        // kernel does not look at it: it is outside of what is between the head and the tail, as there are no
        // more buffers than entries. The tail, which shares memory with the first entry, is not touched.
        let entry = unsafe { &mut *self.entries.start.as_ptr().add(at).cast::<BufRingEntry>() };
        entry.set_addr(self.address(index) as u64);
        entry.set_len(self.bytes);
        entry.set_bid(index);
        let tail = tail.wrapping_add(1);
        self.tail.set(tail);
        // SAFETY: the ring has room for its first entry, and with it for the tail, which is aligned for its
        // size. Everybody accesses it atomically.
        let shared = unsafe { AtomicU16::from_ptr(BufRingEntry::tail(ring).cast_mut()) };
        // The kernel sees the entry when it sees the tail.
        shared.store(tail, Ordering::Release);
        self.provided.set(self.provided.get() + 1);
    }

    /// Where the bytes of a buffer are.
    pub(crate) fn address(&self, index: u16) -> *mut u8 {
        assert!(index < self.count, "the kernel named a buffer that is none");
        // SAFETY: there is a buffer for each number below the count.
        unsafe {
            self.memory
                .start
                .as_ptr()
                .add(usize::from(index) * self.bytes as usize)
        }
    }

    // ---- giving and taking ------------------------------------------------------------------

    /// Takes a buffer back: whoever held it no longer does, and the kernel neither. The first in the
    /// queue is woken, which may call anything.
    pub(crate) fn give_back(&self, index: u16) {
        let first = self.queue.borrow_mut().pop_front();
        if let Some(seat) = first {
            seat.queued.set(false);
            seat.grant.set(Some(index));
            if let Some(waker) = seat.waker.take() {
                // Within a drop, so its panic must end here.
                if let Err(payload) = catch_unwind(AssertUnwindSafe(|| waker.wake())) {
                    drop_quietly(payload);
                }
            }
        } else if self.registered.get() {
            self.provide(index);
        } else {
            self.free.borrow_mut().push(index);
        }
    }

    /// Waits for a buffer, in the order of asking. It is the caller's until it is given back.
    pub(crate) fn poll_take(&self, seat: &Rc<Seat>, cx: &mut Context<'_>) -> Poll<u16> {
        if let Some(index) = seat.grant.take() {
            return Poll::Ready(index);
        }
        if !seat.queued.get() {
            let free = self.free.borrow_mut().pop();
            if let Some(index) = free {
                return Poll::Ready(index);
            }
            self.shortages.set(self.shortages.get() + 1);
            seat.queued.set(true);
            self.queue.borrow_mut().push_back(seat.clone());
        }
        // Cloning and dropping wakers is user code: nothing is borrowed.
        let waker = cx.waker().clone();
        let old = seat.waker.replace(Some(waker));
        drop(old);
        // One of them may have given a buffer back, when there was nobody to be woken.
        match seat.grant.take() {
            Some(index) => {
                drop(seat.waker.take());
                Poll::Ready(index)
            }
            None => Poll::Pending,
        }
    }

    /// Leaves the queue, or gives back what was granted and not taken.
    pub(crate) fn leave(&self, seat: &Rc<Seat>) {
        if seat.queued.take() {
            let mut queue = self.queue.borrow_mut();
            let place = queue.iter().position(|other| Rc::ptr_eq(other, seat));
            let left = place.and_then(|place| queue.remove(place));
            drop(queue);
            drop(left);
        }
        let waker = seat.waker.take();
        drop(waker);
        if let Some(index) = seat.grant.take() {
            self.give_back(index);
        }
    }

    /// How often a receive had to wait for a buffer.
    pub(crate) fn shortages(&self) -> u64 {
        self.shortages.get()
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        if self.registered.get() {
            // The ring could not be taken from the kernel, which may still write: the memory stays.
            self.memory.leaked = true;
            self.entries.leaked = true;
        }
    }
}

/// A place in the queue for a buffer.
#[derive(Default)]
pub(crate) struct Seat {
    queued: Cell<bool>,
    grant: Cell<Option<u16>>,
    waker: RefCell<Option<Waker>>,
}

/// Memory at the start of a page.
struct Block {
    start: NonNull<u8>,
    layout: Layout,
    leaked: bool,
}

impl Block {
    /// Memory without contents: pages that nobody has used cost nothing.
    fn new(length: usize) -> io::Result<Block> {
        let too_much = |_| io::Error::from(io::ErrorKind::OutOfMemory);
        let layout = Layout::from_size_align(length.max(1), PAGE).map_err(too_much)?;
        // SAFETY: the size is not zero.
        let start = NonNull::new(unsafe { alloc::alloc(layout) });
        Ok(Block {
            start: start.ok_or(io::ErrorKind::OutOfMemory)?,
            layout,
            leaked: false,
        })
    }

    fn zeroed(length: usize) -> io::Result<Block> {
        let block = Block::new(length)?;
        // SAFETY: the block is as long, and new.
        unsafe { block.start.as_ptr().write_bytes(0, length) };
        Ok(block)
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        if !self.leaked {
            // SAFETY: it was allocated with this layout, and is freed once.
            unsafe { alloc::dealloc(self.start.as_ptr(), self.layout) };
        }
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("count", &self.count)
            .field("bytes", &self.bytes)
            .field("provided", &self.provided.get())
            .finish()
    }
}
