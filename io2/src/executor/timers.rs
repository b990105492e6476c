//! The timers of an executor: which waker is due when.
//!
//! A wheel of eleven levels with 64 slots each, exact to the nanosecond. `base` is a point in time
//! that no timer is before. The level of a timer is the highest six-bit digit in which its deadline
//! differs from `base`, its slot is the value of that digit: two shifts and an exclusive or,
//! however many timers there are. So all timers of a level are due before those of the levels
//! above, and within a level those of a slot before those of the slots above. A slot is a list in
//! the order of insertion; timers with the same deadline are always in the same slot, which keeps
//! them first in, first out.
//!
//! When the time of a slot with many timers has come, `base` moves into it, and its timers spread
//! over the levels below. A slot with few is searched instead. The other timers need not be
//! touched, since
//! `base` keeps its digits from that level up.
//!
//! Why not a heap: the usual timer is a timeout that never fires. To insert and remove one takes
//! the same few steps here with one timer or with a hundred thousand, also when the oldest go
//! first, which is a heap's dearest case.

use std::task::Waker;

use crate::clock::Instant;

#[cfg(test)]
mod tests;

/// Names a timer, also after it fired or was removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    index: u32,
    /// The number of the timer, never used again: an old key finds nothing.
    number: u64,
}

/// No index of a node.
const NONE: u32 = u32::MAX;

/// Bits of a digit.
const BITS: u32 = 6;
const SLOTS: usize = 1 << BITS;
/// Enough digits for 64 bits.
const LEVELS: usize = 11;

/// A slot with at most this many timers is searched; one with more is spread.
const FEW: usize = 4;

/// The timers of one executor.
#[derive(Debug)]
pub(crate) struct Timers {
    /// No timer is before this, in nanoseconds, and it is never in the future.
    base: u64,
    /// What is known about the next timer.
    next: Next,
    len: usize,
    /// The number of the next timer.
    number: u64,
    /// Bit n: level n has timers.
    levels: u32,
    /// Bit n of a level: slot n has timers.
    occupied: [u64; LEVELS],
    slots: [[Slot; SLOTS]; LEVELS],
    /// Where a timer is; small, since spreading and searching look at nothing else.
    nodes: Vec<Node>,
    /// What a timer does, under the same index.
    actions: Vec<Action>,
    /// The node that was freed last, the head of a list through `Node::next`.
    free: u32,
}

/// The next timer to fire. Wakers never run in here, so it need not be known at any price.
#[derive(Clone, Copy, Debug)]
struct Next {
    /// Its deadline; or, if `index` is NONE, a time that it is not before.
    deadline: u64,
    index: u32,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    head: u32,
    tail: u32,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    deadline: u64,
    prev: u32,
    next: u32,
}

#[derive(Debug)]
struct Action {
    /// 0 while the node is free.
    number: u64,
    waker: Option<Waker>,
}

const EMPTY: Slot = Slot {
    head: NONE,
    tail: NONE,
};
const NEVER: Next = Next {
    deadline: u64::MAX,
    index: NONE,
};

impl Default for Timers {
    fn default() -> Timers {
        Timers::new()
    }
}

impl Timers {
    /// No timers. Allocates when the first ones are inserted, and no more when there are as many
    /// as there have been before.
    pub(crate) const fn new() -> Timers {
        Timers {
            base: 0,
            next: NEVER,
            len: 0,
            number: 1,
            levels: 0,
            occupied: [0; LEVELS],
            slots: [[EMPTY; SLOTS]; LEVELS],
            nodes: Vec::new(),
            actions: Vec::new(),
            free: NONE,
        }
    }

