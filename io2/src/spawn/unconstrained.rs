//! A future that is not made to give way.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::executor::coop;

/// Lets a future use channels and locks for as long as they are ready.
///
/// An await of [`sync`](crate::sync) that would be ready gives way nevertheless once the time slice is
/// used up. Within this future it does not: it never lets others run as long as it need not wait.
/// [`yield_if_needed`](crate::yield_if_needed) still does, since it says so.
///
/// # Examples
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// let (sender, mut receiver) = io2::sync::mpsc::channel(1000);
/// for n in 0..1000 {
///     sender.try_send(n).unwrap();
/// }
/// drop(sender);
/// // However long it takes, no other task runs in between.
/// let sum = io2::unconstrained(async {
///     let mut sum = 0;
///     while let Some(n) = receiver.recv().await {
///         sum += n;
///     }
///     sum
/// });
/// assert_eq!(sum.await, 499_500);
/// # }).unwrap();
/// ```
pub fn unconstrained<F: IntoFuture>(future: F) -> Unconstrained<F::IntoFuture> {
    Unconstrained {
        future: future.into_future(),
    }
}

pin_project! {
    /// The future of [`unconstrained`].
    ///
    /// ```
    /// # io2::ExecutorConfig::new().run(async {
    /// let future: io2::Unconstrained<_> = io2::unconstrained(std::future::ready(1));
    /// assert_eq!(future.await, 1);
    /// # }).unwrap();
    /// ```
    #[derive(Debug)]
    #[must_use = "a future does nothing unless it is awaited"]
    pub struct Unconstrained<F> {
        #[pin]
        future: F,
    }
}

impl<F: Future> Future for Unconstrained<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let _all = coop::Unconstrained::new();
        self.project().future.poll(cx)
    }
}
