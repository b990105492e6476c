//! Wakers: two words, the vtable and a packed key. Cloning copies them, dropping does nothing.

#[cfg(not(target_pointer_width = "64"))]
compile_error!("io2 packs a task's key into a pointer: it needs a 64-bit target");

use std::ptr;
use std::task::{RawWaker, RawWakerVTable, Waker};

use super::context::{self, POLL};
use super::remote;
use crate::slab::Key;

/// How many bits of a key hold a task's index.
pub(crate) const INDEX_BITS: u32 = 28;
/// How many bits of a key hold a task's generation.
pub(crate) const GENERATION_BITS: u32 = 24;

/// The index of the future that `run` was called with: it is in no slab.
pub(crate) const ROOT: u32 = (1 << INDEX_BITS) - 1;

/// Which task of which executor: 12 bits, 28 bits and 24 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TaskKey {
    pub(crate) executor: u16,
    pub(crate) task: Key,
}

impl TaskKey {
    fn pack(self) -> u64 {
        u64::from(self.executor) << (INDEX_BITS + GENERATION_BITS)
            | u64::from(self.task.index) << GENERATION_BITS
            | u64::from(self.task.generation)
    }

    fn unpack(packed: u64) -> Self {
        TaskKey {
            executor: (packed >> (INDEX_BITS + GENERATION_BITS)) as u16,
            task: Key {
                index: (packed >> GENERATION_BITS) as u32 & ((1 << INDEX_BITS) - 1),
                generation: packed as u32 & ((1 << GENERATION_BITS) - 1),
            },
        }
    }

    /// The waker that wakes this task, from any thread and at any time.
    pub(crate) fn waker(self) -> Waker {
        // SAFETY: the functions of the vtable take a packed key for what it is, a number; none of
        // them follows it as a pointer, so they may be called on any thread and at any time.
        unsafe { Waker::from_raw(raw(self.pack())) }
    }

    fn wake(self) {
        let TaskKey { executor, task } = self;
        let here = context::with(|current| {
            let here = current.slot_index() == executor;
            if here {
                current.wake(task);
            }
            here
        });
        if here != Some(true) {
            remote::wake(executor, task.index, task.generation);
        }
    }
}

#[cfg(not(feature = "console"))]
const VTABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake, |_| {});

#[cfg(feature = "console")]
const VTABLE: RawWakerVTable = told::VTABLE;

static TABLE: RawWakerVTable = VTABLE;

fn raw(packed: u64) -> RawWaker {
    RawWaker::new(ptr::without_provenance(packed as usize), &TABLE)
}

fn clone(data: *const ()) -> RawWaker {
    raw(data.addr() as u64)
}

fn wake(data: *const ()) {
    let packed = data.addr() as u64;
    if !POLL.with(|poll| poll.wake(packed)) {
        TaskKey::unpack(packed).wake();
    }
}

/// The same functions, each of which first tells who listens.
#[cfg(feature = "console")]
mod told {
    use super::{RawWakerVTable, TaskKey, clone, context, wake};
    use crate::trace::{self, WakerOp};

    pub(super) const VTABLE: RawWakerVTable = RawWakerVTable::new(
        |data| {
            tell(data, WakerOp::Clone);
            clone(data)
        },
        |data| {
            tell(data, WakerOp::Wake);
            wake(data);
        },
        |data| {
            tell(data, WakerOp::WakeByRef);
            wake(data);
        },
        |data| tell(data, WakerOp::Drop),
    );

    #[inline]
    fn tell(data: *const (), op: WakerOp) {
        if trace::on() {
            tell_seen(TaskKey::unpack(data.addr() as u64), op);
        }
    }

    /// Only on the task's own thread: elsewhere nobody may look for the number of its span.
    #[cold]
    #[inline(never)]
    fn tell_seen(key: TaskKey, op: WakerOp) {
        let span = context::with(|current| {
            let here = current.slot_index() == key.executor;
            here.then(|| current.span_of(key.task)).flatten()
        });
        // The context is free again: the subscriber may do with it what it wants.
        if let Some(span) = span.flatten() {
            trace::waker(span, op);
        }
    }
}

/// The packed key of a waker of a task of io2's.
#[inline]
pub(super) fn packed(waker: &Waker) -> u64 {
    waker.data().addr() as u64
}

/// The task that a waker wakes, if it is one of a task of io2's.
pub(crate) fn key_of(waker: &Waker) -> Option<TaskKey> {
    let ours = ptr::eq(waker.vtable(), &raw const TABLE);
    ours.then(|| TaskKey::unpack(waker.data().addr() as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_comes_apart_into_what_it_was_made_of() {
        for executor in [0, 1, 4095] {
            for index in [0, 1, ROOT] {
                for generation in [0, 1, (1 << GENERATION_BITS) - 1] {
                    let key = TaskKey {
                        executor,
                        task: Key { index, generation },
                    };
                    assert_eq!(TaskKey::unpack(key.pack()), key);
                }
            }
        }
    }

    #[test]
    fn a_waker_is_two_words_and_equal_to_its_clone() {
        assert_eq!(size_of::<Waker>(), 16);
        let key = TaskKey {
            executor: 4095,
            task: Key {
                index: 5,
                generation: 6,
            },
        };
        let waker = key.waker();
        assert!(waker.will_wake(&waker.clone()));
        // No executor has this number: nothing happens.
        waker.wake();
    }
}
