//! The two ends of a widened write: their lock, and what is in their blocks now.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use super::align::Alignment;
use super::inner::{Inner, Shared};
use super::plan::{Piece, Request, Span};
use super::range_lock::{Acquire, Hold, Mode};
use crate::buf::AlignedBuf;
use crate::op::{Op, Statx};

/// What a widened write knows, and has locked, before it writes anything.
#[derive(Debug)]
pub(super) struct Ends {
    pub(super) hold: Rc<Hold>,
    /// Where the file ends afterwards, if the write makes it longer than that.
    pub(super) exact: Option<u64>,
    head: Option<Block>,
    tail: Option<Block>,
}

/// How far a lock reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Over the blocks that are written.
    Blocks,
    /// From there to the end of the file.
    End,
}

/// A block that is written only in part.
#[derive(Debug)]
struct Block {
    span: Span,
    /// Zeros where the file has nothing.
    bytes: AlignedBuf,
    /// How many of them the file has.
    had: usize,
}

impl Ends {
    /// Asks for the lock of what the write touches, for [`secure`](Ends::secure).
    pub(super) fn ask(shared: &Shared, request: &Request) -> (Acquire, Reach) {
        let blocks = request.blocks();
        let (span, mode, reach) = if request.has_whole_blocks() {
            (blocks, Mode::Shared, Reach::Blocks)
        } else if request.tail().is_some() && blocks.end > shared.known_end() {
            (Span::from(blocks.start), Mode::Exclusive, Reach::End)
        } else {
            (blocks, Mode::Exclusive, Reach::Blocks)
        };
        (shared.lock.lock(span, mode).ask(), reach)
    }

    /// Waits for the lock, and reads the blocks at the ends.
    ///
    /// A write that pads the file needs it from its first block to its end, wherever that is, so
    /// that nobody makes it longer, or shorter, meanwhile. Whether it does is known for sure only
    /// when its last block has been read under the lock; if the known length led to the wrong lock,
    /// it is given back and the right one taken.
    pub(super) async fn secure(
        inner: &Inner,
        request: &Request,
        (mut acquire, mut reach): (Acquire, Reach),
    ) -> io::Result<Ends> {
        if request.has_whole_blocks() {
            return Ok(Ends {
                hold: Rc::new(acquire.await),
                exact: None,
                head: None,
                tail: None,
            });
        }
        if !inner.shared.readable {
            return Err(unreadable());
        }
        loop {
            let hold = Rc::new(acquire.await);
            // If both ends are in one block, it is read as the tail.
            let head = request.head().filter(|head| request.tail() != Some(*head));
            let (head, tail) =
                both(Block::read(inner, head), Block::read(inner, request.tail())).await;
            let (head, tail) = (head?, tail?);
            let exact = match &tail {
                Some(block) if block.had < block.span.len() => {
                    Some(block.file_end(inner).await?.max(request.end()))
                }
                _ => None,
            };
            if exact.is_none() || reach == Reach::End {
                return Ok(Ends {
                    hold,
                    exact,
                    head,
                    tail,
                });
            }
            drop(hold);
            let span = Span::from(request.blocks().start);
            acquire = inner.shared.lock.lock(span, Mode::Exclusive);
            reach = Reach::End;
        }
    }

    /// The blocks of a piece: its data, and around it what the file has there.
    pub(super) fn blocks(
        &self,
        align: Alignment,
        piece: &Piece,
        gap: usize,
        data: &[u8],
    ) -> AlignedBuf {
        let span = piece.span;
        let behind = span.len() - gap - data.len();
        let find = |is: &dyn Fn(&Span) -> bool| {
            let mut ends = [&self.head, &self.tail].into_iter().flatten();
            ends.find(|block| is(&block.span))
                .expect("a block that is written in part was read")
        };
        let mut blocks = AlignedBuf::new(span.len(), align.bounce());
        if gap > 0 {
            let block = find(&|block| block.start == span.start);
            blocks.extend_from_slice(&block.bytes[..gap]);
        }
        blocks.extend_from_slice(data);
        if behind > 0 {
            let block = find(&|block| block.end == span.end);
            blocks.extend_from_slice(&block.bytes[block.span.len() - behind..]);
        }
        blocks
    }
}

impl Block {
    /// Reads a block, if there is one to be read.
    async fn read(inner: &Inner, span: Option<Span>) -> io::Result<Option<Block>> {
        let Some(span) = span else { return Ok(None) };
        let bytes = AlignedBuf::new(span.len(), inner.shared.align.bounce());
        let (result, mut bytes) = inner.read(bytes, span.start).await;
        let had = result?;
        bytes.resize(span.len(), 0);
        Ok(Some(Block { span, bytes, had }))
    }

    /// The length of the file, which ended in or before this block when it was read. Asked for,
    /// since a read may be short for other reasons, and a file must not be cut on a suspicion.
    async fn file_end(&self, inner: &Inner) -> io::Result<u64> {
        let size = Op::new(Statx::fd(inner.fd.clone(), libc::STATX_SIZE))
            .await?
            .stx_size;
        if size < self.span.end {
            return Ok(size);
        }
        let text = format!(
            "only {} bytes of the block at {} could be read, though the file does not end in it",
            self.had, self.span.start,
        );
        Err(io::Error::other(text))
    }
}

/// Both outputs, when both are there.
async fn both<A: Future, B: Future>(a: A, b: B) -> (A::Output, B::Output) {
    let (mut a, mut b) = (pin!(a), pin!(b));
    let (mut a_done, mut b_done) = (None, None);
    poll_fn(|cx| {
        if a_done.is_none()
            && let Poll::Ready(output) = a.as_mut().poll(cx)
        {
            a_done = Some(output);
        }
        if b_done.is_none()
            && let Poll::Ready(output) = b.as_mut().poll(cx)
        {
            b_done = Some(output);
        }
        match (a_done.take(), b_done.take()) {
            (Some(a), Some(b)) => Poll::Ready((a, b)),
            (a, b) => {
                (a_done, b_done) = (a, b);
                Poll::Pending
            }
        }
    })
    .await
}

/// The error for a file that cannot be read, though a block of it would have to be.
fn unreadable() -> io::Error {
    io::Error::new(
        io::ErrorKind::PermissionDenied,
        "a write of less than whole blocks has to read them before, and the file is not open for \
         reading",
    )
}
