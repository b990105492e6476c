//! What the runtime asks of the kernel for itself: cancellations, closes that nobody waits for,
//! and the read that a wake of another thread completes. They have no slot, so while somebody wants
//! spans they are noted here, for the executor to make spans of when nothing is borrowed.

use crate::clock;
use crate::page::Meta;
use crate::trace;

/// The runtime's own entries, while somebody wants spans.
#[derive(Default)]
pub(super) struct Chores {
    /// Pushed since the list was taken last.
    pushed: Vec<Meta>,
    /// Not completed, with their `user_data`.
    open: Vec<(u64, Meta)>,
}

impl Chores {
    /// Notes an entry that is pushed.
    #[inline]
    pub(super) fn pushed(
        &mut self,
        user_data: u64,
        next_id: &mut u64,
        name: &'static str,
        fd: i32,
    ) {
        if trace::on() {
            let id = *next_id;
            *next_id += 1;
            let meta = Meta {
                id,
                name,
                fd,
                len: 0,
                task: 0,
                since: Some(clock::ticks()),
            };
            self.pushed.push(meta);
            self.open.push((user_data, meta));
        }
    }

    /// What was noted of an entry that has completed. Of two with the same `user_data`, which are
    /// tries to cancel the same operation, the older one.
    #[inline]
    pub(super) fn completed(&mut self, user_data: u64) -> Option<Meta> {
        if self.open.is_empty() {
            return None;
        }
        let at = self.open.iter().position(|open| open.0 == user_data)?;
        Some(self.open.remove(at).1)
    }

    /// The entries that were pushed since this was called last.
    pub(super) fn take(&mut self) -> Vec<Meta> {
        std::mem::take(&mut self.pushed)
    }
}
