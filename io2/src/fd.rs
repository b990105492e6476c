//! The descriptor: shared with the operations that use it, and closed through the ring when the last
//! of them has ended.
//!
//! Being closed later than an operation was submitted is not enough: operations that go to a
//! worker of the kernel look their descriptor up late, and would find whatever was opened since
//! under the same number.

#[cfg(test)]
mod tests;

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::mem::{self, ManuallyDrop};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::rc::Rc;
use std::task::{Poll, Waker};

use crate::executor::{self, context};
use crate::op::{Close, Op};

/// A descriptor, and a count of who uses it: a handle, its clones, and each operation in flight.
#[derive(Clone)]
pub(crate) struct Fd {
    /// Dropped by hand, before whoever waits for that is woken.
    shared: ManuallyDrop<Rc<Shared>>,
}

struct Shared {
    /// -1 once it was closed or given away.
    raw: Cell<RawFd>,
    /// The executor that counts it among its open descriptors, or 0.
    owner: u64,
    /// The last receive took all that had come, so the next one is likely to wait.
    #[cfg(feature = "net")]
    drained: Cell<bool>,
    /// Who waits to be the only one left.
    alone: RefCell<Option<Waker>>,
}

impl Fd {
    /// Takes a descriptor over.
    pub(crate) fn new(fd: OwnedFd) -> Self {
        let owner = context::with(|executor| {
            executor.descriptors.set(executor.descriptors.get() + 1);
            executor.id
        });
        let shared = Shared {
            raw: Cell::new(fd.into_raw_fd()),
            owner: owner.unwrap_or(0),
            #[cfg(feature = "net")]
            drained: Cell::new(false),
            alone: RefCell::new(None),
        };
        Fd {
            shared: ManuallyDrop::new(Rc::new(shared)),
        }
    }

    /// Takes over a descriptor that the kernel gave as the result of an operation.
    ///
    /// # Safety
    ///
    /// It is open, and nobody else's.
    pub(crate) unsafe fn from_result(fd: u32) -> Self {
        // SAFETY: by contract.
        Fd::new(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
    }

    /// The descriptor's number.
    pub(crate) fn raw(&self) -> RawFd {
        self.shared.raw.get()
    }

    /// Whether the last receive took all that had come.
    #[cfg(feature = "net")]
    pub(crate) fn is_drained(&self) -> bool {
        self.shared.drained.get()
    }

    #[cfg(feature = "net")]
    pub(crate) fn set_drained(&self, drained: bool) {
        self.shared.drained.set(drained);
    }

    /// Gives the descriptor away, or this back while operations use it.
    pub(crate) fn try_into_owned(self) -> Result<OwnedFd, Fd> {
        if Rc::strong_count(&self.shared) > 1 {
            return Err(self);
        }
        let raw = self.shared.take();
        // SAFETY: it was this one's alone, and from now on nobody closes it.
        Ok(unsafe { OwnedFd::from_raw_fd(raw) })
    }

    /// Waits until no operation uses the descriptor any more, closes it, and says how that went. A
    /// future that is dropped before closes it all the same.
    pub(crate) async fn close(self) -> io::Result<()> {
        poll_fn(|cx| {
            if Rc::strong_count(&self.shared) == 1 {
                return Poll::Ready(());
            }
            let waker = cx.waker().clone();
            let old = self.shared.alone.replace(Some(waker));
            drop(old);
            // Looked at again: they may have dropped the last one that used it.
            if Rc::strong_count(&self.shared) == 1 {
                return Poll::Ready(());
            }
            Poll::Pending
        })
        .await;
        match self.try_into_owned() {
            Ok(fd) => Op::new(Close::new(fd)).await,
            Err(_) => unreachable!("the only one left"),
        }
    }
}

impl Shared {
    /// Takes the number out, so that this no longer closes it.
    fn take(&self) -> RawFd {
        let raw = self.raw.replace(-1);
        if raw >= 0 && self.owner != 0 {
            context::with(|executor| {
                if executor.id == self.owner {
                    executor.descriptors.set(executor.descriptors.get() - 1);
                }
            });
        }
        raw
    }
}

impl Drop for Fd {
    fn drop(&mut self) {
        // Only this one and the one that waits are left.
        let waker = if Rc::strong_count(&self.shared) == 2 {
            self.shared.alone.borrow_mut().take()
        } else {
            None
        };
        // SAFETY: it is not used again: this is the drop.
        unsafe { ManuallyDrop::drop(&mut self.shared) };
        if let Some(waker) = waker {
            executor::wake(waker);
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let raw = self.take();
        if raw < 0 {
            return;
        }
        let driver = context::with(|executor| executor.driver.clone());
        let queued = driver.is_some_and(|driver| driver.borrow_mut().close(raw));
        if !queued {
            // SAFETY: the descriptor was this one's alone.
            drop(unsafe { OwnedFd::from_raw_fd(raw) });
        }
    }
}

impl AsFd for Fd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        // SAFETY: it stays open as long as this lives.
        unsafe { BorrowedFd::borrow_raw(self.raw()) }
    }
}

impl AsRawFd for Fd {
    fn as_raw_fd(&self) -> RawFd {
        self.raw()
    }
}

impl std::fmt::Debug for Fd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Fd").field(&self.raw()).finish()
    }
}

const _: () = assert!(mem::size_of::<Fd>() == 8);
