//! The driver: what is in flight, and the rings that it is in flight on.
//!
//! Three numbers describe it: entries *queued* (in the backlog or the submission queue, not yet
//! taken by the kernel), operations *in flight* (a slot each), and completions *reaped*. Nothing
//! here names an operation, wakes anybody, or drops what a user made: completions come out as
//! a list of [`Reaped`], which the executor works off when the driver is no longer borrowed.
//!
//! An entry is never lost, a cancellation included: what finds the submission queue full waits in
//! the backlog for the next enter. Order is kept, so a cancellation comes after what it cancels.

mod alarm;
mod birth;
mod cancel;
mod chores;
#[cfg(test)]
pub(crate) mod faults;
mod flow;
mod inflight;
mod polled;
#[cfg_attr(
    not(feature = "net"),
    expect(dead_code, reason = "only sockets receive into it")
)]
mod pool;
mod regions;
mod ring;
mod setup;
mod side;
#[cfg(test)]
mod tests;
mod token;

use std::any::Any;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::mem;
use std::os::fd::RawFd;
use std::rc::Rc;
use std::sync::atomic::AtomicU64;
use std::task::Waker;

use io_uring::squeue::Entry;
use io_uring::{opcode, types};

use self::alarm::Alarm;
use self::chores::Chores;
use self::inflight::{Inflight, State};
use self::polled::Polled;
use self::regions::Regions;
use self::ring::Ring;
use self::token::{Kind, Token};
use crate::clock::{self, Ticks};
use crate::config::ExecutorConfig;
use crate::page::{Meta, Page};
use crate::slab::Key;

pub(crate) use self::inflight::{Completion, Orphan, OrphanStream};
pub(crate) use self::pool::Pool;
#[cfg(feature = "net")]
pub(crate) use self::pool::{GROUP as POOL_GROUP, Seat};
pub(crate) use self::ring::{Entered, Look};
pub(crate) use self::setup::Capabilities;
pub(crate) use self::side::{SideBytes, get as side_get, put as side_put};

/// A driver that futures share with their executor. It outlives the executor as long as one of its
/// operations does, so that a result that nobody has taken yet can still be taken.
pub(crate) type Shared = Rc<RefCell<Driver>>;

/// What has to be done for a completion, once the driver is no longer borrowed.
pub(crate) enum Reaped {
    /// Somebody waits for the result.
    Wake(Waker),
    /// The same, and somebody wants to see every completion.
    WakeSeen(Waker, Box<Finished>),
    /// Nobody waits for it: the operation is to be discarded.
    Discard(Box<Discarded>),
    /// The same for one completion of a multishot operation.
    DiscardNext(Rc<dyn OrphanStream>, Box<Finished>),
    /// The kernel is done with this before the last completion.
    Settle(Box<dyn Any>),
    /// Nothing has to be done, but somebody wants to see every completion.
    Seen(Box<Finished>),
}

// They are written and read for each completion, so they are kept small: what is rare is boxed.
const _: () = assert!(size_of::<Reaped>() <= 32);

/// What nobody waits for.
pub(crate) struct Discarded {
    pub(crate) orphan: Box<dyn Orphan>,
    pub(crate) side: SideBytes,
    /// The result, which came with the first completion; that need not be the last.
    pub(crate) result: Completion,
    pub(crate) finished: Finished,
}

/// A completion, and the operation that it is of.
#[derive(Clone, Copy)]
pub(crate) struct Finished {
    pub(crate) meta: Meta,
    pub(crate) completion: Completion,
}

/// What a ring got of what it was asked for.
///
/// # Examples
///
/// ```
/// # io2::ExecutorConfig::new().ring_depth(8).run(async {
/// let ring = io2::ring_info().unwrap();
/// assert_eq!(ring.depth, 8);
/// # }).unwrap();
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RingInfo {
    /// Entries of the submission queue.
    pub depth: u32,
    /// Entries of the completion queue. More completions are kept by the kernel.
    pub completions: u32,
    /// The set-up flags that the kernel took.
    pub flags: &'static str,
    /// Whether the ring's descriptor is registered, which makes entering the kernel cheaper.
    pub registered: bool,
    /// Whether the second, polled ring has been made.
    pub polled: bool,
}

