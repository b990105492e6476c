//! Operations on sockets.

mod accept;
mod connect;
mod message;
mod recv;
mod send;
mod shutdown;

pub(crate) use self::accept::{Accept, AcceptMulti};
pub(crate) use self::connect::Connect;
pub use self::message::{RecvFrom, RecvVectored, SendTo, SendVectored};
pub use self::recv::Recv;
pub use self::send::Send;
pub use self::shutdown::Shutdown;
