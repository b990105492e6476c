//! Values that stay on their thread, for interfaces that ask for more.

use std::any::type_name;
use std::fmt;
use std::future::Future;
use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::thread::{self, ThreadId};

use crate::trace;

/// Makes a future, or an adapter, `Send` and `Sync` by keeping it to the thread that called this.
///
/// Routers and clients that were made for runtimes which move tasks between threads ask for `Send`,
/// whether the program moves anything or not. On one executor of io2 nothing is ever moved, so a
/// handler can wrap what it does:
///
/// ```
/// fn send<T: Send>(value: T) -> T { value }
///
/// # io2::ExecutorConfig::new().run(async {
/// let handler = async {
///     let (read, buf) = io2::compat::local(async {
///         // Neither the file nor its operations are `Send`.
///         let file = io2::fs::File::open("/dev/zero").await?;
///         std::io::Result::Ok(file.read_at(Vec::with_capacity(4), 0).await)
///     }).await?;
///     assert_eq!((read?, buf), (4, vec![0; 4]));
///     std::io::Result::Ok(())
/// };
/// send(handler).await?;
/// # std::io::Result::Ok(())
/// # }).unwrap().unwrap();
/// ```
///
/// # On another thread
///
/// To poll it there panics. To drop it there leaks it, with an ERROR event (`local.leak`): what it
/// refers to belongs to its own thread, and is not safe to touch from elsewhere.
pub fn local<T>(value: T) -> Local<T> {
    Local {
        value: ManuallyDrop::new(Box::pin(value)),
        home: thread::current().id(),
    }
}

/// A value that stays on its thread, and may be used by what asks for `Send`; see [`local`].
///
/// It has the traits of the value that the features ask for: [`Future`] always, those of `futures::io`,
/// `tokio::io` and `hyper::rt`, and `futures_core::Stream`.
///
/// # Examples
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// use std::rc::Rc;
///
/// let shared = Rc::new(1);
/// let local: io2::compat::Local<_> = io2::compat::local(async move { *shared });
/// assert_eq!(local.await, 1);
/// # }).unwrap();
/// ```
pub struct Local<T> {
    /// On the heap, so that to leak it keeps the promise to what is pinned: its memory is never used
    /// for anything else before it is dropped.
    value: ManuallyDrop<Pin<Box<T>>>,
    home: ThreadId,
}

// SAFETY: the value is touched only on the thread that made this: `here`, `get`, `into_inner` and the
// drop ask which thread it is, and nothing else reaches it.
unsafe impl<T> Send for Local<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for Local<T> {}

impl<T> Local<T> {
    /// Whether this is the thread that the value belongs to.
    pub fn is_here(&self) -> bool {
        thread::current().id() == self.home
    }

    /// Gives the value back.
    ///
    /// # Panics
    ///
    /// On another thread than the one that called [`local`].
    ///
    /// # Examples
    ///
    /// ```
    /// let local = io2::compat::local(std::rc::Rc::new(3));
    /// assert_eq!(*local.into_inner(), 3);
    /// ```
    #[track_caller]
    pub fn into_inner(mut self) -> T
    where
        T: Unpin,
    {
        self.check();
        // SAFETY: `self` is forgotten, so nothing takes or drops it again.
        let value = unsafe { ManuallyDrop::take(&mut self.value) };
        std::mem::forget(self);
        *Pin::into_inner(value)
    }

    /// The value, pinned.
    #[track_caller]
    pub(super) fn here(self: Pin<&mut Self>) -> Pin<&mut T> {
        self.check();
        self.get_mut().value.as_mut()
    }

    /// The value, if it belongs to this thread.
    #[cfg(any(feature = "tokio-io", feature = "hyper", feature = "stream"))]
    pub(super) fn get(&self) -> Option<&T> {
        self.is_here().then(|| &**self.value)
    }

    #[track_caller]
    fn check(&self) {
        if !self.is_here() {
            elsewhere(type_name::<T>(), self.home);
        }
    }
}

#[cold]
#[track_caller]
fn elsewhere(what: &str, home: ThreadId) -> ! {
    panic!(
        "a value that `io2::compat::local` keeps to its thread ({home:?}) was used on another one \
         ({:?}): let whatever polls it run on the io2 executor that made it, or make it where it is \
         polled. It is {what}",
        thread::current().id()
    )
}

impl<F: Future> Future for Local<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.here().poll(cx)
    }
}

impl<T> Drop for Local<T> {
    fn drop(&mut self) {
        if self.is_here() {
            // SAFETY: nothing touches it after this.
            unsafe { ManuallyDrop::drop(&mut self.value) };
        } else {
            trace::local_leak(type_name::<T>());
        }
    }
}

impl<T> fmt::Debug for Local<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Local")
            .field("value", &type_name::<T>())
            .field("home", &self.home)
            .finish()
    }
}
