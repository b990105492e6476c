//! Positions in files.

use std::io::{self, SeekFrom};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::Stream;
use crate::fs::File;
use crate::op::{Op, Statx};

/// A change of position that is not done.
pub(super) struct Seeking {
    to: SeekFrom,
    /// Asks for the file's length, if that matters.
    size: Option<Op<Statx>>,
}

impl Stream<File> {
    /// Sets where to go; [`poll_sought`](Self::poll_sought) gets there.
    pub(super) fn start_seek(&mut self, to: SeekFrom) {
        self.seeking = Some(Box::new(Seeking { to, size: None }));
    }

    #[cfg(feature = "futures-io")]
    /// Whether a change to this position was started.
    pub(super) fn is_seeking_to(&self, to: SeekFrom) -> bool {
        self.seeking
            .as_ref()
            .is_some_and(|seeking| seeking.to == to)
    }

    /// Finishes the change of position that was started, if any, and says where that is.
    pub(super) fn poll_sought(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        let written = ready!(self.poll_drained(cx));
        ready!(self.poll_unread_forgotten(cx));
        let seeking = self.seeking.take();
        written?;
        let Some(mut seeking) = seeking else {
            return Poll::Ready(Ok(self.position()));
        };
        let (from, by) = match seeking.to {
            SeekFrom::Start(offset) => (offset, 0),
            SeekFrom::Current(by) => (self.position(), by),
            SeekFrom::End(by) => {
                let fd = &self.get_ref().fd;
                let ask = || Op::new(Statx::fd(fd.clone(), libc::STATX_SIZE));
                let size = seeking.size.get_or_insert_with(ask);
                let Poll::Ready(outcome) = Pin::new(size).poll(cx) else {
                    self.seeking = Some(seeking);
                    return Poll::Pending;
                };
                (outcome?.stx_size, by)
            }
        };
        let Some(position) = from.checked_add_signed(by) else {
            return Poll::Ready(Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the position would be before the file's start, or too far behind it",
            )));
        };
        self.set_position(position);
        Poll::Ready(Ok(position))
    }
}
