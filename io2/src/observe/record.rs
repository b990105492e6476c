//! Recordings: what all executors did for a while, one thing after the other.
//!
//! Each executor writes on a tape of its own, and only where it measures what it does since somebody
//! watches: while nobody does, none of this is reached. A tape is locked for as long as one entry
//! takes, so that an executor that is stuck does not keep the recording from its end.

mod perfetto;
mod proto;
mod tape;

#[cfg(test)]
mod tests;

use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

pub(crate) use self::tape::Tape;
use crate::clock::{self, Instant, Ticks};
use crate::executor::remote;
use crate::lock::lock;
use crate::page::{Page, Poll, Watching};
use crate::trace::Overrun;

/// What all tapes together may take.
const BYTES_MAX: usize = 64 << 20;

/// Overruns are kept apart, with their stacks.
const OVERRUNS_MAX: usize = 10_000;

/// The number of the recording that runs, or 0.
static SESSION: AtomicU64 = AtomicU64::new(0);

/// How many bytes tapes may still take.
static BYTES_LEFT: AtomicUsize = AtomicUsize::new(0);

static SHELF: Mutex<Shelf> = Mutex::new(Shelf {
    sessions: 0,
    ended: Vec::new(),
    overruns: Vec::new(),
    overruns_lost: 0,
});

/// What is there beside the tapes of the executors that are alive.
struct Shelf {
    sessions: u64,
    /// Tapes of executors that ended meanwhile.
    ended: Vec<Tape>,
    overruns: Vec<Overrun>,
    overruns_lost: u64,
}

