//! Writing any bytes of the file.

use std::rc::Rc;

use super::ends::{Ends, Reach};
use super::guards::Keep;
use super::inner::Inner;
use super::padded::Padded;
use super::plan::{Path, Request};
use super::range_lock::Acquire;
use crate::buf::{BufResult, IoBuf};
use crate::spawn::Builder;

/// Writes the buffer, as much of it as the kernel takes.
pub(super) async fn write<B: IoBuf>(inner: &Inner, buf: B, offset: u64) -> BufResult<usize, B> {
    let len = buf.bytes_init();
    if len == 0 {
        return (Ok(0), buf);
    }
    let request = match Request::new(offset, len, buf.stable_ptr().addr(), inner.shared.align) {
        Ok(request) => request,
        Err(error) => return (Err(error), buf),
    };
    if request.is_aligned() {
        return inner.write_straight(buf, offset).await;
    }
    // A task of its own, so that it always comes to its end, and its lock with it: also when the
    // caller's future is dropped, forgotten, or kept without being polled. The lock is asked for
    // here, so that a later write of this task comes later.
    let asked = Ends::ask(&inner.shared, &request);
    let steps = widened(inner.clone(), buf, request, asked);
    Builder::new().name("DioFile::write_at").spawn(steps).await
}

async fn widened<B: IoBuf>(
    inner: Inner,
    buf: B,
    request: Request,
    asked: (Acquire, Reach),
) -> BufResult<usize, B> {
    match Ends::secure(&inner, &request, asked).await {
        Ok(ends) => pieces(&inner, buf, &request, ends).await,
        Err(error) => (Err(error), buf),
    }
}

async fn pieces<B: IoBuf>(
    inner: &Inner,
    mut buf: B,
    request: &Request,
    ends: Ends,
) -> BufResult<usize, B> {
    let mut done = 0;
    while let Some(piece) = request.piece(done) {
        let (start, end, gap) = (piece.span.start, piece.span.end, piece.gap(request.offset));
        let last = piece.data.end == request.len;
        let padded = match ends.exact {
            Some(exact) if last => Some(Padded::begin(inner, exact, end, &ends.hold)),
            _ => None,
        };
        let keep = match &padded {
            Some(padded) => Keep::Padded(Rc::clone(padded)),
            None => Keep::Span {
                _hold: Rc::clone(&ends.hold),
            },
        };
        let slice = buf.slice(piece.data.clone());
        let result = match piece.path {
            Path::Straight => {
                let (result, slice) = inner.write(slice, start, keep).await;
                buf = slice.into_inner();
                result
            }
            Path::Bounced => {
                let blocks = ends.blocks(inner.shared.align, &piece, gap, &slice);
                buf = slice.into_inner();
                inner.write(blocks, start, keep).await.0
            }
        };
        let settled = match (result, padded) {
            (Ok(count), Some(padded)) => padded.settle(start + count as u64).await.map(|()| count),
            // After an error the drop of `padded` looks at what the write left behind.
            (result, _) => result,
        };
        match settled {
            Ok(count) => {
                done += count.saturating_sub(gap).min(piece.data.len());
            }
            // What was written is written; whoever goes on gets the error again.
            Err(_) if done > 0 => break,
            Err(error) => return (Err(error), buf),
        }
        if done < piece.data.end {
            break;
        }
    }
    (Ok(done), buf)
}
