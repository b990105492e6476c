//! A process that was started.

use std::future::{Future, poll_fn};
use std::io;
use std::os::fd::OwnedFd;
use std::pin::pin;
use std::process::{ExitStatus, Output};
use std::task::Poll;

use super::reap::{self, Process};
use crate::pipe::{PipeReader, PipeWriter};

/// A process that this one has started; made by [`Command::spawn`](super::Command::spawn).
///
/// Dropping it does not end the process, unless [`kill_on_drop`](super::Command::kill_on_drop) is set.
/// Its status is then asked for by the executor, see [the module](super#children-that-nobody-waits-for).
///
/// # Examples
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// use io2::process::{Command, Stdio};
///
/// let mut child = Command::new("cat")
///     .stdin(Stdio::piped())
///     .stdout(Stdio::piped())
///     .spawn()?;
/// let stdin = child.stdin.take().expect("it is a pipe");
/// stdin.write_all("there and back").await.0?;
/// drop(stdin);
/// let output = child.wait_with_output().await?;
/// assert_eq!(output.stdout, b"there and back");
/// # std::io::Result::Ok(())
/// # }).unwrap().unwrap();
/// ```
#[derive(Debug)]
pub struct Child {
    /// Where the process reads its input from, if that is a pipe. Dropping it is the end of the input.
    pub stdin: Option<PipeWriter>,
    /// What the process writes, if that is a pipe. Somebody must read it, or the process waits when
    /// the pipe is full.
    pub stdout: Option<PipeReader>,
    /// What the process writes to its error output, if that is a pipe.
    pub stderr: Option<PipeReader>,
    /// `None` only while this is dropped.
    process: Option<Process>,
    /// How it ended, once that was asked for.
    status: Option<ExitStatus>,
    kill_on_drop: bool,
}

impl Child {
    pub(super) fn new(
        mut child: std::process::Child,
        kill_on_drop: bool,
    ) -> Result<Child, (io::Error, std::process::Child)> {
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let process = Process::new(child)?;
        Ok(Child {
            stdin: pipes.0.map(|pipe| PipeWriter::from(OwnedFd::from(pipe))),
            stdout: pipes.1.map(|pipe| PipeReader::from(OwnedFd::from(pipe))),
            stderr: pipes.2.map(|pipe| PipeReader::from(OwnedFd::from(pipe))),
            process: Some(process),
            status: None,
            kill_on_drop,
        })
    }

    /// Takes over a process that std has started, pipes included.
    ///
    /// # Errors
    ///
    /// The kernel's: no more descriptors. The process then goes on as if it had been dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// # io2::ExecutorConfig::new().run(async {
    /// let started = std::process::Command::new("true").spawn()?;
    /// let mut child = io2::process::Child::from_std(started)?;
    /// assert!(child.wait().await?.success());
    /// # std::io::Result::Ok(())
    /// # }).unwrap().unwrap();
    /// ```
    pub fn from_std(child: std::process::Child) -> io::Result<Child> {
        Child::new(child, false).map_err(|(error, child)| {
            reap::leave(child);
            error
        })
    }

    fn process(&mut self) -> &mut Process {
        self.process.as_mut().expect("there until the drop")
    }

