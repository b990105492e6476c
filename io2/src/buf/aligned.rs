//! Memory for direct I/O.

use std::alloc::{Layout, alloc, alloc_zeroed, dealloc, handle_alloc_error};
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

use super::contents::Contents;
use super::{IoBuf, IoBufMut};

#[cfg(test)]
mod tests;

/// A buffer at an aligned address, as direct I/O needs it.
///
/// It has a length and a capacity like `Vec<u8>`, and dereferences to the bytes up to its length;
/// but the capacity is exactly what was asked for, and never changes.
///
/// ```
/// use io2::buf::AlignedBuf;
///
/// let mut buf = AlignedBuf::new(8192, 4096);
/// assert_eq!(buf.as_ptr().addr() % 4096, 0);
/// assert_eq!((buf.len(), buf.capacity()), (0, 8192));
/// buf.extend_from_slice(b"superblock");
/// buf.resize(4096, 0);
/// assert!(buf.starts_with(b"superblock\0\0"));
/// ```
pub struct AlignedBuf {
    contents: Contents,
    /// What the memory was allocated with; it was not if that has no size.
    layout: Layout,
}

impl AlignedBuf {
    /// An empty buffer with room for `capacity` bytes at an address that is a multiple of
    /// `alignment`. Its memory is not initialised, so the pages are not touched before they are
    /// used.
    ///
    /// # Panics
    ///
    /// If `alignment` is not a power of two, or if the capacity is more than `isize::MAX` when
    /// rounded up to the alignment.
    #[must_use]
    #[track_caller]
    pub fn new(capacity: usize, alignment: usize) -> AlignedBuf {
        let layout = layout(capacity, alignment);
        // SAFETY: only called with a layout that has a size.
        AlignedBuf::with_allocator(layout, 0, |layout| unsafe { alloc(layout) })
    }

    /// A buffer of `len` zeros, which is also its capacity.
    ///
    /// # Panics
    ///
    /// As [`new`](AlignedBuf::new).
    #[must_use]
    #[track_caller]
    pub fn zeroed(len: usize, alignment: usize) -> AlignedBuf {
        let layout = layout(len, alignment);
        // SAFETY: only called with a layout that has a size.
        AlignedBuf::with_allocator(layout, len, |layout| unsafe { alloc_zeroed(layout) })
    }

    /// The first `len` bytes of what `allocate` returns must be initialised.
    fn with_allocator(
        layout: Layout,
        len: usize,
        allocate: impl FnOnce(Layout) -> *mut u8,
    ) -> AlignedBuf {
        let ptr = if layout.size() == 0 {
            std::ptr::without_provenance_mut(layout.align())
        } else {
            allocate(layout)
        };
        let ptr = NonNull::new(ptr).unwrap_or_else(|| handle_alloc_error(layout));
        // SAFETY: the memory was just allocated, is initialised so far, and is freed when the
        // buffer is dropped.
        let contents = unsafe { Contents::new(ptr, len, layout.size()) };
        AlignedBuf { contents, layout }
    }

    /// How many bytes there are room for.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.contents.capacity()
    }

    /// What the address is a multiple of.
    #[must_use]
    pub fn alignment(&self) -> usize {
        self.layout.align()
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

#[track_caller]
fn layout(capacity: usize, alignment: usize) -> Layout {
    let Ok(layout) = Layout::from_size_align(capacity, alignment) else {
        panic!("no buffer can have a capacity of {capacity} and an alignment of {alignment}");
    };
    layout
}

impl Drop for AlignedBuf {
    fn drop(&mut self) {
        if self.layout.size() != 0 {
            // SAFETY: it was allocated with this layout, and nothing uses it after this.
            unsafe { dealloc(self.contents.as_ptr(), self.layout) }
        }
    }
}

impl Deref for AlignedBuf {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.contents.bytes()
    }
}

impl DerefMut for AlignedBuf {
    fn deref_mut(&mut self) -> &mut [u8] {
        self.contents.bytes_mut()
    }
}

impl AsRef<[u8]> for AlignedBuf {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl AsMut<[u8]> for AlignedBuf {
    fn as_mut(&mut self) -> &mut [u8] {
        self
    }
}

impl Clone for AlignedBuf {
    /// A buffer with the same bytes, capacity and alignment.
    fn clone(&self) -> AlignedBuf {
        let mut copy = AlignedBuf::new(self.capacity(), self.alignment());
        copy.extend_from_slice(self);
        copy
    }
}

impl PartialEq for AlignedBuf {
    /// Whether the bytes are the same.
    fn eq(&self, other: &AlignedBuf) -> bool {
        **self == **other
    }
}

impl Eq for AlignedBuf {}

impl fmt::Debug for AlignedBuf {
    /// The measures; the bytes are too many to be of use.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AlignedBuf")
            .field("len", &self.len())
            .field("capacity", &self.capacity())
            .field("alignment", &self.alignment())
            .finish()
    }
}

// SAFETY: the bytes are allocated apart from the buffer, which owns them alone, and only `&mut`
// methods write them or change the length.
unsafe impl IoBuf for AlignedBuf {
    fn stable_ptr(&self) -> *const u8 {
        self.contents.as_ptr()
    }

    fn bytes_init(&self) -> usize {
        self.contents.len()
    }

    fn bytes_total(&self) -> usize {
        self.contents.capacity()
    }
}

// SAFETY: the buffer owns all of its capacity alone.
unsafe impl IoBufMut for AlignedBuf {
    fn stable_mut_ptr(&mut self) -> *mut u8 {
        self.contents.as_ptr()
    }

    unsafe fn set_init(&mut self, len: usize) {
        // SAFETY: the caller has initialised so many bytes within the capacity.
        unsafe { self.contents.set_len(len) }
    }
}
