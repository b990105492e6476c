//! The inbox: where wakes of other threads land.
//!
//! A wake never blocks, allocates, overflows or gets lost. Each task has a node of its own, made by
//! the executor before the task has a waker; a wake links the node into a stack unless it stands
//! there already, and the executor takes the whole stack at once.
//!
//! Lost wakes are ruled out by two fences. The executor says that it sleeps, then looks at the
//! inbox; a waker puts its wake in, then looks whether the executor sleeps. Both in this order, so
//! at least one of them sees the other.

use std::sync::OnceLock;

#[cfg(io2_loom)]
use loom::sync::atomic::{AtomicBool, AtomicU32, Ordering, fence};
#[cfg(not(io2_loom))]
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering, fence};

use super::waker::ROOT;

/// The first chunk has this many nodes, each further one twice as many as the one before.
const FIRST_CHUNK: u32 = if cfg!(io2_loom) { 2 } else { 64 };
/// Enough chunks for every index of a task.
const CHUNKS: usize = 23;

/// The end of the stack; other links are an index and one.
const END: u32 = 0;

struct Node {
    next: AtomicU32,
    /// It stands in the stack.
    queued: AtomicBool,
    /// Which task of this index the node is for now.
    generation: AtomicU32,
}

impl Node {
    fn new() -> Self {
        Node {
            next: AtomicU32::new(END),
            queued: AtomicBool::new(false),
            generation: AtomicU32::new(0),
        }
    }
}

/// See the module.
pub(crate) struct Inbox {
    /// The index of the node that came last, and one.
    head: AtomicU32,
    /// Something other than a wake came: closures to run.
    mail: AtomicBool,
    /// The executor is in the kernel, or on its way there, and wants to be called.
    asleep: AtomicBool,
    /// Threads that are about to call the executor: the eventfd must stay open.
    callers: AtomicU32,
    /// The node of the future that `run` was called with, whose index is beyond all tasks'.
    root: Node,
    /// Never freed while the inbox lives, since a waker may look at any time.
    chunks: [OnceLock<Box<[Node]>>; CHUNKS],
}

impl Inbox {
    pub(crate) fn new() -> Self {
        Inbox {
            head: AtomicU32::new(END),
            mail: AtomicBool::new(false),
            asleep: AtomicBool::new(false),
            callers: AtomicU32::new(0),
            root: Node::new(),
            chunks: [const { OnceLock::new() }; CHUNKS],
        }
    }

    // ---- any thread -------------------------------------------------------------------------

    /// Puts a wake for the task with this key in. Stale keys are dropped here, as far as they are
    /// known to be stale.
    ///
    /// Afterwards [`call_if_asleep`](Self::call_if_asleep) is due.
    pub(crate) fn push(&self, index: u32, generation: u32) {
        let Some(node) = self.node(index) else { return };
        if node.generation.load(Ordering::Acquire) != generation {
            return;
        }
        // Acquire and release also where it stands there already: what the waker's thread did before
        // is then visible to the poll, since the executor clears the flag with the same ordering.
        if node.queued.swap(true, Ordering::AcqRel) {
            return;
        }
        let mut head = self.head.load(Ordering::Relaxed);
        loop {
            node.next.store(head, Ordering::Relaxed);
            match self.head.compare_exchange_weak(
                head,
                index + 1,
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => return,
                // Another thread's wake went in meanwhile, or the executor took all.
                Err(now) => head = now,
            }
        }
    }

    /// Says that closures wait. Afterwards [`call_if_asleep`](Self::call_if_asleep) is due.
    pub(crate) fn set_mail(&self) {
        self.mail.store(true, Ordering::Release);
    }

    /// Calls the executor if it sleeps; of several threads, one does.
    pub(crate) fn call_if_asleep(&self, call: impl FnOnce()) {
        fence(Ordering::SeqCst);
        if !self.asleep.load(Ordering::Relaxed) {
            return;
        }
        self.callers.fetch_add(1, Ordering::SeqCst);
        if self.asleep.swap(false, Ordering::SeqCst) {
            call();
        }
        self.callers.fetch_sub(1, Ordering::SeqCst);
    }

    // ---- the executor's thread --------------------------------------------------------------

    /// Makes the node of a new task, before anybody can have its waker.
    pub(crate) fn prepare(&self, index: u32, generation: u32) {
        if index == ROOT {
            self.root.generation.store(generation, Ordering::Release);
            return;
        }
        let (chunk, place) = locate(index);
        let nodes = self.chunks[chunk]
            .get_or_init(|| (0..FIRST_CHUNK << chunk).map(|_| Node::new()).collect());
        nodes[place].generation.store(generation, Ordering::Release);
    }

    /// Whether anything came: two loads.
    pub(crate) fn has_any(&self) -> bool {
        self.head.load(Ordering::Relaxed) != END || self.mail.load(Ordering::Relaxed)
    }

    /// Takes all wakes, as index and generation, in the order in which they came.
    pub(crate) fn take_wakes(&self, out: &mut Vec<(u32, u32)>) {
        if self.head.load(Ordering::Relaxed) == END {
            return;
        }
        let first = out.len();
        let mut link = self.head.swap(END, Ordering::Acquire);
        while link != END {
            let index = link - 1;
            let Some(node) = self.node(index) else { break };
            // Read before the flag is cleared: from then on the node may be linked anew.
            link = node.next.load(Ordering::Relaxed);
            node.queued.swap(false, Ordering::AcqRel);
            out.push((index, node.generation.load(Ordering::Relaxed)));
        }
        out[first..].reverse();
    }

