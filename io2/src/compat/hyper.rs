//! The traits of `hyper::rt`.

use std::io::{IoSlice, Result};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::rt::{Executor, Read, ReadBufCursor, Sleep, Timer, Write};

use super::{Local, Readable, Stream, Writable, local};
use crate::time;

impl<S: Readable> Read for Stream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buf: ReadBufCursor<'_>,
    ) -> Poll<Result<()>> {
        self.poll_read_with(cx, buf.remaining(), |read| buf.put_slice(read))
            .map_ok(drop)
    }
}

impl<S: Writable> Write for Stream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<Result<usize>> {
        self.poll_write_pieces(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        self.poll_write_pieces(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        self.poll_drained(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        self.poll_ended(cx)
    }
}

impl<T: Read> Read for Local<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<Result<()>> {
        self.here().poll_read(cx, buf)
    }
}

impl<T: Write> Write for Local<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<Result<usize>> {
        self.here().poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        self.here().poll_write_vectored(cx, bufs)
    }

    /// Whether it is so, or `false` on another thread, where nobody can tell.
    fn is_write_vectored(&self) -> bool {
        self.get().is_some_and(Write::is_write_vectored)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        self.here().poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        self.here().poll_shutdown(cx)
    }
}

/// Spawns what hyper wants to run beside a connection, on the executor of the thread that it is on:
/// what it spawns need not be `Send`. HTTP/2 takes it in `http2::Builder::new`.
///
/// # Panics
///
/// Spawning outside an executor panics.
///
/// # Examples
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// use hyper::rt::Executor;
/// use std::{cell::Cell, rc::Rc};
///
/// let done = Rc::new(Cell::new(false));
/// let set = done.clone();
/// io2::compat::LocalExec.execute(async move { set.set(true) });
/// io2::yield_now().await;
/// assert!(done.get());
/// # }).unwrap();
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct LocalExec;

impl<F> Executor<F> for LocalExec
where
    F: Future + 'static,
    F::Output: 'static,
{
    fn execute(&self, future: F) {
        drop(crate::spawn(future));
    }
}

/// The timers of io2 for hyper's timeouts: `builder.timer(LocalTimer)`. Without one, hyper has none of
/// them, not even the one for slow request headers.
///
/// # Examples
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// use hyper::rt::Timer;
/// use std::time::Duration;
///
/// io2::compat::LocalTimer.sleep(Duration::from_millis(1)).await;
/// # }).unwrap();
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct LocalTimer;

impl Timer for LocalTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        Box::pin(local(time::sleep(duration)))
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(local(time::sleep_until(deadline.into())))
    }

    fn now(&self) -> Instant {
        time::Instant::now().into()
    }

    fn reset(&self, sleep: &mut Pin<Box<dyn Sleep>>, deadline: Instant) {
        match sleep.as_mut().downcast_mut_pin::<Local<time::Sleep>>() {
            Some(sleep) => sleep.here().get_mut().reset(deadline.into()),
            None => *sleep = self.sleep_until(deadline),
        }
    }
}

impl Sleep for Local<time::Sleep> {}