    /// How many timers wait.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// All timers that wait, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Instant, &Waker)> {
        let all = self.nodes.iter().zip(&self.actions);
        all.filter_map(|(node, action)| {
            Some((Instant::from_nanos(node.deadline), action.waker.as_ref()?))
        })
    }

    /// A time that no timer is due before; `None` if there is none.
    ///
    /// It is the next deadline itself as long as that is known. It may be earlier when many timers
    /// are close together: then [`Timers::pop_expired`] at that time comes back with
    /// nothing, but has sorted them more finely.
    #[inline]
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        (self.len != 0).then(|| Instant::from_nanos(self.next.deadline))
    }

    /// Adds a timer. One whose deadline has passed is due at once, after those that are due
    /// already.
    ///
    /// # Panics
    ///
    /// With 2³² − 1 timers.
    pub(crate) fn insert(&mut self, deadline: Instant, waker: Waker) -> Key {
        let deadline = deadline.as_nanos().max(self.base);
        let number = self.number;
        self.number += 1;
        let node = Node {
            deadline,
            prev: NONE,
            next: NONE,
        };
        let action = Action {
            number,
            waker: Some(waker),
        };
        let index = self.free;
        let index = if let Some(free) = self.nodes.get_mut(index as usize) {
            self.free = free.next;
            *free = node;
            self.actions[index as usize] = action;
            index
        } else {
            let index = self.nodes.len();
            assert!(
                index < NONE as usize,
                "more than {NONE} timers in one executor"
            );
            self.nodes.push(node);
            self.actions.push(action);
            index as u32
        };
        self.link(index, deadline);
        self.len += 1;
        // Of timers with the same deadline the first one stays the next.
        if deadline < self.next.deadline || self.len == 1 {
            self.next = Next { deadline, index };
        }
        Key { index, number }
    }

    /// Takes a timer out that has not fired. Its waker must be dropped when nothing is borrowed.
    pub(crate) fn remove(&mut self, key: Key) -> Option<Waker> {
        self.waker(key)?;
        self.take(key.index)
    }

    /// The waker of a timer that has not fired.
    pub(crate) fn waker(&self, key: Key) -> Option<&Waker> {
        let action = self.actions.get(key.index as usize)?;
        if action.number != key.number {
            return None;
        }
        action.waker.as_ref()
    }

    /// Gives a timer that has not fired another waker, and returns the old one. If the timer is
    /// gone, the new one comes back. Both must be dropped when nothing is borrowed.
    pub(crate) fn replace_waker(&mut self, key: Key, waker: Waker) -> Result<Waker, Waker> {
        match self.actions.get_mut(key.index as usize) {
            Some(Action {
                number,
                waker: Some(old),
            }) if *number == key.number => Ok(std::mem::replace(old, waker)),
            _ => Err(waker),
        }
    }

    /// Takes out the timer that is due first, if one is due. In the order of the deadlines, and
    /// of the insertions among equal ones.
    #[inline]
    pub(crate) fn pop_expired(&mut self, now: Instant) -> Option<Waker> {
        let now = now.as_nanos();
        // Ends: every round without a timer moves those of one slot to lower levels, and in the
        // lowest one the next timer is always known.
        while self.len != 0 && self.next.deadline <= now {
            if self.next.index != NONE {
                return self.take(self.next.index);
            }
            self.spread_first(now);
        }
        None
    }

    /// Takes a live timer out and frees its node.
    fn take(&mut self, index: u32) -> Option<Waker> {
        let Node { deadline, .. } = self.nodes[index as usize];
        let emptied = self.unlink(index, deadline);
        self.nodes[index as usize].next = self.free;
        self.free = index;
        self.len -= 1;
        let action = &mut self.actions[index as usize];
        action.number = 0;
        let waker = action.waker.take();
        if index == self.next.index || (emptied && self.next.index == NONE) {
            self.find_next();
        }
        waker
    }

    /// Looks for the next timer in the first slot.
    fn find_next(&mut self) {
        let Some((level, slot)) = self.first() else {
            self.next = NEVER;
            return;
        };
        let head = self.slots[level][slot].head;
        let mut next = Next {
            deadline: self.nodes[head as usize].deadline,
            index: head,
        };
        // In the lowest level a slot is a nanosecond.
        if level > 0 {
            let mut seen = 1;
            let mut index = self.nodes[head as usize].next;
            while index != NONE {
                if seen == FEW {
                    next = Next {
                        deadline: self.start(level, slot),
                        index: NONE,
                    };
                    break;
                }
                let node = self.nodes[index as usize];
                if node.deadline < next.deadline {
                    next = Next {
                        deadline: node.deadline,
                        index,
                    };
                }
                index = node.next;
                seen += 1;
            }
        }
        self.next = next;
    }

    /// Spreads the timers of the first slot, whose time has come, over the levels below.
    fn spread_first(&mut self, now: u64) {
        let Some((level, slot)) = self.first() else {
            return;
        };
        let Slot { head, .. } = self.slots[level][slot];
        let mut first = u64::MAX;
        let mut index = head;
        while index != NONE {
            let node = self.nodes[index as usize];
            first = first.min(node.deadline);
            index = node.next;
        }
        self.clear(level, slot);
        // As far as possible, to skip levels; but a deadline between now and the first one
        // may yet be inserted.
        self.base = first.min(now);
        let mut index = head;
        while index != NONE {
            let Node { deadline, next, .. } = self.nodes[index as usize];
            self.link(index, deadline);
            index = next;
        }
        self.find_next();
    }

    /// The first slot that has timers.
    fn first(&self) -> Option<(usize, usize)> {
        if self.levels == 0 {
            return None;
        }
        let level = self.levels.trailing_zeros() as usize;
        Some((level, self.occupied[level].trailing_zeros() as usize))
    }

    /// Where timers with this deadline are.
    fn place(&self, deadline: u64) -> (usize, usize) {
        let differs = (deadline ^ self.base) | (SLOTS as u64 - 1);
        let level = (63 - differs.leading_zeros()) / BITS;
        let slot = (deadline >> (level * BITS)) as usize % SLOTS;
        (level as usize, slot)
    }

    /// When the time of a slot begins.
    fn start(&self, level: usize, slot: usize) -> u64 {
        let shift = level as u32 * BITS;
        // The digits of `base` above the level; there are none above the topmost.
        let above = self.base.checked_shr(shift + BITS).unwrap_or(0);
        let above = above.checked_shl(shift + BITS).unwrap_or(0);
        above | ((slot as u64) << shift)
    }

    /// Appends a node to its slot.
    fn link(&mut self, index: u32, deadline: u64) {
        let (level, slot) = self.place(deadline);
        let Slot { head, tail } = self.slots[level][slot];
        let node = &mut self.nodes[index as usize];
        node.prev = tail;
        node.next = NONE;
        if tail == NONE {
            self.slots[level][slot] = Slot {
                head: index,
                tail: index,
            };
            self.occupied[level] |= 1 << slot;
            self.levels |= 1 << level;
        } else {
            self.nodes[tail as usize].next = index;
            self.slots[level][slot] = Slot { head, tail: index };
        }
    }

    /// Takes a node out of its slot. True if it was the last one there.
    fn unlink(&mut self, index: u32, deadline: u64) -> bool {
        let (level, slot) = self.place(deadline);
        let Node { prev, next, .. } = self.nodes[index as usize];
        if prev == NONE && next == NONE {
            self.clear(level, slot);
            return true;
        }
        if prev == NONE {
            self.slots[level][slot].head = next;
        } else {
            self.nodes[prev as usize].next = next;
        }
        if next == NONE {
            self.slots[level][slot].tail = prev;
        } else {
            self.nodes[next as usize].prev = prev;
        }
        false
    }

    /// Marks a slot as empty.
    fn clear(&mut self, level: usize, slot: usize) {
        self.slots[level][slot] = EMPTY;
        self.occupied[level] &= !(1 << slot);
        if self.occupied[level] == 0 {
            self.levels &= !(1 << level);
        }
    }
}
