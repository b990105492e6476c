//! What to start, and how.

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::process::{ExitStatus, Output, Stdio};

use super::Child;
use super::reap;
use crate::sys;

/// What program to start, with what arguments, environment, directory and streams.
///
/// It is [`std::process::Command`] with another way to wait. What is not here, such as users and process
/// groups, is set through [`as_std_mut`](Self::as_std_mut).
///
/// # Examples
///
/// Two programs, of which one writes to the other:
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// use io2::process::{Command, Stdio};
///
/// let mut lines = Command::new("printf").arg("b\\na\\n").stdout(Stdio::piped()).spawn()?;
/// let pipe = lines.stdout.take().expect("it is a pipe");
/// let pipe = pipe.into_owned_fd().expect("nobody reads it here");
/// let sorted = Command::new("sort").stdin(pipe).output().await?;
/// assert_eq!(sorted.stdout, b"a\nb\n");
/// assert!(lines.wait().await?.success());
/// # std::io::Result::Ok(())
/// # }).unwrap().unwrap();
/// ```
#[derive(Debug)]
pub struct Command {
    std: std::process::Command,
    /// Which of the streams were set.
    stdin: bool,
    stdout: bool,
    stderr: bool,
    kill_on_drop: bool,
}

impl Command {
    /// A program, looked for in `PATH` unless it has a slash in it.
    pub fn new(program: impl AsRef<OsStr>) -> Command {
        std::process::Command::new(program).into()
    }

    /// Adds an argument.
    pub fn arg(&mut self, arg: impl AsRef<OsStr>) -> &mut Command {
        self.std.arg(arg);
        self
    }

    /// Adds arguments.
    pub fn args<S: AsRef<OsStr>>(&mut self, args: impl IntoIterator<Item = S>) -> &mut Command {
        self.std.args(args);
        self
    }

