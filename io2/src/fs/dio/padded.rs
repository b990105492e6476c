//! The duty to cut a file back to its exact length.

use std::cell::Cell;
use std::io;
use std::os::fd::AsFd;
use std::rc::Rc;

use super::inner::Inner;
use super::range_lock::Hold;
use super::truncate::truncate;
use crate::sys;

/// Exists from before a write is submitted that may leave the file longer than it should be, until
/// the file has its exact length: the operations of the steps hold it, so it lives as long as the
/// kernel works on one of them, whatever becomes of the task.
///
/// Its drop is the last resort: it cuts the file by a system call, on this thread. That comes to
/// pass when the executor ends in between, or when the write failed half-way; it takes as long as
/// giving back at most one block does.
#[derive(Debug)]
pub(super) struct Padded {
    inner: Inner,
    exact: u64,
    padded: u64,
    over: Cell<bool>,
    /// The file from the padded block on. Given back after the drop below.
    _hold: Rc<Hold>,
}

impl Padded {
    /// The file should end at `exact`, and may end at `padded` from now on.
    pub(super) fn begin(inner: &Inner, exact: u64, padded: u64, hold: &Rc<Hold>) -> Rc<Padded> {
        inner.shared.paddings.begin(exact, padded);
        Rc::new(Padded {
            inner: inner.clone(),
            exact,
            padded,
            over: Cell::new(false),
            _hold: Rc::clone(hold),
        })
    }

    pub(super) fn exact(&self) -> u64 {
        self.exact
    }

    /// Ends it after a write that reached to `end`.
    pub(super) async fn settle(self: Rc<Self>, end: u64) -> io::Result<()> {
        if end > self.exact {
            truncate(&self.inner.fd, self.exact, Rc::clone(&self)).await?;
        }
        self.set_over();
        Ok(())
    }

    fn set_over(&self) {
        self.over.set(true);
        self.inner.shared.paddings.end();
    }

    /// Cuts the file if it is longer than it should be. If it is longer than the padding made it,
    /// somebody else has written there.
    fn cut(&self) -> io::Result<()> {
        let fd = &self.inner.fd;
        let size = sys::file::statx(fd.as_fd(), libc::STATX_SIZE)?.stx_size;
        if self.exact < size && size <= self.padded {
            sys::file::set_len(fd.raw(), self.exact)?;
        }
        Ok(())
    }
}

impl Drop for Padded {
    fn drop(&mut self) {
        if !self.over.get() {
            // Nobody is left to be told of an error.
            let _ = self.cut();
            self.set_over();
        }
    }
}
