//! Operations on sockets.

mod accept;
mod connect;
mod message;
mod readiness;
mod recv;
mod recv_multi;
mod send;
mod shutdown;

pub(crate) use self::accept::{Accept, AcceptMulti};
pub(crate) use self::connect::Connect;
pub use self::message::{RecvFrom, RecvVectored, SendTo, SendVectored};
pub(crate) use self::readiness::Readiness;
pub use self::recv::Recv;
pub(crate) use self::recv_multi::{Received, RecvMulti};
pub use self::send::Send;
#[cfg(any(feature = "futures-io", feature = "tokio-io", feature = "hyper"))]
pub(crate) use self::send::send_now;
pub use self::shutdown::Shutdown;
