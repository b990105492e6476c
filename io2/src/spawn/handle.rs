//! A way to an executor from other threads.

use std::fmt;
use std::future::Future;
use std::panic::{Location, resume_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use crate::executor::{self, context, remote};
use crate::lock::lock;
use crate::task::JoinError;
use crate::trace::TaskKind;

/// Spawns tasks on an executor from any thread. It may outlive the executor.
///
/// # Examples
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// let handle = io2::Handle::current();
/// let thread = std::thread::spawn(move || {
///     // The closure runs on the executor's thread, so its future need not be `Send`.
///     handle.spawn_with(|| async {
///         let shared = std::rc::Rc::new(41);
///         io2::yield_now().await;
///         *shared + 1
///     })
/// });
/// let task = io2::spawn_blocking(move || thread.join().unwrap()).await;
/// assert_eq!(task.await, 42);
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct Handle {
    slot: &'static remote::Slot,
    incarnation: u32,
    executor: u64,
}

impl Handle {
    /// The handle of this thread's executor.
    ///
    /// # Panics
    ///
    /// Outside an executor; see [`try_current`](Self::try_current).
    #[track_caller]
    pub fn current() -> Handle {
        match Handle::try_current() {
            Some(handle) => handle,
            None => executor::outside("Handle::current"),
        }
    }

    /// The handle of this thread's executor, if one runs.
    pub fn try_current() -> Option<Handle> {
        context::with(|executor| Handle {
            slot: executor.seat.slot,
            incarnation: executor.seat.incarnation,
            executor: executor.id,
        })
    }

    /// Sends a closure to the executor, which makes a future with it and spawns that as a task.
    ///
    /// The closure crosses the threads, the future does not. It never blocks for long: a
    /// queue without a bound takes the closure, so whoever calls faster than the executor works
    /// must hold back by awaiting the tasks. If the executor has ended, or ends before it gets to
    /// the closure, that is dropped and the task is a cancelled one.
    #[track_caller]
    pub fn spawn_with<M, F>(&self, make: M) -> RemoteJoinHandle<F::Output>
    where
        M: FnOnce() -> F + Send + 'static,
        F: Future + 'static,
        F::Output: Send + 'static,
    {
        let location = Location::caller();
        let answer = Arc::new(Answer::new());
        let reply = Reply(answer.clone());
        let mail = Box::new(move || {
            let Some(executor) = context::with(std::rc::Rc::clone) else {
                return;
            };
            // The making is user code too: in the task, a panic is the task's.
            let task = async move { make().await };
            let task = executor.spawn(task, None, TaskKind::Task, location);
            let carry = async move { reply.give(task.join().await) };
            drop(executor.spawn(carry, None, TaskKind::Task, location));
        });
        // A closure that is refused is dropped here, and its reply with it.
        drop(self.slot.post(self.incarnation, mail));
        RemoteJoinHandle { answer }
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle")
            .field("executor", &self.executor)
            .finish()
    }
}

enum State<T> {
    Waiting(Option<Waker>),
    Done(Result<T, JoinError>),
    Taken,
}

struct Answer<T>(Mutex<State<T>>);

impl<T> Answer<T> {
    fn new() -> Self {
        Answer(Mutex::new(State::Waiting(None)))
    }

    fn swap(&self, state: State<T>) -> State<T> {
        std::mem::replace(&mut *lock(&self.0), state)
    }
}

/// Gives the answer; without one, says that the task was cancelled.
struct Reply<T>(Arc<Answer<T>>);

impl<T> Reply<T> {
    fn give(&self, output: Result<T, JoinError>) {
        if let State::Waiting(Some(waker)) = self.0.swap(State::Done(output)) {
            waker.wake();
        }
    }
}

impl<T> Drop for Reply<T> {
    fn drop(&mut self) {
        let waiting = matches!(*lock(&self.0.0), State::Waiting(_));
        if waiting {
            self.give(Err(JoinError::cancelled()));
        }
    }
}

/// Waits, on any thread and in any executor, for a task that a [`Handle`] spawned. Dropping it
/// detaches the task.
///
/// # Panics
///
/// Awaiting it resumes the panic of the task, and panics if the task was cancelled;
/// [`join`](Self::join) gives a `Result` instead.
///
/// # Examples
///
/// ```
/// let handle = io2::ExecutorConfig::new().run(async { io2::Handle::current() }).unwrap();
/// // That executor has ended.
/// let task = handle.spawn_with(|| async { 1 });
/// # io2::ExecutorConfig::new().run(async {
/// assert!(task.join().await.unwrap_err().is_cancelled());
/// # }).unwrap();
/// ```
pub struct RemoteJoinHandle<T> {
    answer: Arc<Answer<T>>,
}

impl<T> RemoteJoinHandle<T> {
    /// Waits for the task and gives its output, or why it has none.
    ///
    /// # Errors
    ///
    /// A [`JoinError`] if the task panicked or was cancelled, or if its executor has ended.
    pub async fn join(self) -> Result<T, JoinError> {
        std::future::poll_fn(|cx| self.poll_join(cx)).await
    }

    fn poll_join(&self, cx: &mut Context<'_>) -> Poll<Result<T, JoinError>> {
        // Cloned and dropped while the lock is not held: wakers are user code.
        let waker = cx.waker().clone();
        let old = {
            let mut state = lock(&self.answer.0);
            match &mut *state {
                State::Waiting(old) => Ok(old.replace(waker)),
                State::Done(_) => Err(std::mem::replace(&mut *state, State::Taken)),
                State::Taken => {
                    panic!("a RemoteJoinHandle was polled after it had given its output")
                }
            }
        };
        match old {
            Err(State::Done(output)) => Poll::Ready(output),
            _ => Poll::Pending,
        }
    }
}

impl<T> Future for RemoteJoinHandle<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        match self.poll_join(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(output)) => Poll::Ready(output),
            Poll::Ready(Err(error)) => match error.try_into_panic() {
                Ok(payload) => resume_unwind(payload),
                Err(error) => {
                    panic!("{error}: use RemoteJoinHandle::join to be told without a panic")
                }
            },
        }
    }
}

impl<T> fmt::Debug for RemoteJoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RemoteJoinHandle")
    }
}
