//! What one executor did, in the order in which it ended.

use std::collections::HashMap;
use std::panic::Location;
use std::sync::Arc;

use super::session::take;
use super::{About, Meta, Page};
use crate::clock::Ticks;

/// Entries are kept in pieces, so that they are never moved.
const PIECE: usize = 512;

/// What a name takes beside its bytes.
const NAME_BYTES: usize = 64;

pub(crate) enum Entry {
    /// A poll of a task that was spawned there.
    Poll {
        task: u64,
        place: &'static Location<'static>,
        start: Ticks,
        end: Ticks,
    },
    Submitted(Meta),
    /// With the result; of a multishot others may follow.
    Completed {
        meta: Meta,
        at: Ticks,
        res: i32,
        more: bool,
    },
    /// The time between polls, if the kernel was called.
    Enter {
        start: Ticks,
        end: Ticks,
        enters: u64,
        submissions: u64,
        completions: u64,
    },
}

/// See the module.
pub(crate) struct Tape {
    pub(super) session: u64,
    pub(crate) about: Arc<About>,
    pieces: Vec<Vec<Entry>>,
    /// Of tasks that have one.
    names: HashMap<u64, Box<str>>,
    lost: u64,
    /// The end of the last poll.
    polled: Option<Ticks>,
    counted: Counted,
}

/// Counters up to which calls into the kernel are recorded.
#[derive(Clone, Copy)]
struct Counted {
    enters: u64,
    submissions: u64,
    completions: u64,
}

impl Counted {
    fn read(page: &Page) -> Counted {
        Counted {
            enters: page.counters.enters.get(),
            submissions: page.counters.submissions.get(),
            completions: page.counters.completions.get(),
        }
    }
}

impl Tape {
    pub(super) fn new(session: u64, about: Arc<About>, page: &Page) -> Tape {
        Tape {
            session,
            about,
            pieces: Vec::new(),
            names: HashMap::new(),
            lost: 0,
            polled: None,
            counted: Counted::read(page),
        }
    }

    fn push(&mut self, entry: Entry) {
        if self.pieces.last().is_none_or(|piece| piece.len() == PIECE) {
            if !take(PIECE * size_of::<Entry>()) {
                self.lost += 1;
                return;
            }
            self.pieces.push(Vec::with_capacity(PIECE));
        }
        if let Some(piece) = self.pieces.last_mut() {
            piece.push(entry);
        }
    }

    /// A poll has ended.
    pub(crate) fn poll(
        &mut self,
        task: u64,
        name: Option<&str>,
        place: &'static Location<'static>,
        start: Ticks,
        end: Ticks,
    ) {
        if let Some(name) = name
            && !self.names.contains_key(&task)
            && take(name.len() + NAME_BYTES)
        {
            self.names.insert(task, name.into());
        }
        self.polled = Some(end);
        self.push(Entry::Poll {
            task,
            place,
            start,
            end,
        });
    }

    /// Polls begin now, after those before and what was between.
    pub(crate) fn turn(&mut self, page: &Page, now: Ticks) {
        let next = Counted::read(page);
        let last = std::mem::replace(&mut self.counted, next);
        let enters = next.enters.wrapping_sub(last.enters);
        if let (Some(start), 1..) = (self.polled, enters) {
            self.push(Entry::Enter {
                start,
                end: now,
                enters,
                submissions: next.submissions.wrapping_sub(last.submissions),
                completions: next.completions.wrapping_sub(last.completions),
            });
        }
    }

    /// An operation was submitted.
    pub(crate) fn submitted(&mut self, meta: Meta) {
        self.push(Entry::Submitted(meta));
    }

    /// It has completed, for the first time or once more.
    pub(crate) fn completed(&mut self, meta: Meta, at: Ticks, res: i32, more: bool) {
        self.push(Entry::Completed {
            meta,
            at,
            res,
            more,
        });
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.pieces.iter().flatten()
    }

    pub(crate) fn name(&self, task: u64) -> Option<&str> {
        self.names.get(&task).map(|name| &**name)
    }

    pub(crate) fn lost(&self) -> u64 {
        self.lost
    }
}
