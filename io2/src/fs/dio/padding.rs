//! The moments in which a file is longer than its writers made it.
//!
//! A write whose last block is partial, and that makes the file longer, leaves zeros after its
//! last byte until the file is cut back (see the [module](super) for why that cannot be had
//! otherwise). A read, or a question for the length, that is under way in such a moment may see
//! these zeros. It never waits: it notes when it started, and its result is clipped at the end.
//!
//! The moments are a chain, the newest last; whoever starts takes the newest one and so keeps alive
//! all that follow, and what nobody keeps is freed. The list is thus never longer than the moments
//! that passed during the slowest read that is still under way.

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;

/// All such moments of one file.
#[derive(Debug)]
pub(super) struct Paddings {
    newest: RefCell<Rc<Moment>>,
}

#[derive(Debug, Default)]
struct Moment {
    padding: Option<Padding>,
    next: OnceCell<Rc<Moment>>,
}

#[derive(Clone, Copy, Debug)]
struct Padding {
    /// Where the file really ends.
    exact: u64,
    /// Where it ends for now.
    padded: u64,
}

impl Paddings {
    pub(super) fn new() -> Paddings {
        Paddings {
            newest: RefCell::new(Rc::default()),
        }
    }

    /// The moment in which something starts.
    pub(super) fn now(&self) -> Since {
        Since(Rc::clone(&self.newest.borrow()))
    }

    /// From now on the file may end at `padded` instead of at `exact`.
    pub(super) fn begin(&self, exact: u64, padded: u64) {
        self.push(Some(Padding { exact, padded }));
    }

    /// From now on the file ends where it should.
    pub(super) fn end(&self) {
        self.push(None);
    }

    fn push(&self, padding: Option<Padding>) {
        let moment = Rc::new(Moment {
            padding,
            next: OnceCell::new(),
        });
        let before = self.newest.replace(Rc::clone(&moment));
        before
            .next
            .set(moment)
            .expect("only the newest has no successor");
    }
}

/// When a read, or a question for the length, started.
#[derive(Debug)]
pub(super) struct Since(Rc<Moment>);

impl Since {
    /// Where the bytes that were seen up to `end` really ended. Bytes behind an exact end are no
    /// padding if they go on behind the padded end too: then somebody wrote there since.
    pub(super) fn clip(&self, mut end: u64) -> u64 {
        let mut moment = Some(&self.0);
        while let Some(at) = moment {
            if let Some(Padding { exact, padded }) = at.padding
                && (exact..=padded).contains(&end)
            {
                end = exact;
            }
            moment = at.next.get();
        }
        end
    }
}

impl Drop for Moment {
    fn drop(&mut self) {
        // One after the other: each would drop the next within its own drop, and a long chain
        // would use up the stack.
        let mut next = self.next.take();
        while let Some(moment) = next {
            next = Rc::into_inner(moment).and_then(|mut moment| moment.next.take());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_is_clipped_only_if_it_was_under_way_while_the_file_was_padded() {
        let paddings = Paddings::new();
        let before = paddings.now();
        paddings.begin(700, 1024);
        let within = paddings.now();
        paddings.end();
        let after = paddings.now();
        for (since, clipped) in [(&before, 700), (&within, 700), (&after, 1024)] {
            assert_eq!(since.clip(1024), clipped);
            assert_eq!(since.clip(512), 512, "bytes before the padding are real");
            assert_eq!(since.clip(1536), 1536, "bytes after it were written since");
        }
    }

    #[test]
    fn the_earliest_end_of_several_paddings_counts() {
        let paddings = Paddings::new();
        let since = paddings.now();
        paddings.begin(700, 1024);
        paddings.end();
        paddings.begin(900, 1024);
        paddings.end();
        assert_eq!(since.clip(1024), 700);
    }

    #[test]
    fn moments_that_nobody_needs_are_freed() {
        let paddings = Paddings::new();
        let first = Rc::downgrade(&paddings.now().0);
        let since = paddings.now();
        paddings.begin(1, 512);
        let second = Rc::downgrade(&paddings.now().0);
        paddings.end();
        assert!(first.upgrade().is_some() && second.upgrade().is_some());
        drop(since);
        assert!(first.upgrade().is_none() && second.upgrade().is_none());
    }

    #[test]
    fn a_chain_of_a_million_moments_is_freed_without_recursion() {
        let paddings = Paddings::new();
        let since = paddings.now();
        for _ in 0..1_000_000 {
            paddings.end();
        }
        drop(since);
        assert_eq!(Rc::strong_count(&paddings.newest.borrow()), 1);
    }
}
