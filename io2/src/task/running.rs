//! The task that runs, for other threads to see.

use std::panic::Location;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use super::TaskMeta;

/// Which task an executor polls. The executor's thread writes, with plain stores; other threads
/// may read at any time, and may then see a task together with the place of the one before.
pub(crate) struct Running {
    /// 0 for none.
    task: AtomicU64,
    place: AtomicPtr<Location<'static>>,
}

impl Running {
    pub(crate) const fn new() -> Self {
        Running {
            task: AtomicU64::new(0),
            place: AtomicPtr::new(ptr::null_mut()),
        }
    }

    /// A poll, or a drop, of this task begins.
    #[inline]
    pub(crate) fn begin(&self, task: &TaskMeta) {
        let place = ptr::from_ref(task.location).cast_mut();
        self.place.store(place, Ordering::Relaxed);
        self.task.store(task.id, Ordering::Relaxed);
    }

    /// It has ended.
    #[inline]
    pub(crate) fn end(&self) {
        self.task.store(0, Ordering::Relaxed);
    }

    /// The task's number, or 0.
    #[inline]
    pub(crate) fn task(&self) -> u64 {
        self.task.load(Ordering::Relaxed)
    }

    /// The task's number, and where it was spawned.
    #[cfg(feature = "macros")]
    pub(crate) fn get(&self) -> Option<(u64, &'static Location<'static>)> {
        let task = self.task();
        let place = self.place.load(Ordering::Relaxed);
        if task == 0 || place.is_null() {
            return None;
        }
        // SAFETY: only `begin` stores a pointer that is not null, and it stores references to
        // statics, which stay valid and are never written to.
        Some((task, unsafe { &*place }))
    }
}

#[cfg(all(test, feature = "macros"))]
mod tests {
    use super::*;

    #[test]
    fn another_thread_sees_which_task_runs_and_where_it_was_spawned() {
        static RUNNING: Running = Running::new();
        let see = || std::thread::spawn(|| RUNNING.get()).join().unwrap();
        assert_eq!(see(), None);
        let location = Location::caller();
        RUNNING.begin(&TaskMeta {
            id: 7,
            name: None,
            location,
        });
        assert_eq!(see(), Some((7, location)));
        RUNNING.end();
        assert_eq!(see(), None);
    }
}
