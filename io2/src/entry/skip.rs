//! The value that a test gives when it is skipped.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::process::ExitCode;

/// `Skipped::<T>::new().value()` is a `T` that says success, if there is one that is known here.
///
/// A type for which `Passes` holds finds the method of `Skipped`; any other type does not, and
/// finds the one of `Otherwise` by dereferencing. So a test may return any type, and only those
/// that return a usual one can be skipped.
pub struct Skipped<T>(Otherwise<T>);

impl<T> Skipped<T> {
    #[expect(
        clippy::new_without_default,
        reason = "the attributes call it, and nobody else does"
    )]
    /// Whatever `T` is.
    pub fn new() -> Self {
        Skipped(Otherwise(PhantomData))
    }
}

impl<T: Passes> Skipped<T> {
    /// Success.
    pub fn value(&self) -> Option<T> {
        Some(T::passed())
    }
}

impl<T> Deref for Skipped<T> {
    type Target = Otherwise<T>;

    fn deref(&self) -> &Otherwise<T> {
        &self.0
    }
}

impl<T> fmt::Debug for Skipped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Skipped")
    }
}

/// See `Skipped`.
pub struct Otherwise<T>(PhantomData<fn() -> T>);

impl<T> Otherwise<T> {
    /// Nothing.
    pub fn value(&self) -> Option<T> {
        None
    }
}

impl<T> fmt::Debug for Otherwise<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Otherwise")
    }
}

/// Return types of tests that have a value which says success.
pub trait Passes {
    /// That value.
    fn passed() -> Self;
}

impl Passes for () {
    fn passed() {}
}

impl Passes for ExitCode {
    fn passed() -> Self {
        ExitCode::SUCCESS
    }
}

impl<T: Passes, E> Passes for Result<T, E> {
    fn passed() -> Self {
        Ok(T::passed())
    }
}
