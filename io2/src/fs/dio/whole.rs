//! Transfers of whole buffers, in as many requests as it takes.

use super::inner::Inner;
use super::{read, write};
use crate::buf::{BufResult, IoBuf, IoBufMut};
use crate::op::transfer::{ended, taken, whole};

/// Fills the buffer up to its length.
pub(super) async fn read_exact<B: IoBufMut>(
    inner: &Inner,
    buf: B,
    offset: u64,
) -> BufResult<(), B> {
    let request = |slice, done| read::read(inner, slice, offset.saturating_add(done as u64));
    whole(buf, request, ended).await
}

/// Writes the whole buffer.
pub(super) async fn write_all<B: IoBuf>(inner: &Inner, buf: B, offset: u64) -> BufResult<(), B> {
    let request = |slice, done| write::write(inner, slice, offset.saturating_add(done as u64));
    whole(buf, request, taken).await
}
