//! The log: what is not in it did not happen.
//!
//! Whoever changes something appends it to the batch that is being filled, and waits. One task takes the
//! batches in order, writes each and syncs it; meanwhile the next one fills. So the more there is to do,
//! the more changes share a sync. After a write or a sync that failed nobody knows what is on the disk, and
//! to try again proves nothing: the log takes nothing more. Its last batch is cut off, so that those who are
//! told that it failed do not find it there after the next start. If that fails as well they are told nothing.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;

use io2::buf::AlignedBuf;
use io2::sync::{Notify, watch};

use super::record::{Batch, Change, LogId};
use super::replay::End;
use super::storage::Storage;

/// A batch that has this many bytes is full. A change of its own may have more.
const FULL: usize = 1 << 20;

/// What the writing task has come to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Progress {
    /// The newest batch that is synced.
    pub(crate) synced: u64,
    /// A batch of which nobody knows whether it is in the log.
    pub(crate) unknown: Option<u64>,
    /// No other will be synced.
    over: bool,
}

/// The log as those see it who append to it.
#[derive(Debug)]
pub(crate) struct Log {
    /// Batches that nobody writes yet. The last one is being filled.
    waiting: RefCell<VecDeque<Batch>>,
    /// The number of the newest batch.
    newest: Cell<u64>,
    closed: Cell<bool>,
    more: Notify,
    progress: watch::Sender<Progress>,
}

impl Log {
    pub(crate) fn new(end: End) -> Log {
        let progress = Progress {
            synced: end.number,
            unknown: None,
            over: false,
        };
        Log {
            waiting: RefCell::default(),
            newest: Cell::new(end.number),
            closed: Cell::new(false),
            more: Notify::new(),
            progress: watch::Sender::new(progress),
        }
    }

    /// Adds changes to one batch, and gives its number; None if the log takes nothing any more.
    pub(crate) fn append(&self, changes: &[Change<'_>]) -> Option<u64> {
        if self.closed.get() {
            return None;
        }
        let mut waiting = self.waiting.borrow_mut();
        if waiting.back().is_none_or(|batch| batch.len() >= FULL) {
            self.newest.set(self.newest.get() + 1);
            waiting.push_back(Batch::new(self.newest.get()));
        }
        let batch = waiting.back_mut().expect("one was just made");
        for change in changes {
            batch.push(change);
        }
        self.more.notify_one();
        Some(batch.number)
    }

    /// Waits until a batch is synced or never will be.
    pub(crate) async fn wait_for(&self, batch: u64) -> Progress {
        let mut progress = self.progress.subscribe();
        let done = |progress: &Progress| progress.synced >= batch || progress.over;
        let progress = progress.wait_for(done).await;
        *progress.expect("the log has the sender")
    }

    /// The next batch to write; None when all are written and the log is closed.
    pub(crate) async fn next(&self) -> Option<Batch> {
        loop {
            let batch = self.waiting.borrow_mut().pop_front();
            if batch.is_some() || self.closed.get() {
                return batch;
            }
            self.more.notified().await;
        }
    }

    /// The batch is on the disk.
    pub(crate) fn synced(&self, batch: u64) {
        self.progress
            .send_modify(|progress| progress.synced = batch);
    }

    /// Takes nothing more from now on. What waits is still written.
    pub(crate) fn close(&self) {
        self.closed.set(true);
        self.more.notify_one();
    }

    /// Nobody knows whether the batch is on the disk.
    pub(crate) fn unknown(&self, batch: u64) {
        self.progress
            .send_modify(|progress| progress.unknown = Some(batch));
    }

    /// Nothing is written any more.
    pub(crate) fn end(&self) {
        self.closed.set(true);
        self.waiting.borrow_mut().clear();
        self.progress.send_modify(|progress| progress.over = true);
    }
}

/// A batch could not be written.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) error: io::Error,
    /// Whether it is certain that the batch is not in the log.
    pub(crate) cut: io::Result<()>,
}

/// Writes batches one behind the other.
#[derive(Debug)]
pub(crate) struct Writer<S> {
    storage: S,
    offset: u64,
    log: LogId,
}

impl<S: Storage> Writer<S> {
    pub(crate) fn new(storage: S, end: End) -> Writer<S> {
        Writer {
            storage,
            offset: end.offset,
            log: end.log,
        }
    }

    /// Writes a batch. When that has gone well it is on the disk.
    pub(crate) async fn write(&mut self, batch: &Batch) -> Result<(), Failed> {
        match self.append(batch.to_blocks(self.log)).await {
            Ok(len) => {
                self.offset += len;
                Ok(())
            }
            // What was written may be there as a whole, and would be read at the next start.
            Err(error) => Err(Failed {
                error,
                cut: self.storage.cut(self.offset).await,
            }),
        }
    }

    async fn append(&self, blocks: AlignedBuf) -> io::Result<u64> {
        let (written, blocks) = self.storage.write(blocks, self.offset).await;
        written?;
        self.storage.sync().await?;
        Ok(blocks.len() as u64)
    }
}
