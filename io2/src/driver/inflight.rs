//! The slots of the operations in flight: the owner of whatever the kernel may touch.
//!
//! | slot | entered by | left by |
//! |---|---|---|
//! | waiting | the future reserves it | the last completion, or the future is dropped |
//! | orphaned | the future is dropped; the slot takes the operation | the last completion: discarded |
//! | done | the last completion | the future takes the result: freed |
//!
//! Nothing else frees a slot. A key whose slot was freed finds nothing.

use std::io;
use std::task::Waker;

use super::side::{SideBytes, Sides};
use super::token::{GENERATION_BITS, INDEX_BITS};
use crate::clock::Ticks;
use crate::slab::{Key, Slab};

/// What is known of an operation from its submission on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Meta {
    /// Never reused in a process.
    pub(crate) id: u64,
    pub(crate) name: &'static str,
    pub(crate) fd: i32,
    /// How many bytes it may read or write.
    pub(crate) len: u64,
    /// The task that submitted it.
    pub(crate) task: u64,
    /// When it was submitted: kept only while somebody looks at spans.
    pub(crate) since: Option<Ticks>,
}

/// An operation whose future is gone.
pub(crate) trait Orphan {
    /// Disposes of the result, and frees what the operation owned.
    fn discard(self: Box<Self>, side: SideBytes, result: io::Result<u32>);
}

/// A completion, as the kernel put it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Completion {
    pub(crate) res: i32,
    pub(crate) flags: u32,
}

impl Completion {
    /// The result, as the system call that does the same would give it.
    pub(crate) fn result(self) -> io::Result<u32> {
        u32::try_from(self.res).map_err(|_| io::Error::from_raw_os_error(self.res.wrapping_neg()))
    }
}

pub(super) enum State {
    Waiting(Option<Waker>),
    Orphaned(Box<dyn Orphan>),
    Done(Completion),
}

pub(super) struct Slot {
    pub(super) state: State,
    pub(super) meta: Meta,
    /// It was pushed to the polled ring, which cannot cancel.
    pub(super) polled: bool,
    /// How often its cancellation was tried.
    pub(super) cancels: u8,
    /// The first of several completions: its result counts.
    pub(super) first: Option<Completion>,
}

/// All slots.
pub(super) struct Inflight {
    pub(super) slots: Slab<Slot>,
    pub(super) sides: Sides,
    /// Slots that the kernel has not finished with.
    pub(super) pending: usize,
}

impl Inflight {
    pub(super) fn new() -> Self {
        Inflight {
            slots: Slab::new(GENERATION_BITS, INDEX_BITS),
            sides: Sides::new(),
            pending: 0,
        }
    }

    /// Makes a slot, which counts as in flight from now on.
    pub(super) fn reserve(&mut self, meta: Meta) -> (Key, *mut SideBytes) {
        let slot = Slot {
            state: State::Waiting(None),
            meta,
            polled: false,
            cancels: 0,
            first: None,
        };
        let key = self.slots.insert(slot);
        self.pending += 1;
        (key, self.sides.place(key.index))
    }

    /// Frees a slot whose entry was never pushed.
    pub(super) fn release(&mut self, key: Key) {
        if self.slots.remove(key).is_some() {
            self.pending -= 1;
        }
    }
}

impl Drop for Inflight {
    fn drop(&mut self) {
        if self.pending > 0 {
            // The kernel may still write: what it may write to stays.
            std::mem::forget(std::mem::replace(&mut self.sides, Sides::new()));
            std::mem::forget(std::mem::replace(
                &mut self.slots,
                Slab::new(GENERATION_BITS, INDEX_BITS),
            ));
        }
    }
}
