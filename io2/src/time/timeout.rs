//! A limit to how long a future is waited for.

use std::error::Error;
use std::fmt;
use std::future::{Future, IntoFuture};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;

use super::Instant;
use crate::executor::timer::Timer;

/// Waits for a future, but no longer than so much time from the call on.
///
/// The future is always polled at least once, and its output wins if it is ready when the time is
/// over. With `Duration::MAX` there is no limit.
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// # io2::ExecutorConfig::new().run(async {
/// use std::time::Duration;
/// use io2::time::{sleep, timeout};
///
/// let limit = Duration::from_millis(5);
/// assert_eq!(timeout(limit, async { 7 }).await, Ok(7));
/// assert!(timeout(limit, sleep(Duration::from_secs(60))).await.is_err());
/// # })
/// # }
/// ```
///
/// # What is lost
///
/// When the time is over the future is left as it is, and dropped with the [`Timeout`]. An
/// operation that is dropped is cancelled, but its result and its buffer are lost, and it may have
/// happened nevertheless: a read may have taken bytes out of a socket, a write may have arrived.
/// The timeout of the operation itself, [`Op::timeout`](crate::op::Op::timeout), loses nothing: it
/// cancels, waits for the kernel's last word, and gives back the buffer.
///
/// ```text
/// time::timeout(limit, file.read_at(buf, 0)).await   // returns in time; the buffer may be lost
/// file.read_at(buf, 0).timeout(limit).await          // the buffer comes back
/// ```
pub fn timeout<F: IntoFuture>(duration: Duration, future: F) -> Timeout<F::IntoFuture> {
    Timeout {
        future: future.into_future(),
        timer: Timer::after(duration),
    }
}

/// Waits for a future, but no longer than until a point in time. As [`timeout`] in all else.
pub fn timeout_at<F: IntoFuture>(deadline: Instant, future: F) -> Timeout<F::IntoFuture> {
    Timeout {
        future: future.into_future(),
        timer: Timer::new(deadline),
    }
}

pin_project! {
    /// The future of [`timeout`] and [`timeout_at`].
    #[derive(Debug)]
    #[must_use = "a timeout does nothing unless it is awaited"]
    pub struct Timeout<F> {
        #[pin]
        future: F,
        timer: Timer,
    }
}

impl<F> Timeout<F> {
    /// When the time is over.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.timer.deadline()
    }

    /// The future that is waited for.
    #[must_use]
    pub fn get_ref(&self) -> &F {
        &self.future
    }

    /// The future that is waited for.
    #[must_use]
    pub fn get_mut(&mut self) -> &mut F {
        &mut self.future
    }

    /// Gives the future back, without the limit.
    #[must_use]
    pub fn into_inner(self) -> F {
        self.future
    }
}

impl<F: Future> Future for Timeout<F> {
    type Output = Result<F::Output, Elapsed>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Poll::Ready(output) = this.future.poll(cx) {
            return Poll::Ready(Ok(output));
        }
        this.timer.poll(cx).map(|()| Err(Elapsed(())))
    }
}

/// The time was over before the future was ready. Converts into an [`io::Error`] of kind
/// [`TimedOut`](io::ErrorKind::TimedOut), so `?` works in functions that return one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elapsed(());

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the time is over")
    }
}

impl Error for Elapsed {}

impl From<Elapsed> for io::Error {
    fn from(elapsed: Elapsed) -> io::Error {
        io::Error::new(io::ErrorKind::TimedOut, elapsed)
    }
}
