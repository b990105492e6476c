//! A lock for many readers or one writer.

use std::cell::{Ref, RefCell, RefMut};
use std::fmt;

use super::gate::{Gate, Held};
use super::mutex::{TryLockError, changes, shows};

/// The most readers at once.
const READERS_MAX: u32 = u32::MAX >> 3;

/// A value that many tasks read at once or one changes, also over awaits.
///
/// It is fair: waiters get it in the order in which they came, and readers wait behind a writer
/// that waits. So a task that reads must not wait for a second guard of the same lock. A task that
/// panics with a guard releases it; the value stays as it is then.
///
/// There is no owned guard: a task that is to hold one takes an `Rc` of the lock and locks it itself.
///
/// # Examples
///
/// ```
/// use io2::sync::RwLock;
///
/// # io2::ExecutorConfig::new().run(async {
/// let routes = RwLock::new(vec!["a"]);
/// {
///     let (one, two) = (routes.read().await, routes.read().await);
///     assert_eq!(one.len(), two.len());
/// }
/// routes.write().await.push("b");
/// assert_eq!(*routes.read().await, ["a", "b"]);
/// # }).unwrap();
/// ```
pub struct RwLock<T: ?Sized> {
    /// A reader takes one permit, a writer all of them.
    gate: Gate,
    readers_max: u32,
    value: RefCell<T>,
}

impl<T> RwLock<T> {
    /// A lock that nobody has.
    pub const fn new(value: T) -> Self {
        RwLock {
            gate: Gate::new(READERS_MAX as usize),
            readers_max: READERS_MAX,
            value: RefCell::new(value),
        }
    }

    /// A lock that at most so many have at once as readers.
    ///
    /// # Panics
    ///
    /// With none, or with more than `u32::MAX >> 3`.
    #[track_caller]
    pub const fn with_max_readers(value: T, readers: u32) -> Self {
        assert!(
            readers > 0 && readers <= READERS_MAX,
            "the number of readers is 1 to u32::MAX >> 3"
        );
        RwLock {
            gate: Gate::new(readers as usize),
            readers_max: readers,
            value: RefCell::new(value),
        }
    }

    /// The value, without the lock.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized> RwLock<T> {
    /// Waits until nobody writes, nor has waited longer to.
    ///
    /// Dropping the future gives up the place in the queue; nothing is lost.
    pub async fn read(&self) -> RwLockReadGuard<'_, T> {
        // The gate is never closed.
        let _ = self.gate.take(1).await;
        self.reader()
    }

    /// Waits until nobody reads or writes.
    ///
    /// Dropping the future gives up the place in the queue; nothing is lost.
    pub async fn write(&self) -> RwLockWriteGuard<'_, T> {
        let _ = self.gate.take(self.readers_max as usize).await;
        self.writer()
    }

    /// Reads, if nobody writes and nobody waits.
    ///
    /// # Errors
    ///
    /// If somebody does.
    pub fn try_read(&self) -> Result<RwLockReadGuard<'_, T>, TryLockError> {
        self.gate.try_take(1).map_err(|_| TryLockError(()))?;
        Ok(self.reader())
    }

    /// Writes, if nobody reads or writes and nobody waits.
    ///
    /// # Errors
    ///
    /// If somebody does.
    pub fn try_write(&self) -> Result<RwLockWriteGuard<'_, T>, TryLockError> {
        let all = self.readers_max as usize;
        self.gate.try_take(all).map_err(|_| TryLockError(()))?;
        Ok(self.writer())
    }

    /// The value, for whoever has the lock to itself.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    /// For whoever has a permit.
    fn reader(&self) -> RwLockReadGuard<'_, T> {
        RwLockReadGuard {
            value: self.value.borrow(),
            turn: Held {
                gate: &self.gate,
                permits: 1,
            },
        }
    }

    /// For whoever has all permits.
    fn writer(&self) -> RwLockWriteGuard<'_, T> {
        RwLockWriteGuard {
            value: self.value.borrow_mut(),
            lock: self,
            turn: Held {
                gate: &self.gate,
                permits: self.readers_max as usize,
            },
        }
    }
}

impl<T: Default> Default for RwLock<T> {
    fn default() -> Self {
        RwLock::new(T::default())
    }
}

