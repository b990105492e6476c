//! Sending one buffer on a connected socket.

use std::any::Any;
use std::io;
#[cfg(any(feature = "futures-io", feature = "tokio-io", feature = "hyper"))]
use std::io::IoSlice;

use io_uring::{opcode, squeue::Entry, types};

use crate::buf::{BufResult, IoBuf};
use crate::executor::context;
use crate::fd::Fd;
use crate::op::{Operation, Target, transfer_len};

/// Sends a buffer on a connected socket; made by `write` and `send` of sockets.
///
/// The count may be less than the buffer's length. A send that is dropped may have happened, in part
/// or as a whole.
#[derive(Debug)]
pub struct Send<B> {
    /// `None` once the kernel is done with it.
    fd: Option<Fd>,
    buf: B,
    zero_copy: bool,
    flags: i32,
}

impl<B: IoBuf> Send<B> {
    pub(crate) fn new(fd: Fd, buf: B) -> Send<B> {
        Send {
            fd: Some(fd),
            buf,
            zero_copy: false,
            flags: libc::MSG_NOSIGNAL,
        }
    }

    /// Sends the whole buffer: the kernel goes on by itself where it could take only a part. Less is
    /// sent if it fails or is cancelled half-way, and by kernels before 6.0.
    pub(crate) fn whole(fd: Fd, buf: B) -> Send<B> {
        Send {
            flags: libc::MSG_NOSIGNAL | libc::MSG_WAITALL,
            ..Send::new(fd, buf)
        }
    }

    /// Lets the network card fetch the bytes from the buffer, which comes back when it has.
    pub(crate) fn zero_copy(fd: Fd, buf: B) -> Send<B> {
        Send {
            zero_copy: true,
            ..Send::new(fd, buf)
        }
    }
}

/// Sends what the kernel takes at once, without the ring.
///
/// # Errors
///
/// `WouldBlock` where it takes nothing.
#[cfg(any(feature = "futures-io", feature = "tokio-io", feature = "hyper"))]
pub(crate) fn send_now(fd: &Fd, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    socket2::SockRef::from(fd).send_vectored_with_flags(pieces, flags)
}

// SAFETY: the entry holds the buffer's address alone, which is on the heap and stays valid while
// `self` lives, by the contract of `IoBuf`. A send without a copy has a second completion when the
// kernel is done with the buffer; the driver waits for the last one.
unsafe impl<B: IoBuf> Operation for Send<B> {
    type Output = BufResult<usize, B>;
    type Side = ();
    const NAME: &'static str = "send";

    fn side(&mut self) {}

    fn encode(&mut self, _side: *mut ()) -> Entry {
        let fd = types::Fd(self.fd.as_ref().map_or(-1, Fd::raw));
        let (ptr, len) = (self.buf.stable_ptr(), transfer_len(self.buf.bytes_init()));
        // A peer that is gone is an error here, not a signal to the process.
        if self.zero_copy && can_send_without_copy() {
            opcode::SendZc::new(fd, ptr, len).flags(self.flags).build()
        } else {
            opcode::Send::new(fd, ptr, len).flags(self.flags).build()
        }
    }

    fn finish(self, _side: (), result: io::Result<u32>) -> Self::Output {
        (result.map(|count| count as usize), self.buf)
    }

    /// The descriptor: the kernel waits for the network with the connection, not with its number. Else a
    /// peer that receives nothing could keep open what was closed.
    fn settle(&mut self) -> Option<Box<dyn Any>> {
        let fd = self.fd.take()?;
        Some(Box::new(fd))
    }

    fn target(&self) -> Target {
        Target {
            len: transfer_len(self.buf.bytes_init()).into(),
            ..self.fd.as_ref().map_or(Target::nothing(), Target::whole)
        }
    }
}

/// Whether the kernel has the operation; without it, it copies.
fn can_send_without_copy() -> bool {
    let driver = context::with(|executor| executor.driver.clone());
    driver.is_some_and(|driver| driver.borrow().capabilities().has(opcode::SendZc::CODE))
}
