//! A semaphore: so many at once.

use std::error::Error;
use std::fmt;
use std::rc::Rc;

use super::gate::{Gate, Held, PERMITS_MAX};

/// A number of permits: whoever wants to go on takes some, and gives them back.
///
/// It is fair: waiters are served in the order in which they came, and nobody takes permits past
/// somebody who waits. Who wants many is not starved by those who want few, they wait behind it.
///
/// # Examples
///
/// At most two requests at once:
///
/// ```
/// use std::rc::Rc;
/// use io2::sync::Semaphore;
///
/// # io2::ExecutorConfig::new().run(async {
/// let limit = Rc::new(Semaphore::new(2));
/// let mut requests = io2::JoinSet::new();
/// for n in 0..10 {
///     let limit = limit.clone();
///     requests.spawn(async move {
///         let _permit = limit.acquire().await.unwrap();
///         io2::yield_now().await;
///         n
///     });
/// }
/// while let Some(request) = requests.join_next().await {
///     request.unwrap();
/// }
/// assert_eq!(limit.available_permits(), 2);
/// # }).unwrap();
/// ```
pub struct Semaphore {
    gate: Gate,
}

impl Semaphore {
    /// The most permits that a semaphore can have.
    pub const MAX_PERMITS: usize = PERMITS_MAX;

    /// A semaphore with so many permits.
    ///
    /// # Panics
    ///
    /// With more than [`MAX_PERMITS`](Self::MAX_PERMITS).
    #[track_caller]
    pub const fn new(permits: usize) -> Self {
        Semaphore {
            gate: Gate::new(permits),
        }
    }

    /// Permits that can be had at once. While somebody waits there are none.
    pub fn available_permits(&self) -> usize {
        self.gate.available()
    }

    /// Adds permits.
    ///
    /// # Panics
    ///
    /// With more than [`MAX_PERMITS`](Self::MAX_PERMITS) in all.
    #[track_caller]
    pub fn add_permits(&self, permits: usize) {
        self.gate.add(permits);
    }

    /// Takes up to so many of the permits that are free away for good. Gives how many.
    pub fn forget_permits(&self, permits: usize) -> usize {
        self.gate.forget(permits.min(self.gate.available()))
    }

    /// Waits for a permit.
    ///
    /// Dropping the future gives up the place in the queue; nothing is lost.
    ///
    /// # Errors
    ///
    /// If the semaphore is closed.
    pub async fn acquire(&self) -> Result<SemaphorePermit<'_>, AcquireError> {
        self.acquire_many(1).await
    }

    /// Waits for so many permits at once.
    ///
    /// Dropping the future gives up the place in the queue; nothing is lost.
    ///
    /// # Errors
    ///
    /// If the semaphore is closed.
    pub async fn acquire_many(&self, permits: u32) -> Result<SemaphorePermit<'_>, AcquireError> {
        self.gate.take(permits as usize).await?;
        Ok(self.permit(permits))
    }

    /// Takes a permit if one can be had at once.
    ///
    /// # Errors
    ///
    /// If it cannot, or if the semaphore is closed.
    pub fn try_acquire(&self) -> Result<SemaphorePermit<'_>, TryAcquireError> {
        self.try_acquire_many(1)
    }

    /// Takes so many permits if they can be had at once.
    ///
    /// # Errors
    ///
    /// If they cannot, or if the semaphore is closed.
    pub fn try_acquire_many(&self, permits: u32) -> Result<SemaphorePermit<'_>, TryAcquireError> {
        self.gate.try_take(permits as usize)?;
        Ok(self.permit(permits))
    }

    /// Waits for a permit that owns a share of the semaphore, so that it can go with a task.
    ///
    /// Dropping the future gives up the place in the queue; nothing is lost.
    ///
    /// # Errors
    ///
    /// If the semaphore is closed.
    pub async fn acquire_owned(self: Rc<Self>) -> Result<OwnedSemaphorePermit, AcquireError> {
        self.acquire_many_owned(1).await
    }

    /// Waits for so many permits, which own a share of the semaphore.
    ///
    /// Dropping the future gives up the place in the queue; nothing is lost.
    ///
    /// # Errors
    ///
    /// If the semaphore is closed.
    pub async fn acquire_many_owned(
        self: Rc<Self>,
        permits: u32,
    ) -> Result<OwnedSemaphorePermit, AcquireError> {
        self.gate.take(permits as usize).await?;
        Ok(OwnedSemaphorePermit {
            semaphore: self,
            permits,
        })
    }

    /// Takes a permit that owns a share of the semaphore if one can be had at once.
    ///
    /// # Errors
    ///
    /// If it cannot, or if the semaphore is closed.
    pub fn try_acquire_owned(self: Rc<Self>) -> Result<OwnedSemaphorePermit, TryAcquireError> {
        self.try_acquire_many_owned(1)
    }

    /// Takes so many permits, which own a share of the semaphore, if they can be had at once.
    ///
    /// # Errors
    ///
    /// If they cannot, or if the semaphore is closed.
    pub fn try_acquire_many_owned(
        self: Rc<Self>,
        permits: u32,
    ) -> Result<OwnedSemaphorePermit, TryAcquireError> {
        self.gate.try_take(permits as usize)?;
        Ok(OwnedSemaphorePermit {
            semaphore: self,
            permits,
        })
    }

    /// Lets nobody take permits any more: who waits gets an error, and whoever comes.
    pub fn close(&self) {
        self.gate.close();
    }

    /// Whether it was closed.
    pub fn is_closed(&self) -> bool {
        self.gate.is_closed()
    }

    fn permit(&self, permits: u32) -> SemaphorePermit<'_> {
        SemaphorePermit {
            semaphore: self,
            permits,
        }
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Semaphore")
            .field("available_permits", &self.available_permits())
            .field("is_closed", &self.is_closed())
            .finish()
    }
}

