//! A poll that took longer than the slice.

use std::fmt;
use std::panic::Location;
use std::time::Duration;

use crate::clock::Instant;

/// A poll that took longer than the slice: which task, where, for how long, and who waited. The event
/// `preempt.overrun` says the same.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// # io2::ExecutorConfig::new().preempt_duration(Duration::from_millis(1)).run(async {
/// let task = io2::Builder::new().name("hog").spawn(async {
///     let start = std::time::Instant::now();
///     while start.elapsed() < Duration::from_millis(20) {}
/// });
/// task.await;
/// for overrun in io2::observe::overruns() {
///     println!("{overrun}");
/// }
/// # }).unwrap();
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Overrun {
    /// The executor: `rt.id` in events.
    pub rt: u64,
    /// Its name.
    pub rt_name: Option<String>,
    /// The task: `task.id` in events.
    pub task: u64,
    /// Its name. While the poll runs only the first 48 bytes are known.
    pub task_name: Option<String>,
    /// Where it was spawned.
    pub location: &'static Location<'static>,
    /// The number of the poll, by which what is said of the same poll can be told.
    pub poll: u64,
    /// When the poll ended, or was seen to run.
    pub at: Instant,
    /// The slice.
    pub budget: Duration,
    /// How long the poll took, or takes up to now.
    pub elapsed: Duration,
    /// How much of that the thread was on the processor, to within a tick of the watchdog, where that is
    /// known.
    pub cpu: Option<Duration>,
    /// Whether the poll has ended.
    pub ended: bool,
    /// Whether the thread was blocked in the kernel when the watchdog looked, if it looked.
    pub blocked: Option<bool>,
    /// The system call in which it was blocked.
    pub syscall: Option<String>,
    /// Tasks that were ready to run.
    pub victims: usize,
    /// How long the first of them waited, if some waited from the poll's start on.
    pub max_victim_delay: Option<Duration>,
    /// The thread waited for the processor, which others had: the poll would not have been too long
    /// otherwise. Such overruns are not counted.
    pub starved: bool,
    /// Where the task was when the watchdog looked, innermost first, with `stall_stack`.
    pub stack: Vec<Frame>,
}

impl Overrun {
    /// `running` or `blocked`, as in the event.
    pub(crate) fn state(&self) -> Option<&'static str> {
        self.blocked
            .map(|blocked| if blocked { "blocked" } else { "running" })
    }

    /// What helps, where that is plain.
    pub(crate) fn hint(&self) -> Option<&'static str> {
        match self.syscall.as_deref()? {
            "nanosleep" | "clock_nanosleep" => {
                Some("`std::thread::sleep` stops all tasks: use `io2::time::sleep`")
            }
            "futex" => Some("it waits for another thread: use a lock or a channel that is awaited"),
            _ => None,
        }
    }
}

/// One sentence, or a few.
impl fmt::Display for Overrun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "task {}", self.task)?;
        if let Some(name) = &self.task_name {
            write!(f, " `{name}`")?;
        }
        write!(f, ", spawned at {}, ", self.location)?;
        let elapsed = self.elapsed;
        if self.ended {
            write!(f, "ran for {elapsed:?} without yielding")?;
        } else {
            write!(f, "has been running for {elapsed:?} without yielding")?;
        }
        if let Some(true) = self.blocked {
            write!(f, ", blocked in the kernel")?;
            if let Some(call) = &self.syscall {
                write!(f, " ({call})")?;
            }
        }
        let victims = self.victims;
        write!(
            f,
            "; the limit is {:?}, and {victims} ready task(s) had to wait",
            self.budget
        )?;
        if self.starved {
            write!(f, "; the machine gave the thread no processor meanwhile")?;
        }
        if let Some(frame) = self.stack.iter().find(|frame| frame.line.is_some()) {
            write!(f, "; it was in {frame}")?;
        }
        if let Some(hint) = self.hint() {
            write!(f, ". {hint}")?;
        }
        Ok(())
    }
}

/// A function that was being executed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Frame {
    /// The address of the instruction.
    pub address: usize,
    /// The function's name, if the program has symbols.
    pub function: Option<String>,
    /// The source file, if the program has debugging information.
    pub file: Option<String>,
    /// The line in it.
    pub line: Option<u32>,
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.function {
            Some(function) => f.write_str(function)?,
            None => write!(f, "{:#x}", self.address)?,
        }
        if let Some(file) = &self.file {
            write!(f, " at {file}")?;
            if let Some(line) = self.line {
                write!(f, ":{line}")?;
            }
        }
        Ok(())
    }
}

/// Frames in one line, as the event has them.
pub(super) struct Frames<'a>(pub(super) &'a [Frame]);

impl fmt::Display for Frames<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, frame) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(" < ")?;
            }
            write!(f, "{frame}")?;
        }
        Ok(())
    }
}
