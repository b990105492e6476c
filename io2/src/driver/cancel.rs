//! Cancellations: sent, and sent again when they came too early.

use io_uring::opcode;
use io_uring::squeue::Entry;

use super::inflight::Inflight;
use super::token::{Kind, Token};
use crate::slab::Key;

/// How often an operation that goes on nevertheless is cancelled again. The kernel answers that it is
/// "already" on its way while it moves an operation between its lists, which takes it microseconds.
const MAX_TRIES: u8 = 200;

/// Cancels the operation in a slot.
pub(super) fn operation(key: Key) -> Entry {
    entry(
        Token::new(Kind::Operation, key),
        Token::new(Kind::Cancel, key),
    )
}

/// Cancels the read that waits for wakes of other threads.
pub(super) fn wakeup() -> Entry {
    entry(Token::bare(Kind::Wakeup), Token::bare(Kind::Cancel))
}

/// Cancels the timeout for the end of the slice.
pub(super) fn alarm() -> Entry {
    entry(Token::bare(Kind::Alarm), Token::bare(Kind::Cancel))
}

fn entry(target: Token, token: Token) -> Entry {
    opcode::AsyncCancel::new(target.as_u64())
        .build()
        .user_data(token.as_u64())
}

/// Looks at the kernel's answer. Whatever it is, the operation's own completion is what counts; but
/// one that the kernel did not find, or could not stop just now, and that goes on, is to be
/// cancelled again. One that has a result goes on only until the kernel is done with its memory.
pub(super) fn came_too_early(key: Key, res: i32, inflight: &mut Inflight) -> bool {
    if res != -libc::ENOENT && res != -libc::EALREADY {
        return false;
    }
    match inflight.slots.get_mut(key) {
        Some(slot)
            if slot.state.is_in_flight() && slot.first.is_none() && slot.cancels < MAX_TRIES =>
        {
            slot.cancels += 1;
            true
        }
        _ => false,
    }
}