    /// The process's number. `None` once its status was asked for: the system may then have given the
    /// number to another process.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        match self.status {
            Some(_) => None,
            None => self.process.as_ref().map(Process::id),
        }
    }

    /// Waits until the process has ended. The [`stdin`](Self::stdin) pipe is dropped first, lest both
    /// wait for each other.
    ///
    /// Dropping it loses nothing. Later calls give the same status.
    ///
    /// # Errors
    ///
    /// The kernel's, for example if SIGCHLD is ignored and so no status is kept.
    ///
    /// # Panics
    ///
    /// Polled outside an executor, unless the process has ended.
    ///
    /// # Examples
    ///
    /// ```
    /// # io2::ExecutorConfig::new().run(async {
    /// let mut child = io2::process::Command::new("sh").args(["-c", "exit 7"]).spawn()?;
    /// assert_eq!(child.wait().await?.code(), Some(7));
    /// # std::io::Result::Ok(())
    /// # }).unwrap().unwrap();
    /// ```
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        drop(self.stdin.take());
        let status = self.process().wait().await?;
        self.status = Some(status);
        Ok(status)
    }

    /// The status if the process has ended; does not wait.
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait).
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        self.status = self.process().try_wait()?;
        Ok(self.status)
    }

    /// Reads what the process writes, on both pipes at once, until they end, and waits until the process
    /// has ended. The [`stdin`](Self::stdin) pipe is dropped first: take it out before, to write to it
    /// in another task meanwhile.
    ///
    /// A pipe ends when all who have inherited it have closed it, children of the process included.
    /// What is no pipe, or was taken out, is empty in the output.
    ///
    /// Dropping it loses what was read, and drops the child.
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait), and those of reading a pipe.
    ///
    /// # Panics
    ///
    /// Polled outside an executor.
    pub async fn wait_with_output(mut self) -> io::Result<Output> {
        let read = async |pipe: Option<PipeReader>| match pipe {
            Some(pipe) => pipe.read_to_end().await,
            None => Ok(Vec::new()),
        };
        let pipes = both(read(self.stdout.take()), read(self.stderr.take()));
        let (status, (stdout, stderr)) = both(self.wait(), pipes).await;
        Ok(Output {
            status: status?,
            stdout: stdout?,
            stderr: stderr?,
        })
    }

    /// Ends the process by SIGKILL, which it cannot resist, and waits until it has ended.
    ///
    /// Dropping it leaves the process killed; [`wait`](Self::wait) gives the status. One that has ended
    /// already is no error.
    ///
    /// # Errors
    ///
    /// The kernel's: the process belongs to somebody else meanwhile.
    ///
    /// # Panics
    ///
    /// As [`wait`](Self::wait).
    ///
    /// # Examples
    ///
    /// ```
    /// # io2::ExecutorConfig::new().run(async {
    /// use std::os::unix::process::ExitStatusExt;
    ///
    /// let mut child = io2::process::Command::new("sleep").arg("1000").spawn()?;
    /// let status = child.kill().await?;
    /// assert_eq!(status.signal(), Some(libc::SIGKILL));
    /// # std::io::Result::Ok(())
    /// # }).unwrap().unwrap();
    /// ```
    pub async fn kill(&mut self) -> io::Result<ExitStatus> {
        self.start_kill()?;
        self.wait().await
    }

    /// Like [`kill`](Self::kill), without waiting for the end.
    ///
    /// # Errors
    ///
    /// As [`kill`](Self::kill).
    pub fn start_kill(&mut self) -> io::Result<()> {
        self.process().signal(libc::SIGKILL)
    }

    /// Sends a signal, for example [`TERMINATE`](crate::signal::SignalKind::TERMINATE) as a request to
    /// end. A process that has ended takes any signal without effect, and no other process ever gets it.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for what is no signal; the kernel's: the process belongs to somebody else
    /// meanwhile.
    #[cfg(feature = "signal")]
    pub fn send_signal(&mut self, kind: crate::signal::SignalKind) -> io::Result<()> {
        self.process().signal(kind.as_raw())
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let Some(process) = self.process.take() else {
            return;
        };
        if self.kill_on_drop && self.status.is_none() {
            // Fails only for a process that belongs to somebody else: it goes on.
            let _ = process.signal(libc::SIGKILL);
        }
        process.detach();
    }
}

/// Runs two futures beside each other.
async fn both<A: Future, B: Future>(a: A, b: B) -> (A::Output, B::Output) {
    let (mut a, mut b) = (pin!(a), pin!(b));
    let mut outputs = (None, None);
    poll_fn(|cx| {
        if outputs.0.is_none()
            && let Poll::Ready(output) = a.as_mut().poll(cx)
        {
            outputs.0 = Some(output);
        }
        if outputs.1.is_none()
            && let Poll::Ready(output) = b.as_mut().poll(cx)
        {
            outputs.1 = Some(output);
        }
        match (outputs.0.take(), outputs.1.take()) {
            (Some(a), Some(b)) => Poll::Ready((a, b)),
            unfinished => {
                outputs = unfinished;
                Poll::Pending
            }
        }
    })
    .await
}
