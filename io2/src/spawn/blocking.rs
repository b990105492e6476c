//! Closures that block, on threads of their own.

use crate::task::JoinHandle;
use crate::trace::TaskKind;

use super::builder;

/// Runs a closure that blocks or computes for long on a thread of a pool, and gives its result.
///
/// The pool is shared by all executors of the process, grows with the demand up to 500 threads, and
/// shrinks when they idle. Cancelling the task, or the end of the executor, drops the closure if it
/// has not started; one that runs goes on, and its result is dropped.
///
/// # Panics
///
/// Outside an executor. A panic of the closure is the task's.
///
/// # Examples
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// let task = io2::spawn_blocking(|| (1..=20_u64).product::<u64>());
/// assert_eq!(task.await, 2_432_902_008_176_640_000);
/// # }).unwrap();
/// ```
#[track_caller]
pub fn spawn_blocking<T, F>(call: F) -> JoinHandle<T>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    builder::start(unblock(call), None, TaskKind::Blocking)
}

/// Runs a closure that blocks, within the task that awaits it.
pub(crate) async fn unblock<T, F>(call: F) -> T
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    blocking::unblock(call).await
}
