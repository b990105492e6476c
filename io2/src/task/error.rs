//! Why a task has no output.

use std::any::Any;
use std::fmt;
use std::io;

/// Why a task has no output: it panicked, or it was cancelled.
///
/// # Examples
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// let task = io2::spawn(async { panic!("out of cheese") });
/// let error = task.join().await.unwrap_err();
/// assert!(error.is_panic());
/// assert_eq!(*error.into_panic().downcast::<&str>().unwrap(), "out of cheese");
/// # }).unwrap();
/// ```
pub struct JoinError(Reason);

pub(super) enum Reason {
    Cancelled,
    Panic(Box<dyn Any + Send>),
}

impl JoinError {
    pub(crate) fn cancelled() -> Self {
        JoinError(Reason::Cancelled)
    }

    pub(crate) fn panic(payload: Box<dyn Any + Send>) -> Self {
        JoinError(Reason::Panic(payload))
    }

    /// Whether the task panicked.
    pub fn is_panic(&self) -> bool {
        matches!(self.0, Reason::Panic(_))
    }

    /// Whether the task was cancelled, by a handle or because its executor ended.
    pub fn is_cancelled(&self) -> bool {
        matches!(self.0, Reason::Cancelled)
    }

    /// What the task panicked with.
    ///
    /// # Panics
    ///
    /// If the task was cancelled; see [`try_into_panic`](Self::try_into_panic).
    #[track_caller]
    pub fn into_panic(self) -> Box<dyn Any + Send> {
        match self.try_into_panic() {
            Ok(payload) => payload,
            Err(_) => panic!("into_panic on a task that was cancelled; ask is_panic first"),
        }
    }

    /// What the task panicked with, or this error back.
    ///
    /// # Errors
    ///
    /// The error itself, if the task was cancelled.
    pub fn try_into_panic(self) -> Result<Box<dyn Any + Send>, Self> {
        match self.0 {
            Reason::Panic(payload) => Ok(payload),
            reason => Err(JoinError(reason)),
        }
    }
}

/// The text that a panic carried, as far as it has one.
pub(crate) fn panic_text(payload: &(dyn Any + Send)) -> &str {
    if let Some(text) = payload.downcast_ref::<&str>() {
        text
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text
    } else {
        "a panic without a text"
    }
}

impl fmt::Debug for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Reason::Cancelled => f.write_str("JoinError::Cancelled"),
            Reason::Panic(payload) => {
                write!(f, "JoinError::Panic({:?})", panic_text(payload.as_ref()))
            }
        }
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Reason::Cancelled => f.write_str("the task was cancelled"),
            Reason::Panic(payload) => {
                write!(f, "the task panicked: {}", panic_text(payload.as_ref()))
            }
        }
    }
}

impl std::error::Error for JoinError {}

impl From<JoinError> for io::Error {
    fn from(error: JoinError) -> Self {
        io::Error::other(error.to_string())
    }
}
