//! Receiving from a connected socket into one buffer.

use std::io;

use io_uring::{opcode, squeue::Entry, types};

use crate::buf::{BufResult, IoBufMut};
use crate::executor;
use crate::fd::Fd;
use crate::op::{Operation, Target, transfer_len};

/// Receives from a connected socket; made by `read`, `recv` and `peek` of sockets.
///
/// It fills the buffer from 0 up to its capacity and sets its length to the count; on an error the
/// buffer comes back as it was. A count of 0 says that the peer sends no more, unless the buffer has
/// no room.
#[derive(Debug)]
pub struct Recv<B> {
    fd: Fd,
    buf: B,
    flags: i32,
    /// What comes is a stream, not messages, and is taken out.
    stream: bool,
}

/// The kernel is to wait first, and not to look whether something is there.
const POLL_FIRST: u16 = 1;

impl<B: IoBufMut> Recv<B> {
    pub(crate) fn new(fd: Fd, buf: B) -> Recv<B> {
        Recv {
            fd,
            buf,
            flags: 0,
            stream: false,
        }
    }

    /// The same from a stream. Who has taken all that had come is likely to wait: then the look whether something
    /// is there, which the kernel takes first, is spared. Not in a thread that has more to do before it waits: the
    /// peer may answer until then.
    pub(crate) fn stream(fd: Fd, buf: B) -> Recv<B> {
        Recv {
            stream: true,
            ..Recv::new(fd, buf)
        }
    }

    /// Takes what has come already, and fails with `WouldBlock` if nothing has.
    pub(crate) fn now(fd: Fd, buf: B) -> Recv<B> {
        Recv {
            flags: libc::MSG_DONTWAIT,
            ..Recv::new(fd, buf)
        }
    }

    /// Leaves what it receives in the socket.
    pub(crate) fn peek(fd: Fd, buf: B) -> Recv<B> {
        Recv {
            flags: libc::MSG_PEEK,
            ..Recv::new(fd, buf)
        }
    }
}

// SAFETY: the entry holds the buffer's address alone, which is on the heap and stays valid while
// `self` lives, by the contract of `IoBufMut`. `self` is private to the future and then to the
// driver, so nothing else reaches the buffer.
unsafe impl<B: IoBufMut> Operation for Recv<B> {
    type Output = BufResult<usize, B>;
    type Side = ();
    const NAME: &'static str = "recv";

    fn side(&mut self) {}

    fn encode(&mut self, _side: *mut ()) -> Entry {
        let len = transfer_len(self.buf.bytes_total());
        let waits = self.stream && self.fd.is_drained() && executor::is_nothing_else_ready();
        opcode::Recv::new(types::Fd(self.fd.raw()), self.buf.stable_mut_ptr(), len)
            .flags(self.flags)
            .ioprio(if waits { POLL_FIRST } else { 0 })
            .build()
    }

    fn finish(mut self, _side: (), result: io::Result<u32>) -> Self::Output {
        let result = result.map(|count| {
            let count = count as usize;
            if self.stream {
                self.fd
                    .set_drained(count > 0 && count < self.buf.bytes_total());
            }
            // SAFETY: the kernel wrote the first `count` bytes of the buffer.
            unsafe { self.buf.set_init(count) };
            count
        });
        (result, self.buf)
    }

    fn target(&self) -> Target {
        Target {
            len: transfer_len(self.buf.bytes_total()).into(),
            ..Target::whole(&self.fd)
        }
    }
}
