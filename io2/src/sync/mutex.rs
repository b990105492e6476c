//! A lock that is held over awaits.

use std::cell::{RefCell, RefMut};
use std::error::Error;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::rc::Rc;

use super::gate::{Gate, Held};

/// A value that one task at a time works on, also over awaits.
///
/// Tasks of an executor never run at the same time, so what is changed without an await in between
/// needs no lock: a `Cell` or a `RefCell` will do, and is faster. This is for what must not be seen
/// half done while its task waits.
///
/// It is fair: waiters get it in the order in which they came. A task that panics with the guard
/// releases it; the value stays as it is then.
///
/// # Examples
///
/// ```
/// use std::rc::Rc;
/// use io2::sync::Mutex;
///
/// # io2::ExecutorConfig::new().run(async {
/// let total = Rc::new(Mutex::new(0));
/// let mut tasks = io2::JoinSet::new();
/// for n in 1..=10 {
///     let total = total.clone();
///     tasks.spawn(async move {
///         let mut total = total.lock().await;
///         let before = *total;
///         io2::yield_now().await;
///         *total = before + n;
///     });
/// }
/// while tasks.join_next().await.is_some() {}
/// assert_eq!(*total.lock().await, 55);
/// # }).unwrap();
/// ```
pub struct Mutex<T> {
    gate: Gate,
    /// `None` while an owned guard has it.
    value: RefCell<Option<T>>,
}

/// Whoever has the turn finds the value: an owned guard puts it back before it gives the turn on.
const PRESENT: &str = "the value is there for whoever has the turn";

impl<T> Mutex<T> {
    /// A lock that nobody has.
    pub const fn new(value: T) -> Self {
        Mutex {
            gate: Gate::new(1),
            value: RefCell::new(Some(value)),
        }
    }

    /// Waits for the lock.
    ///
    /// Dropping the future gives up the place in the queue; nothing is lost.
    pub async fn lock(&self) -> MutexGuard<'_, T> {
        self.turn().await;
        self.guard()
    }

    /// Takes the lock if nobody has it, and nobody waits for it.
    ///
    /// # Errors
    ///
    /// If somebody does.
    pub fn try_lock(&self) -> Result<MutexGuard<'_, T>, TryLockError> {
        self.try_turn()?;
        Ok(self.guard())
    }

    /// Waits for the lock. The guard owns a share of the mutex, so it can go with a task.
    ///
    /// The value moves into the guard and back, so a large one is better put into a box.
    ///
    /// Dropping the future gives up the place in the queue; nothing is lost.
    pub async fn lock_owned(self: Rc<Self>) -> OwnedMutexGuard<T> {
        self.turn().await;
        OwnedMutexGuard::new(self)
    }

    /// Takes the lock if nobody has it, and nobody waits for it. The guard owns a share of the mutex.
    ///
    /// # Errors
    ///
    /// If somebody does.
    pub fn try_lock_owned(self: Rc<Self>) -> Result<OwnedMutexGuard<T>, TryLockError> {
        self.try_turn()?;
        Ok(OwnedMutexGuard::new(self))
    }

    /// The value, for whoever has the mutex to itself.
    ///
    /// # Panics
    ///
    /// If a guard was leaked together with the value.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut().as_mut().expect(PRESENT)
    }

    /// The value, without the lock.
    ///
    /// # Panics
    ///
    /// If a guard was leaked together with the value.
    pub fn into_inner(self) -> T {
        self.value.into_inner().expect(PRESENT)
    }

    async fn turn(&self) {
        // The gate is never closed.
        let _ = self.gate.take(1).await;
    }

    fn try_turn(&self) -> Result<(), TryLockError> {
        self.gate.try_take(1).map_err(|_| TryLockError(()))
    }

    /// For whoever has the turn.
    fn guard(&self) -> MutexGuard<'_, T> {
        MutexGuard {
            value: RefMut::map(self.value.borrow_mut(), |value| {
                value.as_mut().expect(PRESENT)
            }),
            mutex: self,
            turn: self.held(),
        }
    }

    fn held(&self) -> Held<'_> {
        Held {
            gate: &self.gate,
            permits: 1,
        }
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Mutex::new(T::default())
    }
}

impl<T> From<T> for Mutex<T> {
    fn from(value: T) -> Self {
        Mutex::new(value)
    }
}

impl<T: fmt::Debug> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Locked meanwhile: the value's own `Debug` may come back here.
        match self.try_lock() {
            Ok(value) => f.debug_struct("Mutex").field("value", &*value).finish(),
            Err(_) => f
                .debug_struct("Mutex")
                .field("value", &format_args!("<locked>"))
                .finish(),
        }
    }
}

/// Has the lock of a [`Mutex`] until it is dropped.
///
/// ```
/// use io2::sync::{Mutex, MutexGuard};
///
/// let mutex = Mutex::new((1, "one"));
/// {
///     let mut guard: MutexGuard<'_, _> = mutex.try_lock().unwrap();
///     guard.0 += 1;
///     assert!(MutexGuard::mutex(&guard).try_lock().is_err());
/// }
/// assert_eq!(mutex.into_inner(), (2, "one"));
/// ```
#[must_use = "the lock is released at once"]
pub struct MutexGuard<'a, T> {
    // Dropped in this order: the value is free before anybody is called.
    value: RefMut<'a, T>,
    mutex: &'a Mutex<T>,
    turn: Held<'a>,
}

