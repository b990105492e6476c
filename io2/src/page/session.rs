//! The recording that runs, of all executors of the process: it is begun and ended by
//! [`observe::record`](crate::observe::record()).
//!
//! Each executor writes on a tape of its own, and only where it measures what it does since somebody
//! watches: while nobody does, none of this is reached. A tape is locked for as long as one entry
//! takes, so that an executor that is stuck does not keep the recording from its end.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::{Page, Poll, Tape};
use crate::clock::Ticks;
use crate::lock::lock;
use crate::trace::Overrun;

/// Overruns are kept apart, with their stacks.
const OVERRUNS_MAX: usize = 10_000;

/// The number of the recording that runs, or 0.
static SESSION: AtomicU64 = AtomicU64::new(0);

/// How many bytes tapes may still take.
static BYTES_LEFT: AtomicUsize = AtomicUsize::new(0);

static SHELF: Mutex<Shelf> = Mutex::new(Shelf {
    sessions: 0,
    current: 0,
    ended: Vec::new(),
    overruns: Vec::new(),
    overruns_lost: 0,
});

/// What is there beside the tapes of the executors that are alive.
struct Shelf {
    sessions: u64,
    /// The recording that runs, or is being ended: no other begins before it is whole.
    current: u64,
    /// Tapes of executors that ended meanwhile.
    ended: Vec<Tape>,
    overruns: Vec<Overrun>,
    overruns_lost: u64,
}

/// Takes bytes from what is left. False if that is not enough.
pub(super) fn take(bytes: usize) -> bool {
    let less = |left: usize| left.checked_sub(bytes);
    let taken = BYTES_LEFT.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    taken.is_ok()
}

/// Lets the calling thread's executor, whose page that is, write on its tape, if there is a recording.
#[cold]
pub(crate) fn on_tape(page: &Page, write: impl FnOnce(&mut Tape)) {
    if SESSION.load(Ordering::Relaxed) == 0 {
        return;
    }
    let mut place = lock(&page.tape);
    // Looked at again: who ends a recording takes the tape afterwards, and takes it once.
    let session = SESSION.load(Ordering::Relaxed);
    if session == 0 {
        return;
    }
    if place.as_ref().is_none_or(|tape| tape.session != session) {
        let Some(about) = page.about().filter(|about| !about.hidden) else {
            return;
        };
        *place = Some(Box::new(Tape::new(session, about, page)));
    }
    if let Some(tape) = &mut *place {
        write(tape);
    }
}

/// An executor ends: its tape is kept.
pub(super) fn executor_ends(page: &Page) {
    let mut place = lock(&page.tape);
    if let Some(tape) = place.take() {
        // While the tape is locked, so that who ends the recording finds it here or there.
        let mut shelf = lock(&SHELF);
        if tape.session == shelf.current {
            shelf.ended.push(*tape);
        }
    }
}

/// Notes an overrun, where there is a recording; what was known of the same poll before is replaced.
pub(crate) fn note_overrun(overrun: &Overrun) {
    if SESSION.load(Ordering::Relaxed) == 0 {
        return;
    }
    let mut shelf = lock(&SHELF);
    if SESSION.load(Ordering::Relaxed) == 0 {
        return;
    }
    let same = |old: &Overrun| (old.rt, old.poll) == (overrun.rt, overrun.poll);
    if let Some(at) = shelf.overruns.iter().rposition(same) {
        if overrun.ended || !shelf.overruns[at].ended {
            shelf.overruns[at] = overrun.clone();
        }
    } else if shelf.overruns.len() < OVERRUNS_MAX {
        shelf.overruns.push(overrun.clone());
    } else {
        shelf.overruns_lost += 1;
    }
}

/// Begins a recording whose tapes may take so many bytes together, and gives its number; `None` while there is
/// another one.
pub(crate) fn begin(bytes: usize) -> Option<u64> {
    let mut shelf = lock(&SHELF);
    if shelf.current != 0 {
        return None;
    }
    shelf.sessions += 1;
    shelf.current = shelf.sessions;
    BYTES_LEFT.store(bytes, Ordering::Relaxed);
    SESSION.store(shelf.sessions, Ordering::Relaxed);
    Some(shelf.sessions)
}

/// Whether that is the recording that runs.
pub(crate) fn is_running(session: u64) -> bool {
    SESSION.load(Ordering::Relaxed) == session
}

/// What a recording has.
pub(crate) struct Recorded {
    /// Of each executor, with the poll that ran at the end.
    pub(crate) tapes: Vec<(Tape, Option<Poll>)>,
    pub(crate) overruns: Vec<Overrun>,
    /// How many more there were.
    pub(crate) overruns_lost: u64,
}

/// Ends a recording, at that time; the pages are those of all executors. It waits for none of them.
pub(crate) fn end(
    session: u64,
    end: Ticks,
    pages: impl Iterator<Item = &'static Page>,
) -> Recorded {
    SESSION.store(0, Ordering::Relaxed);
    let mut tapes = Vec::new();
    for page in pages {
        let tape = lock(&page.tape).take();
        let tape = tape.filter(|tape| tape.session == session);
        let about = page.about().filter(|about| !about.hidden);
        // One that did nothing has no tape, and may be in a poll from before.
        let tape = match (tape, about) {
            (Some(tape), _) => *tape,
            (None, Some(about)) => Tape::new(session, about, page),
            (None, None) => continue,
        };
        // It was taken before: a poll that is on it runs no more.
        let running = page.running.get().filter(|poll| poll.start < end);
        tapes.push((tape, running));
    }
    let mut shelf = lock(&SHELF);
    shelf.current = 0;
    let ended = std::mem::take(&mut shelf.ended).into_iter();
    tapes.extend(ended.map(|tape| (tape, None)));
    tapes.sort_by_key(|(tape, _)| tape.about.rt);
    Recorded {
        tapes,
        overruns: std::mem::take(&mut shelf.overruns),
        overruns_lost: std::mem::take(&mut shelf.overruns_lost),
    }
}
