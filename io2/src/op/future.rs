//! The one future: submits an operation, waits for it, and cancels it when it is dropped.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::io;
use std::marker::PhantomData;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use io_uring::squeue::Entry;

use super::{Cancelled, Operation, Target, Timed};
use crate::clock;
use crate::driver::{self, Completion, Orphan, Shared, SideBytes};
use crate::executor::{self, context};
use crate::page::{Meta, on_tape};
use crate::slab::Key;
use crate::trace::{self, OpInfo};

/// An operation of the kernel, as a future.
///
/// It is submitted when it is first polled. Dropping it while it is in flight cancels it: what
/// the kernel may still write to is kept until the kernel is done, and then freed. The operation
/// may nevertheless have happened, in part or as a whole; [`cancel`](Self::cancel) and
/// [`timeout`](Self::timeout) tell, and give the buffer back.
///
/// # Panics
///
/// Polling it outside a running executor panics, as does polling it after it was ready. An
/// operation that its executor had to leave to the kernel at the
/// [`shutdown_timeout`](crate::ExecutorConfig::shutdown_timeout) panics when polled later.
///
/// # Examples
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// let zeros = io2::fs::File::open("/dev/zero").await?;
/// let (read, buf) = zeros.read_at(Vec::with_capacity(16), 0).await;
/// assert_eq!(read?, 16);
/// assert_eq!(buf, [0; 16]);
/// # std::io::Result::Ok(())
/// # }).unwrap().unwrap();
/// ```
#[must_use = "an operation does nothing until it is awaited"]
pub struct Op<T: Operation> {
    /// `None` once it is ready.
    operation: Option<T>,
    /// Where it is in flight, once it was submitted.
    flight: Option<Flight>,
}

/// Where an operation is in flight.
pub(super) struct Flight {
    pub(super) driver: Shared,
    pub(super) key: Key,
    polled: bool,
}

/// How an operation that did not succeed was stopped, and what it then fails with.
#[derive(Clone, Copy)]
pub(super) enum Stopped {
    No,
    Cancelled,
    TimedOut,
}

impl Stopped {
    /// A result of 0 or more wins over the cancellation.
    fn result(self, completion: Completion) -> io::Result<u32> {
        let stopped = matches!(completion.res.wrapping_neg(), libc::ECANCELED | libc::EINTR);
        match self {
            Stopped::Cancelled if stopped => Err(self.error()),
            Stopped::TimedOut if stopped => Err(self.error()),
            _ => completion.result(),
        }
    }

    fn error(self) -> io::Error {
        match self {
            Stopped::TimedOut => io::Error::new(io::ErrorKind::TimedOut, TimedOut),
            _ => io::Error::new(io::ErrorKind::Interrupted, Interrupted),
        }
    }
}

/// The texts of the errors, as types without a size: a text of its own would be allocated each time.
#[derive(Debug)]
struct TimedOut;

#[derive(Debug)]
struct Interrupted;

impl fmt::Display for TimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("timed out")
    }
}

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cancelled")
    }
}

impl std::error::Error for TimedOut {}
impl std::error::Error for Interrupted {}

/// What the slot of a dropped future owns.
struct Abandoned<T: Operation>(T);

impl<T: Operation> Orphan for Abandoned<T> {
    fn settle(&mut self) -> Option<Box<dyn Any>> {
        self.0.settle()
    }

    fn discard(self: Box<Self>, side: SideBytes, result: io::Result<u32>) {
        // SAFETY: the slot was filled by `Op::<T>::submit`, and its bytes were just taken from it.
        let side = unsafe { driver::side_get::<T::Side>(side) };
        self.0.discard(side, result);
    }
}

impl<T: Operation> Op<T> {
    pub(crate) fn new(operation: T) -> Self {
        Op {
            operation: Some(operation),
            flight: None,
        }
    }

    /// Cancels the operation and waits for it to end. Its ordinary output comes back: a result if
    /// it was faster, else an error of kind `Interrupted` with the text "cancelled"; the buffer
    /// always. One that was never polled is not submitted.
    ///
    /// A disk does not stop what it has begun: there, the wait lasts as long as the request.
    ///
    /// # Examples
    ///
    /// ```
    /// # io2::ExecutorConfig::new().run(async {
    /// let zeros = io2::fs::File::open("/dev/zero").await?;
    /// let (read, buf) = zeros.read_at(vec![0; 16], 0).cancel().await;
    /// assert_eq!(read.unwrap_err().kind(), std::io::ErrorKind::Interrupted);
    /// assert_eq!(buf.len(), 16);
    /// # std::io::Result::Ok(())
    /// # }).unwrap().unwrap();
    /// ```
    pub fn cancel(self) -> Cancelled<T> {
        Cancelled::new(self)
    }

