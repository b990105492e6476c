//! The second ring, with IOPOLL: direct reads and writes on devices that can be polled.
//!
//! It is made when the first such operation is submitted, never sleeps, and is entered only while it
//! has operations in flight; meanwhile the main ring does not sleep either. It cannot cancel.

use std::collections::VecDeque;
use std::io;

use io_uring::squeue::Entry;

use super::ring::Ring;

pub(super) struct Polled {
    ring: Option<Ring>,
    /// Setting it up failed once: its operations go to the main ring.
    refused: bool,
    depth: u32,
    backlog: VecDeque<Entry>,
    /// Entries pushed whose completion has not come.
    pending: usize,
}

impl Polled {
    pub(super) fn new(depth: u32) -> Self {
        Polled {
            ring: None,
            refused: false,
            depth,
            backlog: VecDeque::new(),
            pending: 0,
        }
    }

    pub(super) fn is_made(&self) -> bool {
        self.ring.is_some()
    }

    /// Whether memory was short when it was made.
    pub(super) fn is_short(&self) -> bool {
        self.ring.as_ref().is_some_and(Ring::is_short)
    }

    /// Makes the ring if there is none yet. False if there can be none.
    ///
    /// # Errors
    ///
    /// Why there can be none, the first time.
    pub(super) fn make(&mut self) -> io::Result<bool> {
        if self.ring.is_none() && !self.refused {
            self.refused = true;
            self.ring = Some(Ring::new(self.depth, true)?);
            self.refused = false;
        }
        Ok(self.ring.is_some())
    }

    pub(super) fn pending(&self) -> usize {
        self.pending
    }

    /// # Safety
    ///
    /// What the entry points to stays valid until its last completion.
    pub(super) unsafe fn push(&mut self, entry: Entry) {
        self.pending += 1;
        self.backlog.push_back(entry);
        self.fill();
    }

    fn fill(&mut self) {
        let Some(ring) = &mut self.ring else { return };
        while let Some(entry) = self.backlog.front() {
            // SAFETY: the backlog holds only what `push` was promised about.
            if !unsafe { ring.push(entry) } {
                return;
            }
            self.backlog.pop_front();
        }
    }

    /// Submits what is queued and looks for completions, without waiting for any.
    pub(super) fn enter(&mut self) {
        self.fill();
        if self.pending == 0 {
            return;
        }
        if let Some(ring) = &mut self.ring {
            // Whatever it returns, entries that were not taken stay queued for the next time.
            let _ = ring.enter(0, None);
        }
    }

    pub(super) fn completions(&mut self) -> u32 {
        self.ring.as_mut().map_or(0, Ring::completions)
    }

    pub(super) fn reap(&mut self, each: impl FnMut(u64, i32, u32)) -> u32 {
        let Some(ring) = &mut self.ring else { return 0 };
        let count = ring.reap(each);
        self.pending -= count as usize;
        count
    }

    pub(super) fn shut(&mut self) {
        self.ring = None;
        self.backlog.clear();
    }
}
