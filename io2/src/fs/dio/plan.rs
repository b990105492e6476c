//! How a request for any bytes is cut into requests for whole blocks.
//!
//! ```text
//!            offset                                    offset + len
//!              │                                            │
//!   ┌──────────┼──┬─────────────┬── … ──┬─────────────┬─────┼───────┐
//!   │   gap    head    whole blocks: the middle        tail    gap  │
//!   └──────────┴──┴─────────────┴── … ──┴─────────────┴─────┴───────┘
//!   start of the first block                  end of the last block
//! ```
//!
//! If the bytes of the middle lie in memory as the kernel wants them and there are many, the
//! middle goes straight to or from the user's buffer, and the two ends go through a bounce
//! buffer of a block each. In all other cases everything goes through bounce buffers of at most
//! [`BOUNCE`] bytes, since one request more costs more than copying.

use std::io;
use std::ops::Range;

use super::align::Alignment;

/// The most bytes of a bounce buffer (one block, where that is more). Large enough for a disk to
/// be busy with one request, small enough to stay in the processor's second-level cache.
pub(super) const BOUNCE: u64 = 512 * 1024;

/// A middle with at least this many bytes goes straight. Copying them takes longer than
/// submitting one more request.
pub(super) const STRAIGHT: u64 = 128 * 1024;

/// The most bytes that one request moves: the kernel stops a page before 2 GiB, and this is a
/// multiple of every block size.
const MOST: u64 = 1 << 30;

/// The greatest length that a file can have.
const LONGEST: u64 = i64::MAX as u64;

/// Some bytes of a file: from `start` up to and without `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: u64,
    pub(super) end: u64,
}

impl Span {
    pub(super) fn new(start: u64, end: u64) -> Span {
        debug_assert!(start < end, "an empty span: {start}..{end}");
        Span { start, end }
    }

    /// From `start` to wherever the file ends, now or later.
    pub(super) fn from(start: u64) -> Span {
        Span::new(start, u64::MAX)
    }

    pub(super) fn meets(&self, other: &Span) -> bool {
        self.start < other.end && other.start < self.end
    }

    pub(super) fn len(&self) -> usize {
        (self.end - self.start) as usize
    }
}

/// What a caller asks for: `len` bytes, not none, of the file at `offset`, at `address` in memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request {
    pub(super) offset: u64,
    pub(super) len: usize,
    address: usize,
    align: Alignment,
}

impl Request {
    /// Checks that the request ends within the longest file that there can be.
    pub(super) fn new(
        offset: u64,
        len: usize,
        address: usize,
        align: Alignment,
    ) -> io::Result<Request> {
        debug_assert!(len > 0, "a request for nothing");
        let end = offset.checked_add(len as u64);
        if end.is_none_or(|end| end > LONGEST - align.offset()) {
            let text = format!("{len} bytes at {offset} are past the greatest length of a file");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        Ok(Request {
            offset,
            len,
            address,
            align,
        })
    }

    pub(super) fn end(&self) -> u64 {
        self.offset + self.len as u64
    }

    /// The blocks that it touches.
    pub(super) fn blocks(&self) -> Span {
        Span::new(self.align.down(self.offset), self.align.up(self.end()))
    }

    /// Whether it can go to the kernel as it is.
    pub(super) fn is_aligned(&self) -> bool {
        self.has_whole_blocks() && self.align.fits_memory(self.address)
    }

    /// Whether it touches no block in part.
    pub(super) fn has_whole_blocks(&self) -> bool {
        self.align.fits_offset(self.offset) && self.align.fits_offset(self.end())
    }

    /// The block that holds its first byte, if bytes before that one are in the block too.
    pub(super) fn head(&self) -> Option<Span> {
        let start = self.align.down(self.offset);
        (start < self.offset).then(|| Span::new(start, start + self.align.offset()))
    }

    /// The block that holds its last byte, if bytes after that one are in the block too.
    pub(super) fn tail(&self) -> Option<Span> {
        let start = self.align.down(self.end());
        (start < self.end()).then(|| Span::new(start, start + self.align.offset()))
    }

    /// The piece that comes after the first `done` bytes of the request; none when all are done.
    pub(super) fn piece(&self, done: usize) -> Option<Piece> {
        let (at, left) = (self.offset + done as u64, self.len - done);
        if left == 0 {
            return None;
        }
        let straight = self.straight_bytes(done);
        if straight > 0 {
            let span = Span::new(at, at + straight);
            return Some(Piece {
                span,
                data: done..done + span.len(),
                path: Path::Straight,
            });
        }
        let start = self.align.down(at);
        let first_block = start + self.align.offset();
        let to_middle = (first_block - at) as usize;
        let mut end = if start < at && to_middle < left && self.long_middle(done + to_middle) {
            first_block
        } else {
            self.align.up(self.end())
        };
        end = end.min(start + BOUNCE.max(self.align.offset()));
        let count = end.min(self.end()) - at;
        let span = Span::new(start, end);
        Some(Piece {
            span,
            data: done..done + count as usize,
            path: Path::Bounced,
        })
    }

    /// How many bytes after the first `done` go straight; 0 if that is not possible or not worth it.
    fn straight_bytes(&self, done: usize) -> u64 {
        let at = self.offset + done as u64;
        if !self.align.fits_offset(at) || !self.align.fits_memory(self.address + done) {
            return 0;
        }
        let whole = self.align.down(self.end()) - at;
        if whole == self.end() - at || whole >= STRAIGHT {
            whole.min(MOST)
        } else {
            0
        }
    }

    fn long_middle(&self, done: usize) -> bool {
        self.straight_bytes(done) >= STRAIGHT
    }
}

/// One request to the kernel, always for whole blocks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// The blocks in the file.
    pub(super) span: Span,
    /// Which bytes of the user's buffer it moves.
    pub(super) data: Range<usize>,
    pub(super) path: Path,
}

impl Piece {
    /// How many bytes of the first block come before the data, for a request that is at `offset`.
    pub(super) fn gap(&self, offset: u64) -> usize {
        (offset + self.data.start as u64 - self.span.start) as usize
    }
}

/// What memory a piece is read into or written from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Path {
    /// The user's own buffer.
    Straight,
    /// A bounce buffer.
    Bounced,
}

#[cfg(test)]
mod tests;
