//! Bridges to the traits of other crates, so that what is written against them runs on io2: HTTP, TLS,
//! WebSockets, and whatever takes an `AsyncRead` and an `AsyncWrite`.
//!
//! Nothing here brings a second event loop, and none of the features brings another runtime: the
//! traits are implemented on top of io2's own operations.
//!
//! | what | for | feature |
//! |---|---|---|
#![cfg_attr(
    any(feature = "futures-io", feature = "tokio-io", feature = "hyper"),
    doc = "| [`Stream`] | `AsyncRead`, `AsyncBufRead`, `AsyncWrite`, `AsyncSeek` of `futures::io` | `futures-io` |",
    doc = "| [`Stream`] | the same of `tokio::io` | `tokio-io` |",
    doc = "| [`Stream`] | `Read` and `Write` of `hyper::rt` | `hyper` |"
)]
#![cfg_attr(
    feature = "hyper",
    doc = "| [`LocalExec`], [`LocalTimer`] | `Executor` and `Timer` of `hyper::rt` | `hyper` |"
)]
#![cfg_attr(
    all(feature = "hyper", feature = "tokio-io"),
    doc = "| [`HyperIo`] | what has the traits of `tokio::io`, such as a TLS stream, in hyper | `hyper` and `tokio-io` |"
)]
//! | `Incoming`, `RecvPooled`, `Interval`, `JoinSet`, the receivers of `mpsc` | `futures_core::Stream` | `stream` |
//! | [`local()`] | interfaces that ask for `Send` | none |
//!
//! # Which one
//!
//! Streams of io2 take a buffer by value and give it back, since the kernel works on it. The traits
//! of others lend a buffer for the length of a call. Between the two there is a copy, and a buffer of
//! the adapter's own. Who can, uses the methods of io2's streams; who needs a library that knows only
//! the traits, wraps the stream. Both can be had in one program.

#[cfg(any(feature = "futures-io", feature = "tokio-io", feature = "hyper"))]
mod adapter;
#[cfg(any(feature = "futures-io", feature = "tokio-io", feature = "hyper"))]
mod endpoint;
#[cfg(feature = "futures-io")]
mod futures_io;
#[cfg(feature = "hyper")]
mod hyper;
#[cfg(all(feature = "hyper", feature = "tokio-io"))]
mod hyper_io;
mod local;
#[cfg(any(feature = "futures-io", feature = "tokio-io", feature = "hyper"))]
mod reader;
#[cfg(any(feature = "futures-io", feature = "tokio-io"))]
mod seek;
#[cfg(feature = "stream")]
mod streams;
#[cfg(feature = "tokio-io")]
mod tokio_io;
#[cfg(any(feature = "futures-io", feature = "tokio-io", feature = "hyper"))]
mod writer;

#[cfg(any(feature = "futures-io", feature = "tokio-io", feature = "hyper"))]
pub use self::adapter::{Parts, Stream};
#[cfg(any(feature = "futures-io", feature = "tokio-io", feature = "hyper"))]
pub use self::endpoint::{Endpoint, Readable, Writable};
#[cfg(feature = "hyper")]
pub use self::hyper::{LocalExec, LocalTimer};
#[cfg(all(feature = "hyper", feature = "tokio-io"))]
pub use self::hyper_io::HyperIo;
pub use self::local::{Local, local};
