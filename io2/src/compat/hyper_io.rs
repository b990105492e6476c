//! The traits of `hyper::rt` for what has those of `tokio::io`.

use std::io::{IoSlice, Result};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hyper::rt::{Read, ReadBufCursor, Write};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Gives what has the traits of `tokio::io` those of hyper: a TLS stream over a
/// [`Stream`](super::Stream), say. The [`Stream`](super::Stream) itself needs no such thing.
///
/// Needs both features, `hyper` and `tokio-io`.
///
/// # Examples
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// use hyper::rt::Write;
/// use io2::compat::{HyperIo, Stream};
///
/// let (a, b) = io2::net::UnixStream::pair()?;
/// let stream = HyperIo::new(Stream::new(a));
/// let mut stream = std::pin::pin!(stream);
/// let written = std::future::poll_fn(|cx| stream.as_mut().poll_write(cx, b"hello")).await;
/// assert_eq!(written?, 5);
/// assert_eq!(b.read(Vec::with_capacity(8)).await.1, b"hello");
/// # std::io::Result::Ok(())
/// # }).unwrap().unwrap();
/// ```
#[derive(Debug)]
pub struct HyperIo<T>(T);

impl<T> HyperIo<T> {
    /// Wraps a stream.
    pub fn new(stream: T) -> Self {
        HyperIo(stream)
    }

    /// The stream.
    pub fn get_ref(&self) -> &T {
        &self.0
    }

    /// The stream.
    pub fn get_mut(&mut self) -> &mut T {
        &mut self.0
    }

    /// Gives the stream back.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T: AsyncRead + Unpin> Read for HyperIo<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buf: ReadBufCursor<'_>,
    ) -> Poll<Result<()>> {
        // SAFETY: a `ReadBuf` writes to the bytes and takes none for initialised that is not, so none
        // becomes uninitialised.
        let room = unsafe { buf.as_mut() };
        let start = room.as_ptr().cast::<u8>();
        let mut unfilled = ReadBuf::uninit(room);
        ready!(Pin::new(&mut self.0).poll_read(cx, &mut unfilled))?;
        let filled = unfilled.filled();
        assert!(
            std::ptr::eq(filled.as_ptr(), start),
            "a reader has put another buffer in the place of the one that it was to fill"
        );
        let count = filled.len();
        // SAFETY: so many bytes of it are filled, and with that initialised: it is the same memory.
        unsafe { buf.advance(count) };
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> Write for HyperIo<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
