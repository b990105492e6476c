//! Timers allocate nothing once there have been as many.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::future::pending;
use std::time::Duration;

use io2::time::{interval, sleep, timeout};
use io2::{ExecutorConfig, Preempt};

/// Counts the allocations of each thread.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
}

// SAFETY: does what the system's allocator does.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: by contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: by contract.
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: by contract.
        unsafe { System.realloc(ptr, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn timers_allocate_nothing_after_the_first_ones() {
    const SHORT: Duration = Duration::from_micros(50);
    let wait = async || {
        let mut interval = interval(SHORT);
        for _ in 0..20 {
            sleep(SHORT).await;
            assert!(timeout(SHORT, pending::<()>()).await.is_err());
            assert!(timeout(Duration::from_secs(60), sleep(SHORT)).await.is_ok());
            interval.tick().await;
        }
    };
    let (first, later) = ExecutorConfig::new()
        // A warning about a stall of the machine would allocate.
        .preempt(Preempt::Off)
        .run(async {
            wait().await;
            let first = ALLOCATIONS.get();
            wait().await;
            (first, ALLOCATIONS.get() - first)
        })
        .unwrap();
    // That it counts at all shows in what the start of the executor took.
    assert!(first > 0);
    assert_eq!(later, 0);
}
