//! Receiving into buffers of the executor's pool.
//!
//! As long as the pool has buffers, one multishot request receives again and again. When it finds the
//! pool empty it ends, and three requests of one step each take its place, so that a connection on which
//! nothing comes holds no buffer:
//!
//! ```text
//! idle ── pool has buffers ──► streaming ── pool is empty ──► readable
//!  ▲ └──── pool has none ────────────────────────────────────►  │ something came
//!  │                                                            ▼
//!  └──────── a buffer is full ── receiving ◄── a buffer ─── waiting
//! ```
//!
//! Kernels without rings of buffers, or without multishot receives, never stream.

use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::mem;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use crate::buf::{PooledBuf, Taking, pool};
use crate::driver::{Pool, Seat};
use crate::fd::Fd;
use crate::op::socket::{Readiness, Received, Recv, RecvMulti};
use crate::op::{Multishot, Op};
use crate::sys;

/// What comes on a stream, in buffers of the executor's pool; made by `recv_pooled` of a stream.
///
/// One request to the kernel receives again and again, and a buffer is taken only when there is
/// something to put into it: so ten thousand idle connections need no buffer.
///
/// An empty pool is no error: [`next`](Self::next) then waits until somebody drops a buffer, each in
/// turn. A stream whose buffers nobody takes stops receiving when it holds a quarter of the pool, or two
/// buffers. Kernels before 6.8 first receive all that has come already, if the pool has room for it.
///
/// Dropping this loses what has come and was not taken: whoever wants to go on with `read` on the same
/// stream calls [`stop`](Self::stop) first, and takes the rest.
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// let (a, b) = io2::net::UnixStream::pair()?;
/// a.write_all("hello").await.0?;
/// drop(a);
/// let mut incoming = b.recv_pooled();
/// let mut received = Vec::new();
/// while let Some(buf) = incoming.next().await? {
///     received.extend_from_slice(&buf);
/// }
/// assert_eq!(received, b"hello");
/// # std::io::Result::Ok(())
/// # }).unwrap().unwrap();
/// ```
pub struct RecvPooled {
    fd: Fd,
    state: State,
    /// Whether the kernel may overlook an end that comes with the last bytes, as it does on Unix sockets
    /// since it knows how much there is to receive. On TCP it counts the end.
    overlooks: bool,
    /// The end may have been overlooked since it was last looked for.
    suspect: bool,
    /// No request is made any more.
    stopped: bool,
    /// Its place in the queue for buffers, made when it is needed first.
    seat: Option<Rc<Seat>>,
}

enum State {
    /// Nothing is asked of the kernel.
    Idle,
    Streaming(Multishot<RecvMulti>),
    Readable(Op<Readiness>),
    Waiting(Taking),
    Receiving(Op<Recv<PooledBuf>>),
    Ended,
}

impl State {
    fn name(&self) -> &'static str {
        match self {
            State::Idle => "idle",
            State::Streaming(_) => "streaming",
            State::Readable(_) => "readable",
            State::Waiting(_) => "waiting",
            State::Receiving(_) => "receiving",
            State::Ended => "ended",
        }
    }
}

impl RecvPooled {
    pub(super) fn tcp(fd: Fd) -> RecvPooled {
        RecvPooled {
            fd,
            state: State::Idle,
            overlooks: false,
            suspect: false,
            stopped: false,
            seat: None,
        }
    }

    pub(super) fn unix(fd: Fd) -> RecvPooled {
        RecvPooled {
            overlooks: true,
            ..RecvPooled::tcp(fd)
        }
    }

