use std::rc::Rc;
use std::sync::Arc;

use crate::buf::{AlignedBuf, IoBuf, IoBufMut};

/// What a write would write, after the buffer was moved to the heap.
fn written<B: IoBuf>(buf: B) -> Vec<u8> {
    let before = buf.stable_ptr();
    let moved = Box::new(buf);
    assert_eq!(moved.stable_ptr(), before);
    // SAFETY: a buffer has so many initialised bytes there.
    unsafe { std::slice::from_raw_parts(before, moved.bytes_init()) }.to_vec()
}

/// Reads as the kernel does: fills from the start on, and sets the length.
fn read_into<B: IoBufMut>(buf: &mut B, bytes: &[u8]) {
    assert!(bytes.len() <= buf.bytes_total());
    assert_eq!(buf.stable_mut_ptr().cast_const(), buf.stable_ptr());
    // SAFETY: there is room for so many bytes, which are initialised then.
    unsafe {
        buf.stable_mut_ptr()
            .copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
        buf.set_init(bytes.len());
    }
}

#[test]
fn every_kind_of_buffer_is_written_from_its_start_to_its_length() {
    assert_eq!(written(b"abc".to_vec()), b"abc");
    assert_eq!(written(Vec::with_capacity(10)), b"");
    assert_eq!(written(b"abc".to_vec().into_boxed_slice()), b"abc");
    assert_eq!(written(String::from("abc")), b"abc");
    assert_eq!(written("abc"), b"abc");
    assert_eq!(written(&b"abc"[..]), b"abc");
    assert_eq!(written(Rc::<[u8]>::from(&b"abc"[..])), b"abc");
    assert_eq!(written(Arc::<[u8]>::from(&b"abc"[..])), b"abc");
    let mut aligned = AlignedBuf::new(8, 8);
    aligned.extend_from_slice(b"abc");
    assert_eq!(written(aligned), b"abc");
}

#[test]
fn a_read_fills_the_capacity_and_sets_the_length() {
    let mut vec = Vec::with_capacity(8);
    vec.extend_from_slice(b"longer");
    read_into(&mut vec, b"abc");
    assert_eq!(vec, b"abc");
    assert_eq!(vec.bytes_total(), vec.capacity());

    let mut aligned = AlignedBuf::new(8, 8);
    read_into(&mut aligned, b"abcdefgh");
    assert_eq!(*aligned, *b"abcdefgh");
    read_into(&mut aligned, b"ij");
    assert_eq!(*aligned, *b"ij");
    assert_eq!(aligned.bytes_total(), 8);
}

#[test]
fn a_boxed_slice_stays_as_long_as_it_is() {
    let mut boxed = b"longer".to_vec().into_boxed_slice();
    read_into(&mut boxed, b"abc");
    assert_eq!(*boxed, *b"abcger");
    assert_eq!(boxed.bytes_total(), 6);
}

#[cfg(feature = "bytes")]
#[test]
fn the_buffers_of_the_crate_bytes_are_buffers() {
    assert_eq!(written(bytes::Bytes::from_static(b"abc")), b"abc");
    assert_eq!(written(bytes::BytesMut::from(&b"abc"[..])), b"abc");

    let mut front = bytes::BytesMut::with_capacity(16);
    front.extend_from_slice(b"01234567");
    let back = front.split_off(4);
    // Each half may be filled to its own capacity without touching the other.
    assert!(front.bytes_total() + back.bytes_total() <= 16);
    let total = front.bytes_total();
    read_into(&mut front, &vec![b'x'; total]);
    assert_eq!(back, &b"4567"[..]);
}