/// Takes bytes from what is left. False if that is not enough.
fn take(bytes: usize) -> bool {
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
pub(crate) fn executor_ends(page: &Page) {
    let mut place = lock(&page.tape);
    let session = SESSION.load(Ordering::Relaxed);
    if let Some(tape) = place.take()
        && tape.session == session
    {
        // While the tape is locked, so that who ends the recording finds it here or there.
        lock(&SHELF).ended.push(*tape);
    }
}

/// Notes an overrun; what was known of the same poll before is replaced.
pub(crate) fn overrun(overrun: &Overrun) {
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

/// The same moment on both clocks.
#[derive(Clone, Copy)]
struct Moment {
    ticks: Ticks,
    at: Instant,
}

impl Moment {
    fn now() -> Moment {
        // The thread may be interrupted between the two clocks: the shortest of a few tries counts.
        let tries = (0..8).map(|_| {
            let before = clock::ticks();
            let at = clock::now();
            let took = clock::ticks().since(before);
            let ticks = Ticks(before.0 + took / 2);
            (took, Moment { ticks, at })
        });
        let best = tries.min_by_key(|(took, _)| *took);
        best.expect("there were tries").1
    }
}

/// Records what all executors of the process do for so long: each poll of a task, each operation from its submission to
/// its completion, each call into the kernel, and overruns. It blocks the calling thread, so it is for a thread that
/// runs no executor; on one that does, [`Recorder`] is the way, or [`spawn_blocking`](crate::spawn_blocking()).
///
/// # Errors
///
/// `ResourceBusy` while there is another recording.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// # io2::ExecutorConfig::new().run(async {
/// # let dir = std::env::temp_dir().join(format!("io2-doc-record-{}", std::process::id()));
/// # std::fs::create_dir_all(&dir)?;
/// # let path = dir.join("trace.perfetto");
/// io2::spawn_blocking(move || {
///     let recording = io2::observe::record(Duration::from_millis(10))?;
///     // To be opened in https://ui.perfetto.dev.
///     recording.save(&path)
/// })
/// .await?;
/// # std::fs::remove_dir_all(&dir)?;
/// # std::io::Result::Ok(())
/// # }).unwrap().unwrap();
/// ```
pub fn record(duration: Duration) -> io::Result<Recording> {
    let recorder = Recorder::start()?;
    std::thread::sleep(duration);
    Ok(recorder.stop())
}

/// A recording that runs: of all executors of the process, until it is stopped. It may be started and stopped
/// by any thread. While it runs, the executors take about 100 ns more for each poll and each operation.
///
/// Executors keep 64 MiB in all, which is about 800,000 entries. What comes later is only counted.
///
/// # Examples
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// let recorder = io2::observe::Recorder::start()?;
/// io2::spawn(async { io2::fs::read("/dev/null").await }).await?;
/// let recording = recorder.stop();
///
/// let mut trace = Vec::new();
/// recording.write_to(&mut trace)?;
/// assert!(!trace.is_empty());
/// assert_eq!(recording.lost(), 0);
/// # std::io::Result::Ok(())
/// # }).unwrap().unwrap();
/// ```
#[must_use = "it stops when it is dropped"]
pub struct Recorder {
    start: Moment,
    clock: SystemTime,
    session: u64,
    _watching: Watching,
}

impl Recorder {
    /// Starts to record.
    ///
    /// # Errors
    ///
    /// `ResourceBusy` while there is another recording.
    pub fn start() -> io::Result<Recorder> {
        Recorder::with_limit(BYTES_MAX)
    }

    fn with_limit(bytes: usize) -> io::Result<Recorder> {
        let mut shelf = lock(&SHELF);
        if SESSION.load(Ordering::Relaxed) != 0 {
            let kind = io::ErrorKind::ResourceBusy;
            return Err(io::Error::new(kind, "there is a recording already"));
        }
        shelf.sessions += 1;
        BYTES_LEFT.store(bytes, Ordering::Relaxed);
        SESSION.store(shelf.sessions, Ordering::Relaxed);
        Ok(Recorder {
            start: Moment::now(),
            clock: SystemTime::now(),
            session: shelf.sessions,
            _watching: Watching::begin(),
        })
    }

    /// Ends the recording. It waits for no executor.
    pub fn stop(self) -> Recording {
        self.end()
    }

    fn end(&self) -> Recording {
        let end = Moment::now();
        SESSION.store(0, Ordering::Relaxed);
        let mut tapes = Vec::new();
        for slot in remote::slots() {
            let tape = lock(&slot.page.tape).take();
            let tape = tape.filter(|tape| tape.session == self.session);
            let about = slot.page.about().filter(|about| !about.hidden);
            // One that did nothing has no tape, and may be in a poll from before.
            let tape = match (tape, about) {
                (Some(tape), _) => *tape,
                (None, Some(about)) => Tape::new(self.session, about, &slot.page),
                (None, None) => continue,
            };
            // It was taken before: a poll that is on it runs no more.
            let running = slot.page.running.get();
            let running = running.filter(|poll| poll.start < end.ticks);
            tapes.push((tape, running));
        }
        let mut shelf = lock(&SHELF);
        let ended = std::mem::take(&mut shelf.ended).into_iter();
        tapes.extend(ended.map(|tape| (tape, None)));
        tapes.sort_by_key(|(tape, _)| tape.about.rt);
        Recording {
            start: self.start,
            clock: self.clock,
            end,
            tapes,
            overruns: std::mem::take(&mut shelf.overruns),
            overruns_lost: std::mem::take(&mut shelf.overruns_lost),
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        // Not if it was stopped, and not the next one's.
        if SESSION.load(Ordering::Relaxed) == self.session {
            drop(self.end());
        }
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").finish_non_exhaustive()
    }
}

/// What was recorded.
///
/// An example is at [`Recorder`].
pub struct Recording {
    start: Moment,
    /// The time of day at the start.
    clock: SystemTime,
    end: Moment,
    /// Of each executor, with the poll that ran at the end.
    tapes: Vec<(Tape, Option<Poll>)>,
    overruns: Vec<Overrun>,
    overruns_lost: u64,
}

impl Recording {
    /// How long it took.
    #[must_use]
    pub fn duration(&self) -> Duration {
        self.end.at - self.start.at
    }

    /// How many entries found no more room. The trace says so, too.
    #[must_use]
    pub fn lost(&self) -> u64 {
        let lost = self.tapes.iter().map(|(tape, _)| tape.lost());
        lost.sum::<u64>() + self.overruns_lost
    }

    /// Writes it as a trace that <https://ui.perfetto.dev> opens.
    ///
    /// Each executor is a thread there, with its polls, named after tasks, and calls into the kernel; below it are
    /// its operations and overruns. Arrows lead from the submission of an operation to its completion and on to the
    /// poll that the completion led to. Operations that were submitted before are known only from their completion on, if at all.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn write_to(&self, out: impl Write) -> io::Result<()> {
        perfetto::write(self, out)
    }

    /// Writes it to a file, which is replaced if it is there.
    ///
    /// # Errors
    ///
    /// Those of [`File::create`] and of writing.
    pub fn save(&self, path: impl AsRef<Path>) -> io::Result<()> {
        self.write_to(File::create(path)?)
    }
}

impl fmt::Debug for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recording")
            .field("duration", &self.duration())
            .field("executors", &self.tapes.len())
            .field("overruns", &self.overruns.len())
            .field("lost", &self.lost())
            .finish()
    }
}
