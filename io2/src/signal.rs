//! Signals of the operating system, as futures.
//!
//! ```
//! # io2::ExecutorConfig::new().run(async {
//! use io2::signal::{SignalKind, signal};
//!
//! let mut hangups = signal(SignalKind::HANGUP)?;
//! let reload = io2::spawn(async move {
//!     loop {
//!         hangups.recv().await?;
//!         println!("reading the configuration again");
//!         # break std::io::Result::Ok(());
//!     }
//! });
//! # let kill = std::process::Command::new("sh")
//! #     .args(["-c", "kill -HUP $0", &std::process::id().to_string()]).status()?;
//! # assert!(kill.success());
//! # reload.await?;
//! # std::io::Result::Ok(())
//! # }).unwrap().unwrap();
//! ```
//!
//! # What a listener does to the process
//!
//! The first listener for a signal sets a handler for the whole process, and the handler stays: from
//! then on the signal no longer does what it did by default, such as ending the process, also after
//! the last listener is dropped. A handler that was there before is still called. Processes that this
//! one starts are not affected.
//!
//! Any number of listeners, in any executors of the process, can wait for the same signal, and each
//! is told. Signals are not counted: several that come before a listener is asked are one.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use crate::fd::Fd;
use crate::op::{Op, POSITION, Read};
use crate::sys;

/// Those that cannot be caught, and those that say that the running instruction failed: when their
/// handler returns, it fails again, for ever.
const REFUSED: &[i32] = &[
    libc::SIGKILL,
    libc::SIGSTOP,
    libc::SIGILL,
    libc::SIGFPE,
    libc::SIGSEGV,
    libc::SIGBUS,
];

/// The length of an eventfd's counter.
const COUNTER: usize = 8;

/// Waits for the next Ctrl-C, which is the signal [`SignalKind::INTERRUPT`].
///
/// It listens from its first poll on. Since then the process is no longer ended by Ctrl-C, also not
/// when this is done or dropped; who wants every one keeps a [`signal`].
///
/// # Errors
///
/// As [`signal`] and [`Signal::recv`].
///
/// # Examples
///
/// ```no_run
/// # io2::ExecutorConfig::new().run(async {
/// io2::spawn(async { /* serve */ });
/// io2::signal::ctrl_c().await?;
/// println!("ending");
/// # std::io::Result::Ok(())
/// # }).unwrap().unwrap();
/// ```
pub async fn ctrl_c() -> io::Result<()> {
    signal(SignalKind::INTERRUPT)?.recv().await
}

/// Listens for a signal from now on.
///
/// # Errors
///
/// `InvalidInput` for what is no signal, for SIGKILL and SIGSTOP, which cannot be caught, and for
/// SIGSEGV, SIGBUS, SIGILL and SIGFPE, which say that an instruction failed and cannot be waited for.
/// The kernel's: no more descriptors, of which a listener takes two.
///
/// # Examples
///
/// ```
/// use std::io::ErrorKind;
/// use io2::signal::{SignalKind, signal};
///
/// let error = signal(SignalKind::from_raw(libc::SIGKILL)).unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::InvalidInput);
/// ```
pub fn signal(kind: SignalKind) -> io::Result<Signal> {
    let SignalKind(number) = kind;
    if REFUSED.contains(&number) {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("signal {number} cannot be listened for"),
        ));
    }
    let eventfd = sys::eventfd()?;
    // The handler has a descriptor of its own: it may run, on any thread, until it is taken out.
    let action = sys::OnSignal::ring(number, eventfd.try_clone()?)?;
    Ok(Signal {
        _action: action,
        kind,
        eventfd: Fd::new(eventfd),
        read: None,
        counter: Vec::with_capacity(COUNTER),
    })
}

/// Which signal.
///
/// # Examples
///
/// ```
/// use io2::signal::SignalKind;
///
/// assert_eq!(SignalKind::TERMINATE.as_raw(), libc::SIGTERM);
/// assert_eq!(SignalKind::from_raw(libc::SIGTERM), SignalKind::TERMINATE);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SignalKind(i32);

