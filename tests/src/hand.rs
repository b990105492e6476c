//! Futures polled by hand, outside any executor, with wakers that count.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// Counts how often its wakers were woken.
#[derive(Debug, Default)]
pub struct Wakes(AtomicUsize);

impl Wakes {
    /// How often.
    pub fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A future, and how often it was woken. Dropping this drops the future.
pub struct Hand<'a, T> {
    future: Pin<Box<dyn Future<Output = T> + 'a>>,
    wakes: Arc<Wakes>,
}

impl<'a, T> Hand<'a, T> {
    /// A future that was not polled yet.
    pub fn new(future: impl Future<Output = T> + 'a) -> Self {
        Hand {
            future: Box::pin(future),
            wakes: Arc::default(),
        }
    }

    /// A future that was polled and is pending.
    ///
    /// # Panics
    ///
    /// If it is ready.
    #[track_caller]
    pub fn waiting(future: impl Future<Output = T> + 'a) -> Self {
        let mut hand = Hand::new(future);
        assert!(hand.poll().is_pending(), "it is ready at once");
        hand
    }

    /// Polls it.
    pub fn poll(&mut self) -> Poll<T> {
        let waker = Waker::from(self.wakes.clone());
        self.future.as_mut().poll(&mut Context::from_waker(&waker))
    }

    /// Polls it, with a waker of somebody else.
    pub fn poll_with(&mut self, waker: &Waker) -> Poll<T> {
        self.future.as_mut().poll(&mut Context::from_waker(waker))
    }

    /// What it gives.
    ///
    /// # Panics
    ///
    /// If it is pending.
    #[track_caller]
    pub fn ready(&mut self) -> T {
        match self.poll() {
            Poll::Ready(output) => output,
            Poll::Pending => panic!("it is pending"),
        }
    }

    /// How often it was woken.
    pub fn wakes(&self) -> usize {
        self.wakes.count()
    }

    /// How many clones of its waker there are.
    pub fn wakers(&self) -> usize {
        Arc::strong_count(&self.wakes) - 1
    }
}

impl<T> fmt::Debug for Hand<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hand")
            .field("wakes", &self.wakes())
            .finish()
    }
}

/// What a future gives at its first poll.
///
/// # Panics
///
/// If it is pending.
#[track_caller]
pub fn now<T>(future: impl Future<Output = T>) -> T {
    Hand::new(future).ready()
}
