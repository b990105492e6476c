//! Spawns tasks.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::rc::Rc;

use crate::executor::{self, context};
use crate::task::JoinHandle;
use crate::trace::TaskKind;

/// Spawns a task on this thread's executor.
///
/// The task runs on its own from now on, whether its handle is awaited or dropped. Where it was
/// spawned, this line, is what spans and warnings call it by; [`Builder`] gives it a name, too.
/// During the executor's shutdown the future is dropped, and the handle is that of a cancelled task.
///
/// # Panics
///
/// Outside an executor.
///
/// # Examples
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// let task = io2::spawn(async { "done" });
/// assert_eq!(task.await, "done");
/// # }).unwrap();
/// ```
#[track_caller]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    start(future, None, TaskKind::Task)
}

/// Gives a task a name before it is spawned.
///
/// # Examples
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// let task = io2::Builder::new().name("flusher").spawn(async { 7 });
/// assert_eq!(task.await, 7);
/// # }).unwrap();
/// ```
#[derive(Clone, Default)]
#[must_use = "a builder does nothing until `spawn` is called"]
pub struct Builder {
    name: Option<Rc<str>>,
}

impl Builder {
    /// A task without a name.
    pub fn new() -> Self {
        Builder::default()
    }

    /// The name that spans, events and warnings call the task by.
    pub fn name(mut self, name: impl AsRef<str>) -> Self {
        self.name = Some(Rc::from(name.as_ref()));
        self
    }

    /// Spawns the task, as [`spawn`] does.
    ///
    /// # Panics
    ///
    /// Outside an executor.
    #[track_caller]
    pub fn spawn<F>(self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        start(future, self.name, TaskKind::Task)
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("name", &self.name).finish()
    }
}

#[track_caller]
pub(super) fn start<F>(future: F, name: Option<Rc<str>>, kind: TaskKind) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    // Cloned, since what a span's subscriber does must not meet a borrowed context.
    match context::with(Rc::clone) {
        Some(executor) => executor.spawn(future, name, kind, Location::caller()),
        None => executor::outside("spawn"),
    }
}
