//! Which process a ring belongs to.
//!
//! A fork copies a ring's addresses into the child, where they are still the parent's queues:
//! whatever the child put there, or took out, would be the parent's loss. So each ring keeps the
//! mark of the process that made it, and looks at it before it touches anything. The mark is one
//! word on a page that the kernel empties in the child of a fork.

use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::sys;

static WORD: OnceLock<&'static AtomicU32> = OnceLock::new();

/// Marks of this process and, since it is copied, of those that it descends from.
static LAST: AtomicU32 = AtomicU32::new(0);

/// The mark of the process that something was made in.
#[derive(Debug)]
pub(super) struct Birth {
    word: &'static AtomicU32,
    mark: u32,
}

impl Birth {
    /// The mark of this process, which gets one if it has none.
    pub(super) fn here() -> io::Result<Birth> {
        let word = match WORD.get() {
            Some(word) => word,
            // Of two threads that come first, one has a page too many.
            None => {
                let page = sys::page_emptied_by_fork()?;
                WORD.get_or_init(|| page)
            }
        };
        let fresh = LAST.fetch_add(1, Ordering::Relaxed) + 1;
        let mark = match word.compare_exchange(0, fresh, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => fresh,
            Err(present) => present,
        };
        Ok(Birth { word, mark })
    }

    /// Whether this is still the process that it was made in, and not the child of a fork.
    #[inline]
    pub(super) fn is_here(&self) -> bool {
        self.word.load(Ordering::Relaxed) == self.mark
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_of_one_process_and_not_of_its_child() {
        let birth = Birth::here().unwrap();
        assert!(birth.is_here());
        assert_eq!(Birth::here().unwrap().mark, birth.mark);
        let status = sys::in_child(|| {
            let inherited = birth.is_here();
            let own = Birth::here();
            let valid = own.is_ok_and(|own| own.is_here() && own.mark != birth.mark);
            // What was inherited stays invalid.
            u8::from(!inherited && valid && !birth.is_here())
        });
        assert_eq!(status, 1);
        assert!(birth.is_here());
    }
}
