//! Every knob of an executor: its unit, its limits, and what happens outside them.

use std::io;
use std::time::Duration;

/// The deepest submission queue that the kernel makes.
pub(crate) const MAX_RING_DEPTH: u32 = 32_768;

/// The most buffers that a ring of them has.
const MAX_RECV_BUFFERS: u32 = 32_768;

/// The most memory that a pool has.
const MAX_RECV_POOL: u64 = 1 << 30;

/// What happens to a task whose poll took longer than the slice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Preempt {
    /// A WARN event with target `io2::preempt` names the task. The default.
    #[default]
    Warn,
    /// Nothing is said, and polls are timed only while somebody looks, so the times of a task in a
    /// [`dump`](crate::dump) are no measure. The slice still bounds a turn.
    Off,
    /// Like `Warn`; beside that, `#[io2::test]` fails the test.
    Fail,
}

/// Builds an executor on the calling thread and runs a future in it.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// # fn main() -> std::io::Result<()> {
/// let answer = io2::ExecutorConfig::new()
///     .ring_depth(256)
///     .preempt_duration(Duration::from_millis(5))
///     .run(async { 42 })?;
/// assert_eq!(answer, 42);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a configuration does nothing until `run` is called"]
pub struct ExecutorConfig {
    pub(crate) ring_depth: u32,
    pub(crate) preempt_duration: Duration,
    pub(crate) preempt: Preempt,
    pub(crate) spin: Duration,
    pub(crate) name: Option<String>,
    pub(crate) shutdown_timeout: Duration,
    pub(crate) watchdog: bool,
    pub(crate) stall_stack: bool,
    pub(crate) dashboard: Option<String>,
    /// It serves the dashboard, which does not show itself.
    pub(crate) hidden: bool,
    recv_buffers: u32,
    recv_bytes: u32,
}

impl Default for ExecutorConfig {
    fn default() -> Self {
        Self::new()
    }
}

impl ExecutorConfig {
    /// The default configuration: a ring of 64 entries, a slice of 10 ms, warnings on, no
    /// spinning, no name, 5 s for the shutdown.
    pub fn new() -> Self {
        ExecutorConfig {
            ring_depth: 64,
            preempt_duration: Duration::from_millis(10),
            preempt: Preempt::Warn,
            spin: Duration::ZERO,
            name: None,
            shutdown_timeout: Duration::from_secs(5),
            watchdog: true,
            stall_stack: false,
            dashboard: None,
            hidden: false,
            recv_buffers: 128,
            recv_bytes: 8192,
        }
    }

    /// How many entries the submission queue has: a power of two from 1 to 32768, 64 unless set.
    ///
    /// It bounds how many operations go to the kernel in one system call, not how many may be in
    /// flight, of which there is no limit. [`run`](Self::run) refuses any other value with
    /// `InvalidInput`.
    pub fn ring_depth(mut self, entries: u32) -> Self {
        self.ring_depth = entries;
        self
    }

    /// The time slice: how long tasks may run before completions are reaped and timers fire, 10 ms
    /// unless set. Zero is refused by [`run`](Self::run) with `InvalidInput`.
    pub fn preempt_duration(mut self, slice: Duration) -> Self {
        self.preempt_duration = slice;
        self
    }

    /// What happens to a task whose poll took longer than the slice: a warning unless set.
    pub fn preempt(mut self, preempt: Preempt) -> Self {
        self.preempt = preempt;
        self
    }

    /// How long to look for completions without sleeping once nothing is left to run: zero unless
    /// set. It buys latency with CPU time.
    pub fn spin(mut self, spin: Duration) -> Self {
        self.spin = spin;
        self
    }

    /// The executor's name in events.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// How long `run` waits, after the future is done, for cancelled operations to end: 5 s unless
    /// set. What is still in flight then is leaked, with an ERROR event.
    pub fn shutdown_timeout(mut self, limit: Duration) -> Self {
        self.shutdown_timeout = limit;
        self
    }

    /// Whether the process's watchdog looks at this executor: yes unless set.
    ///
    /// It is a thread that the first executor makes. It reports a poll that is too long while it runs, at twice the
    /// slice and whenever that has doubled, says in which system call it is, and knows what of its time the thread had
    /// the processor. It ticks once a slice, at most once a millisecond, and sleeps while no executor works.
    /// Without it, polls are reported when they end.
    pub fn watchdog(mut self, watch: bool) -> Self {
        self.watchdog = watch;
        self
    }

