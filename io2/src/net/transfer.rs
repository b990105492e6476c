//! Transfers on streams that take as many requests as they need.

use std::io;

use crate::buf::{BufResult, IoBuf, IoBufMut, IoBufs, IoBufsMut};
use crate::fd::Fd;
use crate::op::Op;
use crate::op::socket::{Recv, RecvVectored, Send, SendVectored};

/// Whether a signal interrupted the request. One that was cancelled has no code.
fn interrupted(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EINTR)
}

/// Fills the buffer up to its length.
pub(super) async fn read_exact<B: IoBufMut>(fd: &Fd, mut buf: B) -> BufResult<(), B> {
    let len = buf.bytes_init();
    let mut done = 0;
    while done < len {
        let (result, slice) = Op::new(Recv::new(fd.clone(), buf.slice(done..len))).await;
        buf = slice.into_inner();
        match result {
            Ok(0) => {
                let error = io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    "the peer sent no more before the buffer was full",
                );
                return (Err(error), buf);
            }
            Ok(count) => done += count,
            Err(error) if interrupted(&error) => {}
            Err(error) => return (Err(error), buf),
        }
    }
    (Ok(()), buf)
}

/// Sends the whole buffer.
pub(super) async fn write_all<B: IoBuf>(fd: &Fd, mut buf: B) -> BufResult<(), B> {
    let len = buf.bytes_init();
    let mut done = 0;
    while done < len {
        let (result, slice) = Op::new(Send::new(fd.clone(), buf.slice(done..len))).await;
        buf = slice.into_inner();
        match result {
            Ok(0) => {
                let error = io::Error::new(io::ErrorKind::WriteZero, "the socket took no bytes");
                return (Err(error), buf);
            }
            Ok(count) => done += count,
            Err(error) if interrupted(&error) => {}
            Err(error) => return (Err(error), buf),
        }
    }
    (Ok(()), buf)
}

pub(super) fn read<B: IoBufMut>(fd: &Fd, buf: B) -> Op<Recv<B>> {
    Op::new(Recv::new(fd.clone(), buf))
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
