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

/// A request has to be answered in that time. To send the answer may take longer: a recording is large, and events
/// have no end.
const REQUEST_LIMIT: Duration = Duration::from_secs(60);

/// How often it is looked at.
pub(super) const LOOK: Duration = Duration::from_secs(1);

/// How a connection gets on.
#[derive(Clone)]
pub(super) struct Progress(Rc<Inner>);

struct Inner {
    /// `None` when there is an answer.
    unanswered: Cell<Option<Instant>>,
    /// Since when it has taken nothing.
    stalled: Cell<Option<Instant>>,
}

impl Progress {
    pub(super) fn new() -> Progress {
        Progress(Rc::new(Inner {
            unanswered: Cell::new(Some(Instant::now())),
            stalled: Cell::new(None),
        }))
    }

    /// From now on the connection may last as long as it takes what is sent.
    pub(super) fn is_answered(&self) {
        self.0.unanswered.set(None);
    }

    /// As it is when nobody has answered for a long time.
    #[cfg(test)]
    pub(super) fn make_old(&self) {
        let began = self.0.unanswered.get();
        let old = began.and_then(|began| began.checked_sub(REQUEST_LIMIT));
        self.0.unanswered.set(old);
    }

    fn is_over(&self) -> bool {
        let Inner {
            unanswered,
            stalled,
        } = &*self.0;
        let for_long = |since: &Cell<Option<Instant>>, limit| {
            since.get().is_some_and(|since| since.elapsed() >= limit)
        };
        for_long(stalled, WRITE_LIMIT) || for_long(unanswered, REQUEST_LIMIT)
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

    fn progress(unanswered: Option<Duration>, stalled: Option<Duration>) -> Progress {
        let ago = |duration| Instant::now().checked_sub(duration).unwrap();
        Progress(Rc::new(Inner {
            unanswered: Cell::new(unanswered.map(ago)),
            stalled: Cell::new(stalled.map(ago)),
        }))
    }

    #[test]
    fn a_connection_is_given_up_when_it_takes_nothing_or_is_not_answered() {
        assert!(!progress(Some(Duration::ZERO), None).is_over());
        assert!(progress(Some(REQUEST_LIMIT), None).is_over());
        assert!(progress(None, Some(WRITE_LIMIT)).is_over());
        assert!(!progress(None, Some(Duration::ZERO)).is_over());
        // What is sent may take as long as it is taken.
        let long = progress(Some(REQUEST_LIMIT), None);
        long.is_answered();
        assert!(!long.is_over());
        // It takes something, and then nothing again.
        let stalled = progress(None, Some(WRITE_LIMIT));
        let _ = stalled.note(Poll::Ready(()));
        let _ = stalled.note(Poll::<()>::Pending);
        assert!(!stalled.is_over());
        // How often it is asked does not matter.
        let stalled = progress(None, Some(WRITE_LIMIT));
        let _ = stalled.note(Poll::<()>::Pending);
        assert!(stalled.is_over());
    }
}
