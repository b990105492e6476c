//! The slots of the operations in flight: the owner of whatever the kernel may touch.
//!
//! | slot | entered by | left by |
//! |---|---|---|
//! | waiting | the future reserves it | the last completion, or the future is dropped |
//! | orphaned | the future is dropped; the slot takes the operation | the last completion: discarded |
//! | done | the last completion | the future takes the result: freed |
//! | streaming | like waiting, for a multishot | the future takes the last completion, or is dropped |
//! | orphaned stream | the future of a multishot is dropped | the last completion |
//!
//! Nothing else frees a slot. A key whose slot was freed finds nothing.

use std::any::Any;
use std::collections::VecDeque;
use std::io;
use std::rc::Rc;
use std::task::Waker;

use io_uring::cqueue;

use super::side::{SideBytes, Sides};
use super::token::{GENERATION_BITS, INDEX_BITS};
use crate::page::Meta;
use crate::slab::{Key, Slab};

/// An operation whose future is gone.
pub(crate) trait Orphan {
    /// Gives away what the kernel is done with after the first completion, if that is not the last.
    fn settle(&mut self) -> Option<Box<dyn Any>>;

    /// Disposes of the result, and frees what the operation owned.
    fn discard(self: Box<Self>, side: SideBytes, result: io::Result<u32>);
}

/// A completion, as the kernel put it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Completion {
    pub(crate) res: i32,
    pub(crate) flags: u32,
}

impl Completion {
    /// Whether further completions of the same entry follow.
    pub(crate) fn has_more(self) -> bool {
        cqueue::more(self.flags)
    }

    /// The number of the buffer that the kernel took from the pool for it.
    pub(crate) fn buffer(self) -> Option<u16> {
        cqueue::buffer_select(self.flags)
    }

    /// The result, as the system call that does the same would give it.
    pub(crate) fn result(self) -> io::Result<u32> {
        u32::try_from(self.res).map_err(|_| io::Error::from_raw_os_error(self.res.wrapping_neg()))
    }
}

/// A multishot operation whose future is gone. Shared, since its completions are worked off
/// when the driver is no longer borrowed, while the slot still owns it.
pub(crate) trait OrphanStream {
    /// Disposes of one completion.
    fn discard(&self, completion: Completion);
}

/// The completions of a multishot operation that its future has not taken yet.
#[derive(Default)]
pub(super) struct Stream {
    pub(super) waker: Option<Waker>,
    pub(super) queue: VecDeque<Completion>,
    /// The last one is in the queue.
    pub(super) ended: bool,
    /// So many in the queue are enough.
    limit: usize,
}

impl Stream {
    pub(super) fn is_full(&self) -> bool {
        self.queue.len() >= self.limit
    }
}

pub(super) enum State {
    Waiting(Option<Waker>),
    Orphaned(Box<dyn Orphan>),
    Done(Completion),
    Streaming(Box<Stream>),
    #[cfg_attr(
        not(feature = "net"),
        allow(
            dead_code,
            reason = "only sockets have operations with many completions"
        )
    )]
    OrphanedStream(Rc<dyn OrphanStream>),
}

impl State {
    /// Whether the kernel has not finished with the slot.
    pub(super) fn is_in_flight(&self) -> bool {
        match self {
            State::Waiting(_) | State::Orphaned(_) | State::OrphanedStream(_) => true,
            State::Streaming(stream) => !stream.ended,
            State::Done(_) => false,
        }
    }

    /// Who is woken by the next completion.
    pub(super) fn waker(&mut self) -> Option<&mut Option<Waker>> {
        match self {
            State::Waiting(waker) => Some(waker),
            State::Streaming(stream) => Some(&mut stream.waker),
            _ => None,
        }
    }
}

pub(super) struct Slot {
    pub(super) state: State,
    pub(super) meta: Meta,
    /// It was pushed to the polled ring, which cannot cancel.
    pub(super) polled: bool,
    /// How often its cancellation was tried.
    pub(super) cancels: u8,
    /// The first of several completions: its result counts.
    pub(super) first: Option<Completion>,
}

/// All slots.
pub(super) struct Inflight {
    pub(super) slots: Slab<Slot>,
    pub(super) sides: Sides,
    /// Slots that the kernel has not finished with.
    pub(super) pending: usize,
    /// Empty streams, for their memory.
    #[expect(
        clippy::vec_box,
        reason = "a slot holds the box, which is what is kept"
    )]
    spare: Vec<Box<Stream>>,
}

/// How many streams are kept for their memory.
const MAX_SPARE: usize = 64;

impl Inflight {
    pub(super) fn new() -> Self {
        Inflight {
            slots: Slab::new(GENERATION_BITS, INDEX_BITS),
            sides: Sides::new(),
            pending: 0,
            spare: Vec::new(),
        }
    }

    /// Makes a slot, which counts as in flight from now on. Within its caller, so that it is made where it stays.
    #[inline(always)]
    pub(super) fn reserve(
        &mut self,
        meta: Meta,
        multishot: Option<usize>,
        waker: Waker,
    ) -> (Key, *mut SideBytes) {
        let waker = Some(waker);
        let state = match multishot {
            None => State::Waiting(waker),
            Some(limit) => self.stream(limit, waker),
        };
        let key = self.slots.insert(Slot {
            state,
            meta,
            polled: false,
            cancels: 0,
            first: None,
        });
        self.pending += 1;
        (key, self.sides.place(key.index))
    }

    #[cold]
    fn stream(&mut self, limit: usize, waker: Option<Waker>) -> State {
        let mut stream = self.spare.pop().unwrap_or_default();
        (stream.waker, stream.ended, stream.limit) = (waker, false, limit);
        State::Streaming(stream)
    }

    /// Keeps the memory of a stream that is over. Its waker must have been taken out.
    #[cfg_attr(
        not(feature = "net"),
        allow(
            dead_code,
            reason = "only sockets have operations with many completions"
        )
    )]
    pub(super) fn keep(&mut self, state: State) {
        match state {
            State::Streaming(stream) if self.spare.len() < MAX_SPARE => {
                debug_assert!(stream.waker.is_none() && stream.queue.is_empty());
                self.spare.push(stream);
            }
            _ => {}
        }
    }

    /// Frees a slot whose entry was never pushed, and gives its waker back, to be dropped unborrowed.
    pub(super) fn release(&mut self, key: Key) -> Option<Waker> {
        let mut slot = self.slots.remove(key)?;
        self.pending -= 1;
        slot.state.waker()?.take()
    }
}

impl Drop for Inflight {
    fn drop(&mut self) {
        if self.pending > 0 {
            // The kernel may still write: what it may write to stays.
            std::mem::forget(std::mem::replace(&mut self.sides, Sides::new()));
            std::mem::forget(std::mem::replace(
                &mut self.slots,
                Slab::new(GENERATION_BITS, INDEX_BITS),
            ));
        }
    }
}
