//! Reading any bytes of the file.

use std::io;

use super::inner::Inner;
use super::plan::{Path, Piece, Request};
use crate::buf::{AlignedBuf, BufResult, IoBufMut, put};

/// Fills the buffer up to its capacity, as far as the file reaches.
pub(super) async fn read<B: IoBufMut>(
    inner: &Inner,
    mut buf: B,
    offset: u64,
) -> BufResult<usize, B> {
    let len = buf.bytes_total();
    if len == 0 {
        return (Ok(0), buf);
    }
    let request = match Request::new(offset, len, buf.stable_ptr().addr(), inner.shared.align) {
        Ok(request) => request,
        Err(error) => return (Err(error), buf),
    };
    if request.is_aligned() {
        return inner.read(buf, offset).await;
    }
    let mut done = 0;
    while let Some(piece) = request.piece(done) {
        let result = match piece.path {
            Path::Straight => {
                let slice = buf.slice(piece.data.clone());
                let (result, slice) = inner.read(slice, piece.span.start).await;
                buf = slice.into_inner();
                result
            }
            Path::Bounced => bounce(inner, &mut buf, &request, &piece).await,
        };
        match result {
            Ok(count) => done += count,
            // What was read is good; whoever reads on gets the error again.
            Err(_) if done > 0 => break,
            Err(error) => return (Err(error), buf),
        }
        if done < piece.data.end {
            break;
        }
    }
    // A buffer that was full before is as long as what was read now.
    put(&mut buf, done, &[]);
    (Ok(done), buf)
}

/// Reads whole blocks and copies out what was asked for.
async fn bounce<B: IoBufMut>(
    inner: &Inner,
    buf: &mut B,
    request: &Request,
    piece: &Piece,
) -> io::Result<usize> {
    let blocks = AlignedBuf::new(piece.span.len(), inner.shared.align.bounce());
    let (result, blocks) = inner.read(blocks, piece.span.start).await;
    result?;
    // Shorter than the gap if the file ends in it.
    let bytes = blocks.get(piece.gap(request.offset)..).unwrap_or(&[]);
    let bytes = &bytes[..bytes.len().min(piece.data.len())];
    put(buf, piece.data.start, bytes);
    Ok(bytes.len())
}
