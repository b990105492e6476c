//! What a file's direct I/O must be aligned to.

use std::io;

/// What addresses, offsets and lengths of direct I/O must be multiples of. Both are powers of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Alignment {
    memory: u32,
    offset: u32,
}

impl Alignment {
    /// For a file system that takes direct I/O but does not say what it must be aligned to. No
    /// block device of Linux has logical blocks that are larger than a page, so this always fits;
    /// where 512 would do as well it costs some widening.
    pub(super) const CONSERVATIVE: Alignment = Alignment {
        memory: 4096,
        offset: 4096,
    };

    /// For a file that is buffered: everything is aligned.
    pub(super) const NONE: Alignment = Alignment {
        memory: 1,
        offset: 1,
    };

    /// What `statx` reported, if it makes sense: neither is 0, and both are powers of two.
    pub(super) fn reported(memory: u32, offset: u32) -> Option<Alignment> {
        let sensible = memory.is_power_of_two() && offset.is_power_of_two();
        sensible.then_some(Alignment { memory, offset })
    }

    /// What a buffer's address must be a multiple of.
    pub fn memory(&self) -> usize {
        self.memory as usize
    }

    /// What the offset in the file, and the length, must be multiples of.
    pub fn offset(&self) -> u64 {
        self.offset.into()
    }

    /// What addresses of bounce buffers are multiples of: a page at least, as writes that are polled
    /// must be.
    pub(super) fn bounce(&self) -> usize {
        self.memory().max(4096)
    }

    /// The start of the block that `at` is in.
    pub(super) fn down(&self, at: u64) -> u64 {
        at - at % self.offset()
    }

    /// The start of the first block that is not before `at`. The caller knows that `at` is far
    /// enough from the end of the number range.
    pub(super) fn up(&self, at: u64) -> u64 {
        at.next_multiple_of(self.offset())
    }

    pub(super) fn fits_offset(&self, at: u64) -> bool {
        at.is_multiple_of(self.offset())
    }

    pub(super) fn fits_memory(&self, address: usize) -> bool {
        address.is_multiple_of(self.memory())
    }

    /// An error that says what is not aligned, if anything is.
    pub(super) fn check(&self, address: usize, len: usize, offset: u64) -> io::Result<()> {
        let wrong = if !self.fits_offset(offset) {
            format!("the offset {offset} is not a multiple of {}", self.offset)
        } else if !self.fits_offset(len as u64) {
            format!("the length {len} is not a multiple of {}", self.offset)
        } else if !self.fits_memory(address) {
            format!(
                "the buffer's address {address:#x} is not a multiple of {}",
                self.memory
            )
        } else {
            return Ok(());
        };
        let text = format!(
            "{wrong}: aligned direct I/O on this file needs offsets and lengths in multiples of {} \
             and buffers (`AlignedBuf`) at multiples of {}; `read_at` and `write_at` take any",
            self.offset, self.memory,
        );
        Err(io::Error::new(io::ErrorKind::InvalidInput, text))
    }
}
