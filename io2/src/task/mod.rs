//! Tasks: one allocation each, and who may touch what.
//!
//! A task is a header that the executor works with, and a stage that holds first the future, then
//! its output. A [`TaskRef`] is a counted pointer to it, one word: the executor's slab owns one, a
//! [`JoinHandle`] and the ready queue further ones; all are on one thread, so nothing is atomic.
//! What depends on the future is behind a table of functions, as with a trait object, but the
//! pointer to it is in the task. Wakers own nothing: they carry a key that the slab may no longer
//! know. The memory comes from the executor's [`Memory`], which keeps that of ended tasks.
//!
//! | stage | entered by | left by |
//! |---|---|---|
//! | running | spawn | the future is ready or panics, or the task is cancelled |
//! | finished | the executor, in a poll | the handle takes the output, or nobody does |
//! | consumed | the handle | - |
//!
//! * `queued` is set while the task stands in the ready queue, so that it stands there once.
//! * `cancelled` is a request; the executor honours it the next time that it takes the task from
//!   the queue, so a future is never dropped inside its own poll.
//! * `entered` is set while the future is polled or dropped: the stage is then the future's alone.
//! * `finished` is set after the stage has changed, and never cleared. Only then does a handle look
//!   at the stage: a task that awaits its own handle finds it unfinished, not borrowed.
//! * The future is polled and dropped with the executor as the thread's current one, and with
//!   none of the executor's own state borrowed.
//!
//! [`JoinHandle`]: join::JoinHandle

mod error;
mod header;
mod join;
mod memory;
mod raw;

pub use self::error::JoinError;
pub(crate) use self::error::panic_text;
pub(crate) use self::header::{Header, Outcome, TaskMeta};
pub use self::join::{AbortHandle, JoinHandle, TaskId};
pub(crate) use self::memory::Memory;
pub(crate) use self::raw::{TaskRef, drop_quietly};
