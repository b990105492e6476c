//! How long a connection is waited for.

use std::cell::Cell;
use std::io::{IoSlice, Result};
use std::net::Shutdown;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::rt::{Read, ReadBufCursor, Write};
use socket2::SockRef;

use crate::compat::Stream;
use crate::net::TcpStream;
use crate::time::{Instant, sleep};

/// A connection that takes nothing for so long is closed.
const WRITE_LIMIT: Duration = Duration::from_secs(10);

/// A request has to be over in that time, unless it is for events.
const REQUEST_LIMIT: Duration = Duration::from_secs(60);

/// How often it is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// How a connection gets on.
#[derive(Clone)]
pub(super) struct Progress(Rc<Inner>);

struct Inner {
    began: Instant,
    /// Since when it has taken nothing.
    stalled: Cell<Option<Instant>>,
    /// It has no end.
    endless: Cell<bool>,
}

impl Progress {
    pub(super) fn new() -> Progress {
        Progress(Rc::new(Inner {
            began: Instant::now(),
            stalled: Cell::new(None),
            endless: Cell::new(false),
        }))
    }

    /// The connection may last as long as it takes what is sent.
    pub(super) fn is_endless(&self) {
        self.0.endless.set(true);
    }

    fn is_over(&self) -> bool {
        let stalled = self.0.stalled.get();
        stalled.is_some_and(|since| since.elapsed() >= WRITE_LIMIT)
            || (!self.0.endless.get() && self.0.began.elapsed() >= REQUEST_LIMIT)
    }

    /// Ends when the connection is to be given up.
    pub(super) async fn over(&self) {
        while !self.is_over() {
            sleep(LOOK).await;
        }
    }

    fn note<T>(&self, polled: Poll<T>) -> Poll<T> {
        let stalled = &self.0.stalled;
        match polled {
            Poll::Ready(_) => stalled.set(None),
            Poll::Pending => stalled.set(stalled.get().or_else(|| Some(Instant::now()))),
        }
        polled
    }
}

/// A connection whose writes are noted.
pub(super) struct Noted {
    pub(super) stream: Stream<TcpStream>,
    pub(super) progress: Progress,
}

impl Drop for Noted {
    fn drop(&mut self) {
        if self.progress.is_over() {
            // What was accepted would be waited for in the background otherwise.
            let stream = self.stream.get_ref();
            let _ = stream.set_zero_linger();
            let _ = SockRef::from(stream).shutdown(Shutdown::Both);
        }
    }
}

impl Read for Noted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl Write for Noted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.progress.note(polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.progress.note(polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_flush(cx);
        self.progress.note(polled)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.progress.note(polled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(began: Duration, stalled: Option<Duration>, endless: bool) -> Progress {
        let ago = |duration| Instant::now().checked_sub(duration).unwrap();
        Progress(Rc::new(Inner {
            began: ago(began),
            stalled: Cell::new(stalled.map(ago)),
            endless: Cell::new(endless),
        }))
    }

    #[test]
    fn a_connection_is_given_up_when_it_takes_nothing_and_a_request_when_it_does_not_end() {
        let long = REQUEST_LIMIT;
        assert!(!progress(Duration::ZERO, None, false).is_over());
        assert!(!progress(long, None, true).is_over());
        assert!(progress(long, None, false).is_over());
        assert!(progress(WRITE_LIMIT, Some(WRITE_LIMIT), true).is_over());
        let young = progress(long, Some(Duration::ZERO), true);
        assert!(!young.is_over());
        // It takes something, and then nothing again.
        let stalled = progress(long, Some(WRITE_LIMIT), true);
        let _ = stalled.note(Poll::Ready(()));
        let _ = stalled.note(Poll::<()>::Pending);
        assert!(!stalled.is_over());
        // How often it is asked does not matter.
        let stalled = progress(long, Some(WRITE_LIMIT), true);
        let _ = stalled.note(Poll::<()>::Pending);
        assert!(stalled.is_over());
    }
}
