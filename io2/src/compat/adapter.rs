//! The adapter: polls on one side, operations on the other.

use std::any::type_name;
use std::fmt;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::mem;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::endpoint::Endpoint;
use super::endpoint::sealed::Endpoint as Sealed;
use super::reader::Reader;
#[cfg(any(feature = "futures-io", feature = "tokio-io"))]
use super::seek::Seeking;
use super::writer::Writer;
use crate::executor::{context, coop};
use crate::op::transfer::interrupted;
use crate::spawn::Builder;
use crate::time::timeout;

/// The least that is asked for by a read, and the most that a read or a write moves, unless
/// [`Stream::with_limits`] says otherwise.
const READ_MIN: usize = 8 * 1024;
const LIMIT: usize = 64 * 1024;

/// The most pieces of a vectored write that go to the kernel together.
const PIECES: usize = 64;

/// How long what was accepted goes on being written after the drop of the adapter.
const LINGER: Duration = Duration::from_secs(30);

/// A stream of io2 with the traits of others: `AsyncRead`, `AsyncBufRead` and `AsyncWrite` of
/// `futures::io` (feature `futures-io`) and of `tokio::io` (feature `tokio-io`), and `Read` and `Write`
/// of `hyper::rt` (feature `hyper`). Over a file it has `AsyncSeek`, too.
///
/// # Reading
///
/// A read goes into a buffer of the adapter's own, of 8 to 64 KiB by what is asked for, and is copied
/// from there. It stays in flight from one poll to the next, so a poll that is given up, by a
/// `select!` for instance, loses nothing: the next one finds the bytes.
///
/// # Writing
///
/// What the kernel takes at once from a write to a socket goes straight to it, without a copy. Else the write is
/// copied and goes to the kernel as a request that waits; the pieces of a vectored one go together. The call does
/// not wait for it. The next one does, so at most one buffer, of 64 KiB, is ever on its way, and a peer that does
/// not read is felt. `flush` waits until the kernel has taken
/// everything; so does `shutdown` (`close` in `futures::io`), which then ends the writing direction: a
/// peer reads to the end of what was written, while reading from it goes on.
///
/// An error of a write that was accepted comes back from the next write, flush or shutdown.
///
/// # Dropping it
///
/// What was accepted is still written after the drop, in the background, for 30 seconds at most and no
/// longer than the executor runs; nobody hears of an error then. Who must know flushes first. A read in
/// flight is cancelled. [`into_parts`](Self::into_parts) gives the stream back without a loss.
///
/// # Files
///
/// A file is read and written at the adapter's own position, which begins at 0; that of the
/// descriptor is not used.
///
/// # Examples
///
#[cfg_attr(feature = "futures-io", doc = "```")]
#[cfg_attr(not(feature = "futures-io"), doc = "```ignore")]
/// # io2::ExecutorConfig::new().run(async {
/// use futures_lite::{AsyncReadExt, AsyncWriteExt};
/// use io2::compat::Stream;
///
/// let (a, b) = io2::net::UnixStream::pair()?;
/// let (mut a, mut b) = (Stream::new(a), Stream::new(b));
/// a.write_all(b"hello").await?;
/// a.close().await?;
/// let mut text = String::new();
/// b.read_to_string(&mut text).await?;
/// assert_eq!(text, "hello");
/// # std::io::Result::Ok(())
/// # }).unwrap().unwrap();
/// ```
pub struct Stream<S: Endpoint> {
    /// `None` only while this is being taken apart.
    endpoint: Option<S>,
    reader: Reader<S::Reading>,
    writer: WriterOf<S>,
    read_limit: usize,
    write_limit: usize,
    /// Where the next read begins, or the next write if nothing is unread. Streams do not care.
    offset: u64,
    #[cfg(any(feature = "futures-io", feature = "tokio-io"))]
    pub(super) seeking: Option<Box<Seeking>>,
}

type WriterOf<S> = Writer<<S as Sealed>::Writing, <S as Sealed>::Ending>;