/// What the driver noticed and cannot say itself, since it is borrowed.
#[derive(Default)]
pub(crate) struct Notices {
    /// How often the submission queue was full, and completions overflowed.
    pub(crate) sq_full: u64,
    pub(crate) overflows: u64,
    /// Completions whose operation is not known: always zero, unless the kernel errs.
    pub(crate) strays: u64,
    /// A ring got a smaller completion queue than usual.
    pub(crate) short_of_memory: bool,
    /// Why there is no polled ring.
    pub(crate) polled_refused: Option<io::Error>,
}

/// The rings of one executor and everything in flight on them.
pub(crate) struct Driver {
    /// `None` after the executor has ended.
    ring: Option<Ring>,
    polled: Polled,
    /// Of the main ring.
    regions: Regions,
    /// The buffers that receives share, from the first of them on.
    pool: Option<Rc<Pool>>,
    /// How many buffers it is to have, and of how many bytes.
    #[cfg(feature = "net")]
    pool_size: (u16, u32),
    inflight: Inflight,
    /// What is to be cancelled after the reaping: cancellations that came too early, and multishot
    /// operations whose completions nobody takes.
    again: Vec<Key>,
    /// What was asked to be cancelled, the oldest first, and when. Those that have ended leave late.
    cancelling: VecDeque<(Key, Ticks)>,
    /// Entries that found the submission queue full.
    backlog: VecDeque<Entry>,
    /// Closes that nobody waits for, in flight or queued.
    closes: usize,
    chores: Chores,
    wakeup_armed: bool,
    alarm: Alarm,
    depth: u32,
    capabilities: &'static Capabilities,
    next_id: u64,
    /// What is to be said, if `noticed` is set.
    notices: Notices,
    noticed: bool,
    abandoned: bool,
    /// Where things are counted.
    page: &'static Page,
}

impl Driver {
    pub(crate) fn new(
        config: &ExecutorConfig,
        first_id: u64,
        page: &'static Page,
    ) -> io::Result<Driver> {
        let ring = Ring::new(config.ring_depth, false)?;
        let capabilities = setup::capabilities(ring.uring());
        let short_of_memory = ring.is_short();
        Ok(Driver {
            ring: Some(ring),
            polled: Polled::new(config.ring_depth),
            regions: Regions::new(),
            pool: None,
            #[cfg(feature = "net")]
            pool_size: config.pool_size(),
            inflight: Inflight::new(),
            again: Vec::new(),
            cancelling: VecDeque::new(),
            backlog: VecDeque::new(),
            closes: 0,
            chores: Chores::default(),
            wakeup_armed: false,
            alarm: Alarm::default(),
            depth: config.ring_depth,
            capabilities,
            next_id: first_id,
            notices: Notices {
                short_of_memory,
                ..Notices::default()
            },
            noticed: short_of_memory,
            abandoned: false,
            page,
        })
    }

    pub(crate) fn info(&self) -> RingInfo {
        let ring = self.ring.as_ref();
        RingInfo {
            depth: ring.map_or(self.depth, Ring::sq_entries),
            completions: ring.map_or(0, Ring::cq_entries),
            flags: ring.map_or("none", |ring| ring.rung().flags()),
            registered: ring.is_some_and(Ring::is_registered),
            polled: self.polled.is_made(),
        }
    }

