//! Locks that a panic does not close.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks, even after a panic of a thread that had it: what is kept behind these locks is whole between any two
/// statements.
#[inline]
pub(crate) fn lock<T: ?Sized>(place: &Mutex<T>) -> MutexGuard<'_, T> {
    place.lock().unwrap_or_else(PoisonError::into_inner)
}
