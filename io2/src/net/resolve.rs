//! Names of hosts.

use std::io;
use std::net::{self, IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use crate::spawn::unblock;

/// What stands for addresses, or can be resolved to some.
///
/// Addresses, `"127.0.0.1:80"`, `("::1", 80)` and the like are taken as they are; names, such as
/// `"localhost:80"`, are resolved on the blocking pool.
pub trait ToSocketAddrs: sealed::Sealed {}

impl<T: sealed::Sealed> ToSocketAddrs for T {}

mod sealed {
    use super::Target;

    pub trait Sealed {
        fn target(&self) -> Target;
    }
}

/// Where to: known, or to be looked up.
#[derive(Debug)]
pub enum Target {
    /// Addresses.
    Known(Vec<SocketAddr>),
    /// A name with a port, "host:port".
    Name(String),
    /// A name, and a port.
    NameAndPort(String, u16),
}

macro_rules! known {
    ($($kind:ty),*) => {$(
        impl sealed::Sealed for $kind {
            fn target(&self) -> Target {
                Target::Known(vec![SocketAddr::from(*self)])
            }
        }
    )*};
}

known!(
    SocketAddr,
    SocketAddrV4,
    SocketAddrV6,
    (IpAddr, u16),
    (Ipv4Addr, u16),
    (Ipv6Addr, u16)
);

impl sealed::Sealed for [SocketAddr] {
    fn target(&self) -> Target {
        Target::Known(self.to_vec())
    }
}

impl sealed::Sealed for str {
    fn target(&self) -> Target {
        match self.parse() {
            Ok(address) => Target::Known(vec![address]),
            Err(_) => Target::Name(self.to_owned()),
        }
    }
}

impl sealed::Sealed for String {
    fn target(&self) -> Target {
        self.as_str().target()
    }
}

impl sealed::Sealed for (&str, u16) {
    fn target(&self) -> Target {
        match self.0.parse::<IpAddr>() {
            Ok(ip) => Target::Known(vec![SocketAddr::new(ip, self.1)]),
            Err(_) => Target::NameAndPort(self.0.to_owned(), self.1),
        }
    }
}

impl sealed::Sealed for (String, u16) {
    fn target(&self) -> Target {
        (self.0.as_str(), self.1).target()
    }
}

impl<T: sealed::Sealed + ?Sized> sealed::Sealed for &T {
    fn target(&self) -> Target {
        (**self).target()
    }
}

/// Resolves a name to addresses, on the blocking pool. Dropping it loses the answer and nothing else.
///
/// # Errors
///
/// What the resolver says; `InvalidInput` for a name without a port.
///
/// # Examples
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// let addresses = io2::net::lookup_host("127.0.0.1:80").await?;
/// assert_eq!(addresses, ["127.0.0.1:80".parse().unwrap()]);
/// # std::io::Result::Ok(())
/// # }).unwrap().unwrap();
/// ```
pub async fn lookup_host<A: ToSocketAddrs>(host: A) -> io::Result<Vec<SocketAddr>> {
    match host.target() {
        Target::Known(addresses) => Ok(addresses),
        Target::Name(name) => unblock(move || collect(name.as_str())).await,
        Target::NameAndPort(name, port) => unblock(move || collect((name.as_str(), port))).await,
    }
}

fn collect<A: net::ToSocketAddrs>(name: A) -> io::Result<Vec<SocketAddr>> {
    name.to_socket_addrs().map(Iterator::collect)
}

/// Tries the addresses of a name one after the other; the last error counts.
pub(super) async fn each<A: ToSocketAddrs, T>(
    host: A,
    mut attempt: impl AsyncFnMut(SocketAddr) -> io::Result<T>,
) -> io::Result<T> {
    let mut failed = io::Error::new(
        io::ErrorKind::InvalidInput,
        "the name resolved to no address",
    );
    for address in lookup_host(host).await? {
        match attempt(address).await {
            Ok(done) => return Ok(done),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}
