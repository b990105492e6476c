use proptest::prelude::*;

use super::{IoBufs, IoBufsMut};
use crate::buf::{AlignedBuf, IoBuf};

fn written(bufs: &impl IoBufs) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut count = 0;
    bufs.for_each(|ptr, len| {
        // SAFETY: a buffer has so many initialised bytes there.
        bytes.extend_from_slice(unsafe { std::slice::from_raw_parts(ptr, len) });
        count += 1;
    });
    assert_eq!(count, bufs.count());
    assert_eq!(bytes.len(), bufs.bytes_init());
    bytes
}

/// Reads as the kernel does: fills one buffer after the other, and sets the lengths.
fn read_into(bufs: &mut impl IoBufsMut, bytes: &[u8]) {
    let mut left = bytes;
    let mut total = 0;
    bufs.for_each_mut(|ptr, room| {
        let (now, later) = left.split_at(room.min(left.len()));
        // SAFETY: there is room for so many bytes.
        unsafe { ptr.copy_from_nonoverlapping(now.as_ptr(), now.len()) }
        left = later;
        total += room;
    });
    assert_eq!(total, bufs.bytes_total());
    assert!(left.is_empty());
    // SAFETY: they were just filled.
    unsafe { bufs.set_init(bytes.len()) }
}

#[test]
fn buffers_of_different_types_are_written_in_order() {
    assert_eq!(
        written(&(String::from("head "), &b"body"[..])),
        b"head body"
    );
    assert_eq!(
        written(&("a", String::new(), b"b".to_vec(), "cd".slice(1..))),
        b"abd"
    );
    assert_eq!(written(&["one", "two"]), b"onetwo");
    assert_eq!(written(&vec!["one", "two"].into_boxed_slice()), b"onetwo");
    assert_eq!(written(&Vec::<String>::new()), b"");
}

#[test]
fn a_read_fills_a_tuple_in_order() {
    let mut bufs = (
        AlignedBuf::zeroed(4, 8),
        b"0123456789".to_vec().slice(2..5),
        vec![9; 3],
    );
    read_into(&mut bufs, b"abcdef");
    assert_eq!(*bufs.0, *b"abcd");
    assert_eq!(*bufs.1, *b"ef");
    assert_eq!(bufs.1.into_inner(), b"01ef456789");
    assert_eq!(bufs.2, b"");
}

proptest! {
    #[test]
    fn a_read_fills_some_buffers_ends_in_one_and_leaves_the_others_empty(
        sizes in prop::collection::vec((0..20_usize, 0..20_usize), 0..8),
        len in any::<prop::sample::Index>(),
    ) {
        let mut bufs: Vec<AlignedBuf> = sizes
            .iter()
            .map(|&(capacity, init)| {
                let mut buf = AlignedBuf::new(capacity, 8);
                buf.resize(init.min(capacity), 1);
                buf
            })
            .collect();
        let total: usize = sizes.iter().map(|size| size.0).sum();
        let bytes: Vec<u8> = (0..len.index(total + 1)).map(|n| n as u8).collect();
        read_into(&mut bufs, &bytes);
        prop_assert_eq!(written(&bufs), bytes.clone());
        let mut left = bytes.len();
        for buf in &bufs {
            let own = left.min(buf.capacity());
            prop_assert_eq!(buf.len(), own);
            left -= own;
        }
    }
}
