//! A runtime for Linux io_uring: thread-per-core, with direct I/O, and with nothing hidden.
//!
//! # What it is
//!
//! One thread, one executor, one ring. [`#[io2::main]`](macro@main) or [`ExecutorConfig::run`] starts an
//! executor on the calling thread; tasks, timers and operations stay on that thread, so futures need
//! not be `Send`, and nothing on the way from a task to the kernel takes a lock. A program that is to use
//! all cores starts an executor on each.
//!
//! ```
//! #[io2::main(ring_depth = 128)]
//! async fn main() -> std::io::Result<()> {
//!     # let dir = std::env::temp_dir().join(format!("io2-doc-crate-{}", std::process::id()));
//!     # io2::fs::create_dir_all(&dir).await?;
//!     let path = "greeting.txt";
//!     # let path = dir.join(path);
//!     io2::fs::write(&path, "hello").await.0?;
//!
//!     // Two tasks read beside each other.
//!     let first = io2::spawn(io2::fs::read(path.clone()));
//!     let second = io2::spawn(io2::fs::read(path));
//!     assert_eq!(first.await?, b"hello");
//!     assert_eq!(second.await?, b"hello");
//!     # io2::fs::remove_dir_all(&dir).await?;
//!     Ok(())
//! }
//! ```
//!
//! | where | what |
//! |---|---|
//! | [`fs`] | files, buffered and direct; directories |
//! | `net` | TCP, UDP and Unix sockets |
//! | [`pipe`], [`stdio`] | pipes, and the standard streams of the process |
//! | `process` | other processes |
//! | `signal` | signals of the operating system |
//! | [`time`] | sleeps, intervals, timeouts |
//! | [`sync`] | channels, locks, semaphores, cancellation, between tasks of one executor |
//! | [`spawn()`], [`JoinSet`], [`Builder`] | tasks |
//! | [`spawn_blocking`], [`Handle`] | the way to other threads, and back |
//! | [`compat`] | bridges to the traits of other crates |
//! | [`buf`] | buffers: which types are, and how parts of one are used |
//! | [`op`] | operations as futures: cancelled, timed out |
//! | [`observe`] | every span and event |
//!
//! # Buffers
//!
//! The kernel works on a buffer while the task does something else, also when the task forgets the
//! operation. So operations do not borrow buffers: they take them, and give them back with the result,
//! as a [`BufResult`](buf::BufResult), whether they succeeded or not.
//!
//! ```
//! # io2::ExecutorConfig::new().run(async {
//! let file = io2::fs::File::open("/dev/zero").await?;
//! let mut buf = Vec::with_capacity(4096);
//! for page in 0..4 {
//!     let read;
//!     (read, buf) = file.read_at(buf, page * 4096).await;
//!     assert_eq!(read?, 4096);
//! }
//! # std::io::Result::Ok(())
//! # }).unwrap().unwrap();
//! ```
//!
//! A read fills the **capacity** of the buffer and sets its length to what was read; a write writes its
//! **length**. Calls whose name has `exact` fill the length. [`IoBuf::slice`](buf::IoBuf::slice) narrows
//! a buffer to a range, and [`RegisteredBufs`](buf::RegisteredBufs) spares the kernel the mapping of
//! small ones.
//!
//! # Cancellation
//!
//! An operation starts when it is first polled. What then stops it:
//!
//! | | what happens | the result | the buffer |
//! |---|---|---|---|
//! | drop, [`time::timeout`] | it is cancelled | lost | lost, and freed when the kernel is done with it |
//! | [`op.cancel().await`](op::Op::cancel) | it is cancelled and waited for | comes back | comes back |
//! | [`op.timeout(limit).await`](op::Op::timeout) | the same, once `limit` is over | comes back | comes back |
//! | `mem::forget` | nothing; it goes on | lost | leaked |
//!
//! A cancelled operation may have happened nevertheless: a dropped write may land, even after a later
//! write to the same place. Only its result tells, so whoever must know awaits it. A disk does not
//! stop what it has begun, so there the wait may last longer than the limit.
//!
//! A **task** is cancelled with [`JoinHandle::cancel`], which waits until its future is dropped. Dropping
//! a [`JoinHandle`] lets the task run on. When the future given to `run` is done, tasks that are still
//! alive are dropped, their operations cancelled and waited for, and descriptors closed; that takes
//! [`shutdown_timeout`](ExecutorConfig::shutdown_timeout) at most.
//!
//! # Time slices
//!
//! Tasks take turns, and only when they await. The executor looks at completions and timers when no task
//! is ready, or when the slice ([`preempt_duration`](ExecutorConfig::preempt_duration), 10 ms unless
//! set) is used up between two polls. A task that computes for long should let others run in between:
//!
//! ```
//! # io2::ExecutorConfig::new().run(async {
//! let mut sum = 0_u64;
//! for n in 0..1_000_000 {
//!     sum += n % 7;
//!     // A few nanoseconds, unless the slice is used up.
//!     io2::yield_if_needed().await;
//! }
//! # assert!(sum > 0);
//! # }).unwrap();
//! ```
//!
//! [`#[io2::preemptible]`](macro@preemptible) on an `async fn` does that for all its loops.
//!
//! A task that does not is found out: a poll that takes longer than the slice is a WARN event with target
//! `io2::preempt`, which names the task, the line that spawned it, how long it took and how many tasks
//! waited. Code that blocks belongs on [`spawn_blocking`].
//!
//! # What can be seen
//!
//! Every poll, submission, completion and call into the kernel is a span of the crate `tracing`, with
//! stable names and fields: see [`observe`]; [`observe::guide`] goes from a warning to its fix. Programs without a `tracing` subscriber get warnings and
//! errors through the crate `log`.
//!
//! # Panics and errors
//!
//! Calls return [`std::io::Error`] with the kernel's code. A panic of a task is caught; it goes on where
//! its handle is awaited, or comes back as a [`JoinError`] from [`JoinHandle::join`]. A panic of the
//! future given to `run` leaves `run` once everything in flight has ended, and the thread can run another
//! executor. The library panics for misuse only, such as polling an operation outside an executor, and
//! says what to do.
//!
//! # Features
//!
//! | feature | default | what it brings |
//! |---|---|---|
//! | `macros` | yes | `#[io2::main]`, `#[io2::test]`, `#[io2::preemptible]` and `#[io2::no_yield]` |
//! | `net` | yes | the module `net` |
//! | `process` | yes | the module `process` |
//! | `signal` | yes | the module `signal` |
//! | `tracing` | yes | spans and events; without it their code is gone |
//! | `log` | yes | warnings and errors reach `log` while no `tracing` subscriber is set |
//! | `stall-stack` | no | with `stall_stack`, reports of polls that are too long say in which function they are |
//! | `console` | no | events for each use of a waker, as tokio-console reads them |
//! | `dashboard` | no | a page in the browser that shows what every executor does, while it happens |
//! | `bytes` | no | `bytes::Bytes` and `bytes::BytesMut` as buffers |
//! | `futures-io` | no | `compat::Stream` with the traits of `futures::io` |
//! | `tokio-io` | no | the same with those of `tokio::io` |
//! | `hyper` | no | the same with those of `hyper::rt`, and an executor and timers for hyper |
//! | `stream` | no | `futures::Stream` for connections, received buffers, channels, intervals and sets of tasks |
//!
//! # Kernels
//!
//! Linux 6.1 and later are supported and tested. From 5.11 on an executor starts, without what came
//! later; before, and where io_uring is forbidden, [`ExecutorConfig::run`] returns an error that says
//! what to do. [`ring_info`] tells what the kernel gave. Only 64-bit targets are supported.