impl SignalKind {
    /// SIGALRM: a timer of the process.
    pub const ALARM: SignalKind = SignalKind(libc::SIGALRM);
    /// SIGCHLD: a child process has ended or stopped. `io2::process` does not need it.
    pub const CHILD: SignalKind = SignalKind(libc::SIGCHLD);
    /// SIGHUP: the terminal is gone; for services, by custom: read the configuration again.
    pub const HANGUP: SignalKind = SignalKind(libc::SIGHUP);
    /// SIGINT: Ctrl-C.
    pub const INTERRUPT: SignalKind = SignalKind(libc::SIGINT);
    /// SIGIO: a descriptor is ready.
    pub const IO: SignalKind = SignalKind(libc::SIGIO);
    /// SIGPIPE: a write that nobody reads. Programs that have Rust's `main` ignore it.
    pub const PIPE: SignalKind = SignalKind(libc::SIGPIPE);
    /// SIGQUIT: Ctrl-\\.
    pub const QUIT: SignalKind = SignalKind(libc::SIGQUIT);
    /// SIGTERM: please end.
    pub const TERMINATE: SignalKind = SignalKind(libc::SIGTERM);
    /// SIGUSR1.
    pub const USER_1: SignalKind = SignalKind(libc::SIGUSR1);
    /// SIGUSR2.
    pub const USER_2: SignalKind = SignalKind(libc::SIGUSR2);
    /// SIGWINCH: the terminal has another size.
    pub const WINDOW_CHANGE: SignalKind = SignalKind(libc::SIGWINCH);

    /// The signal with this number: any other, real-time ones too.
    #[must_use]
    pub const fn from_raw(number: i32) -> SignalKind {
        SignalKind(number)
    }

    /// The number.
    #[must_use]
    pub const fn as_raw(self) -> i32 {
        self.0
    }
}

/// A listener for a signal; made by [`signal`].
///
/// It may be kept across executors of its thread. Dropping it ends the listening; what has come and
/// was not received is forgotten.
///
/// # Examples
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// use std::time::Duration;
/// use io2::signal::{SignalKind, signal};
/// use io2::time::timeout;
///
/// let mut windows = signal(SignalKind::WINDOW_CHANGE)?;
/// // A signal is never lost by a timeout: the next call gives it.
/// if timeout(Duration::from_millis(1), windows.recv()).await.is_err() {
///     println!("the same size as before");
/// }
/// # std::io::Result::Ok(())
/// # }).unwrap().unwrap();
/// ```
#[derive(Debug)]
#[must_use = "a listener that is dropped hears nothing"]
pub struct Signal {
    /// Dropped first.
    _action: sys::OnSignal,
    kind: SignalKind,
    /// Counts the signals that have come.
    eventfd: Fd,
    /// Reads the counter, which sets it to zero. Once begun it stays until it is done, whatever becomes
    /// of the futures that wait for it: what it has read is nowhere else.
    read: Option<Op<Read<Vec<u8>>>>,
    /// The memory for the next read.
    counter: Vec<u8>,
}

impl Signal {
    /// Waits for the signal. One that has come since the last call, or since the listener was made, is
    /// given at once.
    ///
    /// Dropping it loses nothing: the next call gives what came.
    ///
    /// # Errors
    ///
    /// The kernel's: no memory for the request.
    ///
    /// # Panics
    ///
    /// Polled outside an executor.
    pub async fn recv(&mut self) -> io::Result<()> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// Looks whether the signal has come, and wakes the task later if not: [`recv`](Self::recv), for
    /// futures written by hand. The task that polled last is woken.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    ///
    /// # Panics
    ///
    /// Outside an executor.
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let read = self.read.get_or_insert_with(|| {
                let counter = std::mem::take(&mut self.counter);
                Op::new(Read::new(self.eventfd.clone(), counter, POSITION))
            });
            let (result, counter) = ready!(Pin::new(read).poll(cx));
            self.read = None;
            self.counter = counter;
            match result {
                // By the end of the executor in which the read was begun.
                Err(error) if is_cancelled(&error) => {}
                result => return Poll::Ready(result.map(drop)),
            }
        }
    }

    /// Which signal it listens for.
    #[must_use]
    pub fn kind(&self) -> SignalKind {
        self.kind
    }
}

fn is_cancelled(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ECANCELED | libc::EINTR))
}
