//! Other processes: started, talked to over pipes, waited for and killed.
//!
//! The names follow [`std::process`]. The end of a child is told by a descriptor of its own (a pidfd),
//! which the ring waits for: no signal is handled, and a program may handle SIGCHLD as it likes,
//! except ignore it, since the kernel then forgets how children ended.
//!
//! ```
//! # io2::ExecutorConfig::new().run(async {
//! use io2::process::Command;
//!
//! let output = Command::new("echo").arg("hello").output().await?;
//! assert!(output.status.success());
//! assert_eq!(output.stdout, b"hello\n");
//! # std::io::Result::Ok(())
//! # }).unwrap().unwrap();
//! ```
//!
//! # Children that nobody waits for
//!
//! A child that has ended stays in the system's table, as a zombie, until its parent asks for its
//! status. A [`Child`] that is dropped before goes on running, unless
//! [`kill_on_drop`](Command::kill_on_drop) is set, and a task of the executor waits for it instead. If
//! the executor ends before the child does, or the drop is outside an executor, that is made up for
//! whenever the process starts another child or drops one: until then a child that has ended is a
//! zombie. When the process itself ends, the system cares for its children.
//!
//! # What a start costs
//!
//! [`Command::spawn`] starts the program on the executor's thread, which waits until the kernel has
//! loaded it: about a tenth of a millisecond, however much memory the process has. The pool of
//! [`spawn_blocking`](crate::spawn_blocking) would take as long for the hand-over, and the child would
//! inherit what belongs to a thread, such as the cores that it may run on, from a thread of the pool.
//!
//! Where std has to fork, the kernel copies the tables of all memory: more than 50 ms were measured
//! with 1 GiB in use. That is so for commands with a user, a group or a closure to run before the
//! program ([`std::os::unix::process::CommandExt`]), and for those that change `PATH` and name the
//! program without a slash. Start such a one on the pool, and take it over:
//!
//! ```
//! # io2::ExecutorConfig::new().run(async {
//! let mut command = std::process::Command::new("true");
//! command.env("PATH", "/bin:/usr/bin");
//! let started = io2::spawn_blocking(move || command.spawn()).await?;
//! let mut child = io2::process::Child::from_std(started)?;
//! assert!(child.wait().await?.success());
//! # std::io::Result::Ok(())
//! # }).unwrap().unwrap();
//! ```

mod child;
mod command;
mod reap;

pub use self::child::Child;
pub use self::command::Command;

pub use std::process::{ExitStatus, Output, Stdio};
