//! Services that clients in another process use: what a request costs the server.

use std::io;

use crate::sample::Sample;

/// One service under one load.
pub struct Case {
    pub name: &'static str,
    /// Who offers it.
    pub peers: &'static [&'static str],
}

/// All of them.
pub const CASES: &[Case] = &[];

impl Case {
    /// One measurement, in the driver's process, of a server that is a child of it.
    pub fn measure(&self, peer: &str) -> io::Result<Sample> {
        Err(io::Error::other(format!("no {} in {peer}", self.name)))
    }
}

/// Serves until it is killed. The address goes to standard output.
pub fn serve(service: &str, peer: &str) -> io::Result<()> {
    Err(io::Error::other(format!("no {service} in {peer}")))
}
