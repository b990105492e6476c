//! Connections as they come, with one entry in the ring.

use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use crate::executor::context;
use crate::fd::Fd;
use crate::op::socket::{Accept, AcceptMulti};
use crate::op::{Multishot, Op};
use crate::time::{Sleep, sleep};
use crate::trace;

use super::socket;

/// How long to wait when the process or the system is short of descriptors or memory: connections
/// wait in the listener's queue meanwhile.
const SHORTAGE_PAUSE: Duration = Duration::from_millis(50);

/// The connections of a listener, accepted by one multishot request; made by `incoming` of a
/// listener.
///
/// A shortage of descriptors or memory is waited out, with a WARN event when it begins. When 256
/// connections have been accepted and not taken, further ones are left to the listener's queue. Dropping
/// it stops accepting, and closes connections that were accepted and not taken.
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// use io2::net::{TcpListener, TcpStream};
///
/// let listener = TcpListener::bind("127.0.0.1:0").await?;
/// let address = listener.local_addr()?;
/// let server = io2::spawn(async move {
///     let mut incoming = listener.incoming();
///     loop {
///         let stream: TcpStream = incoming.next().await?;
///         io2::spawn(async move { stream.write_all("hello").await.0 });
///     }
///     # #[allow(unreachable_code)]
///     # std::io::Result::Ok(())
/// });
/// for _ in 0..3 {
///     let stream = TcpStream::connect(address).await?;
///     assert_eq!(stream.read(Vec::with_capacity(8)).await.1, b"hello");
/// }
/// # drop(server);
/// # std::io::Result::Ok(())
/// # }).unwrap().unwrap();
/// ```
pub struct Incoming<S> {
    fd: Fd,
    accepting: Accepting,
    /// Until when a shortage is waited out.
    pause: Option<Sleep>,
    short: bool,
    make: fn(Fd) -> S,
}

enum Accepting {
    NotYet,
    Many(Multishot<AcceptMulti>),
    /// One by one, where the kernel has no request for many, or not a good one.
    Single(Option<Op<Accept>>),
}

impl<S> Incoming<S> {
    pub(super) fn new(fd: Fd, make: fn(Fd) -> S) -> Incoming<S> {
        Incoming {
            fd,
            accepting: Accepting::NotYet,
            pause: None,
            short: false,
            make,
        }
    }

    /// Waits for the next connection. Dropping the future loses nothing.
    ///
    /// # Errors
    ///
    /// The kernel's, if the listener itself fails. There is no end: each call waits for a connection.
    ///
    /// # Panics
    ///
    /// Outside an executor.
    pub async fn next(&mut self) -> io::Result<S> {
        poll_fn(|cx| self.poll_connection(cx)).await
    }

    pub(crate) fn poll_connection(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<S>> {
        loop {
            if let Some(pause) = &mut self.pause {
                ready!(Pin::new(pause).poll(cx));
                self.pause = None;
            }
            match ready!(self.poll_accept(cx)) {
                Ok(fd) => {
                    self.short = false;
                    return Poll::Ready(Ok((self.make)(fd)));
                }
                Err(error) if socket::is_peers(&error) => {}
                Err(error) if is_shortage(&error) => {
                    self.pause = Some(sleep(SHORTAGE_PAUSE));
                    if !self.short {
                        self.short = true;
                        trace::advice(format_args!(
                            "cannot accept connections for now, they wait: {error}; raise \
                             RLIMIT_NOFILE, or close some"
                        ));
                    }
                }
                Err(error) if self.is_unknown(&error) => self.accepting = Accepting::Single(None),
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Fd>> {
        if let Accepting::NotYet = self.accepting {
            let capabilities = context::with(|executor| executor.driver.borrow().capabilities());
            self.accepting = match capabilities {
                Some(kernel) if kernel.garbles_multishot_accepts() => Accepting::Single(None),
                _ => Accepting::Many(Multishot::new(AcceptMulti::new(self.fd.clone()))),
            };
        }
        match &mut self.accepting {
            Accepting::Many(accepted) => accepted.poll_next(cx),
            Accepting::Single(slot) => {
                let accept = slot.get_or_insert_with(|| Op::new(Accept::new(self.fd.clone())));
                let outcome = ready!(Pin::new(accept).poll(cx));
                *slot = None;
                Poll::Ready(outcome.map(|(fd, _)| fd))
            }
            Accepting::NotYet => unreachable!("it was just chosen"),
        }
    }

    /// Whether the kernel may not know the request for many. If it was the listener that it did not
    /// like, it says so again.
    fn is_unknown(&self, error: &io::Error) -> bool {
        matches!(self.accepting, Accepting::Many(_)) && error.raw_os_error() == Some(libc::EINVAL)
    }
}

fn is_shortage(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM)
    )
}

impl<S> fmt::Debug for Incoming<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming")
            .field("fd", &self.fd)
            .field("short", &self.short)
            .finish()
    }
}
