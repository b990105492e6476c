//! Sockets: TCP, UDP and Unix.
//!
//! All methods take `&self`, so a stream can be read and written by two tasks at once through an `Rc`,
//! or through the halves of `into_split`. Buffers are owned, as everywhere: a call takes one and gives
//! it back with the result. What is a single request to the kernel is an [`Op`](crate::op::Op), which
//! can be cancelled or given a limit without losing the buffer.
//!
//! A server of many connections receives with `recv_pooled` of the streams: one request for all that
//! comes, into buffers that all connections share. [`splice()`] and `send_file` move bytes without a copy
//! through the program.
//!
//! Making a socket, binding it, listening and setting options are plain system calls that do not
//! block. Names are resolved on the blocking pool.
//!
//! ```
//! # io2::ExecutorConfig::new().run(async {
//! use io2::net::{TcpListener, TcpStream};
//!
//! let listener = TcpListener::bind("127.0.0.1:0").await?;
//! let address = listener.local_addr()?;
//! let server = io2::spawn(async move {
//!     let (stream, _peer) = listener.accept().await?;
//!     let (read, buf) = stream.read(Vec::with_capacity(16)).await;
//!     read?;
//!     stream.write_all(buf).await.0
//! });
//! let stream = TcpStream::connect(address).await?;
//! stream.write_all("hello").await.0?;
//! let (read, buf) = stream.read(Vec::with_capacity(16)).await;
//! assert_eq!((read?, &buf[..]), (5, &b"hello"[..]));
//! server.await?;
//! # std::io::Result::Ok(())
//! # }).unwrap().unwrap();
//! ```

mod address;
mod incoming;
mod recv_pooled;
mod resolve;
mod socket;
mod splice;
mod split;
mod tcp_listener;
mod tcp_socket;
mod tcp_stream;
mod transfer;
mod udp;
mod unix_datagram;
mod unix_listener;
mod unix_stream;

pub use self::incoming::Incoming;
pub use self::recv_pooled::RecvPooled;
pub use self::resolve::{ToSocketAddrs, lookup_host};
pub use self::splice::{SpliceFrom, SpliceTo, splice};
pub use self::split::{OwnedReadHalf, OwnedWriteHalf};
pub use self::tcp_listener::TcpListener;
pub use self::tcp_socket::TcpSocket;
pub use self::tcp_stream::TcpStream;
pub use self::udp::UdpSocket;
pub use self::unix_datagram::UnixDatagram;
pub use self::unix_listener::UnixListener;
pub use self::unix_stream::UnixStream;

pub use std::net::Shutdown;
pub use std::os::unix::net::SocketAddr as UnixSocketAddr;
