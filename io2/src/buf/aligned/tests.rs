use std::panic::catch_unwind;

use super::AlignedBuf;

#[test]
fn the_address_is_aligned_for_every_alignment_and_capacity() {
    for alignment in [1, 2, 8, 512, 4096, 1 << 21] {
        for capacity in [0, 1, 511, 4096, 10_000] {
            let new = AlignedBuf::new(capacity, alignment);
            assert_eq!(new.as_ptr().addr() % alignment, 0);
            assert_eq!(
                (new.len(), new.capacity(), new.alignment()),
                (0, capacity, alignment)
            );
            let zeroed = AlignedBuf::zeroed(capacity, alignment);
            assert_eq!(zeroed.as_ptr().addr() % alignment, 0);
            assert_eq!(*zeroed, *vec![0; capacity]);
        }
    }
}

#[test]
fn what_cannot_be_allocated_panics_with_the_measures() {
    for (capacity, alignment) in [(10, 0), (10, 3), (usize::MAX, 4096)] {
        let made = catch_unwind(|| AlignedBuf::new(capacity, alignment));
        let text = *made
            .expect_err("it cannot")
            .downcast::<String>()
            .expect("a text");
        let measures = format!("a capacity of {capacity} and an alignment of {alignment}");
        assert!(text.contains(&measures), "{text}");
    }
}

#[test]
fn it_grows_and_shrinks_within_its_capacity_without_moving() {
    let mut buf = AlignedBuf::new(8, 512);
    let address = buf.as_ptr();
    buf.extend_from_slice(b"abc");
    buf.resize(5, b'x');
    assert_eq!(*buf, *b"abcxx");
    buf.resize(4, b'y');
    assert_eq!(*buf, *b"abcx");
    buf.truncate(6);
    assert_eq!(buf.len(), 4);
    buf.truncate(2);
    buf[1] = b'z';
    assert_eq!(*buf, *b"az");
    buf.clear();
    assert!(buf.is_empty());
    buf.extend_from_slice(b"12345678");
    assert_eq!(*buf, *b"12345678");
    assert_eq!(buf.as_ptr(), address);
}

#[test]
#[should_panic(expected = "3 bytes in a buffer with room for 2")]
fn it_does_not_grow_beyond_its_capacity() {
    let mut buf = AlignedBuf::new(8, 8);
    buf.resize(6, 0);
    buf.extend_from_slice(b"abc");
}

#[test]
#[should_panic(expected = "9 bytes in a buffer for 8")]
fn it_is_not_resized_beyond_its_capacity() {
    AlignedBuf::new(8, 8).resize(9, 0);
}

#[test]
fn a_clone_has_the_same_bytes_and_measures_and_memory_of_its_own() {
    let mut buf = AlignedBuf::new(16, 512);
    buf.extend_from_slice(b"abc");
    let copy = buf.clone();
    buf[0] = b'x';
    assert_eq!(*copy, *b"abc");
    assert_ne!(copy, buf);
    assert_eq!((copy.capacity(), copy.alignment()), (16, 512));
}

#[test]
fn it_can_be_sent_and_shared() {
    fn assert<T: Send + Sync>() {}
    assert::<AlignedBuf>();
}
