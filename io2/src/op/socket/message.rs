//! Messages: several buffers at once, and datagrams with an address.

use std::io;
use std::mem;

use io_uring::{opcode, squeue::Entry, types};
use socket2::{SockAddr, SockAddrStorage};

use crate::buf::{BufResult, IoBuf, IoBufMut, IoBufs, IoBufsMut};
use crate::fd::Fd;
use crate::op::iovec::{self, IoVecs};
use crate::op::{Operation, Target};

/// What the kernel is told of a message, at an address that does not change.
#[repr(C)]
pub struct Message {
    header: libc::msghdr,
    /// The one buffer of a datagram.
    vec: libc::iovec,
    address: SockAddrStorage,
}

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Message")
    }
}

impl Message {
    fn new() -> Message {
        Message {
            // SAFETY: all-zero bytes are a header without buffers and without an address.
            header: unsafe { mem::zeroed() },
            vec: libc::iovec {
                iov_base: std::ptr::null_mut(),
                iov_len: 0,
            },
            address: SockAddrStorage::zeroed(),
        }
    }

    /// Points the header to one buffer.
    ///
    /// # Safety
    ///
    /// `message` is side data that nothing else refers to.
    unsafe fn point_to_buffer(message: *mut Message, base: *mut u8, len: usize) {
        // SAFETY: by contract.
        unsafe {
            (*message).vec = libc::iovec {
                iov_base: base.cast(),
                iov_len: len,
            };
            (*message).header.msg_iov = &raw mut (*message).vec;
            (*message).header.msg_iovlen = 1;
        }
    }

    /// Points the header to the place for an address.
    ///
    /// # Safety
    ///
    /// `message` is side data that nothing else refers to.
    unsafe fn point_to_address(message: *mut Message, len: libc::socklen_t) {
        // SAFETY: by contract.
        unsafe {
            (*message).header.msg_name = (&raw mut (*message).address).cast();
            (*message).header.msg_namelen = len;
        }
    }

    /// The address that the kernel wrote, if it wrote one.
    fn address(self) -> Option<SockAddr> {
        // SAFETY: the kernel wrote an address of this length.
        (self.header.msg_namelen > 0)
            .then(|| unsafe { SockAddr::new(self.address, self.header.msg_namelen) })
    }
}

/// Sends several buffers on a connected socket; made by `write_vectored` of a stream.
#[derive(Debug)]
pub struct SendVectored<B> {
    fd: Fd,
    bufs: B,
    vecs: IoVecs,
}

impl<B: IoBufs> SendVectored<B> {
    pub(crate) fn new(fd: Fd, bufs: B) -> SendVectored<B> {
        SendVectored {
            fd,
            bufs,
            vecs: IoVecs::new(),
        }
    }
}

// SAFETY: the entry holds the address of the side data, they that of the vector's memory, and that those
// of the buffers: all are on the heap, and stay valid while `self` lives.
unsafe impl<B: IoBufs> Operation for SendVectored<B> {
    type Output = BufResult<usize, B>;
    type Side = Message;
    const NAME: &'static str = "sendmsg";

    fn side(&mut self) -> Message {
        self.vecs = iovec::to_write(&self.bufs);
        let mut message = Message::new();
        message.header.msg_iov = self.vecs.as_mut_ptr();
        message.header.msg_iovlen = self.vecs.len() as _;
        message
    }

    fn encode(&mut self, side: *mut Message) -> Entry {
        send_message(&self.fd, side)
    }

    fn finish(self, _side: Message, result: io::Result<u32>) -> Self::Output {
        (result.map(|count| count as usize), self.bufs)
    }

    fn target(&self) -> Target {
        Target {
            len: self.bufs.bytes_init() as u64,
            ..Target::whole(&self.fd)
        }
    }
}

/// Receives into several buffers; made by `read_vectored` of a stream.
#[derive(Debug)]
pub struct RecvVectored<B> {
    fd: Fd,
    bufs: B,
    vecs: IoVecs,
}

impl<B: IoBufsMut> RecvVectored<B> {
    pub(crate) fn new(fd: Fd, bufs: B) -> RecvVectored<B> {
        RecvVectored {
            fd,
            bufs,
            vecs: IoVecs::new(),
        }
    }
}

// SAFETY: as for `SendVectored`.
unsafe impl<B: IoBufsMut> Operation for RecvVectored<B> {
    type Output = BufResult<usize, B>;
    type Side = Message;
    const NAME: &'static str = "recvmsg";

    fn side(&mut self) -> Message {
        self.vecs = iovec::to_fill(&mut self.bufs);
        let mut message = Message::new();
        message.header.msg_iov = self.vecs.as_mut_ptr();
        message.header.msg_iovlen = self.vecs.len() as _;
        message
    }

    fn encode(&mut self, side: *mut Message) -> Entry {
        recv_message(&self.fd, side)
    }

