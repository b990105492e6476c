//! An allocator that notices writes to memory that was freed.
//!
//! No sanitizer sees what the kernel writes. This does: what is freed is filled with a pattern and
//! held back for a long time; before it is given away again, and whenever a test asks, the pattern
//! must still be there.

use std::alloc::{GlobalAlloc, Layout, System};
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// What freed memory is filled with.
const PATTERN: u8 = 0xA7;
static FILLED: [u8; 4096] = [PATTERN; 4096];

/// How many blocks are held back, and how many bytes of them.
const BLOCKS: usize = 1 << 14;
const BYTES: usize = 64 << 20;

/// The allocator, to be made the global one of a test binary.
pub struct Quarantine;

static FREED: Mutex<Freed> = Mutex::new(Freed {
    blocks: [(0, 0, 1); BLOCKS],
    first: 0,
    count: 0,
    bytes: 0,
});

/// Blocks that were written to after they had been freed, and given away since.
static SPOILED: AtomicUsize = AtomicUsize::new(0);

/// The blocks that are held back, oldest first, in a ring: address, size, alignment.
struct Freed {
    blocks: [(usize, usize, usize); BLOCKS],
    first: usize,
    count: usize,
    bytes: usize,
}

impl Quarantine {
    /// Fails if anybody wrote to memory that was freed since the last call.
    #[track_caller]
    pub fn check(&self) {
        let spoiled = self.spoiled();
        assert_eq!(spoiled, 0, "freed blocks that were written to");
    }

    /// How many freed blocks were written to since the last call.
    pub fn spoiled(&self) -> usize {
        let freed = FREED.lock().unwrap_or_else(PoisonError::into_inner);
        let mut spoiled = SPOILED.swap(0, Ordering::Relaxed);
        for offset in 0..freed.count {
            let (address, size, _) = freed.blocks[(freed.first + offset) % BLOCKS];
            if !is_intact(address, size) {
                spoiled += 1;
                // SAFETY: the block is held back, so it is this allocator's alone.
                unsafe { std::ptr::write_bytes(address as *mut u8, PATTERN, size) };
            }
        }
        spoiled
    }
}

impl fmt::Debug for Quarantine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Quarantine")
    }
}

fn is_intact(address: usize, size: usize) -> bool {
    // SAFETY: the block is held back, so its bytes are there, and were all written by `dealloc`.
    let bytes = unsafe { std::slice::from_raw_parts(address as *const u8, size) };
    // Compared as a whole, which is fast without optimisation, too.
    let same = |chunk: &[u8]| chunk == &FILLED[..chunk.len()];
    bytes.chunks(FILLED.len()).all(same)
}

// SAFETY: blocks come from the system's allocator, and go back there once, later.
unsafe impl GlobalAlloc for Quarantine {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: by the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller gives the block up.
        unsafe { std::ptr::write_bytes(block, PATTERN, layout.size()) };
        let mut freed = FREED.lock().unwrap_or_else(PoisonError::into_inner);
        while freed.count > 0 && (freed.count == BLOCKS || freed.bytes + layout.size() > BYTES) {
            let (address, size, align) = freed.blocks[freed.first];
            freed.first = (freed.first + 1) % BLOCKS;
            freed.count -= 1;
            freed.bytes -= size;
            if !is_intact(address, size) {
                SPOILED.fetch_add(1, Ordering::Relaxed);
            }
            // SAFETY: it was allocated with this layout, and was held back until now.
            unsafe {
                System.dealloc(
                    address as *mut u8,
                    Layout::from_size_align_unchecked(size, align),
                );
            }
        }
        let last = (freed.first + freed.count) % BLOCKS;
        freed.blocks[last] = (block as usize, layout.size(), layout.align());
        freed.count += 1;
        freed.bytes += layout.size();
    }
}