#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod buf;
mod clock;
pub mod compat;
mod config;
#[cfg(feature = "dashboard")]
mod dashboard;
mod driver;
#[cfg(feature = "macros")]
mod entry;
mod error;
mod executor;
mod fd;
pub mod fs;
mod lock;
#[cfg(feature = "net")]
pub mod net;
pub mod observe;
pub mod op;
mod page;
pub mod pipe;
#[cfg(feature = "process")]
pub mod process;
mod run;
#[cfg(feature = "signal")]
pub mod signal;
mod slab;
mod spawn;
pub mod stdio;
pub mod sync;
mod sys;
mod task;
pub mod time;
mod trace;

#[cfg(feature = "macros")]
pub use io2_macros::{main, no_yield, preemptible, test};

pub use self::config::{ExecutorConfig, Preempt};
pub use self::driver::RingInfo;
pub use self::executor::{dump::dump, ring_info};
pub use self::observe::stats::stats;
pub use self::spawn::{
    Builder, Handle, JoinSet, RemoteJoinHandle, Unconstrained, need_preempt, spawn, spawn_blocking,
    unconstrained, yield_if_needed, yield_now,
};
pub use self::task::{AbortHandle, JoinError, JoinHandle, TaskId};

/// What the attributes expand to calls these. They are no part of the API: anything in here may change
/// in any version.
#[cfg(feature = "macros")]
#[doc(hidden)]
#[expect(deprecated, reason = "one of them is there to be warned of")]
pub mod __rt {
    pub use crate::entry::{
        Options, Preempt, Skipped, guard_held_over_yield, main, test, test_should_panic, unreached,
    };
    pub use crate::spawn::{need_preempt, yield_now};
}

/// The programs in the README are tested, too.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
mod readme {}
