//! io2: see the README.

pub mod buf;
mod clock;
mod config;
mod driver;
#[cfg(feature = "macros")]
mod entry;
mod error;
mod executor;
mod fd;
pub mod fs;
#[cfg(feature = "net")]
pub mod net;
pub mod observe;
pub mod op;
mod slab;
mod spawn;
mod sys;
mod task;
pub mod time;
mod trace;

#[cfg(feature = "macros")]
pub use io2_macros::{main, test};

pub use self::config::{ExecutorConfig, Preempt};
pub use self::driver::RingInfo;
pub use self::executor::ring_info;
pub use self::spawn::{
    Builder, Handle, JoinSet, RemoteJoinHandle, need_preempt, spawn, spawn_blocking,
    yield_if_needed, yield_now,
};
pub use self::task::{AbortHandle, JoinError, JoinHandle, TaskId};

/// What the attributes expand to calls these. They are no part of the API: anything in here may change
/// in any version.
#[cfg(feature = "macros")]
#[doc(hidden)]
pub mod __rt {
    pub use crate::entry::{Options, Preempt, Skipped, main, test, test_should_panic, unreached};
}
