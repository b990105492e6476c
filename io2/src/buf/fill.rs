//! Copying into a buffer that may be of any kind.

use super::IoBufMut;

/// Copies bytes into the buffer, from `at` on, and sets its length: they are its last ones.
///
/// # Panics
///
/// If there is a gap before `at`, or no room for the bytes.
#[track_caller]
pub(crate) fn put<B: IoBufMut>(buf: &mut B, at: usize, bytes: &[u8]) {
    let (init, total) = (buf.bytes_init(), buf.bytes_total());
    assert!(at <= init, "a gap between {init} and {at}");
    assert!(
        bytes.len() <= total - at,
        "{} bytes at {at} of {total}",
        bytes.len()
    );
    // SAFETY: there is room for them, by the second assertion, in memory that only the buffer
    // reaches, which therefore is not that of `bytes`.
    unsafe {
        let to = buf.stable_mut_ptr().add(at);
        to.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
    }
    // SAFETY: those before `at` are initialised, by the first assertion, and the others just were.
    unsafe { buf.set_init(at + bytes.len()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_are_the_last_ones_of_the_buffer_afterwards() {
        let mut buf = Vec::with_capacity(8);
        put(&mut buf, 0, b"abcd");
        put(&mut buf, 2, b"xyz");
        assert_eq!(buf, b"abxyz");
        put(&mut buf, 1, b"");
        assert_eq!(buf, b"a");
    }

    #[test]
    #[should_panic(expected = "a gap between 1 and 2")]
    fn a_gap_is_refused() {
        put(&mut vec![0], 2, b"");
    }

    #[test]
    #[should_panic(expected = "3 bytes at 1 of 3")]
    fn bytes_without_room_are_refused() {
        put(&mut vec![0; 3].into_boxed_slice(), 1, b"abc");
    }
}
