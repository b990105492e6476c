//! A part of a buffer.

use std::ops::{Bound, Deref, RangeBounds};

use super::{IoBuf, IoBufMut};

#[cfg(test)]
mod tests;

/// A part of a buffer that is used as a buffer itself. [`IoBuf::slice`] makes it, and
/// [`into_inner`](Slice::into_inner) gives the whole buffer back.
///
/// A slice dereferences to its initialised bytes.
///
/// # After a read
///
/// The slice holds exactly the bytes that were read. Of the buffer around it, what is initialised
/// behind the slice is kept: to read into the middle of a full buffer does not shorten it. If
/// nothing is, the buffer ends where the bytes end that were read, and so a vector can be filled
/// piece by piece:
///
/// ```no_run
/// use io2::buf::{BufResult, IoBuf, Slice};
///
/// # async fn read(buf: Slice<Vec<u8>>) -> BufResult<usize, Slice<Vec<u8>>> { (Ok(0), buf) }
/// # async fn read_all() -> std::io::Result<Vec<u8>> {
/// let mut all = Vec::with_capacity(64 * 1024);
/// while all.len() < all.capacity() {
///     let end = all.len();
///     let (count, slice) = read(all.slice(end..)).await;
///     all = slice.into_inner();
///     if count? == 0 {
///         break;
///     }
/// }
/// # Ok(all)
/// # }
/// ```
///
/// It cannot be cloned: the clone of a buffer may have less room than the buffer has, and the range
/// would reach beyond it.
///
/// ```compile_fail,E0599
/// use io2::buf::IoBuf;
///
/// let slice = Vec::<u8>::with_capacity(64).slice(..);
/// let clone = slice.clone();
/// ```
#[derive(Debug, PartialEq, Eq)]
pub struct Slice<B> {
    buf: B,
    begin: usize,
    end: usize,
    /// How many bytes from `begin` on are initialised, as far as the slice is concerned: after a
    /// read only those that were read.
    init: usize,
}

impl<B: IoBuf> Slice<B> {
    #[track_caller]
    pub(super) fn new(buf: B, range: impl RangeBounds<usize>) -> Slice<B> {
        let (init, total) = (buf.bytes_init(), buf.bytes_total());
        let begin = match range.start_bound() {
            Bound::Included(&begin) => Some(begin),
            Bound::Excluded(&before) => before.checked_add(1),
            Bound::Unbounded => Some(0),
        };
        let end = match range.end_bound() {
            Bound::Included(&last) => last.checked_add(1),
            Bound::Excluded(&end) => Some(end),
            Bound::Unbounded => Some(total),
        };
        let (Some(begin), Some(end)) = (begin, end) else {
            panic!("the range ends after the greatest usize");
        };
        assert!(
            begin <= end,
            "the range begins at {begin} but ends at {end}"
        );
        assert!(
            end <= total,
            "the range ends at {end}, but the buffer has room for {total} bytes"
        );
        assert!(
            begin <= init,
            "the range begins at {begin}, but only {init} bytes of the buffer are initialised"
        );
        Slice {
            buf,
            begin,
            end,
            init: init.min(end) - begin,
        }
    }

    /// Where the slice begins in the buffer.
    #[must_use]
    pub fn begin(&self) -> usize {
        self.begin
    }

    /// Where the slice ends in the buffer; a read fills it up to here.
    #[must_use]
    pub fn end(&self) -> usize {
        self.end
    }

    /// The whole buffer.
    #[must_use]
    pub fn get_ref(&self) -> &B {
        &self.buf
    }

    /// Gives the whole buffer back.
    #[must_use]
    pub fn into_inner(self) -> B {
        self.buf
    }
}

impl<B: IoBuf> Deref for Slice<B> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: so many bytes from there on are initialised, in one allocation that lives as
        // long as the buffer, which `self` borrows.
        unsafe { std::slice::from_raw_parts(self.stable_ptr(), self.init) }
    }
}

// SAFETY: address and lengths follow from those of the buffer, which nobody can change while the
// slice has it, and `begin + init <= bytes_init()` and `end <= bytes_total()` of the buffer.
unsafe impl<B: IoBuf> IoBuf for Slice<B> {
    fn stable_ptr(&self) -> *const u8 {
        // SAFETY: `begin` is within the allocation, or at its end.
        unsafe { self.buf.stable_ptr().add(self.begin) }
    }

    fn bytes_init(&self) -> usize {
        self.init
    }

    fn bytes_total(&self) -> usize {
        self.end - self.begin
    }

    fn region(&self) -> Option<u16> {
        self.buf.region()
    }
}

// SAFETY: the bytes are a part of those of the buffer.
unsafe impl<B: IoBufMut> IoBufMut for Slice<B> {
    fn stable_mut_ptr(&mut self) -> *mut u8 {
        // SAFETY: `begin` is within the allocation, or at its end.
        unsafe { self.buf.stable_mut_ptr().add(self.begin) }
    }

    unsafe fn set_init(&mut self, len: usize) {
        debug_assert!(len <= self.end - self.begin);
        if self.buf.bytes_init() <= self.end {
            // SAFETY: those before `begin` were initialised when the slice was made, the caller
            // has initialised the others, and `begin + len <= end` is within the buffer.
            unsafe { self.buf.set_init(self.begin + len) }
        }
        self.init = len;
    }
}
