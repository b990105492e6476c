//! The writing side of the adapter: a buffer, and the write that empties it.

use std::io::{self, IoSlice};
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use crate::buf::BufResult;
use crate::op::transfer::{interrupted, taken};

/// A buffer up to this size is kept for the next write.
const KEPT: usize = 16 * 1024;

/// A write in flight, or the buffer for the next one.
///
/// What is accepted goes to the kernel at once, as one request, and nothing is accepted meanwhile: so
/// no byte ever waits in here for a poll that may not come.
pub(super) struct Writer<F, E> {
    /// Empty while a write is in flight: then that one has the buffer.
    buf: Vec<u8>,
    flight: Option<F>,
    /// Why bytes that were accepted could not be written, until somebody is told.
    failed: Option<io::Error>,
    /// The offset behind the last byte that was accepted.
    end: u64,
    ending: Ending<E>,
}

enum Ending<E> {
    No,
    InFlight(E),
    Done,
}

impl<F, E> Writer<F, E>
where
    F: Future<Output = BufResult<usize, Vec<u8>>> + Unpin,
    E: Future<Output = io::Result<()>> + Unpin,
{
    pub(super) fn new() -> Self {
        Writer {
            buf: Vec::new(),
            flight: None,
            failed: None,
            end: 0,
            ending: Ending::No,
        }
    }

    /// Accepts some of the pieces, at most `limit` bytes, and starts to write them at an offset. There
    /// must be no write in flight.
    pub(super) fn start(
        &mut self,
        pieces: &[IoSlice<'_>],
        limit: usize,
        offset: u64,
        write: impl FnMut(Vec<u8>, u64) -> F,
    ) -> usize {
        debug_assert!(self.flight.is_none());
        let sizes = pieces.iter().map(|piece| piece.len());
        let count = sizes.fold(0, usize::saturating_add).min(limit);
        if count == 0 {
            return 0;
        }
        let mut buf = mem::take(&mut self.buf);
        buf.clear();
        buf.reserve_exact(count);
        for piece in pieces {
            let room = count - buf.len();
            buf.extend_from_slice(&piece[..piece.len().min(room)]);
        }
        self.end = offset.wrapping_add(count as u64);
        self.launch(buf, write);
        count
    }

    /// Waits until nothing is in flight. An error is one of bytes that were accepted before.
    pub(super) fn poll_drained(
        &mut self,
        cx: &mut Context<'_>,
        mut write: impl FnMut(Vec<u8>, u64) -> F,
    ) -> Poll<io::Result<()>> {
        while let Some(flight) = &mut self.flight {
            let outcome = ready!(Pin::new(flight).poll(cx));
            self.flight = None;
            self.land(outcome, &mut write);
        }
        Poll::Ready(self.failed.take().map_or(Ok(()), Err))
    }

    /// Ends the direction, once. There must be no write in flight.
    pub(super) fn poll_end(
        &mut self,
        cx: &mut Context<'_>,
        end: impl FnOnce() -> E,
    ) -> Poll<io::Result<()>> {
        if let Ending::No = self.ending {
            self.ending = Ending::InFlight(end());
        }
        let Ending::InFlight(ending) = &mut self.ending else {
            return Poll::Ready(Ok(()));
        };
        let outcome = ready!(Pin::new(ending).poll(cx));
        self.ending = match outcome {
            Ok(()) => Ending::Done,
            Err(_) => Ending::No,
        };
        Poll::Ready(outcome)
    }

    /// Whether a write is in flight.
    pub(super) fn is_busy(&self) -> bool {
        self.flight.is_some()
    }

    fn launch(&mut self, buf: Vec<u8>, mut write: impl FnMut(Vec<u8>, u64) -> F) {
        let offset = self.end.wrapping_sub(buf.len() as u64);
        let flight = self.flight.insert(write(buf, offset));
        // This submits it. Nobody waits for it yet, so nobody is to be woken.
        let mut nobody = Context::from_waker(Waker::noop());
        if let Poll::Ready(outcome) = Pin::new(flight).poll(&mut nobody) {
            self.flight = None;
            self.land(outcome, write);
        }
    }

    /// Deals with the end of a write: the rest is written next.
    fn land(
        &mut self,
        (result, mut buf): BufResult<usize, Vec<u8>>,
        write: impl FnMut(Vec<u8>, u64) -> F,
    ) {
        let written = match result {
            Ok(0) if !buf.is_empty() => {
                self.failed = Some(taken());
                buf.len()
            }
            Ok(written) => written,
            Err(error) if interrupted(&error) => 0,
            Err(error) => {
                self.failed = Some(error);
                buf.len()
            }
        };
        buf.drain(..written);
        if !buf.is_empty() {
            return self.launch(buf, write);
        }
        if buf.capacity() <= KEPT {
            self.buf = buf;
        }
    }
}