/// Permits of a [`Semaphore`], given back on drop.
///
/// ```
/// let semaphore = io2::sync::Semaphore::new(3);
/// let mut permit = semaphore.try_acquire_many(3).unwrap();
/// drop(permit.split(2));
/// assert_eq!((permit.num_permits(), semaphore.available_permits()), (1, 2));
/// // This one is gone for good.
/// permit.forget();
/// assert_eq!(semaphore.available_permits(), 2);
/// ```
#[must_use = "the permits are given back at once"]
pub struct SemaphorePermit<'a> {
    semaphore: &'a Semaphore,
    permits: u32,
}

/// Permits of a [`Semaphore`] that own a share of it, given back on drop.
///
/// ```
/// use std::rc::Rc;
/// use io2::sync::Semaphore;
///
/// # io2::ExecutorConfig::new().run(async {
/// let semaphore = Rc::new(Semaphore::new(1));
/// let permit = semaphore.clone().acquire_owned().await.unwrap();
/// let task = io2::spawn(async move { permit.num_permits() });
/// assert_eq!(task.await, 1);
/// assert_eq!(semaphore.available_permits(), 1);
/// # }).unwrap();
/// ```
#[must_use = "the permits are given back at once"]
pub struct OwnedSemaphorePermit {
    semaphore: Rc<Semaphore>,
    permits: u32,
}

/// What both kinds of permit can do.
macro_rules! permit {
    ($name:ident [$($life:tt)*], $same:expr, $clone:expr) => {
        impl $($life)* $name $($life)* {
            /// Never gives the permits back.
            pub fn forget(mut self) {
                self.permits = 0;
            }

            /// Adds the permits of another one to this one.
            ///
            /// # Panics
            ///
            /// If the other one is of another semaphore, or if there are more than `u32::MAX`
            /// permits together.
            #[track_caller]
            pub fn merge(&mut self, mut other: Self) {
                assert!(
                    $same(&self.semaphore, &other.semaphore),
                    "merging permits of two semaphores"
                );
                let permits = self.permits.checked_add(other.permits);
                self.permits = permits.expect("more than u32::MAX permits in one");
                other.permits = 0;
            }

            /// Takes so many permits out of this one, if it has as many.
            pub fn split(&mut self, permits: usize) -> Option<Self> {
                let permits = u32::try_from(permits).ok()?;
                self.permits = self.permits.checked_sub(permits)?;
                Some($name {
                    semaphore: $clone(&self.semaphore),
                    permits,
                })
            }

            /// How many permits this is.
            pub fn num_permits(&self) -> usize {
                self.permits as usize
            }
        }

        impl $($life)* Drop for $name $($life)* {
            fn drop(&mut self) {
                drop(Held {
                    gate: &self.semaphore.gate,
                    permits: self.permits as usize,
                });
            }
        }

        impl $($life)* fmt::Debug for $name $($life)* {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name))
                    .field("permits", &self.permits)
                    .finish()
            }
        }
    };
}

permit!(SemaphorePermit [<'a>], same, copy);
permit!(OwnedSemaphorePermit [], Rc::ptr_eq, Rc::clone);

fn same(one: &&Semaphore, other: &&Semaphore) -> bool {
    std::ptr::eq(*one, *other)
}

fn copy<'a>(semaphore: &&'a Semaphore) -> &'a Semaphore {
    semaphore
}

impl OwnedSemaphorePermit {
    /// The semaphore that the permits are of.
    pub fn semaphore(&self) -> &Rc<Semaphore> {
        &self.semaphore
    }
}

/// The semaphore is closed.
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// let semaphore = io2::sync::Semaphore::new(1);
/// semaphore.close();
/// let error = semaphore.acquire().await.unwrap_err();
/// assert_eq!(error.to_string(), "the semaphore is closed");
/// # }).unwrap();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AcquireError(());

impl AcquireError {
    pub(super) const fn new() -> Self {
        AcquireError(())
    }
}

impl fmt::Display for AcquireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the semaphore is closed")
    }
}

impl Error for AcquireError {}

/// Why permits could not be had at once.
///
/// ```
/// use io2::sync::{Semaphore, TryAcquireError};
///
/// let semaphore = Semaphore::new(1);
/// assert_eq!(semaphore.try_acquire_many(2).unwrap_err(), TryAcquireError::NoPermits);
/// semaphore.close();
/// assert_eq!(semaphore.try_acquire().unwrap_err(), TryAcquireError::Closed);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TryAcquireError {
    /// The semaphore is closed.
    Closed,
    /// There are not enough, or somebody waits.
    NoPermits,
}

impl fmt::Display for TryAcquireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TryAcquireError::Closed => "the semaphore is closed",
            TryAcquireError::NoPermits => "not enough permits are free",
        })
    }
}

impl Error for TryAcquireError {}
