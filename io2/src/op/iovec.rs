//! The kernel's vectors of buffers.

use crate::buf::{IoBufs, IoBufsMut};

/// The vector of one request. Its memory is on the heap, so its address survives a move.
pub(super) type IoVecs = Vec<libc::iovec>;

/// The most buffers that the kernel takes in one request (`UIO_MAXIOV`).
const MAX_BUFFERS: usize = 1024;

/// The buffers to read into, as many as one request can have.
pub(super) fn to_fill<B: IoBufsMut>(bufs: &mut B) -> IoVecs {
    let mut vecs = Vec::with_capacity(bufs.count().min(MAX_BUFFERS));
    bufs.for_each_mut(|base, len| push(&mut vecs, base, len));
    vecs
}

/// The buffers to write, as many as one request can have.
pub(super) fn to_write<B: IoBufs>(bufs: &B) -> IoVecs {
    let mut vecs = Vec::with_capacity(bufs.count().min(MAX_BUFFERS));
    // The kernel's type is the same for both ways; to write them, it only reads there.
    bufs.for_each(|base, len| push(&mut vecs, base.cast_mut(), len));
    vecs
}

fn push(vecs: &mut IoVecs, base: *mut u8, len: usize) {
    if vecs.len() < MAX_BUFFERS {
        vecs.push(libc::iovec {
            iov_base: base.cast(),
            iov_len: len,
        });
    }
}