    /// Cancels the operation if it has not ended after `limit`, counted from now. Its ordinary output
    /// comes back: a result if there is one, else an error of kind `TimedOut`; the buffer always.
    ///
    /// A disk does not stop what it has begun: there, the wait may last longer than `limit`.
    ///
    /// # Examples
    ///
    /// ```
    /// # io2::ExecutorConfig::new().run(async {
    /// use std::time::Duration;
    ///
    /// let (reader, _writer) = std::io::pipe()?;
    /// let reader = io2::fs::File::from_std(std::os::fd::OwnedFd::from(reader).into());
    /// let (read, buf) = reader.read(vec![0; 16]).timeout(Duration::from_millis(1)).await;
    /// assert_eq!(read.unwrap_err().kind(), std::io::ErrorKind::TimedOut);
    /// assert_eq!(buf.len(), 16);
    /// # std::io::Result::Ok(())
    /// # }).unwrap().unwrap();
    /// ```
    pub fn timeout(self, limit: Duration) -> Timed<T> {
        Timed::new(self, limit)
    }

    /// Asks the kernel to cancel it, if it is in flight.
    pub(super) fn request_cancel(&mut self) {
        if let Some(flight) = &self.flight {
            flight.driver.borrow_mut().cancel(flight.key);
        }
    }

    /// The output of an operation that was never submitted.
    pub(super) fn give_up(&mut self, stopped: Stopped) -> Option<T::Output> {
        if self.flight.is_some() {
            return None;
        }
        let mut operation = self.operation.take()?;
        let side = operation.side();
        Some(operation.finish(side, Err(stopped.error())))
    }

    pub(super) fn poll_stoppable(
        &mut self,
        cx: &mut Context<'_>,
        stopped: Stopped,
    ) -> Poll<T::Output> {
        loop {
            let Some(flight) = &self.flight else {
                let ready = self
                    .operation
                    .as_mut()
                    .map(|operation| operation.poll_ready(cx));
                match ready {
                    Some(Poll::Pending) => return Poll::Pending,
                    Some(Poll::Ready(Err(error))) => return Poll::Ready(self.refuse(error)),
                    Some(Poll::Ready(Ok(()))) | None => self.submit(cx),
                }
                return Poll::Pending;
            };
            // SAFETY: the slot was filled by `submit` of this very type.
            let taken = unsafe { flight.driver.borrow_mut().take::<T::Side>(flight.key) };
            let Some((completion, side)) = taken else {
                flight.wait(cx);
                return Poll::Pending;
            };
            let polled = flight.polled;
            self.flight = None;
            if polled && completion.res == -libc::EOPNOTSUPP {
                // The device does not poll after all: once more, on the main ring, unless it was to end.
                if let Some(operation) = &mut self.operation {
                    operation.poll_refused();
                }
                if matches!(stopped, Stopped::No) {
                    drop(side);
                    continue;
                }
                let operation = self
                    .operation
                    .take()
                    .expect("in flight, so not ready before");
                return Poll::Ready(operation.finish(side, Err(stopped.error())));
            }
            let operation = self
                .operation
                .take()
                .expect("in flight, so not ready before");
            return Poll::Ready(operation.finish(side, stopped.result(completion)));
        }
    }

    /// The output of an operation that is not to be submitted at all.
    #[cold]
    fn refuse(&mut self, error: io::Error) -> T::Output {
        let mut operation = self
            .operation
            .take()
            .expect("it was asked whether it is ready");
        let side = operation.side();
        operation.finish(side, Err(error))
    }

    fn submit(&mut self, cx: &mut Context<'_>) {
        let operation = self
            .operation
            .as_mut()
            .expect("an operation was polled after it was ready");
        let (target, polled) = (operation.target(), operation.polled());
        let launch = Launch {
            name: T::NAME,
            target,
            polled,
            multishot: None,
        };
        let fill = |place| {
            let side = operation.side();
            // SAFETY: the place is that of a slot that was just reserved.
            let side = unsafe { driver::side_put(place, side) };
            let undo = SideDrop::<T::Side>(place, PhantomData);
            let entry = operation.encode(side);
            mem::forget(undo);
            entry
        };
        // SAFETY: the operation promises that the entry points only to the side data, which the slot
        // keeps, and to memory that the operation owns; the operation stays in this future, and when the
        // future is dropped it goes to the slot.
        self.flight = Some(unsafe { launch.submit(cx, fill) });
    }
}

/// Drops the side data of a reserved slot if the operation panics before it is submitted.
struct SideDrop<S>(*mut SideBytes, PhantomData<S>);

impl<S> Drop for SideDrop<S> {
    fn drop(&mut self) {
        // SAFETY: the place is that of a slot that is reserved still, was filled with an `S`, and is not looked at
        // again before it is filled anew.
        drop(unsafe { driver::side_get::<S>(self.0.read()) });
    }
}

/// What goes to the kernel, and how.
pub(super) struct Launch {
    pub(super) name: &'static str,
    pub(super) target: Target,
    pub(super) polled: bool,
    /// How many completions of a multishot operation may wait to be taken.
    pub(super) multishot: Option<usize>,
}