/// What is left of a [`Stream`]; made by [`Stream::into_parts`].
///
/// # Examples
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// let (stream, _peer) = io2::net::UnixStream::pair()?;
/// let parts = io2::compat::Stream::new(stream).into_parts().await;
/// parts.result?;
/// assert!(parts.unread.is_empty());
/// parts.stream.write_all("now without the adapter").await.0?;
/// # std::io::Result::Ok(())
/// # }).unwrap().unwrap();
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct Parts<S> {
    /// The stream.
    pub stream: S,
    /// What was read from it and not taken.
    pub unread: Vec<u8>,
    /// What became of a write that was accepted and was still on its way, or else of the read in
    /// flight. To be stopped is no error.
    pub result: io::Result<()>,
}

impl<S: Endpoint> Stream<S> {
    /// Wraps a stream.
    pub fn new(stream: S) -> Self {
        Stream::with_limits(stream, LIMIT, LIMIT)
    }

    /// Wraps a stream, with so many bytes at most in a read, and in a write that has to wait; at least 1.
    pub fn with_limits(stream: S, read: usize, write: usize) -> Self {
        Stream {
            endpoint: Some(stream),
            reader: Reader::new(),
            writer: Writer::new(),
            read_limit: read.max(1),
            write_limit: write.max(1),
            offset: 0,
            #[cfg(any(feature = "futures-io", feature = "tokio-io"))]
            seeking: None,
        }
    }

    /// The stream, for addresses and options. What is read from it past the adapter may come
    /// before what the adapter has read already.
    pub fn get_ref(&self) -> &S {
        self.endpoint.as_ref().expect("there until the drop")
    }

    /// Bytes that were read and not taken.
    pub(super) fn unread(&self) -> &[u8] {
        self.reader.unread()
    }

    pub(super) fn take(&mut self, count: usize) {
        self.reader.take(count);
    }

    /// The position in a file: that of the next byte to be taken.
    #[cfg(any(feature = "futures-io", feature = "tokio-io"))]
    pub(super) fn position(&self) -> u64 {
        self.offset.wrapping_sub(self.unread().len() as u64)
    }

    #[cfg(any(feature = "futures-io", feature = "tokio-io"))]
    pub(super) fn set_position(&mut self, position: u64) {
        self.reader.forget();
        self.offset = position;
    }

    /// The endpoint and the two sides, borrowed one by one.
    fn parts(&mut self) -> (&S, &mut Reader<S::Reading>, &mut WriterOf<S>) {
        let endpoint = self.endpoint.as_ref().expect("there until the drop");
        (endpoint, &mut self.reader, &mut self.writer)
    }

    /// Waits until something is unread, or for the end; `room` is what the caller has room for.
    pub(super) fn poll_unread(
        &mut self,
        cx: &mut Context<'_>,
        room: usize,
    ) -> Poll<io::Result<&[u8]>> {
        if S::SEEKS {
            // What was written is there to be read.
            ready!(self.poll_drained(cx))?;
        }
        let room = room.clamp(READ_MIN.min(self.read_limit), self.read_limit);
        let offset = self.offset;
        let (endpoint, reader, _) = self.parts();
        let read = ready!(reader.poll_fill(cx, room, |buf| endpoint.read(buf, offset)))?;
        self.offset = offset.wrapping_add(read as u64);
        Poll::Ready(Ok(self.reader.unread()))
    }

    /// Reads for a caller that has room for so many bytes: `put` gets them.
    pub(super) fn poll_read_with(
        &mut self,
        cx: &mut Context<'_>,
        room: usize,
        put: impl FnOnce(&[u8]),
    ) -> Poll<io::Result<usize>> {
        if room == 0 {
            return Poll::Ready(Ok(0));
        }
        let unread = ready!(self.poll_unread(cx, room))?;
        let count = unread.len().min(room);
        put(&unread[..count]);
        self.take(count);
        Poll::Ready(Ok(count))
    }

