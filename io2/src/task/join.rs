//! The handles of a task.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::error::JoinError;
use super::raw::TaskRef;

/// A task's number: unique in the process, never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TaskId(pub(crate) u64);

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl TaskId {
    /// The number that spans and events carry as `task.id`.
    pub fn as_u64(self) -> u64 {
        self.0
    }
}

/// Waits for a task, or cancels it. Dropping it detaches the task, which then runs on.
///
/// Awaiting the handle gives the task's output, and works from any task of the executor. It may
/// be dropped and awaited again: nothing is lost.
///
/// # Panics
///
/// Awaiting it resumes the panic of a task that panicked, and panics with the text "the task was
/// cancelled" for one that was cancelled or whose executor has ended. [`join`](Self::join) gives a
/// `Result` instead.
///
/// # Examples
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// let task = io2::spawn(async { 6 * 7 });
/// assert_eq!(task.await, 42);
/// # }).unwrap();
/// ```
pub struct JoinHandle<T> {
    /// Its future has the output `T`.
    task: TaskRef,
    output: PhantomData<fn() -> T>,
}

impl<T> JoinHandle<T> {
    /// # Safety
    ///
    /// The task's future has the output `T`, and there is no other handle.
    pub(super) unsafe fn new(task: TaskRef) -> Self {
        JoinHandle {
            task,
            output: PhantomData,
        }
    }

    /// Waits for the task and gives its output, or why it has none.
    ///
    /// Dropping the returned future detaches the task.
    ///
    /// # Errors
    ///
    /// A [`JoinError`] if the task panicked or was cancelled.
    ///
    /// # Examples
    ///
    /// ```
    /// # io2::ExecutorConfig::new().run(async {
    /// assert_eq!(io2::spawn(async { 1 }).join().await.unwrap(), 1);
    /// # }).unwrap();
    /// ```
    pub async fn join(mut self) -> Result<T, JoinError> {
        std::future::poll_fn(|cx| self.poll_join(cx)).await
    }

    /// Cancels the task, waits until it is gone, and gives its output if it was faster.
    ///
    /// The task's future is dropped before this returns, and with it everything that it owns.
    /// The cancellation is requested when this is called, not when it is first polled.
    ///
    /// # Panics
    ///
    /// If the task panicked, with what it panicked with.
    ///
    /// # Examples
    ///
    /// ```
    /// # io2::ExecutorConfig::new().run(async {
    /// let task = io2::spawn(std::future::pending::<()>());
    /// assert_eq!(task.cancel().await, None);
    /// # }).unwrap();
    /// ```
    pub fn cancel(self) -> impl Future<Output = Option<T>> {
        request_cancel(&self.task);
        async move {
            match self.join().await {
                Ok(output) => Some(output),
                Err(error) => match error.try_into_panic() {
                    Ok(payload) => resume_unwind(payload),
                    Err(_) => None,
                },
            }
        }
    }

    /// A handle that can cancel the task and nothing else.
    pub fn abort_handle(&self) -> AbortHandle {
        AbortHandle {
            task: self.task.clone(),
        }
    }

    pub(crate) fn abort(&self) {
        request_cancel(&self.task);
    }

    /// Whether the task has ended. Its output may have been taken already.
    pub fn is_finished(&self) -> bool {
        self.task.header().is_finished()
    }

    /// The task's number.
    pub fn id(&self) -> TaskId {
        TaskId(self.task.header().meta.id)
    }

    pub(crate) fn poll_join(&mut self, cx: &mut Context<'_>) -> Poll<Result<T, JoinError>> {
        if !self.task.header().is_finished() {
            self.task.header().set_join_waker(cx.waker());
        }
        // Looked at again: cloning a waker is user code.
        // SAFETY: the task's future has the output `T`.
        match unsafe { self.task.take_output::<T>() } {
            Some(output) => Poll::Ready(output),
            None => Poll::Pending,
        }
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        match self.poll_join(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(output)) => Poll::Ready(output),
            Poll::Ready(Err(error)) => match error.try_into_panic() {
                Ok(payload) => resume_unwind(payload),
                Err(error) => panic!("{error}: use JoinHandle::join to be told without a panic"),
            },
        }
    }
}

impl<T> Drop for JoinHandle<T> {
    fn drop(&mut self) {
        let header = self.task.header();
        header.detached.set(true);
        drop(header.take_join_waker());
        // An abort handle may keep the allocation, but an output that nobody can take goes now.
        self.task.report_panic();
        self.task.discard_output();
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle")
            .field("id", &self.id().0)
            .field("finished", &self.is_finished())
            .finish()
    }
}

/// Cancels a task. It keeps neither the task's future nor its output from being dropped.
///
/// # Examples
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// let task = io2::spawn(std::future::pending::<()>());
/// task.abort_handle().abort();
/// assert!(task.join().await.unwrap_err().is_cancelled());
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct AbortHandle {
    task: TaskRef,
}

impl AbortHandle {
    /// Asks for the task to be dropped; the executor does so the next time that it comes to it.
    /// Does nothing to a task that has ended.
    pub fn abort(&self) {
        request_cancel(&self.task);
    }

    /// Whether the task has ended.
    pub fn is_finished(&self) -> bool {
        self.task.header().is_finished()
    }

    /// The task's number.
    pub fn id(&self) -> TaskId {
        TaskId(self.task.header().meta.id)
    }
}

impl fmt::Debug for AbortHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AbortHandle")
            .field("id", &self.id().0)
            .field("finished", &self.is_finished())
            .finish()
    }
}

fn request_cancel(task: &TaskRef) {
    let header = task.header();
    if !header.is_finished() {
        header.cancelled.set(true);
        header.waker.wake_by_ref();
    }
}