    /// Waits for the next bytes; `None` says that the peer sends no more. Dropping the future loses
    /// nothing.
    ///
    /// # Errors
    ///
    /// The kernel's, such as `ConnectionReset`; `OutOfMemory` if there is no memory for the pool.
    ///
    /// # Panics
    ///
    /// Outside an executor.
    pub async fn next(&mut self) -> io::Result<Option<PooledBuf>> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// Receives no more. [`next`](Self::next) then gives what has come already, and `None` after it;
    /// what comes later stays in the socket.
    ///
    /// ```
    /// # io2::ExecutorConfig::new().run(async {
    /// let (a, b) = io2::net::UnixStream::pair()?;
    /// let mut incoming = b.recv_pooled();
    /// a.write_all("one").await.0?;
    /// assert_eq!(&incoming.next().await?.unwrap()[..], b"one");
    ///
    /// incoming.stop();
    /// while let Some(_more) = incoming.next().await? {}
    /// a.write_all("two").await.0?;
    /// assert_eq!(b.read(Vec::with_capacity(8)).await.1, b"two");
    /// # std::io::Result::Ok(())
    /// # }).unwrap().unwrap();
    /// ```
    pub fn stop(&mut self) {
        self.stopped = true;
        match &self.state {
            State::Streaming(multishot) => multishot.stop(),
            // It does not wait, so it ends by itself, and may bring something.
            State::Receiving(_) => {}
            State::Idle | State::Readable(_) | State::Waiting(_) | State::Ended => {
                self.state = State::Ended;
            }
        }
    }

    pub(crate) fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<Option<PooledBuf>>> {
        loop {
            match &mut self.state {
                State::Ended => return Poll::Ready(Ok(None)),
                State::Idle if self.stopped => self.state = State::Ended,
                State::Idle => self.state = self.begin()?,
                State::Streaming(multishot) => {
                    let Poll::Ready(received) = multishot.poll_next(cx) else {
                        // A new request sees the end, after what has come.
                        if mem::take(&mut self.suspect) && sys::net::is_hung_up(self.fd.raw()) {
                            multishot.stop();
                        }
                        return Poll::Pending;
                    };
                    if !multishot.is_in_flight() {
                        // Not submitted anew by itself: this may be another executor by then.
                        self.state = State::Idle;
                    }
                    self.suspect = self.overlooks;
                    match received {
                        Received::Bytes(buf) => return Poll::Ready(Ok(Some(buf))),
                        Received::Shortage => self.state = self.readable(),
                        Received::Stopped => {}
                        Received::Failed(error) => return Poll::Ready(Err(error)),
                        Received::End => self.state = State::Ended,
                    }
                }
                State::Readable(ready) => {
                    let outcome = ready!(Pin::new(ready).poll(cx));
                    self.state = State::Idle;
                    match outcome {
                        Err(error) if is_cancelled(&error) => continue,
                        outcome => outcome?,
                    };
                    self.state = self.take(pool::current()?);
                }
                State::Waiting(taking) => {
                    if !pool::is_current(taking.pool()) {
                        // The executor that it waited in has ended.
                        self.state = State::Idle;
                        continue;
                    }
                    let buf = ready!(taking.poll(cx));
                    let receive = Recv::now(self.fd.clone(), buf);
                    self.state = State::Receiving(Op::new(receive));
                }
                State::Receiving(receive) => {
                    let (result, buf) = ready!(Pin::new(receive).poll(cx));
                    self.state = State::Idle;
                    match result {
                        Ok(0) => self.state = State::Ended,
                        Ok(_) => return Poll::Ready(Ok(Some(buf))),
                        // Somebody else has received it.
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                        Err(error) if is_cancelled(&error) => {}
                        Err(error) => return Poll::Ready(Err(error)),
                    }
                }
            }
        }
    }

    /// The first request, or the next one after one that has ended.
    fn begin(&self) -> io::Result<State> {
        let pool = pool::current()?;
        Ok(if pool.has_provided() {
            State::Streaming(Multishot::new(RecvMulti::new(self.fd.clone(), pool)))
        } else {
            self.readable()
        })
    }

    fn readable(&self) -> State {
        if self.stopped {
            return State::Ended;
        }
        State::Readable(Op::new(Readiness::to_receive(self.fd.clone())))
    }

    /// Something has come, and a buffer is needed.
    fn take(&mut self, pool: Rc<Pool>) -> State {
        if pool.has_provided() {
            State::Idle
        } else {
            let seat = self.seat.get_or_insert_default().clone();
            State::Waiting(Taking::new(pool, seat))
        }
    }
}

impl fmt::Debug for RecvPooled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecvPooled")
            .field("fd", &self.fd)
            .field("state", &self.state.name())
            .finish()
    }
}

/// Whether the executor that an operation was in flight in has ended: it is to be made again.
fn is_cancelled(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::ECANCELED)
}
