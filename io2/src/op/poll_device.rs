//! What the direct reads and writes of one device share: whether the device polls.

use std::{cell::Cell, rc::Rc};

/// A block device as the polled ring sees it. All files on it hold clones, so that the first
/// operation that the device refuses to poll keeps the later ones away from the polled ring.
#[derive(Clone, Debug)]
pub(crate) struct PollDevice {
    polls: Rc<Cell<bool>>,
}

impl PollDevice {
    pub(crate) fn new(polls: bool) -> PollDevice {
        PollDevice {
            polls: Rc::new(Cell::new(polls)),
        }
    }

    /// Whether operations on it may go to the polled ring.
    pub(crate) fn polls(&self) -> bool {
        self.polls.get()
    }

    /// The device refused: from now on `polls` is false.
    pub(crate) fn refuse(&self) {
        self.polls.set(false);
    }
}