    fn finish(mut self, _side: Message, result: io::Result<u32>) -> Self::Output {
        let result = result.map(|count| {
            let count = count as usize;
            // SAFETY: the kernel fills the buffers in turn, so it wrote the first `count` bytes.
            unsafe { self.bufs.set_init(count) };
            count
        });
        (result, self.bufs)
    }

    fn target(&self) -> Target {
        Target {
            len: self.bufs.bytes_total() as u64,
            ..Target::whole(&self.fd)
        }
    }
}

/// Sends a datagram to an address; made by `send_to` of a socket.
#[derive(Debug)]
pub struct SendTo<B> {
    fd: Fd,
    buf: B,
    address: SockAddr,
}

impl<B: IoBuf> SendTo<B> {
    pub(crate) fn new(fd: Fd, buf: B, address: SockAddr) -> SendTo<B> {
        SendTo { fd, buf, address }
    }
}

// SAFETY: the entry holds the address of the side data, and they that of the buffer and of themselves.
unsafe impl<B: IoBuf> Operation for SendTo<B> {
    type Output = BufResult<usize, B>;
    type Side = Message;
    const NAME: &'static str = "sendmsg";

    fn side(&mut self) -> Message {
        let mut message = Message::new();
        message.address = self.address.clone().as_storage();
        message
    }

    #[expect(
        clippy::not_unsafe_ptr_arg_deref,
        reason = "only the future of operations calls it, with the address of the side data"
    )]
    fn encode(&mut self, side: *mut Message) -> Entry {
        let (base, len) = (self.buf.stable_ptr().cast_mut(), self.buf.bytes_init());
        // SAFETY: the side data were just put there; the kernel only reads the buffer.
        unsafe {
            Message::point_to_buffer(side, base, len);
            Message::point_to_address(side, self.address.len());
        }
        send_message(&self.fd, side)
    }

    fn finish(self, _side: Message, result: io::Result<u32>) -> Self::Output {
        (result.map(|count| count as usize), self.buf)
    }

    fn target(&self) -> Target {
        Target {
            len: self.buf.bytes_init() as u64,
            ..Target::whole(&self.fd)
        }
    }
}

/// Receives a datagram and where it came from; made by `recv_from` and `peek_from` of a socket.
///
/// What does not fit into the buffer is lost.
#[derive(Debug)]
pub struct RecvFrom<B, A> {
    fd: Fd,
    buf: B,
    flags: u32,
    /// Turns the kernel's address into the socket's kind of address.
    convert: fn(Option<SockAddr>) -> io::Result<A>,
}

impl<B: IoBufMut, A> RecvFrom<B, A> {
    pub(crate) fn new(
        fd: Fd,
        buf: B,
        peek: bool,
        convert: fn(Option<SockAddr>) -> io::Result<A>,
    ) -> RecvFrom<B, A> {
        let flags = if peek { libc::MSG_PEEK as u32 } else { 0 };
        RecvFrom {
            fd,
            buf,
            flags,
            convert,
        }
    }
}

// SAFETY: as for `SendTo`; the kernel writes the buffer and the side data.
unsafe impl<B: IoBufMut, A: 'static> Operation for RecvFrom<B, A> {
    type Output = BufResult<(usize, A), B>;
    type Side = Message;
    const NAME: &'static str = "recvmsg";

    fn side(&mut self) -> Message {
        Message::new()
    }

    #[expect(
        clippy::not_unsafe_ptr_arg_deref,
        reason = "only the future of operations calls it, with the address of the side data"
    )]
    fn encode(&mut self, side: *mut Message) -> Entry {
        let (base, len) = (self.buf.stable_mut_ptr(), self.buf.bytes_total());
        let room = SockAddrStorage::zeroed().size_of();
        // SAFETY: the side data were just put there, and nothing else refers to them.
        unsafe {
            Message::point_to_buffer(side, base, len);
            Message::point_to_address(side, room);
        }
        opcode::RecvMsg::new(types::Fd(self.fd.raw()), side.cast())
            .flags(self.flags)
            .build()
    }

    fn finish(mut self, side: Message, result: io::Result<u32>) -> Self::Output {
        let result = result.and_then(|count| {
            let count = count as usize;
            // SAFETY: the kernel wrote the first `count` bytes of the buffer.
            unsafe { self.buf.set_init(count) };
            Ok((count, (self.convert)(side.address())?))
        });
        (result, self.buf)
    }

    fn target(&self) -> Target {
        Target {
            len: self.buf.bytes_total() as u64,
            ..Target::whole(&self.fd)
        }
    }
}

/// The header is the first field, so the message's address is the header's.
const _: () = assert!(mem::offset_of!(Message, header) == 0);

fn send_message(fd: &Fd, message: *mut Message) -> Entry {
    opcode::SendMsg::new(types::Fd(fd.raw()), message.cast())
        .flags(libc::MSG_NOSIGNAL as u32)
        .build()
}

fn recv_message(fd: &Fd, message: *mut Message) -> Entry {
    opcode::RecvMsg::new(types::Fd(fd.raw()), message.cast()).build()
}
