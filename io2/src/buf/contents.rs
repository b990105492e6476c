//! A stretch of memory of fixed size whose first bytes are initialised.

use std::ptr::NonNull;

/// What the buffers of this module that do not grow have in common. It owns the bytes, but not the
/// memory: whoever made it frees that.
pub(super) struct Contents {
    ptr: NonNull<u8>,
    len: usize,
    capacity: usize,
}

// SAFETY: it owns its bytes alone, like a vector.
unsafe impl Send for Contents {}
// SAFETY: through a shared reference they can only be read.
unsafe impl Sync for Contents {}

impl Contents {
    /// # Safety
    ///
    /// While this exists `capacity` bytes from `ptr` on are allocated, in one piece, and nobody
    /// else uses them. The first `len` are initialised, and `len <= capacity`.
    pub(super) unsafe fn new(ptr: NonNull<u8>, len: usize, capacity: usize) -> Contents {
        Contents { ptr, len, capacity }
    }

    pub(super) fn as_ptr(&self) -> *mut u8 {
        self.ptr.as_ptr()
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    /// # Safety
    ///
    /// The first `len` bytes are initialised, and `len` is at most the capacity.
    pub(super) unsafe fn set_len(&mut self, len: usize) {
        debug_assert!(len <= self.capacity);
        self.len = len;
    }

    pub(super) fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    #[track_caller]
    pub(super) fn resize(&mut self, len: usize, value: u8) {
        let capacity = self.capacity;
        assert!(len <= capacity, "{len} bytes in a buffer for {capacity}");
        if let Some(more) = len.checked_sub(self.len) {
            // SAFETY: both ends are within the capacity.
            unsafe { self.as_ptr().add(self.len).write_bytes(value, more) }
        }
        self.len = len;
    }

    #[track_caller]
    pub(super) fn extend_from_slice(&mut self, bytes: &[u8]) {
        let (count, room) = (bytes.len(), self.capacity - self.len);
        assert!(
            count <= room,
            "{count} bytes in a buffer with room for {room}"
        );
        // SAFETY: there is room for them after the first `len` bytes, and `bytes` is other
        // memory, since `self` is borrowed mutably.
        unsafe {
            let end = self.as_ptr().add(self.len);
            end.copy_from_nonoverlapping(bytes.as_ptr(), count);
        }
        self.len += count;
    }

    pub(super) fn bytes(&self) -> &[u8] {
        // SAFETY: the first `len` bytes are initialised, and borrowed with `self`.
        unsafe { std::slice::from_raw_parts(self.as_ptr(), self.len) }
    }

    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: the first `len` bytes are initialised, and borrowed with `self`.
        unsafe { std::slice::from_raw_parts_mut(self.as_ptr(), self.len) }
    }
}