    /// Whether closures wait; forgets it.
    pub(crate) fn take_mail(&self) -> bool {
        self.mail.load(Ordering::Relaxed) && self.mail.swap(false, Ordering::AcqRel)
    }

    /// Declares the executor asleep. False, and it is awake, if something came already.
    #[must_use]
    pub(crate) fn fall_asleep(&self) -> bool {
        self.asleep.store(true, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        if self.has_any() {
            self.wake_up();
            return false;
        }
        true
    }

    /// Declares the executor awake.
    pub(crate) fn wake_up(&self) {
        self.asleep.store(false, Ordering::SeqCst);
    }

    /// Whether a thread is about to call: while one is, the eventfd must not be closed.
    pub(crate) fn has_callers(&self) -> bool {
        self.callers.load(Ordering::SeqCst) != 0
    }

    fn node(&self, index: u32) -> Option<&Node> {
        if index == ROOT {
            return Some(&self.root);
        }
        let (chunk, place) = locate(index);
        self.chunks.get(chunk)?.get()?.get(place)
    }
}

/// The chunk of an index, and the place in it.
fn locate(index: u32) -> (usize, usize) {
    let chunk = (index / FIRST_CHUNK + 1).ilog2();
    let first = FIRST_CHUNK * ((1 << chunk) - 1);
    (chunk as usize, (index - first) as usize)
}

#[cfg(all(test, not(io2_loom)))]
mod tests {
    use super::*;

    #[test]
    fn each_index_has_a_place_of_its_own() {
        let mut next = (0, 0);
        for index in 0..100_000 {
            let (chunk, place) = locate(index);
            if place == 0 && index > 0 {
                next = (next.0 + 1, 0);
            }
            assert_eq!((chunk, place), next);
            next.1 += 1;
        }
        assert!(locate((1 << 28) - 1).0 < CHUNKS);
    }

    #[test]
    fn wakes_come_out_once_each_and_in_order() {
        let inbox = Inbox::new();
        for index in 0..1_000 {
            inbox.prepare(index, 7);
        }
        for index in [500, 3, 999, 3, 0, 500] {
            inbox.push(index, 7);
        }
        let mut out = Vec::new();
        inbox.take_wakes(&mut out);
        assert_eq!(out, [(500, 7), (3, 7), (999, 7), (0, 7)]);
        inbox.push(3, 7);
        inbox.take_wakes(&mut out);
        assert_eq!(out[4..], [(3, 7)]);
    }

    #[test]
    fn a_stale_or_unknown_key_is_dropped() {
        let inbox = Inbox::new();
        inbox.prepare(0, 2);
        inbox.push(0, 1);
        inbox.push(5_000, 1);
        assert!(!inbox.has_any());
    }

    #[test]
    fn an_executor_does_not_fall_asleep_over_a_wake() {
        let inbox = Inbox::new();
        inbox.prepare(0, 1);
        inbox.push(0, 1);
        assert!(!inbox.fall_asleep());
        inbox.take_wakes(&mut Vec::new());
        assert!(inbox.fall_asleep());
        let mut calls = 0;
        inbox.call_if_asleep(|| calls += 1);
        inbox.call_if_asleep(|| calls += 1);
        assert_eq!(calls, 1);
    }
}

#[cfg(all(test, io2_loom))]
mod loom_tests {
    use super::*;
    use loom::sync::Arc;
    use loom::sync::atomic::AtomicUsize;
    use loom::thread;

    /// Runs an executor that sleeps until it has seen `expected`, and one thread a wake.
    fn model(wakes: &'static [u32], expected: usize) {
        let mut explorer = loom::model::Builder::new();
        if wakes.len() > 1 {
            // Every order of three threads is too many to try. Five forced switches are seconds,
            // and more than any order that the fences have to rule out.
            explorer.preemption_bound = Some(5);
        }
        explorer.check(move || {
            let inbox = Arc::new(Inbox::new());
            let rung = Arc::new(AtomicUsize::new(0));
            for index in 0..2 {
                inbox.prepare(index, 1);
            }
            let threads: Vec<_> = wakes
                .iter()
                .map(|&index| {
                    let (inbox, rung) = (inbox.clone(), rung.clone());
                    thread::spawn(move || {
                        inbox.push(index, 1);
                        inbox.call_if_asleep(|| {
                            rung.fetch_add(1, Ordering::SeqCst);
                        });
                    })
                })
                .collect();
            let mut seen = Vec::new();
            inbox.take_wakes(&mut seen);
            let slept = inbox.fall_asleep();
            for thread in threads {
                thread.join().unwrap();
            }
            let called = rung.load(Ordering::SeqCst);
            let before = seen.len();
            inbox.wake_up();
            inbox.take_wakes(&mut seen);
            seen.sort_unstable();
            seen.dedup();
            assert_eq!(seen.len(), expected, "a wake was lost");
            // Whoever slept over a wake was called, and nobody was called twice.
            assert!(called <= 1);
            if slept && seen.len() > before {
                assert_eq!(called, 1, "the executor sleeps over a wake");
            }
        });
    }

    #[test]
    fn a_wake_is_seen_or_the_sleeper_is_called() {
        model(&[0], 1);
    }

    #[test]
    fn two_wakes_of_two_tasks_are_both_seen() {
        model(&[0, 1], 2);
    }

    #[test]
    fn two_wakes_of_one_task_are_seen_as_one() {
        model(&[0, 0], 1);
    }
}
