//! What the adapter wraps: streams, their halves, pipes and files.

/// What [`Stream`](super::Stream) can wrap: `TcpStream`, `UnixStream` and the halves of both,
/// `PipeReader` and `PipeWriter`, the standard streams, and `fs::File`.
pub trait Endpoint: sealed::Endpoint {}

/// An [`Endpoint`] that can be read from: all but writing halves and ends.
pub trait Readable: Endpoint + sealed::Readable {}

/// An [`Endpoint`] that can be written to: all but reading halves and ends.
pub trait Writable: Endpoint + sealed::Writable {}

impl<S: sealed::Endpoint> Endpoint for S {}
impl<S: sealed::Readable> Readable for S {}
impl<S: sealed::Writable> Writable for S {}

pub(super) mod sealed {
    use std::io::{self, IoSlice};

    use crate::buf::BufResult;

    pub trait Readable: Endpoint {}
    pub trait Writable: Endpoint {}

    /// What an endpoint does, as futures that the adapter keeps from one poll to the next. What it
    /// cannot do never ends.
    pub trait Endpoint: Unpin + 'static {
        type Reading: Future<Output = BufResult<usize, Vec<u8>>> + Unpin + 'static;
        type Writing: Future<Output = BufResult<usize, Vec<u8>>> + Unpin + 'static;
        type Ending: Future<Output = io::Result<()>> + Unpin + 'static;

        /// Whether reads and writes are at one position, which can be set.
        const SEEKS: bool = false;

        /// Reads up to the buffer's capacity, at an offset if it has such.
        fn read(&self, buf: Vec<u8>, offset: u64) -> Self::Reading;

        /// Stops a read, and gives what it has read nevertheless.
        fn stop(reading: Self::Reading) -> impl Future<Output = BufResult<usize, Vec<u8>>>;

        /// Writes the whole buffer, at an offset if it has such. Less is a success only where the next
        /// request says why.
        fn write(&self, buf: Vec<u8>, offset: u64) -> Self::Writing;

        /// Writes what can be written at once, without the ring.
        ///
        /// # Errors
        ///
        /// `WouldBlock` where it has to wait, or where that cannot be known.
        fn write_now(&self, _: &[IoSlice<'_>]) -> io::Result<usize> {
            Err(io::ErrorKind::WouldBlock.into())
        }

        /// Ends the writing direction.
        fn end(&self) -> Self::Ending;
    }
}

/// The half of an endpoint that reads, as items of `sealed::Endpoint`.
macro_rules! reads {
    ($operation:ty, $at:ident) => {
        type Reading = Op<$operation>;

        reads!(@ $at);

        async fn stop(reading: Self::Reading) -> BufResult<usize, Vec<u8>> {
            reading.cancel().await
        }
    };
    (@ here) => {
        fn read(&self, buf: Vec<u8>, _: u64) -> Self::Reading {
            self.read(buf)
        }
    };
    (@ there) => {
        fn read(&self, buf: Vec<u8>, offset: u64) -> Self::Reading {
            self.read_at(buf, offset)
        }
    };
    () => {
        type Reading = Pending<BufResult<usize, Vec<u8>>>;

        fn read(&self, _: Vec<u8>, _: u64) -> Self::Reading {
            pending()
        }

        async fn stop(reading: Self::Reading) -> BufResult<usize, Vec<u8>> {
            reading.await
        }
    };
}

/// The half of a socket that writes. The kernel goes on by itself until all is sent.
#[cfg(feature = "net")]
macro_rules! sends {
    ($($how:expr)?) => {
        type Writing = Op<Send<Vec<u8>>>;
        type Ending = Op<ops::Shutdown>;

        fn write(&self, buf: Vec<u8>, _: u64) -> Self::Writing {
            Op::new(Send::whole(self.fd.clone(), buf))
        }

        fn write_now(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
            ops::send_now(&self.fd, pieces)
        }

        fn end(&self) -> Self::Ending {
            self.shutdown($($how)?)
        }
    };
}

/// The half of an endpoint that cannot write.
macro_rules! mute {
    () => {
        type Writing = Pending<BufResult<usize, Vec<u8>>>;
        type Ending = Pending<io::Result<()>>;

        fn write(&self, _: Vec<u8>, _: u64) -> Self::Writing {
            pending()
        }

        fn end(&self) -> Self::Ending {
            pending()
        }
    };
}