impl<T> From<T> for RwLock<T> {
    fn from(value: T) -> Self {
        RwLock::new(value)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Locked meanwhile: the value's own `Debug` may come back here.
        match self.try_read() {
            Ok(value) => f.debug_struct("RwLock").field("value", &&*value).finish(),
            Err(_) => f
                .debug_struct("RwLock")
                .field("value", &format_args!("<locked>"))
                .finish(),
        }
    }
}

/// Reads the value of a [`RwLock`] until it is dropped.
///
/// ```
/// use io2::sync::{RwLock, RwLockReadGuard};
///
/// let lock = RwLock::new((1, "one"));
/// let name = RwLockReadGuard::map(lock.try_read().unwrap(), |pair| pair.1);
/// assert_eq!(&*name, "one");
/// assert!(lock.try_write().is_err());
/// ```
#[must_use = "the lock is released at once"]
pub struct RwLockReadGuard<'a, T: ?Sized> {
    // Dropped in this order: the value is free before anybody is called.
    value: Ref<'a, T>,
    turn: Held<'a>,
}

impl<'a, T: ?Sized> RwLockReadGuard<'a, T> {
    /// A guard for a part of the value.
    pub fn map<U: ?Sized>(this: Self, part: impl FnOnce(&T) -> &U) -> RwLockReadGuard<'a, U> {
        RwLockReadGuard {
            value: Ref::map(this.value, part),
            turn: this.turn,
        }
    }
}

/// Changes the value of a [`RwLock`] until it is dropped.
///
/// ```
/// use io2::sync::{RwLock, RwLockWriteGuard};
///
/// let lock = RwLock::new(1);
/// let mut guard = lock.try_write().unwrap();
/// *guard += 1;
/// // Reads on, and nobody writes in between.
/// let guard = RwLockWriteGuard::downgrade(guard);
/// assert_eq!((*guard, *lock.try_read().unwrap()), (2, 2));
/// ```
#[must_use = "the lock is released at once"]
pub struct RwLockWriteGuard<'a, T: ?Sized> {
    value: RefMut<'a, T>,
    lock: &'a RwLock<T>,
    turn: Held<'a>,
}

impl<'a, T: ?Sized> RwLockWriteGuard<'a, T> {
    /// A guard for a part of the value.
    pub fn map<U: ?Sized>(
        this: Self,
        part: impl FnOnce(&mut T) -> &mut U,
    ) -> RwLockMappedWriteGuard<'a, U> {
        RwLockMappedWriteGuard {
            value: RefMut::map(this.value, part),
            turn: this.turn,
        }
    }

    /// Goes on as a reader, before any writer that waits.
    pub fn downgrade(this: Self) -> RwLockReadGuard<'a, T> {
        let RwLockWriteGuard { value, lock, turn } = this;
        drop(value);
        let guard = RwLockReadGuard {
            value: lock.value.borrow(),
            turn: Held {
                gate: turn.gate,
                permits: 1,
            },
        };
        // What one reader has stays taken.
        let mut rest = turn;
        rest.permits -= 1;
        drop(rest);
        guard
    }
}

/// Changes a part of the value of a [`RwLock`] until it is dropped.
///
/// ```
/// use io2::sync::{RwLock, RwLockWriteGuard};
///
/// let lock = RwLock::new((1, "one"));
/// let mut number = RwLockWriteGuard::map(lock.try_write().unwrap(), |pair| &mut pair.0);
/// *number += 1;
/// drop(number);
/// assert_eq!(lock.into_inner(), (2, "one"));
/// ```
#[must_use = "the lock is released at once"]
pub struct RwLockMappedWriteGuard<'a, T: ?Sized> {
    value: RefMut<'a, T>,
    turn: Held<'a>,
}

impl<'a, T: ?Sized> RwLockMappedWriteGuard<'a, T> {
    /// A guard for a part of the part.
    pub fn map<U: ?Sized>(
        this: Self,
        part: impl FnOnce(&mut T) -> &mut U,
    ) -> RwLockMappedWriteGuard<'a, U> {
        RwLockMappedWriteGuard {
            value: RefMut::map(this.value, part),
            turn: this.turn,
        }
    }
}

shows!(RwLockReadGuard, RwLockWriteGuard, RwLockMappedWriteGuard);
changes!(RwLockWriteGuard, RwLockMappedWriteGuard);
