use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};

use proptest::prelude::*;

use crate::buf::{AlignedBuf, IoBuf, IoBufMut, Slice};

/// Reads as the kernel does: fills from the start on, and sets the length.
fn read_into<B: IoBufMut>(buf: &mut B, bytes: &[u8]) {
    assert!(bytes.len() <= buf.bytes_total());
    // SAFETY: there is room for so many bytes, which are initialised then.
    unsafe {
        buf.stable_mut_ptr()
            .copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
        buf.set_init(bytes.len());
    }
}

fn half_full() -> AlignedBuf {
    let mut buf = AlignedBuf::new(10, 1);
    buf.extend_from_slice(b"01234");
    buf
}

#[test]
fn every_form_of_range_is_understood() {
    let part = |slice: Slice<AlignedBuf>| (slice.begin(), slice.end(), slice.to_vec());
    assert_eq!(part(half_full().slice(..)), (0, 10, b"01234".to_vec()));
    assert_eq!(part(half_full().slice(2..)), (2, 10, b"234".to_vec()));
    assert_eq!(part(half_full().slice(..3)), (0, 3, b"012".to_vec()));
    assert_eq!(part(half_full().slice(2..=3)), (2, 4, b"23".to_vec()));
    assert_eq!(part(half_full().slice(5..5)), (5, 5, b"".to_vec()));
    assert_eq!(
        part(half_full().slice((Bound::Excluded(1), Bound::Unbounded))).0,
        2
    );
}

#[test]
fn a_range_that_does_not_fit_panics_with_the_reason() {
    fn reason<B: IoBuf>(buf: B, range: impl std::ops::RangeBounds<usize>) -> String {
        let made = catch_unwind(AssertUnwindSafe(|| buf.slice(range).begin()));
        *made
            .expect_err("it does not fit")
            .downcast::<String>()
            .expect("a text")
    }
    #[expect(clippy::reversed_empty_ranges, reason = "that is the mistake")]
    let reversed = 4..2;
    assert_eq!(
        reason(half_full(), reversed),
        "the range begins at 4 but ends at 2"
    );
    let too_long = "the range ends at 11, but the buffer has room for 10 bytes";
    assert_eq!(reason(half_full(), 0..11), too_long);
    let gap = "the range begins at 6, but only 5 bytes of the buffer are initialised";
    assert_eq!(reason(half_full(), 6..), gap);
    // What cannot be read into has room for what is in it.
    let too_long = "the range ends at 4, but the buffer has room for 3 bytes";
    assert_eq!(reason("abc", ..4), too_long);
    assert!(catch_unwind(|| "abc".slice(..=usize::MAX)).is_err());
}

#[test]
fn a_vector_is_filled_piece_by_piece() {
    let mut vec = Vec::with_capacity(100);
    for piece in ["one ", "two ", "three"] {
        let len = vec.len();
        let mut slice = vec.slice(len..);
        read_into(&mut slice, piece.as_bytes());
        vec = slice.into_inner();
    }
    assert_eq!(vec, b"one two three");
}

#[test]
fn a_read_into_the_middle_keeps_what_is_behind_it() {
    let mut slice = b"0123456789".to_vec().slice(2..6);
    read_into(&mut slice, b"ab");
    assert_eq!(*slice, *b"ab");
    assert_eq!(slice.into_inner(), b"01ab456789");
}

#[test]
fn a_slice_of_a_boxed_slice_holds_what_was_read() {
    let boxed = b"0123456789".to_vec().into_boxed_slice();
    let mut slice = boxed.slice(2..);
    read_into(&mut slice, b"ab");
    assert_eq!(*slice, *b"ab");
    assert_eq!(*slice.into_inner(), *b"01ab456789");
}

proptest! {
    /// The model is the capacity, byte by byte, `None` where it is not initialised.
    #[test]
    fn nested_slices_read_and_write_the_bytes_of_their_range(
        init in 0..=32_usize,
        outer in (0..=32_usize, 0..=32_usize),
        inner in (0..=32_usize, 0..=32_usize),
        reads in prop::collection::vec(0..=32_usize, 1..4),
    ) {
        let mut buf = AlignedBuf::new(32, 8);
        let mut model: Vec<Option<u8>> = vec![None; 32];
        for (n, byte) in model.iter_mut().enumerate().take(init) {
            buf.extend_from_slice(&[n as u8]);
            *byte = Some(n as u8);
        }
        let begin = outer.0.min(init);
        let end = begin + outer.1 % (33 - begin);
        let outer = buf.slice(begin..end);
        let inner_begin = inner.0.min(outer.bytes_init());
        let inner_end = inner_begin + inner.1 % (end - begin - inner_begin + 1);
        let mut slice = outer.slice(inner_begin..inner_end);
        let at = begin + inner_begin;
        let room = inner_end - inner_begin;
        prop_assert_eq!(slice.bytes_total(), room);

        for (round, len) in reads.into_iter().enumerate() {
            let written: Vec<Option<u8>> = slice.iter().copied().map(Some).collect();
            prop_assert_eq!(&written[..], &model[at..at + written.len()]);

            let bytes = vec![100 + round as u8; len.min(room)];
            let held = model[at + room..].iter().any(Option::is_some);
            read_into(&mut slice, &bytes);
            for (n, byte) in bytes.iter().enumerate() {
                model[at + n] = Some(*byte);
            }
            if !held {
                model[at + bytes.len()..].fill(None);
            }
            prop_assert_eq!(&*slice, &bytes[..]);
        }
        let buf = slice.into_inner().into_inner();
        let contents: Vec<u8> = model.into_iter().map_while(|byte| byte).collect();
        prop_assert_eq!(&*buf, &contents[..]);
    }
}
