//! The reading side of the adapter: a buffer, and the read that fills it.

use std::io;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use crate::buf::BufResult;
use crate::op::transfer::interrupted;

/// Bytes that were read and not taken, or a read in flight.
pub(super) struct Reader<F> {
    /// Empty while a read is in flight: then that one has the buffer.
    buf: Vec<u8>,
    /// How many bytes of the buffer were taken.
    taken: usize,
    flight: Option<F>,
}

impl<F: Future<Output = BufResult<usize, Vec<u8>>> + Unpin> Reader<F> {
    pub(super) fn new() -> Self {
        Reader {
            buf: Vec::new(),
            taken: 0,
            flight: None,
        }
    }

    /// What was read and not taken.
    pub(super) fn unread(&self) -> &[u8] {
        &self.buf[self.taken..]
    }

    /// Whether a read is in flight.
    pub(super) fn is_busy(&self) -> bool {
        self.flight.is_some()
    }

    /// Takes so many bytes off what is unread.
    pub(super) fn take(&mut self, count: usize) {
        self.taken = self.buf.len().min(self.taken + count);
    }

    /// Waits until there is something unread, and gives how many bytes were read for it: 0 if there
    /// was something already, or if the end has come.
    pub(super) fn poll_fill(
        &mut self,
        cx: &mut Context<'_>,
        room: usize,
        mut read: impl FnMut(Vec<u8>) -> F,
    ) -> Poll<io::Result<usize>> {
        if !self.unread().is_empty() {
            return Poll::Ready(Ok(0));
        }
        loop {
            if self.flight.is_none() {
                self.flight = Some(read(self.emptied(room)));
            }
            match ready!(self.poll_settled(cx)) {
                Err(error) if interrupted(&error) => {}
                outcome => return Poll::Ready(outcome),
            }
        }
    }

    /// Waits for the read in flight, if there is one, and gives its count.
    pub(super) fn poll_settled(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let Some(flight) = &mut self.flight else {
            return Poll::Ready(Ok(0));
        };
        let outcome = ready!(Pin::new(flight).poll(cx));
        self.flight = None;
        Poll::Ready(self.land(outcome))
    }

    /// Forgets what is unread, and says how much that was.
    pub(super) fn forget(&mut self) -> usize {
        let unread = self.unread().len();
        self.take(unread);
        unread
    }

    /// The read in flight, for somebody who brings it to its end and [`land`](Self::land)s it.
    pub(super) fn take_flight(&mut self) -> Option<F> {
        self.flight.take()
    }

    /// Keeps what a read has read.
    pub(super) fn land(&mut self, (result, buf): BufResult<usize, Vec<u8>>) -> io::Result<usize> {
        self.buf = buf;
        self.taken = 0;
        if result.is_err() {
            self.buf.clear();
        }
        result
    }

    /// What is unread, as a vector of its own.
    pub(super) fn into_unread(mut self) -> Vec<u8> {
        self.buf.drain(..self.taken);
        self.buf
    }

    /// The buffer, emptied, of about the size that is wanted: a large one does not outlive its use.
    fn emptied(&mut self, room: usize) -> Vec<u8> {
        let mut buf = mem::take(&mut self.buf);
        self.taken = 0;
        buf.clear();
        if buf.capacity() < room || buf.capacity() / 4 > room {
            buf = Vec::with_capacity(room);
        }
        buf
    }
}