    /// Whether the watchdog finds out in which function a poll is that is too long: no unless set.
    ///
    /// It interrupts the thread with the signal SIGURG, once for each report, and the handler follows the frame
    /// pointers. So the program must be built with them (`-C force-frame-pointers=yes`), and a system call in which
    /// the task is blocked may fail with EINTR, where it does not go on by itself. The names come from the symbols and the
    /// debugging information of the program. Without the feature `stall-stack`, [`run`](Self::run) refuses it with
    /// `Unsupported`.
    pub fn stall_stack(mut self, look: bool) -> Self {
        self.stall_stack = look;
        self
    }

    /// Where the dashboard of the process listens, such as `127.0.0.1:7070`: there is none unless set. Port 0
    /// takes any that is free; what it is, is logged.
    ///
    /// [`run`](Self::run) returns the error where the address cannot be had, and `Unsupported` without the feature
    /// `dashboard`.
    pub fn dashboard(mut self, address: impl Into<String>) -> Self {
        self.dashboard = Some(address.into());
        self
    }

    /// The pool of buffers that `recv_pooled` of the streams shares: how many buffers, a power of two from
    /// 1 to 32768, and how many bytes each has, together at most 1 GiB. 128 of 8 KiB unless set.
    ///
    /// The pool is made when it is used first, and a page of it takes memory when it is used first.
    /// [`run`](Self::run) refuses other values with `InvalidInput`.
    ///
    /// ```
    /// use io2::ExecutorConfig;
    ///
    /// assert!(ExecutorConfig::new().recv_pool(1024, 4096).run(async {}).is_ok());
    /// assert!(ExecutorConfig::new().recv_pool(1000, 4096).run(async {}).is_err());
    /// ```
    pub fn recv_pool(mut self, buffers: u32, bytes: u32) -> Self {
        (self.recv_buffers, self.recv_bytes) = (buffers, bytes);
        self
    }

    /// How many buffers the pool has, and of how many bytes, after the validation.
    #[cfg(feature = "net")]
    pub(crate) fn pool_size(&self) -> (u16, u32) {
        (self.recv_buffers as u16, self.recv_bytes)
    }

    /// Says what is wrong with the values, if anything is.
    pub(crate) fn validate(&self) -> io::Result<()> {
        let depth = self.ring_depth;
        if depth == 0 || depth > MAX_RING_DEPTH {
            return Err(invalid(format!(
                "ring_depth is {depth}; it must be a power of two from 1 to {MAX_RING_DEPTH}"
            )));
        }
        if !depth.is_power_of_two() {
            let above = depth.next_power_of_two();
            return Err(invalid(format!(
                "ring_depth is {depth}, which is not a power of two; the next ones are {} and {above}",
                above / 2
            )));
        }
        if self.preempt_duration.is_zero() {
            return Err(invalid(
                "preempt_duration is zero; to turn warnings off, use preempt(Preempt::Off)".into(),
            ));
        }
        if self.stall_stack && !cfg!(feature = "stall-stack") {
            return Err(unsupported("stall_stack", "stall-stack"));
        }
        if self.dashboard.is_some() && !cfg!(feature = "dashboard") {
            return Err(unsupported("dashboard", "dashboard"));
        }
        let (buffers, bytes) = (self.recv_buffers, self.recv_bytes);
        if !buffers.is_power_of_two() || buffers > MAX_RECV_BUFFERS {
            return Err(invalid(format!(
                "recv_pool has {buffers} buffers; it must be a power of two from 1 to \
                 {MAX_RECV_BUFFERS}"
            )));
        }
        if bytes == 0 || u64::from(buffers) * u64::from(bytes) > MAX_RECV_POOL {
            return Err(invalid(format!(
                "recv_pool has {buffers} buffers of {bytes} bytes; together they must have at \
                 least one and at most {MAX_RECV_POOL}"
            )));
        }
        Ok(())
    }
}

fn unsupported(what: &str, feature: &str) -> io::Error {
    let text = format!("`{what}` needs the feature `{feature}` of the crate io2");
    io::Error::new(io::ErrorKind::Unsupported, text)
}

fn invalid(text: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, text)
}
