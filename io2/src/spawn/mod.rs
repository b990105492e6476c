//! Tasks, as users start them.

mod blocking;
mod builder;
mod handle;
mod join_set;
mod unconstrained;
mod yielding;

pub use self::blocking::spawn_blocking;
pub(crate) use self::blocking::unblock;
pub use self::builder::{Builder, spawn};
pub use self::handle::{Handle, RemoteJoinHandle};
pub use self::join_set::JoinSet;
pub use self::unconstrained::{Unconstrained, unconstrained};
pub use self::yielding::{need_preempt, yield_if_needed, yield_now};