impl<'a, T> MutexGuard<'a, T> {
    /// A guard for a part of the value.
    pub fn map<U: ?Sized>(
        this: Self,
        part: impl FnOnce(&mut T) -> &mut U,
    ) -> MappedMutexGuard<'a, U> {
        MappedMutexGuard {
            value: RefMut::map(this.value, part),
            _turn: this.turn,
        }
    }

    /// The mutex.
    pub fn mutex(this: &Self) -> &'a Mutex<T> {
        this.mutex
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T: fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl<T: fmt::Display> fmt::Display for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&**self, f)
    }
}

/// Has the lock of a [`Mutex`], and shows a part of its value.
///
/// ```
/// use io2::sync::{Mutex, MutexGuard};
///
/// let mutex = Mutex::new((1, "one"));
/// let mut number = MutexGuard::map(mutex.try_lock().unwrap(), |pair| &mut pair.0);
/// *number += 1;
/// drop(number);
/// assert_eq!(mutex.into_inner(), (2, "one"));
/// ```
#[must_use = "the lock is released at once"]
pub struct MappedMutexGuard<'a, T: ?Sized> {
    value: RefMut<'a, T>,
    _turn: Held<'a>,
}

impl<'a, T: ?Sized> MappedMutexGuard<'a, T> {
    /// A guard for a part of the part.
    pub fn map<U: ?Sized>(
        this: Self,
        part: impl FnOnce(&mut T) -> &mut U,
    ) -> MappedMutexGuard<'a, U> {
        MappedMutexGuard {
            value: RefMut::map(this.value, part),
            _turn: this._turn,
        }
    }
}

/// Has the lock of a [`Mutex`] and a share of it, until it is dropped.
///
/// ```
/// use std::rc::Rc;
/// use io2::sync::Mutex;
///
/// # io2::ExecutorConfig::new().run(async {
/// let mutex = Rc::new(Mutex::new(vec![1]));
/// let mut guard = mutex.clone().lock_owned().await;
/// let task = io2::spawn(async move { guard.push(2) });
/// task.await;
/// assert_eq!(*mutex.lock().await, [1, 2]);
/// # }).unwrap();
/// ```
#[must_use = "the lock is released at once"]
pub struct OwnedMutexGuard<T> {
    /// `None` only while this is dropped.
    value: Option<T>,
    mutex: Rc<Mutex<T>>,
}

impl<T> OwnedMutexGuard<T> {
    /// For whoever has the turn.
    fn new(mutex: Rc<Mutex<T>>) -> Self {
        let value = mutex.value.take();
        OwnedMutexGuard { value, mutex }
    }

    /// The mutex.
    pub fn mutex(this: &Self) -> &Rc<Mutex<T>> {
        &this.mutex
    }
}

impl<T> Deref for OwnedMutexGuard<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value.as_ref().expect(PRESENT)
    }
}

impl<T> DerefMut for OwnedMutexGuard<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.value.as_mut().expect(PRESENT)
    }
}

impl<T> Drop for OwnedMutexGuard<T> {
    fn drop(&mut self) {
        self.mutex.value.replace(self.value.take());
        drop(self.mutex.held());
    }
}

impl<T: fmt::Debug> fmt::Debug for OwnedMutexGuard<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl<T: fmt::Display> fmt::Display for OwnedMutexGuard<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&**self, f)
    }
}

/// A guard shows what it guards. Used for those of `RwLock`, too.
macro_rules! shows {
    ($($name:ident),+) => {$(
        impl<T: ?Sized> std::ops::Deref for $name<'_, T> {
            type Target = T;

            #[inline]
            fn deref(&self) -> &T {
                &self.value
            }
        }

        impl<T: ?Sized + std::fmt::Debug> std::fmt::Debug for $name<'_, T> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Debug::fmt(&**self, f)
            }
        }

        impl<T: ?Sized + std::fmt::Display> std::fmt::Display for $name<'_, T> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(&**self, f)
            }
        }
    )+};
}
pub(super) use shows;

/// A guard lets what it guards be changed.
macro_rules! changes {
    ($($name:ident),+) => {$(
        impl<T: ?Sized> std::ops::DerefMut for $name<'_, T> {
            #[inline]
            fn deref_mut(&mut self) -> &mut T {
                &mut self.value
            }
        }
    )+};
}
pub(super) use changes;

shows!(MappedMutexGuard);
changes!(MappedMutexGuard);

/// Somebody has the lock, or waits for it.
///
/// ```
/// let lock = io2::sync::RwLock::new(());
/// let _guard = lock.try_read().unwrap();
/// assert!(lock.try_read().is_ok());
/// let error: io2::sync::TryLockError = lock.try_write().unwrap_err();
/// assert_eq!(error.to_string(), "the lock is taken");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TryLockError(pub(super) ());

impl fmt::Display for TryLockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the lock is taken")
    }
}

impl Error for TryLockError {}
