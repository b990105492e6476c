//! Transfers on streams that take as many requests as they need.

use crate::buf::{BufResult, IoBuf, IoBufMut, IoBufs, IoBufsMut};
use crate::fd::Fd;
use crate::op::socket::{Recv, RecvVectored, Send, SendVectored};
use crate::op::{Op, transfer};

/// Fills the buffer up to its length.
pub(super) fn read_exact<B: IoBufMut>(fd: &Fd, buf: B) -> impl Future<Output = BufResult<(), B>> {
    transfer::whole(buf, |slice, _| read(fd, slice), transfer::ended)
}

/// Sends the whole buffer.
pub(super) fn write_all<B: IoBuf>(fd: &Fd, buf: B) -> impl Future<Output = BufResult<(), B>> {
    let request = |slice, _| Op::new(Send::whole(fd.clone(), slice));
    transfer::whole(buf, request, transfer::taken)
}

pub(super) fn read<B: IoBufMut>(fd: &Fd, buf: B) -> Op<Recv<B>> {
    Op::new(Recv::stream(fd.clone(), buf))
}

pub(super) fn write<B: IoBuf>(fd: &Fd, buf: B) -> Op<Send<B>> {
    Op::new(Send::new(fd.clone(), buf))
}

pub(super) fn read_vectored<B: IoBufsMut>(fd: &Fd, bufs: B) -> Op<RecvVectored<B>> {
    Op::new(RecvVectored::new(fd.clone(), bufs))
}

pub(super) fn write_vectored<B: IoBufs>(fd: &Fd, bufs: B) -> Op<SendVectored<B>> {
    Op::new(SendVectored::new(fd.clone(), bufs))
}
