//! Operations that are stopped from outside, and still give their ordinary output.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use super::Operation;
use super::future::{Op, Stopped};
use crate::executor::timer::Timer;

/// An operation that is being cancelled: see [`Op::cancel`]. Dropping it cancels all the same, but
/// loses the result and the buffer.
#[must_use = "a cancellation is only requested when this is awaited"]
pub struct Cancelled<T: Operation> {
    op: Op<T>,
    requested: bool,
}

impl<T: Operation> Cancelled<T> {
    pub(super) fn new(op: Op<T>) -> Self {
        Cancelled {
            op,
            requested: false,
        }
    }
}

impl<T: Operation> Future for Cancelled<T> {
    type Output = T::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T::Output> {
        if !self.requested {
            self.requested = true;
            if let Some(output) = self.op.give_up(Stopped::Cancelled) {
                return Poll::Ready(output);
            }
            self.op.request_cancel();
        }
        self.op.poll_stoppable(cx, Stopped::Cancelled)
    }
}

impl<T: Operation> fmt::Debug for Cancelled<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cancelled").field(&self.op).finish()
    }
}

/// An operation with a limit: see [`Op::timeout`]. Dropping it cancels the operation and loses its
/// result and buffer.
#[must_use = "an operation does nothing until it is awaited"]
pub struct Timed<T: Operation> {
    op: Op<T>,
    timer: Timer,
    expired: bool,
}

impl<T: Operation> Timed<T> {
    pub(super) fn new(op: Op<T>, limit: Duration) -> Self {
        Timed {
            op,
            timer: Timer::after(limit),
            expired: false,
        }
    }
}

impl<T: Operation> Future for Timed<T> {
    type Output = T::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T::Output> {
        let this = &mut *self;
        // The operation first: a result that is there already wins.
        let stopped = if this.expired {
            Stopped::TimedOut
        } else {
            Stopped::No
        };
        if let Poll::Ready(output) = this.op.poll_stoppable(cx, stopped) {
            return Poll::Ready(output);
        }
        if !this.expired && this.timer.poll(cx).is_ready() {
            this.expired = true;
            // It may still wait for leave to be submitted.
            if let Some(output) = this.op.give_up(Stopped::TimedOut) {
                return Poll::Ready(output);
            }
            this.op.request_cancel();
        }
        Poll::Pending
    }
}

impl<T: Operation> fmt::Debug for Timed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timed")
            .field("op", &self.op)
            .field("timer", &self.timer)
            .finish()
    }
}
