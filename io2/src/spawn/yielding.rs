//! Letting others run.

use std::future::poll_fn;
use std::task::Poll;

use crate::executor::context;

/// Lets every other task that is ready run before this one goes on, and completions and timers
/// if the slice is used up.
///
/// Dropping it loses nothing.
///
/// # Examples
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// io2::yield_now().await;
/// # }).unwrap();
/// ```
pub async fn yield_now() {
    let mut yielded = false;
    poll_fn(|cx| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Goes on at once while the time slice is not used up and no timer is due; else lets completions,
/// timers and other tasks run first.
///
/// To be called in long loops: while there is nothing to do it costs a few nanoseconds. The slice is
/// counted from the last time that the executor reaped completions. Dropping it loses nothing.
///
/// # Examples
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// let mut sum = 0_u64;
/// for n in 0..100_000 {
///     sum += n;
///     io2::yield_if_needed().await;
/// }
/// assert_eq!(sum, 4_999_950_000);
/// # }).unwrap();
/// ```
pub async fn yield_if_needed() {
    if need_preempt() {
        yield_now().await;
    }
}

/// Whether the running task should let others run: its time slice is used up, or a timer is due.
/// Outside an executor it is false.
///
/// # Examples
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// assert!(!io2::need_preempt());
/// std::thread::sleep(std::time::Duration::from_millis(15));
/// assert!(io2::need_preempt());
/// # }).unwrap();
/// ```
pub fn need_preempt() -> bool {
    context::with(|executor| executor.need_preempt()).unwrap_or(false)
}