    /// Accepts some of the pieces, once the write before is done.
    pub(super) fn poll_write_pieces(
        &mut self,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_drained(cx))?;
        if pieces.iter().any(|piece| !piece.is_empty()) {
            // What a peer takes as fast as it comes would never let others run.
            ready!(coop::proceed(cx));
            match self
                .get_ref()
                .write_now(&pieces[..pieces.len().min(PIECES)])
            {
                Err(error) if would_wait(&error) => {}
                written => return Poll::Ready(written),
            }
        }
        if S::SEEKS {
            ready!(self.poll_unread_forgotten(cx));
            // A seek that was given up may have asked for the end, which is about to move.
            #[cfg(any(feature = "futures-io", feature = "tokio-io"))]
            {
                self.seeking = None;
            }
        }
        let (limit, offset) = (self.write_limit, self.offset);
        let (endpoint, _, writer) = self.parts();
        let write = |buf, offset| endpoint.write(buf, offset);
        let count = writer.start(pieces, limit, offset, write);
        if S::SEEKS {
            self.offset = offset.wrapping_add(count as u64);
        }
        Poll::Ready(Ok(count))
    }

    /// Waits until the kernel has taken everything that was accepted.
    pub(super) fn poll_drained(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let (endpoint, _, writer) = self.parts();
        writer.poll_drained(cx, |buf, offset| endpoint.write(buf, offset))
    }

    /// Waits for the same, and ends the writing direction.
    pub(super) fn poll_ended(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_drained(cx))?;
        let (endpoint, _, writer) = self.parts();
        writer.poll_end(cx, || endpoint.end())
    }

    /// Goes back to the first byte that was not taken, once no read is in flight.
    pub(super) fn poll_unread_forgotten(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // An error is found again by who reads there.
        let read = ready!(self.reader.poll_settled(cx)).unwrap_or(0);
        let end = self.offset.wrapping_add(read as u64);
        self.offset = end.wrapping_sub(self.reader.forget() as u64);
        Poll::Ready(())
    }

    /// Takes the adapter apart, and gives the stream back with what was read from it and not taken. A
    /// read in flight is stopped; what it has read is there as well. Waits until everything that was
    /// accepted has been written.
    ///
    /// Dropping it is as dropping the adapter.
    pub async fn into_parts(mut self) -> Parts<S> {
        let written = poll_fn(|cx| self.poll_drained(cx)).await;
        let read = match self.reader.take_flight() {
            Some(reading) => self.reader.land(S::stop(reading).await).map(drop),
            None => Ok(()),
        };
        let stream = self.endpoint.take().expect("there until the drop");
        let reader = mem::replace(&mut self.reader, Reader::new());
        Parts {
            stream,
            unread: reader.into_unread(),
            result: written.and(read.or_else(|error| match error.kind() {
                // Stopped, as it should be.
                io::ErrorKind::Interrupted => Ok(()),
                _ => Err(error),
            })),
        }
    }
}

/// Whether a write goes on where it can wait.
fn would_wait(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock || interrupted(error)
}

impl<S: Endpoint> From<S> for Stream<S> {
    fn from(stream: S) -> Self {
        Stream::new(stream)
    }
}

impl<S: Endpoint> Drop for Stream<S> {
    fn drop(&mut self) {
        let Some(endpoint) = self.endpoint.take() else {
            return;
        };
        if !self.writer.is_busy() || context::with(|_| ()).is_none() {
            return;
        }
        let mut writer = mem::replace(&mut self.writer, Writer::new());
        let rest = async move {
            let write = |buf, offset| endpoint.write(buf, offset);
            let written = poll_fn(|cx| writer.poll_drained(cx, write));
            // Nobody is left who could be told.
            let _ = timeout(LINGER, written).await;
        };
        drop(Builder::new().name("compat flush").spawn(rest));
    }
}

impl<S: Endpoint> fmt::Debug for Stream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream")
            .field("endpoint", &type_name::<S>())
            .field("unread", &self.unread().len())
            .field("reading", &self.reader.is_busy())
            .field("writing", &self.writer.is_busy())
            .finish()
    }
}
