//! A stream's two directions, owned one by one.

use std::fmt;
use std::rc::Rc;

use super::splice::{End, sealed};
use super::{RecvPooled, Shutdown, TcpStream, UnixStream, transfer};
use crate::buf::{BufResult, IoBuf, IoBufMut, IoBufs, IoBufsMut};
use crate::fd::Fd;
use crate::op::Op;
use crate::op::socket::{self as ops, Recv, RecvVectored, Send, SendVectored};

/// The reading half of a stream; made by `into_split`.
pub struct OwnedReadHalf<S> {
    stream: Rc<S>,
    fd: Fd,
}

/// The writing half of a stream; made by `into_split`. Dropping it ends this direction: the peer
/// reads to the end of what was written, then 0.
pub struct OwnedWriteHalf<S> {
    stream: Rc<S>,
    pub(crate) fd: Fd,
    ends: bool,
}

/// The two halves of a stream with this descriptor.
pub(super) fn halves<S>(stream: S, fd: Fd) -> (OwnedReadHalf<S>, OwnedWriteHalf<S>) {
    let stream = Rc::new(stream);
    let reader = OwnedReadHalf {
        stream: stream.clone(),
        fd: fd.clone(),
    };
    let writer = OwnedWriteHalf {
        stream,
        fd,
        ends: true,
    };
    (reader, writer)
}

impl<S> OwnedReadHalf<S> {
    /// Reads what has come: see `read` of the stream.
    pub fn read<B: IoBufMut>(&self, buf: B) -> Op<Recv<B>> {
        transfer::read(&self.fd, buf)
    }

    /// Reads until the buffer's length is filled: see `read_exact` of the stream.
    pub async fn read_exact<B: IoBufMut>(&self, buf: B) -> BufResult<(), B> {
        transfer::read_exact(&self.fd, buf).await
    }

    /// Reads into several buffers in turn: see `read_vectored` of the stream.
    pub fn read_vectored<B: IoBufsMut>(&self, bufs: B) -> Op<RecvVectored<B>> {
        transfer::read_vectored(&self.fd, bufs)
    }

    /// The whole stream, for its other methods.
    pub fn stream(&self) -> &S {
        &self.stream
    }

    /// Puts the two halves together again.
    ///
    /// # Errors
    ///
    /// The two halves, if they are not of one stream.
    pub fn reunite(self, mut writer: OwnedWriteHalf<S>) -> Result<S, (Self, OwnedWriteHalf<S>)> {
        if !Rc::ptr_eq(&self.stream, &writer.stream) {
            return Err((self, writer));
        }
        writer.ends = false;
        drop(writer);
        match Rc::try_unwrap(self.stream) {
            Ok(stream) => Ok(stream),
            Err(_) => unreachable!("a stream has two halves"),
        }
    }
}

impl OwnedReadHalf<TcpStream> {
    /// Reads again and again with one request: see [`TcpStream::recv_pooled`].
    pub fn recv_pooled(&self) -> RecvPooled {
        self.stream.recv_pooled()
    }
}

impl OwnedReadHalf<UnixStream> {
    /// Reads again and again with one request: see [`UnixStream::recv_pooled`].
    pub fn recv_pooled(&self) -> RecvPooled {
        self.stream.recv_pooled()
    }
}

impl<S> OwnedWriteHalf<S> {
    /// Writes some of the buffer: see `write` of the stream.
    pub fn write<B: IoBuf>(&self, buf: B) -> Op<Send<B>> {
        transfer::write(&self.fd, buf)
    }

    /// Writes the whole buffer: see `write_all` of the stream.
    pub async fn write_all<B: IoBuf>(&self, buf: B) -> BufResult<(), B> {
        transfer::write_all(&self.fd, buf).await
    }

    /// Writes some of several buffers: see `write_vectored` of the stream.
    pub fn write_vectored<B: IoBufs>(&self, bufs: B) -> Op<SendVectored<B>> {
        transfer::write_vectored(&self.fd, bufs)
    }

    /// Ends this direction, and says how that went.
    pub fn shutdown(&self) -> Op<ops::Shutdown> {
        Op::new(ops::Shutdown::new(self.fd.clone(), Shutdown::Write))
    }

    /// The whole stream, for its other methods.
    pub fn stream(&self) -> &S {
        &self.stream
    }

    /// Drops this half without ending the direction.
    pub fn forget(mut self) {
        self.ends = false;
    }
}

impl<S> Drop for OwnedWriteHalf<S> {
    fn drop(&mut self) {
        if self.ends {
            // Does not block. It fails if the peer has gone, and then nobody is to be told.
            let _ = socket2::SockRef::from(&self.fd).shutdown(Shutdown::Write);
        }
    }
}

impl<S> fmt::Debug for OwnedReadHalf<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OwnedReadHalf")
    }
}

impl<S> fmt::Debug for OwnedWriteHalf<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OwnedWriteHalf")
    }
}

impl<S> sealed::Source for OwnedReadHalf<S> {
    fn source(&self) -> End {
        End(self.fd.clone())
    }
}

impl<S> sealed::Sink for OwnedWriteHalf<S> {
    fn sink(&self) -> End {
        End(self.fd.clone())
    }
}
