//! io2: see the README.

pub mod buf;
mod clock;
mod config;
mod driver;
mod error;
mod executor;
mod fd;
pub mod fs;
pub mod observe;
pub mod op;
mod slab;
mod spawn;
mod sys;
mod task;
pub mod time;
mod trace;

pub use self::config::{ExecutorConfig, Preempt};
pub use self::driver::RingInfo;
pub use self::executor::ring_info;
pub use self::spawn::{
    Builder, Handle, JoinSet, RemoteJoinHandle, need_preempt, spawn, spawn_blocking,
    yield_if_needed, yield_now,
};
pub use self::task::{AbortHandle, JoinError, JoinHandle, TaskId};
