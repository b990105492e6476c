//! What other threads may touch of an executor: its slot in a static table.
//!
//! A slot is never freed, so a waker or a handle that outlives its executor finds a slot with nobody
//! in it, or with another executor that does not know the key.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};

use super::inbox::Inbox;
use super::watchdog::Watch;
use crate::error;
use crate::lock::lock;
use crate::page::Page;
use crate::sys;

/// Executors that may live at the same time.
const SLOTS: usize = 1 << 12;

static TABLE: [OnceLock<Box<Slot>>; SLOTS] = [const { OnceLock::new() }; SLOTS];

/// A closure that makes and spawns a future on the executor's thread. It is called with true, or, if
/// the executor has ended, dropped.
pub(crate) type Mail = Box<dyn FnOnce() + Send>;

struct Letters {
    /// Which executor of this slot the letters are for; zero while there is none.
    incarnation: u32,
    queue: VecDeque<Mail>,
}

/// One place of the table.
pub(crate) struct Slot {
    pub(crate) index: u16,
    taken: AtomicBool,
    /// Counts the executors of this slot: sets the keys of one apart from those of the next.
    incarnation: AtomicU32,
    pub(crate) inbox: Inbox,
    /// What the executor publishes about itself.
    pub(crate) page: Page,
    /// What the watchdog knows of it.
    pub(crate) watch: Watch,
    letters: Mutex<Letters>,
    eventfd: AtomicI32,
    /// Where the kernel puts what it reads from the eventfd.
    sink: AtomicU64,
}

impl Slot {
    fn new(index: u16) -> Self {
        Slot {
            index,
            taken: AtomicBool::new(false),
            incarnation: AtomicU32::new(0),
            inbox: Inbox::new(),
            page: Page::new(),
            watch: Watch::new(),
            letters: Mutex::new(Letters {
                incarnation: 0,
                queue: VecDeque::new(),
            }),
            eventfd: AtomicI32::new(-1),
            sink: AtomicU64::new(0),
        }
    }

    fn call(&self) {
        self.inbox.call_if_asleep(|| {
            let fd = self.eventfd.load(Ordering::SeqCst);
            if fd >= 0 {
                // Still open: whoever closes it waits until no thread is in here.
                sys::ring_eventfd(fd);
            }
        });
    }

    /// Posts a closure. It comes back if that executor has ended.
    pub(crate) fn post(&self, incarnation: u32, mail: Mail) -> Result<(), Mail> {
        {
            let mut letters = lock(&self.letters);
            if letters.incarnation != incarnation {
                return Err(mail);
            }
            letters.queue.push_back(mail);
        }
        self.inbox.set_mail();
        self.call();
        Ok(())
    }

    /// Posts a closure to whichever executor is there.
    #[cfg(feature = "dashboard")]
    pub(crate) fn post_to_any(&self, mail: Mail) -> Result<(), Mail> {
        let incarnation = self.incarnation.load(Ordering::Relaxed);
        self.post(incarnation, mail)
    }

    /// The next closure, in the order in which they came.
    pub(crate) fn next_mail(&self) -> Option<Mail> {
        lock(&self.letters).queue.pop_front()
    }

    /// How many closures wait.
    pub(crate) fn mail_waiting(&self) -> usize {
        lock(&self.letters).queue.len()
    }

    /// Refuses closures from now on, and gives those that wait.
    pub(crate) fn refuse_mail(&self) -> VecDeque<Mail> {
        let mut letters = lock(&self.letters);
        letters.incarnation = 0;
        std::mem::take(&mut letters.queue)
    }
}

/// The slots that an executor has had so far.
pub(crate) fn slots() -> impl Iterator<Item = &'static Slot> {
    // They are taken from the first on, so the rest has never been used.
    TABLE.iter().map_while(OnceLock::get).map(Box::as_ref)
}

/// A slot that an executor holds; let go when this is dropped.
pub(crate) struct Seat {
    pub(crate) slot: &'static Slot,
    pub(crate) incarnation: u32,
    eventfd: OwnedFd,
}

impl Seat {
    /// Takes the first free slot.
    pub(crate) fn take() -> io::Result<Seat> {
        let eventfd = sys::eventfd().map_err(|error| error::setup(error, 0, None))?;
        for (index, place) in TABLE.iter().enumerate() {
            let slot: &'static Slot = place.get_or_init(|| Box::new(Slot::new(index as u16)));
            if !slot.taken.swap(true, Ordering::AcqRel) {
                let incarnation = match slot.incarnation.fetch_add(1, Ordering::Relaxed) {
                    u32::MAX => 1,
                    before => before + 1,
                };
                slot.eventfd.store(eventfd.as_raw_fd(), Ordering::SeqCst);
                // What came for the executor that was here before.
                slot.inbox.take_wakes(&mut Vec::new());
                slot.inbox.take_mail();
                // Only now can something come for this one.
                lock(&slot.letters).incarnation = incarnation;
                return Ok(Seat {
                    slot,
                    incarnation,
                    eventfd,
                });
            }
        }
        Err(io::Error::other(format!(
            "{SLOTS} executors run in this process already"
        )))
    }

    /// The eventfd, and the memory that reads of it go to.
    pub(crate) fn wakeup(&self) -> (RawFd, &'static AtomicU64) {
        (self.eventfd.as_raw_fd(), &self.slot.sink)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.slot.inbox.wake_up();
        // A thread that saw the executor asleep may be about to write to the eventfd: a few instructions.
        while self.slot.inbox.has_callers() {
            std::thread::yield_now();
        }
        self.slot.eventfd.store(-1, Ordering::SeqCst);
        drop(self.slot.refuse_mail());
        self.slot.taken.store(false, Ordering::Release);
    }
}

/// Wakes a task of an executor of another thread.
#[cold]
#[inline(never)]
pub(crate) fn wake(executor: u16, index: u32, generation: u32) {
    if let Some(slot) = TABLE.get(usize::from(executor)).and_then(OnceLock::get) {
        slot.inbox.push(index, generation);
        slot.call();
    }
}