impl Launch {
    /// Reserves a slot, lets `fill` make the entry, and submits it; completions wake the context's
    /// task.
    ///
    /// # Safety
    ///
    /// What the entry points to stays valid until the slot is done or its orphan is discarded.
    #[inline]
    pub(super) unsafe fn submit(
        self,
        cx: &mut Context<'_>,
        fill: impl FnOnce(*mut SideBytes) -> Entry,
    ) -> Flight {
        let Launch {
            name,
            target,
            polled,
            multishot,
        } = self;
        // Cloning a waker and asking a buffer for its address are user code: nothing is borrowed.
        let waker = cx.waker().clone();
        let current = context::with(|executor| {
            let mut driver = executor.driver.borrow_mut();
            // One whose rings are closed, while its end is told to a subscriber, is none any more.
            driver.is_open().then(|| {
                let meta = Meta {
                    id: 0,
                    name,
                    fd: target.fd,
                    len: target.len,
                    task: executor.current_task(),
                    since: None,
                };
                let (key, place) = driver.reserve(meta, multishot, waker);
                let seen = trace::on() || executor.is_sampling();
                (executor.driver.clone(), key, place, seen)
            })
        });
        let Some((driver, key, place, seen)) = current.flatten() else {
            executor::outside(name)
        };
        let reserved = Reserved {
            driver: &driver,
            key,
        };
        let entry = if seen {
            reserved.fill_seen(target.offset, polled, || fill(place))
        } else {
            fill(place)
        };
        mem::forget(reserved);
        // SAFETY: by contract.
        unsafe { driver.borrow_mut().submit(key, entry, polled) };
        Flight {
            driver,
            key,
            polled,
        }
    }
}

/// Frees a reserved slot if the operation panics before it is submitted.
struct Reserved<'a> {
    driver: &'a Shared,
    key: Key,
}

impl Reserved<'_> {
    /// Fills the entry of an operation that somebody looks at, or measures the time of.
    #[cold]
    #[inline(never)]
    fn fill_seen(&self, offset: u64, polled: bool, fill: impl FnOnce() -> Entry) -> Entry {
        let noted = self
            .driver
            .borrow_mut()
            .note_submission(self.key, clock::ticks());
        let Some(meta) = noted else {
            unreachable!("a slot that is reserved is there")
        };
        context::with(|executor| on_tape(executor.page(), |tape| tape.submitted(meta)));
        let _span = trace::on().then(|| {
            trace::enter_submit(&OpInfo {
                id: meta.id,
                code: meta.name,
                fd: meta.fd,
                len: meta.len,
                offset,
                task: meta.task,
                polled,
            })
        });
        fill()
    }
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        let waker = self.driver.borrow_mut().release(self.key);
        drop(waker);
    }
}

impl Flight {
    /// Lets the completion wake this context's task.
    pub(super) fn wait(&self, cx: &mut Context<'_>) {
        if self.driver.borrow().is_abandoned() {
            panic!(
                "an operation was polled whose executor ended before the kernel was done with it: \
                 raise shutdown_timeout, or finish operations before the executor ends"
            );
        }
        // Comparing, cloning and dropping wakers is user code: nothing is borrowed meanwhile.
        let old = self.driver.borrow_mut().take_waker(self.key);
        let waker = match old {
            Some(old) if old.will_wake(cx.waker()) => old,
            old => {
                let new = cx.waker().clone();
                drop(old);
                new
            }
        };
        let old = self.driver.borrow_mut().set_waker(self.key, waker);
        drop(old);
    }
}

impl<T: Operation> Future for Op<T> {
    type Output = T::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T::Output> {
        self.poll_stoppable(cx, Stopped::No)
    }
}

impl<T: Operation> Drop for Op<T> {
    #[inline]
    fn drop(&mut self) {
        if let Some(flight) = self.flight.take()
            && let Some(operation) = self.operation.take()
        {
            abandon(flight, operation);
        }
    }
}

/// The future of an operation that is in flight is gone: it is cancelled, and the slot keeps what the kernel
/// may use until then.
#[cold]
fn abandon<T: Operation>(flight: Flight, mut operation: T) {
    let Flight { driver, key, .. } = flight;
    // SAFETY: the slot was filled by `submit` of this very type.
    let taken = unsafe { driver.borrow_mut().take::<T::Side>(key) };
    if let Some((completion, side)) = taken {
        operation.discard(side, completion.result());
        return;
    }
    let settled = driver.borrow().is_settled(key);
    let held = settled.then(|| operation.settle());
    let meta = driver.borrow().meta(key);
    let orphan = Box::new(Abandoned(operation));
    let waker = driver.borrow_mut().orphan(key, orphan);
    // Dropped last: both are user code that may panic, and the slot owns the buffer by now.
    drop(held);
    drop(waker);
    if let Some(meta) = meta {
        trace::op_orphan(meta.id, meta.name, meta.fd, None);
    }
}

impl<T: Operation> fmt::Debug for Op<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match (&self.operation, &self.flight) {
            (_, Some(_)) => "in flight",
            (Some(_), None) => "not submitted",
            (None, None) => "done",
        };
        f.debug_struct("Op")
            .field("operation", &T::NAME)
            .field("state", &state)
            .finish()
    }
}

#[cfg(test)]
mod tests;
