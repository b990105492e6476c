//! Uses of wakers, as tokio-console reads them.

use super::sink::{note, on};

/// What is done with a waker.
#[derive(Clone, Copy, Debug)]
pub(crate) enum WakerOp {
    /// It wakes, and is gone.
    Wake,
    /// It wakes, and stays.
    WakeByRef,
    Clone,
    Drop,
}

impl WakerOp {
    fn name(self) -> &'static str {
        match self {
            WakerOp::Wake => "waker.wake",
            WakerOp::WakeByRef => "waker.wake_by_ref",
            WakerOp::Clone => "waker.clone",
            WakerOp::Drop => "waker.drop",
        }
    }
}

/// `waker`, TRACE: the task whose span has this number. Target and fields are those that
/// tokio-console looks for, whatever the runtime; there the span's number stands for the task.
#[cold]
#[inline(never)]
pub(crate) fn waker(span: u64, op: WakerOp) {
    if on() {
        note!(TRACE, "runtime::waker", "waker", {
            op = op.name(),
            task.id = span,
        }, "{}", op.name());
    }
}