    /// Sets a variable of the environment, which otherwise is this process's.
    pub fn env(&mut self, key: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> &mut Command {
        self.std.env(key, value);
        self
    }

    /// Sets variables of the environment.
    pub fn envs<K: AsRef<OsStr>, V: AsRef<OsStr>>(
        &mut self,
        vars: impl IntoIterator<Item = (K, V)>,
    ) -> &mut Command {
        self.std.envs(vars);
        self
    }

    /// Takes a variable out of the environment.
    pub fn env_remove(&mut self, key: impl AsRef<OsStr>) -> &mut Command {
        self.std.env_remove(key);
        self
    }

    /// Takes all variables out of the environment.
    pub fn env_clear(&mut self) -> &mut Command {
        self.std.env_clear();
        self
    }

    /// The directory that the program starts in, which otherwise is this process's.
    pub fn current_dir(&mut self, dir: impl AsRef<Path>) -> &mut Command {
        self.std.current_dir(dir);
        self
    }

    /// Where the program reads from. Unless set, [`output`](Self::output) gives it nothing to read, and
    /// the others let it have this process's stream.
    pub fn stdin(&mut self, stream: impl Into<Stdio>) -> &mut Command {
        self.std.stdin(stream);
        self.stdin = true;
        self
    }

    /// Where the program writes to. Unless set, [`output`](Self::output) makes a pipe, and the others let
    /// it have this process's stream.
    pub fn stdout(&mut self, stream: impl Into<Stdio>) -> &mut Command {
        self.std.stdout(stream);
        self.stdout = true;
        self
    }

    /// Where the program writes its errors to; otherwise as [`stdout`](Self::stdout).
    pub fn stderr(&mut self, stream: impl Into<Stdio>) -> &mut Command {
        self.std.stderr(stream);
        self.stderr = true;
        self
    }

    /// Whether the process is killed when its [`Child`] is dropped before it has ended; also when the
    /// future of [`status`](Self::status) or [`output`](Self::output) is. Unless set, it goes on.
    ///
    /// # Examples
    ///
    /// ```
    /// # io2::ExecutorConfig::new().run(async {
    /// use std::time::Duration;
    /// use io2::process::Command;
    /// use io2::time::timeout;
    ///
    /// let mut command = Command::new("sleep");
    /// command.arg("1000").kill_on_drop(true);
    /// assert!(timeout(Duration::from_millis(10), command.status()).await.is_err());
    /// # }).unwrap();
    /// ```
    pub fn kill_on_drop(&mut self, kill: bool) -> &mut Command {
        self.kill_on_drop = kill;
        self
    }

    /// Starts the program. What the executor's thread is held up by: see
    /// [the module](super#what-a-start-costs).
    ///
    /// # Errors
    ///
    /// Those of std, `NotFound` among them, if the program cannot be started; the kernel's, if there are
    /// no more descriptors. Then nothing runs.
    pub fn spawn(&mut self) -> io::Result<Child> {
        reap::sweep();
        // So that nothing is started when there is no descriptor left to wait for it by.
        let reserved = sys::eventfd()?;
        let child = self.std.spawn()?;
        drop(reserved);
        Child::new(child, self.kill_on_drop).map_err(|(error, mut child)| {
            // Another thread took it. If the system has forgotten the process, its number may be another's.
            if error.raw_os_error() != Some(libc::ESRCH) {
                let _ = child.kill();
            }
            reap::leave(child);
            error
        })
    }

    /// Starts the program when first polled, and waits until it has ended. Streams that were set to be
    /// pipes are closed.
    ///
    /// Dropping it drops the [`Child`].
    ///
    /// # Errors
    ///
    /// As [`spawn`](Self::spawn) and [`Child::wait`].
    ///
    /// # Panics
    ///
    /// Polled outside an executor.
    ///
    /// # Examples
    ///
    /// ```
    /// # io2::ExecutorConfig::new().run(async {
    /// let status = io2::process::Command::new("false").status().await?;
    /// assert_eq!(status.code(), Some(1));
    /// # std::io::Result::Ok(())
    /// # }).unwrap().unwrap();
    /// ```
    pub async fn status(&mut self) -> io::Result<ExitStatus> {
        let mut child = self.spawn()?;
        drop((child.stdout.take(), child.stderr.take()));
        child.wait().await
    }

    /// Starts the program when first polled, reads what it writes, and waits until it has ended.
    ///
    /// Dropping it loses what was read, and drops the [`Child`].
    ///
    /// # Errors
    ///
    /// As [`spawn`](Self::spawn) and [`Child::wait_with_output`].
    ///
    /// # Panics
    ///
    /// Polled outside an executor.
    pub async fn output(&mut self) -> io::Result<Output> {
        if !self.stdin {
            self.std.stdin(Stdio::null());
        }
        if !self.stdout {
            self.std.stdout(Stdio::piped());
        }
        if !self.stderr {
            self.std.stderr(Stdio::piped());
        }
        let child = self.spawn();
        // As they were, for the next start.
        if !self.stdin {
            self.std.stdin(Stdio::inherit());
        }
        if !self.stdout {
            self.std.stdout(Stdio::inherit());
        }
        if !self.stderr {
            self.std.stderr(Stdio::inherit());
        }
        child?.wait_with_output().await
    }

    /// The command as std's, to look at.
    #[must_use]
    pub fn as_std(&self) -> &std::process::Command {
        &self.std
    }

    /// The command as std's, to set what is not here. Streams that are set through it are not known
    /// here: [`output`](Self::output) replaces them.
    ///
    /// # Examples
    ///
    /// ```
    /// # io2::ExecutorConfig::new().run(async {
    /// use std::os::unix::process::CommandExt;
    ///
    /// let mut command = io2::process::Command::new("true");
    /// command.as_std_mut().process_group(0);
    /// assert!(command.status().await?.success());
    /// # std::io::Result::Ok(())
    /// # }).unwrap().unwrap();
    /// ```
    pub fn as_std_mut(&mut self) -> &mut std::process::Command {
        &mut self.std
    }
}

/// Takes over a command of std's. Streams that were set are kept, but for [`Command::output`], which
/// replaces them unless they are set again.
impl From<std::process::Command> for Command {
    fn from(std: std::process::Command) -> Command {
        Command {
            std,
            stdin: false,
            stdout: false,
            stderr: false,
            kill_on_drop: false,
        }
    }
}
