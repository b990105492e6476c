//! Running: an executor, and the dashboard that its configuration asks for.

use std::future::Future;
use std::io;

use crate::config::ExecutorConfig;
#[cfg(feature = "dashboard")]
use crate::dashboard::start as begin;
use crate::executor::{self, Executor};

#[cfg(not(feature = "dashboard"))]
fn begin(_config: &ExecutorConfig) -> io::Result<()> {
    Ok(())
}

impl ExecutorConfig {
    /// Builds an executor on this thread, runs `future` and what it spawns, and returns the future's
    /// output when it is done.
    ///
    /// Tasks that are still alive then are dropped inside the executor; operations in flight are
    /// cancelled and waited for, at most for the [`shutdown_timeout`](Self::shutdown_timeout); and
    /// descriptors are closed. Who wants to wait for tasks joins them.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a value out of its range; an error that says what to do where the kernel
    /// refuses the ring; an error inside a running executor.
    ///
    /// # Panics
    ///
    /// With the panic of `future`, after everything in flight has ended. The thread can run
    /// another executor afterwards.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let sum = io2::ExecutorConfig::new().run(async {
    ///     let tasks: Vec<_> = (1..=3).map(|n| io2::spawn(async move { n })).collect();
    ///     let mut sum = 0;
    ///     for task in tasks {
    ///         sum += task.await;
    ///     }
    ///     sum
    /// })?;
    /// assert_eq!(sum, 6);
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn run<F: Future>(self, future: F) -> io::Result<F::Output> {
        self.run_then(future, |_| ())
    }

    /// Like `run`. The executor is shown to `ended` when it has shut down.
    #[track_caller]
    pub(crate) fn run_then<F: Future>(
        self,
        future: F,
        ended: impl FnOnce(&Executor),
    ) -> io::Result<F::Output> {
        executor::run(self, future, begin, ended)
    }
}