    pub(crate) fn capabilities(&self) -> &'static Capabilities {
        self.capabilities
    }

    // ---- operations -------------------------------------------------------------------------

    /// Reserves a slot, and the place of its side data, and numbers the operation. Either
    /// [`submit`](Self::submit) or [`release`](Self::release) must follow.
    /// A `multishot` operation is cancelled when so many of its completions wait to be taken.
    #[inline(always)]
    pub(crate) fn reserve(
        &mut self,
        mut meta: Meta,
        multishot: Option<usize>,
        waker: Waker,
    ) -> (Key, *mut SideBytes) {
        meta.id = self.next_id;
        self.next_id += 1;
        self.inflight.reserve(meta, multishot, waker)
    }

    /// Notes when the operation of a reserved slot was submitted, and gives what is known of it.
    pub(crate) fn note_submission(&mut self, key: Key, now: Ticks) -> Option<Meta> {
        let meta = &mut self.inflight.slots.get_mut(key)?.meta;
        meta.since = Some(now);
        Some(*meta)
    }

    /// Frees a slot that was reserved and not submitted, and gives its waker back, to be dropped
    /// unborrowed.
    pub(crate) fn release(&mut self, key: Key) -> Option<Waker> {
        self.inflight.release(key)
    }

    /// Submits the entry of a reserved slot. It cannot fail: what the kernel has against the entry,
    /// it says in the completion.
    ///
    /// # Safety
    ///
    /// What the entry points to stays valid until the slot is done or its orphan is discarded.
    #[inline]
    pub(crate) unsafe fn submit(&mut self, key: Key, entry: Entry, polled: bool) {
        let token = Token::new(Kind::Operation, key);
        let entry = entry.user_data(token.as_u64());
        self.page.counters.submissions.add(1);
        if polled && self.make_polled() {
            if let Some(slot) = self.inflight.slots.get_mut(key) {
                slot.polled = true;
            }
            // SAFETY: by contract.
            unsafe { self.polled.push(entry) };
        } else {
            // SAFETY: by contract.
            unsafe { self.push(entry) };
        }
    }

    fn make_polled(&mut self) -> bool {
        let before = self.polled.is_made();
        let made = self.polled.make().unwrap_or_else(|error| {
            self.notices.polled_refused = Some(error);
            self.noticed = true;
            false
        });
        if made && !before && self.polled.is_short() {
            self.notices.short_of_memory = true;
            self.noticed = true;
        }
        made
    }

    /// What was noticed since this was called last.
    #[inline]
    pub(crate) fn take_notices(&mut self) -> Option<Notices> {
        mem::take(&mut self.noticed).then(|| mem::take(&mut self.notices))
    }

    /// Takes the completion of a slot and its side data, if the completion is there, and frees the
    /// slot.
    ///
    /// # Safety
    ///
    /// The side data of the slot is an `S`.
    #[inline]
    pub(crate) unsafe fn take<S>(&mut self, key: Key) -> Option<(Completion, S)> {
        let State::Done(completion) = self.inflight.slots.get(key)?.state else {
            return None;
        };
        // SAFETY: by contract; the slot is freed, so nobody takes it again.
        let side = unsafe { self.inflight.sides.take_as(key.index) };
        // A slot that is done owns nothing, so there is nothing to drop.
        mem::forget(self.inflight.slots.remove(key));
        Some((completion, side))
    }

    /// Takes the next completion of a multishot operation, if one is there. The last one frees the
    /// slot, and its side data is then the caller's.
    #[cfg_attr(
        not(feature = "net"),
        allow(
            dead_code,
            reason = "only sockets have operations with many completions"
        )
    )]
    pub(crate) fn next(&mut self, key: Key) -> Option<(Completion, Option<SideBytes>)> {
        let slot = self.inflight.slots.get_mut(key)?;
        let State::Streaming(stream) = &mut slot.state else {
            return None;
        };
        let completion = stream.queue.pop_front()?;
        if !stream.ended || !stream.queue.is_empty() {
            return Some((completion, None));
        }
        if let Some(slot) = self.inflight.slots.remove(key) {
            self.inflight.keep(slot.state);
        }
        Some((completion, Some(self.inflight.sides.take(key.index))))
    }

    /// The waker of a slot, taken out so that the caller can look at it unborrowed.
    pub(crate) fn take_waker(&mut self, key: Key) -> Option<Waker> {
        self.inflight.slots.get_mut(key)?.state.waker()?.take()
    }

    /// Sets who is woken by the completion, and gives back who was to be.
    pub(crate) fn set_waker(&mut self, key: Key, waker: Waker) -> Option<Waker> {
        let slot = self.inflight.slots.get_mut(key);
        match slot.and_then(|slot| slot.state.waker()) {
            Some(old) => old.replace(waker),
            None => Some(waker),
        }
    }

    /// Asks the kernel to cancel an operation. Its completion comes nevertheless.
    pub(crate) fn cancel(&mut self, key: Key) {
        if let Some(slot) = self.inflight.slots.get_mut(key)
            && slot.cancels == 0
            && !slot.polled
            && slot.state.is_in_flight()
        {
            slot.cancels = 1;
            self.cancelling.push_back((key, clock::ticks()));
            self.push_cancel(cancel::operation(key));
        }
    }

    /// Whether there may be something to [`take_stuck`](Self::take_stuck).
    #[inline]
    pub(crate) fn is_cancelling(&self) -> bool {
        !self.cancelling.is_empty()
    }

    /// The next operation that goes on though its cancellation was asked for at an `is_old` time, and
    /// when that was. Each comes once.
    pub(crate) fn take_stuck(&mut self, is_old: impl Fn(Ticks) -> bool) -> Option<(Meta, Ticks)> {
        while let Some(&(key, since)) = self.cancelling.front() {
            let slot = self.inflight.slots.get(key);
            let meta = slot.and_then(|slot| slot.state.is_in_flight().then_some(slot.meta));
            if meta.is_some() && !is_old(since) {
                return None;
            }
            self.cancelling.pop_front();
            if let Some(meta) = meta {
                return Some((meta, since));
            }
        }
        None
    }

    /// Hands an operation in flight, whose future is gone, to its slot, and cancels it. Gives back
    /// the waker, to be dropped unborrowed.
    pub(crate) fn orphan(&mut self, key: Key, orphan: Box<dyn Orphan>) -> Option<Waker> {
        let slot = self.inflight.slots.get_mut(key)?;
        debug_assert!(matches!(slot.state, State::Waiting(_)));
        let state = std::mem::replace(&mut slot.state, State::Orphaned(orphan));
        self.cancel(key);
        match state {
            State::Waiting(waker) => waker,
            _ => None,
        }
    }

    /// The same for a multishot operation. Completions that wait in the slot must have been taken, and
    /// the last one not have been among them.
    #[cfg_attr(
        not(feature = "net"),
        allow(
            dead_code,
            reason = "only sockets have operations with many completions"
        )
    )]
    pub(crate) fn orphan_stream(
        &mut self,
        key: Key,
        orphan: Rc<dyn OrphanStream>,
    ) -> Option<Waker> {
        let slot = self.inflight.slots.get_mut(key)?;
        let mut state = std::mem::replace(&mut slot.state, State::OrphanedStream(orphan));
        self.cancel(key);
        let waker = state.waker().and_then(Option::take);
        self.inflight.keep(state);
        waker
    }

    /// Whether an operation has its result, though not its last completion.
    pub(crate) fn is_settled(&self, key: Key) -> bool {
        let slot = self.inflight.slots.get(key);
        slot.is_some_and(|slot| slot.first.is_some())
    }

    /// What is known of an operation in flight.
    pub(crate) fn meta(&self, key: Key) -> Option<Meta> {
        Some(self.inflight.slots.get(key)?.meta)
    }

    /// What is in flight, for reports.
    pub(crate) fn in_flight(&self) -> impl Iterator<Item = &Meta> {
        let slots = self.inflight.slots.iter();
        slots
            .filter(|(_, slot)| slot.state.is_in_flight())
            .map(|(_, slot)| &slot.meta)
    }

    /// All slots that are not free, for reports: what is in flight, and what is done and not taken.
    #[cfg(feature = "macros")]
    pub(crate) fn left(&self) -> impl Iterator<Item = &Meta> {
        self.inflight.slots.iter().map(|(_, slot)| &slot.meta)
    }

    /// How many operations the kernel has not finished.
    pub(crate) fn pending(&self) -> usize {
        self.inflight.pending
    }

    // ---- registered memory --------------------------------------------------------------------

    /// Lets the main ring map memory for operations on registered buffers, and returns the number
    /// that they name it by. The memory must stay what it is until it is taken back.
    pub(crate) fn add_region(&mut self, base: *mut u8, len: usize) -> io::Result<u16> {
        match &self.ring {
            Some(ring) if !ring.is_forked() => self.regions.add(ring, base, len),
            _ => Err(io::Error::other(
                "the executor has ended, or is that of the process that this one was forked from",
            )),
        }
    }

    /// Takes memory back. With the ring all of it is taken back.
    pub(crate) fn remove_region(&mut self, number: u16) {
        if let Some(ring) = self.ring.as_ref().filter(|ring| !ring.is_forked()) {
            self.regions.remove(ring, number);
        }
    }

    /// The pool of buffers that receives share; it is made when it is asked for first. Then it also tells
    /// why the kernel would not take buffers out of it by itself, if it would not.
    #[cfg(feature = "net")]
    pub(crate) fn pool(&mut self) -> io::Result<(Rc<Pool>, Option<io::Error>)> {
        if let Some(pool) = &self.pool {
            return Ok((pool.clone(), None));
        }
        let Some(ring) = &self.ring else {
            return Err(io::Error::other("the executor has ended"));
        };
        let (count, bytes) = self.pool_size;
        let pool = Rc::new(Pool::new(count, bytes)?);
        let refused = if self.capabilities.has_multishot_receives() {
            ring.register_pool(&pool).err()
        } else {
            None
        };
        self.pool = Some(pool.clone());
        Ok((pool, refused))
    }

    /// Whether this is the pool of this driver's ring.
    #[cfg(feature = "net")]
    pub(crate) fn is_pool(&self, pool: &Rc<Pool>) -> bool {
        let own = self.pool.as_ref();
        own.is_some_and(|own| Rc::ptr_eq(own, pool))
    }

    // ---- closes and wakes -------------------------------------------------------------------

    /// Closes a descriptor that no operation uses any more. False if the ring is gone: the caller
    /// then closes it.
    pub(crate) fn close(&mut self, fd: RawFd) -> bool {
        if self.ring.as_ref().is_none_or(Ring::is_forked) {
            return false;
        }
        self.closes += 1;
        let entry = opcode::Close::new(types::Fd(fd)).build();
        // Its slot is not one of the driver's, but the descriptor: it tells closes apart.
        let key = Key {
            index: fd as u32,
            generation: 0,
        };
        let token = Token::new(Kind::Close, key);
        // SAFETY: the entry points to nothing.
        unsafe { self.push_chore(entry.user_data(token.as_u64()), "close", fd) };
        true
    }

    /// Lets a wake of another thread, which writes to `eventfd`, end the next wait.
    pub(crate) fn arm_wakeup(&mut self, eventfd: RawFd, sink: &'static AtomicU64) {
        if !self.wakeup_armed && self.ring.is_some() {
            self.wakeup_armed = true;
            let entry = opcode::Read::new(types::Fd(eventfd), sink.as_ptr().cast(), 8).build();
            let token = Token::bare(Kind::Wakeup);
            // SAFETY: the sink is static.
            unsafe { self.push_chore(entry.user_data(token.as_u64()), "wakeup", eventfd) };
        }
    }

    /// Whether anything is left that `run` has to wait for.
    pub(crate) fn is_drained(&self) -> bool {
        let own = self.closes > 0 || self.wakeup_armed || self.alarm.is_set;
        self.inflight.pending == 0 && !own
    }

    /// Cancels everything in flight, the wait for wakes included. To be called again and again while
    /// the executor drains: a cancellation may come too early.
    pub(crate) fn cancel_all(&mut self) {
        let slots = self.inflight.slots.iter();
        let pending = slots.filter(|(_, slot)| !slot.polled && slot.state.is_in_flight());
        let keys: Vec<Key> = pending.map(|(key, _)| key).collect();
        for key in keys {
            if let Some(slot) = self.inflight.slots.get_mut(key) {
                if slot.cancels == 0 {
                    self.cancelling.push_back((key, clock::ticks()));
                }
                slot.cancels = 1;
            }
            self.push_cancel(cancel::operation(key));
        }
        if self.wakeup_armed {
            self.push_cancel(cancel::wakeup());
        }
        if self.alarm.is_set {
            self.push_cancel(cancel::alarm());
        }
    }

    // ---- the end ----------------------------------------------------------------------------

    /// Closes the rings. Results that nobody has taken stay.
    pub(crate) fn shut(&mut self) {
        if let (Some(ring), Some(pool)) = (&self.ring, self.pool.take()) {
            // While anything is in flight the kernel may still take buffers.
            if !self.abandoned {
                ring.unregister_pool(&pool);
            }
        }
        self.ring = None;
        self.polled.shut();
        self.backlog.clear();
    }

    /// Whether the rings are there.
    pub(crate) fn is_open(&self) -> bool {
        self.ring.is_some()
    }

    /// Says that the kernel may still use what is in flight: from now on it is nobody's.
    pub(crate) fn abandon(&mut self) {
        self.abandoned = true;
    }

    /// Whether operations that are still in flight will never complete.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.abandoned
    }
}
