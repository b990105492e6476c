//! What is known of an operation.

use crate::clock::Ticks;

/// What is known of an operation from its submission on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Meta {
    /// Never reused in a process.
    pub(crate) id: u64,
    pub(crate) name: &'static str,
    pub(crate) fd: i32,
    /// How many bytes it may read or write.
    pub(crate) len: u64,
    /// The task that submitted it.
    pub(crate) task: u64,
    /// When it was submitted: kept only while somebody looks at spans, and for those that are sampled.
    pub(crate) since: Option<Ticks>,
}
