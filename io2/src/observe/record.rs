//! Recordings: what all executors did for a while, one thing after the other.
//! What they write on is in `page`; this begins it, ends it and writes it down as a trace.

mod perfetto;
mod proto;

#[cfg(test)]
mod tests;

use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::clock::{self, Instant, Ticks};
use crate::executor::remote;
use crate::page::{Recorded, Watching, session};

/// What all tapes together may take.
const BYTES_MAX: usize = 64 << 20;

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
        let Some(session) = session::begin(bytes) else {
            let kind = io::ErrorKind::ResourceBusy;
            return Err(io::Error::new(kind, "there is a recording already"));
        };
        Ok(Recorder {
            start: Moment::now(),
            clock: SystemTime::now(),
            session,
            _watching: Watching::begin(),
        })
    }

    /// Ends the recording. It waits for no executor.
    pub fn stop(self) -> Recording {
        self.end()
    }

    fn end(&self) -> Recording {
        let end = Moment::now();
        let pages = remote::slots().map(|slot| &slot.page);
        Recording {
            start: self.start,
            clock: self.clock,
            end,
            recorded: session::end(self.session, end.ticks, pages),
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        // Not if it was stopped, and not the next one's.
        if session::is_running(self.session) {
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
    recorded: Recorded,
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
        let lost = self.recorded.tapes.iter().map(|(tape, _)| tape.lost());
        lost.sum::<u64>() + self.recorded.overruns_lost
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
            .field("executors", &self.recorded.tapes.len())
            .field("overruns", &self.recorded.overruns.len())
            .field("lost", &self.lost())
            .finish()
    }
}
