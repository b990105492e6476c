//! What every task of an executor is doing.

use std::fmt;
use std::panic::Location;
use std::time::Duration;

use super::context;

/// A dump lists at most so many tasks.
pub(super) const TASKS_MAX: usize = 10_000;

/// Every task of an executor, and every operation in flight.
///
/// # Examples
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// let (reader, _writer) = std::io::pipe()?;
/// let file = io2::fs::File::from_std(std::os::fd::OwnedFd::from(reader).into());
/// let task = io2::Builder::new().name("reader").spawn(async move { file.read(vec![0; 16]).await });
/// io2::yield_now().await;
///
/// let dump = io2::dump().unwrap();
/// let reader = dump.tasks.iter().find(|task| task.name.as_deref() == Some("reader")).unwrap();
/// assert!(matches!(&reader.state, io2::observe::TaskState::Operation(op) if op.name == "read"));
/// # task.cancel().await;
/// # std::io::Result::Ok(())
/// # }).unwrap().unwrap();
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Dump {
    /// The executor: `rt.id` in events.
    pub rt: u64,
    /// The tasks, the oldest first, 10,000 at most.
    pub tasks: Vec<TaskDump>,
    /// How many tasks are alive.
    pub live: usize,
    /// The operations in flight, the oldest first, 10,000 at most.
    pub operations: Vec<OperationDump>,
    /// How many operations of each name are in flight.
    pub in_flight: Vec<(&'static str, usize)>,
}

/// A task. The future given to `run` is not among them.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TaskDump {
    /// `task.id` in events.
    pub id: u64,
    /// Its name.
    pub name: Option<String>,
    /// Where it was spawned.
    pub location: &'static Location<'static>,
    /// What it does or waits for.
    pub state: TaskState,
    /// How often it was polled.
    pub polls: u64,
    /// Time in all its polls together. With [`Preempt::Off`](crate::Preempt::Off) only in those that somebody
    /// looked at.
    pub busy: Duration,
    /// Its longest poll, among the same.
    pub max_poll: Duration,
    /// How long ago it was spawned.
    pub age: Duration,
}

/// What a task does or waits for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum TaskState {
    /// It is being polled: it asked for the dump.
    Running,
    /// It waits for its turn.
    Ready,
    /// It waits for this operation, the oldest of those that it has in flight.
    Operation(OperationDump),
    /// It waits for a timer, which is due in so long.
    Timer(Duration),
    /// It waits for something else: another task, a channel, another thread.
    Waiting,
}

impl TaskState {
    /// One word for it, and the operation's name where there is one.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            TaskState::Running => "running",
            TaskState::Ready => "ready",
            TaskState::Operation(operation) => operation.name,
            TaskState::Timer(_) => "timer",
            TaskState::Waiting => "waiting",
        }
    }
}

/// An operation that the kernel works on.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct OperationDump {
    /// `op.id` in events.
    pub id: u64,
    /// Its name: `op.code` in events.
    pub name: &'static str,
    /// The descriptor, or -1.
    pub fd: i32,
    /// How many bytes it may move.
    pub len: u64,
    /// The task that submitted it, or 0.
    pub task: u64,
    /// How long it has been in flight, if that was noted: it is for those that were sampled, and for all while a
    /// dashboard looks.
    pub age: Option<Duration>,
}

/// What every task of this thread's executor is doing, or `None` outside one. It looks at all tasks, so it
/// takes time when there are many.
///
/// An example is at [`Dump`].
#[must_use]
pub fn dump() -> Option<Dump> {
    context::with(|executor| executor.dump())
}

impl fmt::Display for TaskDump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "task {}", self.id)?;
        if let Some(name) = &self.name {
            write!(f, " {name:?}")?;
        }
        let (location, polls) = (self.location, self.polls);
        write!(
            f,
            ", spawned at {location}, polled {polls} times, {}",
            self.state
        )
    }
}

impl fmt::Display for TaskState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TaskState::Running => f.write_str("running"),
            TaskState::Ready => f.write_str("ready to run"),
            TaskState::Operation(operation) => {
                write!(
                    f,
                    "waiting for {}, operation {}",
                    operation.name, operation.id
                )
            }
            TaskState::Timer(due) => write!(f, "waiting for a timer that is due in {due:?}"),
            TaskState::Waiting => f.write_str("waiting"),
        }
    }
}

impl fmt::Display for OperationDump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let OperationDump {
            id, name, fd, task, ..
        } = self;
        write!(f, "{name}, operation {id}")?;
        if *fd >= 0 {
            write!(f, ", on descriptor {fd}")?;
        }
        if *task != 0 {
            write!(f, ", of task {task}")?;
        }
        Ok(())
    }
}
