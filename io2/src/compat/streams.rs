//! `futures_core::Stream` for what yields one thing after another.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;

use super::Local;
use crate::spawn::JoinSet;
use crate::sync::mpsc;
use crate::task::JoinError;
use crate::time::{Instant, Interval};

/// The connections; it never ends.
#[cfg(feature = "net")]
impl<S> Stream for crate::net::Incoming<S> {
    type Item = std::io::Result<S>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_connection(cx).map(Some)
    }
}

/// What is received; it ends when the peer sends no more.
#[cfg(feature = "net")]
impl Stream for crate::net::RecvPooled {
    type Item = std::io::Result<crate::buf::PooledBuf>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        crate::net::RecvPooled::poll_next(&mut self, cx).map(std::io::Result::transpose)
    }
}

/// The values; it ends when all senders are gone and all values taken.
impl<T> Stream for mpsc::Receiver<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.poll_recv(cx)
    }
}

/// The values; it ends when all senders are gone and all values taken.
impl<T> Stream for mpsc::UnboundedReceiver<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.poll_recv(cx)
    }
}

/// The ticks; it never ends.
impl Stream for Interval {
    type Item = Instant;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Instant>> {
        self.poll_tick(cx).map(Some)
    }
}

/// The outputs, in the order in which the tasks end; it ends when the set is empty, and goes on when
/// more is spawned into it.
impl<T: 'static> Stream for JoinSet<T> {
    type Item = Result<T, JoinError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_join_next(cx)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.len(), None)
    }
}

impl<T: Stream> Stream for Local<T> {
    type Item = T::Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T::Item>> {
        self.here().poll_next(cx)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.get().map_or((0, None), Stream::size_hint)
    }
}
