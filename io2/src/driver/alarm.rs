//! The alarm: a timeout in the kernel whose completion raises the flag of the submission queue.

use std::time::Duration;

use io_uring::{opcode, types};

use super::Driver;
use super::ring::Ring;
use super::token::{Kind, Token};

/// The timeout that is in flight, and its time, which the kernel reads when it takes the entry.
#[derive(Default)]
pub(super) struct Alarm {
    pub(super) is_set: bool,
    time: Box<types::Timespec>,
}

impl Driver {
    /// Whether a timeout was set that has not completed.
    pub(crate) fn is_alarm_set(&self) -> bool {
        self.alarm.is_set
    }

    /// Queues the timeout. False if the ring would not show its completion by the flag.
    pub(crate) fn set_alarm(&mut self, after: Duration) -> bool {
        let shown = |ring: &Ring| ring.rung().defers() && !ring.is_forked();
        if self.alarm.is_set || !self.ring.as_ref().is_some_and(shown) {
            return false;
        }
        self.alarm.is_set = true;
        *self.alarm.time = types::Timespec::from(after);
        let entry = opcode::Timeout::new(&raw const *self.alarm.time).build();
        let token = Token::bare(Kind::Alarm);
        // SAFETY: the time lives in a box of the driver's, and is not written to before the timeout has
        // completed.
        unsafe { self.push_chore(entry.user_data(token.as_u64()), "timeout", -1) };
        true
    }
}
