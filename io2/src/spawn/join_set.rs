//! A set of tasks of one kind.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::future::{Future, poll_fn};
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

use super::builder;
use crate::task::{AbortHandle, JoinError, JoinHandle, TaskId};
use crate::trace::TaskKind;

/// Tasks that give the same type, joined in the order in which they end.
///
/// Dropping the set cancels its tasks.
///
/// # Examples
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// let mut set = io2::JoinSet::new();
/// for n in 1..=3 {
///     set.spawn(async move { n });
/// }
/// let mut sum = 0;
/// while let Some(output) = set.join_next().await {
///     sum += output.unwrap();
/// }
/// assert_eq!(sum, 6);
/// # }).unwrap();
/// ```
pub struct JoinSet<T> {
    tasks: HashMap<TaskId, JoinHandle<T>>,
    ended: Rc<Ended>,
}

/// Which tasks have ended, and who waits for that.
#[derive(Default)]
struct Ended {
    queue: RefCell<VecDeque<TaskId>>,
    waker: RefCell<Option<Waker>>,
}

/// Says that its task has ended, however it ended.
struct Signal {
    id: std::cell::Cell<Option<TaskId>>,
    ended: Rc<Ended>,
}

impl Drop for Signal {
    fn drop(&mut self) {
        if let Some(id) = self.id.get() {
            self.ended.queue.borrow_mut().push_back(id);
        }
        let waker = self.ended.waker.borrow_mut().take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<T: 'static> JoinSet<T> {
    /// An empty set.
    pub fn new() -> Self {
        JoinSet {
            tasks: HashMap::new(),
            ended: Rc::default(),
        }
    }

    /// How many tasks are in the set, those included that have ended and were not joined.
    pub fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Whether no task is in the set.
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Spawns a task into the set, and gives a handle to cancel it.
    ///
    /// # Panics
    ///
    /// Outside an executor.
    #[track_caller]
    pub fn spawn<F>(&mut self, future: F) -> AbortHandle
    where
        F: Future<Output = T> + 'static,
    {
        let id = Rc::new(Signal {
            id: std::cell::Cell::new(None),
            ended: self.ended.clone(),
        });
        let signal = id.clone();
        let task = builder::start(
            async move {
                let _signal = signal;
                future.await
            },
            None,
            TaskKind::Task,
        );
        id.id.set(Some(task.id()));
        // A task that was refused during the shutdown has ended already: the signal is the last one.
        drop(id);
        let abort = task.abort_handle();
        self.tasks.insert(task.id(), task);
        abort
    }

    /// Waits for the next task to end and gives its output, or why it has none. `None` if the set is
    /// empty.
    ///
    /// Dropping it loses nothing.
    ///
    /// # Errors
    ///
    /// Within `Some`, a [`JoinError`] if the task panicked or was cancelled.
    pub async fn join_next(&mut self) -> Option<Result<T, JoinError>> {
        poll_fn(|cx| self.poll_join_next(cx)).await
    }

    pub(crate) fn poll_join_next(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<T, JoinError>>> {
        loop {
            let first = self.ended.queue.borrow().front().copied();
            let Some(id) = first else {
                if self.tasks.is_empty() {
                    return Poll::Ready(None);
                }
                let waker = cx.waker().clone();
                let old = self.ended.waker.replace(Some(waker));
                drop(old);
                return Poll::Pending;
            };
            let Some(task) = self.tasks.get_mut(&id) else {
                self.ended.queue.borrow_mut().pop_front();
                continue;
            };
            // The signal comes with the drop of the future, the output right after it.
            let output = ready!(task.poll_join(cx));
            self.ended.queue.borrow_mut().pop_front();
            self.tasks.remove(&id);
            return Poll::Ready(Some(output));
        }
    }

    /// Cancels all tasks. They stay in the set until they are joined.
    pub fn abort_all(&mut self) {
        for task in self.tasks.values() {
            task.abort();
        }
    }

    /// Cancels all tasks and waits until they are gone. Outputs and panics are dropped.
    pub async fn shutdown(&mut self) {
        self.abort_all();
        while self.join_next().await.is_some() {}
    }

    /// Lets all tasks run on by themselves.
    pub fn detach_all(&mut self) {
        self.tasks.clear();
    }
}

impl<T: 'static> Default for JoinSet<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Drop for JoinSet<T> {
    fn drop(&mut self) {
        for task in self.tasks.values() {
            task.abort();
        }
    }
}

impl<T> fmt::Debug for JoinSet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinSet")
            .field("len", &self.tasks.len())
            .finish()
    }
}