#[cfg(feature = "net")]
mod sockets {
    use std::future::{Pending, pending};
    use std::io::{self, IoSlice};

    use super::sealed::{Endpoint, Readable, Writable};
    use crate::buf::BufResult;
    use crate::net::{OwnedReadHalf, OwnedWriteHalf, Shutdown, TcpStream, UnixStream};
    use crate::op::Op;
    use crate::op::socket::{self as ops, Recv, Send};

    impl Readable for TcpStream {}
    impl Writable for TcpStream {}
    impl Endpoint for TcpStream {
        reads!(Recv<Vec<u8>>, here);
        sends!(Shutdown::Write);
    }

    impl Readable for UnixStream {}
    impl Writable for UnixStream {}
    impl Endpoint for UnixStream {
        reads!(Recv<Vec<u8>>, here);
        sends!(Shutdown::Write);
    }

    impl<S: 'static> Readable for OwnedReadHalf<S> {}
    impl<S: 'static> Endpoint for OwnedReadHalf<S> {
        reads!(Recv<Vec<u8>>, here);
        mute!();
    }

    impl<S: 'static> Writable for OwnedWriteHalf<S> {}
    impl<S: 'static> Endpoint for OwnedWriteHalf<S> {
        reads!();
        sends!();
    }
}

mod files {
    use std::future::{Pending, Ready, pending, ready};
    use std::io;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use super::sealed::{Endpoint, Readable, Writable};
    use crate::buf::BufResult;
    use crate::fd::Fd;
    use crate::fs::File;
    use crate::op::transfer;
    use crate::op::{Op, POSITION, Read, Write};
    use crate::pipe::{PipeReader, PipeWriter};
    use crate::stdio::{Input, Output};
    use crate::task::JoinHandle;

    /// A write that goes on by itself. What is left of one to a pipe, which may end early, must not
    /// wait for a poll.
    #[derive(Debug)]
    pub struct WriteAll(JoinHandle<BufResult<usize, Vec<u8>>>);

    impl WriteAll {
        fn new(fd: Fd, buf: Vec<u8>) -> WriteAll {
            WriteAll(crate::spawn(async move {
                let count = buf.len();
                let (result, buf) = transfer::write_all(&fd, buf, POSITION).await;
                (result.map(|()| count), buf)
            }))
        }
    }

    impl Future for WriteAll {
        type Output = BufResult<usize, Vec<u8>>;

        fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
            self.0.poll_join(cx).map(|outcome| match outcome {
                Ok(written) => written,
                // The executor that it ran in has ended.
                Err(error) => (Err(error.into()), Vec::new()),
            })
        }
    }

    impl Drop for WriteAll {
        fn drop(&mut self) {
            self.0.abort();
        }
    }

    /// The half of a pipe that writes.
    macro_rules! pours {
        () => {
            type Writing = WriteAll;
            type Ending = Ready<io::Result<()>>;

            fn write(&self, buf: Vec<u8>, _: u64) -> Self::Writing {
                WriteAll::new(self.fd.clone(), buf)
            }

            fn end(&self) -> Self::Ending {
                ready(Ok(()))
            }
        };
    }

    impl Readable for File {}
    impl Writable for File {}
    impl Endpoint for File {
        type Writing = Op<Write<Vec<u8>>>;
        type Ending = Ready<io::Result<()>>;

        const SEEKS: bool = true;

        reads!(Read<Vec<u8>>, there);

        fn write(&self, buf: Vec<u8>, offset: u64) -> Self::Writing {
            self.write_at(buf, offset)
        }

        fn end(&self) -> Self::Ending {
            ready(Ok(()))
        }
    }

    impl Readable for PipeReader {}
    impl Endpoint for PipeReader {
        reads!(Read<Vec<u8>>, here);
        mute!();
    }

    impl Writable for PipeWriter {}
    impl Endpoint for PipeWriter {
        reads!();
        pours!();
    }

    impl Readable for Input {}
    impl Endpoint for Input {
        reads!(Read<Vec<u8>>, here);
        mute!();
    }

    impl Writable for Output {}
    impl Endpoint for Output {
        reads!();
        pours!();
    }
}
