//! The memory of tasks: blocks that an ended task leaves to the next one.
//!
//! A program that spawns a task for each request frees as many as it allocates. A general allocator
//! keeps only a few freed blocks at hand; with a thousand tasks it sorts, splits and merges. Here
//! a block is one step away, whatever came before.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::cell::Cell;
use std::ptr::{self, NonNull};

/// Sizes are rounded up to this.
const STEP: usize = 32;
/// Larger blocks are not kept.
const SIZE_MAX: usize = 1024;
/// Of all blocks together so many bytes are kept; more go back to the allocator. None where a
/// sanitizer is to see each task freed.
const KEPT_MAX: usize = if cfg!(io2_asan) { 0 } else { 1 << 20 };
/// What every block is aligned to.
const ALIGN: usize = 16;

/// Freed blocks of an executor, a list for each size.
pub(crate) struct Memory {
    free: [Cell<*mut Block>; SIZE_MAX / STEP],
    kept: Cell<usize>,
}

/// A freed block. The list goes through the blocks themselves.
struct Block {
    next: *mut Block,
}

impl Memory {
    pub(crate) const fn new() -> Self {
        Memory {
            free: [const { Cell::new(ptr::null_mut()) }; SIZE_MAX / STEP],
            kept: Cell::new(0),
        }
    }

    /// A block of at least this layout, uninitialised.
    ///
    /// # Safety
    ///
    /// The layout's size is not zero.
    #[inline]
    pub(super) unsafe fn take(&self, layout: Layout) -> NonNull<u8> {
        let Some(class) = class(layout) else {
            // SAFETY: by contract.
            return unsafe { allocate(layout) };
        };
        let block = self.free[class].get();
        if block.is_null() {
            // SAFETY: the sizes of classes are not zero.
            return unsafe { allocate(layout_of(class)) };
        }
        // SAFETY: a block in a list is a live allocation that nothing else uses, and `give` wrote
        // its link.
        self.free[class].set(unsafe { (*block).next });
        self.kept.set(self.kept.get() - layout_of(class).size());
        // SAFETY: it is not null.
        unsafe { NonNull::new_unchecked(block.cast()) }
    }

    /// Takes a block back.
    ///
    /// # Safety
    ///
    /// The block came from `take`, of this or another memory, with the same layout, and nothing
    /// uses it any more.
    #[inline]
    pub(super) unsafe fn give(&self, block: NonNull<u8>, layout: Layout) {
        let Some(class) = class(layout) else {
            // SAFETY: blocks of this layout came from the allocator as they are.
            return unsafe { dealloc(block.as_ptr(), layout) };
        };
        let layout = layout_of(class);
        let kept = self.kept.get() + layout.size();
        if kept > KEPT_MAX {
            // SAFETY: blocks of a class came from the allocator with the layout of the class.
            return unsafe { dealloc(block.as_ptr(), layout) };
        }
        self.kept.set(kept);
        let block: *mut Block = block.as_ptr().cast();
        let next = self.free[class].replace(block);
        // SAFETY: the block is large and aligned enough for a link, and nobody else's.
        unsafe { block.write(Block { next }) };
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        for (class, list) in self.free.iter().enumerate() {
            let mut block = list.get();
            while !block.is_null() {
                // SAFETY: a block in a list is a live allocation with the layout of its class, and
                // `give` wrote its link, which is read before the block goes.
                unsafe {
                    let next = (*block).next;
                    dealloc(block.cast(), layout_of(class));
                    block = next;
                }
            }
        }
    }
}

/// The list for blocks of this layout; `None` if they are not kept.
#[inline]
const fn class(layout: Layout) -> Option<usize> {
    if layout.size() == 0 || layout.size() > SIZE_MAX || layout.align() > ALIGN {
        return None;
    }
    Some((layout.size() - 1) / STEP)
}

#[inline]
const fn layout_of(class: usize) -> Layout {
    match Layout::from_size_align((class + 1) * STEP, ALIGN) {
        Ok(layout) => layout,
        Err(_) => panic!("a small size and a power of two"),
    }
}

/// # Safety
///
/// The layout's size is not zero.
unsafe fn allocate(layout: Layout) -> NonNull<u8> {
    // SAFETY: by contract.
    let block = unsafe { alloc(layout) };
    match NonNull::new(block) {
        Some(block) => block,
        None => handle_alloc_error(layout),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(size: usize) -> Layout {
        Layout::from_size_align(size, 8).unwrap()
    }

    /// Takes a block and fills all of it, which shows blocks that overlap.
    fn take(memory: &Memory, size: usize) -> NonNull<u8> {
        // SAFETY: the tests ask for sizes that are not zero.
        let block = unsafe { memory.take(layout(size)) };
        // SAFETY: the block has that size.
        unsafe { block.write_bytes(0xA5, size) };
        block
    }

    fn give(memory: &Memory, block: NonNull<u8>, size: usize) {
        // SAFETY: the tests give each block back once, with its size.
        unsafe { memory.give(block, layout(size)) };
    }

    #[test]
    fn a_block_goes_to_the_next_task_of_about_its_size() {
        let memory = Memory::new();
        let first = take(&memory, 100);
        give(&memory, first, 100);
        let other = take(&memory, 200);
        assert_ne!(other, first);
        let second = take(&memory, 128);
        assert_eq!(second, first);
        give(&memory, second, 128);
        give(&memory, other, 200);
        assert_eq!(memory.kept.get(), 128 + 224);
    }

    #[test]
    fn blocks_come_back_in_any_number_and_none_is_given_out_twice() {
        let memory = Memory::new();
        for _ in 0..2 {
            let mut blocks: Vec<_> = (0..100).map(|_| take(&memory, 192)).collect();
            blocks.sort();
            blocks.dedup();
            assert_eq!(blocks.len(), 100);
            for block in blocks {
                give(&memory, block, 192);
            }
            assert_eq!(memory.kept.get(), 100 * 192);
        }
    }

    #[test]
    fn no_more_is_kept_than_the_bound() {
        let memory = Memory::new();
        let blocks: Vec<_> = (0..KEPT_MAX / 1024 + 50)
            .map(|_| take(&memory, 1024))
            .collect();
        for block in blocks {
            give(&memory, block, 1024);
        }
        assert_eq!(memory.kept.get(), KEPT_MAX);
    }

    #[test]
    fn large_and_strictly_aligned_blocks_are_not_kept() {
        let memory = Memory::new();
        let block = take(&memory, 1025);
        give(&memory, block, 1025);
        let strict = Layout::from_size_align(64, 64).unwrap();
        // SAFETY: the size is not zero.
        let block = unsafe { memory.take(strict) };
        assert_eq!(block.as_ptr().addr() % 64, 0);
        // SAFETY: it came from there, with this layout.
        unsafe { memory.give(block, strict) };
        assert_eq!(memory.kept.get(), 0);
    }
}
