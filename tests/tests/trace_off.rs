//! What the spans cost while nobody asks for them: nothing. A process of its own, since a
//! subscriber of another test would ask for them.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use io2::ExecutorConfig;
use io2_tests::observed::Observed;
use tracing::Level;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: it passes every call on to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promises are those that the system's allocator asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: as above, and `alloc` got `ptr` from the same allocator.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// How many allocations 100 spawned tasks with a poll or two each make.
fn allocations_of_100_tasks() -> u64 {
    let counted = ExecutorConfig::new().run(async {
        let mut counted = 0;
        for _ in 0..2 {
            let before = ALLOCATIONS.get();
            for _ in 0..100 {
                io2::spawn(io2::yield_now()).await;
            }
            // The first round is there to warm up.
            counted = ALLOCATIONS.get() - before;
        }
        counted
    });
    counted.unwrap()
}

#[test]
fn a_subscriber_that_wants_no_spans_costs_nothing() {
    let without = allocations_of_100_tasks();
    assert_eq!(without, 0, "a task takes the memory of the one before");

    let observed = Observed::at_most(Level::INFO);
    let with = observed.run(allocations_of_100_tasks);
    assert_eq!(with, without);
    let names: Vec<_> = observed.all().iter().map(|seen| seen.name).collect();
    assert_eq!(names, ["rt.start", "rt.stop"]);
    // It was not even asked about the others: their places are behind one load.
    let mut reached = observed.reached();
    reached.sort();
    assert_eq!(reached, ["rt.start", "rt.stop"]);

    // And the count does count what a span allocates.
    assert!(Observed::default().run(allocations_of_100_tasks) > without);
}
