//! Processes whose status somebody has to ask for, so that they do not stay as zombies.

use std::io;
use std::process::{Child, ExitStatus};
use std::sync::Mutex;
use std::time::Duration;

use crate::fd::Fd;
use crate::lock::lock;
use crate::op::{Op, PollReady};
use crate::spawn::{Builder, Handle};
use crate::{sys, time};

/// How long to wait before a child that has ended is asked again for its status. That is so while
/// a debugger holds it, and then nothing else tells.
const HELD: Duration = Duration::from_millis(10);

/// A process that was started by this one. Its status is asked for at some time, whoever drops it.
#[derive(Debug)]
pub(super) struct Process {
    /// Its pipes are taken out. `None` only while this is dropped.
    child: Option<Child>,
    /// Ready to be read when the process has ended.
    pidfd: Fd,
}

impl Process {
    /// Takes a child over, or gives it back with the reason.
    pub(super) fn new(child: Child) -> Result<Process, (io::Error, Child)> {
        match sys::pidfd_open(child.id()) {
            Ok(pidfd) => Ok(Process {
                child: Some(child),
                pidfd: Fd::new(pidfd),
            }),
            Err(error) => Err((error, child)),
        }
    }

    fn child(&mut self) -> &mut Child {
        self.child.as_mut().expect("there until the drop")
    }

    /// Its number, while that is sure to be its own: until its status was asked for.
    pub(super) fn id(&self) -> u32 {
        self.child.as_ref().map_or(0, Child::id)
    }

    /// Its status if it has ended. From then on the answer is always the same.
    pub(super) fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child().try_wait()
    }

    /// Waits until it has ended. Dropping it loses nothing.
    pub(super) async fn wait(&mut self) -> io::Result<ExitStatus> {
        let mut ended = false;
        loop {
            if let Some(status) = self.try_wait()? {
                return Ok(status);
            }
            if ended {
                time::sleep(HELD).await;
                continue;
            }
            match Op::new(PollReady::new(self.pidfd.clone(), libc::POLLIN)).await {
                Ok(_) => ended = true,
                Err(error) if error.raw_os_error() == Some(libc::EINTR) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Sends it a signal. One that has ended takes it without effect.
    pub(super) fn signal(&self, signal: i32) -> io::Result<()> {
        match sys::pidfd_send_signal(&self.pidfd, signal) {
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Ok(()),
            result => result,
        }
    }

    /// Lets a task wait for it, if there is an executor.
    pub(super) fn detach(mut self) {
        if matches!(self.try_wait(), Ok(None)) && Handle::try_current().is_some() {
            let name = format!("reap {}", self.id());
            drop(Builder::new().name(name).spawn(async move {
                let _ = self.wait().await;
            }));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(child) = self.child.take() {
            leave(child);
        }
    }
}

/// Children that no executor waits for.
static LEFT: Mutex<Vec<Child>> = Mutex::new(Vec::new());

/// Remembers a child that may still run. There are never more than children that run.
pub(super) fn leave(mut child: Child) {
    if is_running(&mut child) {
        lock(&LEFT).push(child);
    }
    sweep();
}

/// Asks for the status of those that have ended meanwhile.
pub(super) fn sweep() {
    lock(&LEFT).retain_mut(is_running);
}

/// Asks, and thereby reaps. An error says that the system has forgotten it.
fn is_running(child: &mut Child) -> bool {
    matches!(child.try_wait(), Ok(None))
}
