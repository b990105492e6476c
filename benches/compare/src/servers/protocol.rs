//! What a client says, and what it must hear.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::ops::Range;

pub enum Protocol {
    /// A message of so many bytes comes back.
    Echo(usize),
}

/// A request, and the response that is expected of it.
pub struct Exchange {
    pub request: Vec<u8>,
    pub response: Vec<u8>,
    /// The bytes of the response that change with time.
    pub varies: Range<usize>,
}

impl Exchange {
    pub fn expects(&self, response: &[u8]) -> bool {
        let Range { start, end } = self.varies;
        response.len() == self.response.len()
            && response[..start] == self.response[..start]
            && response[end..] == self.response[end..]
    }
}

impl Protocol {
    /// What a client says over and over. The response is what the server gives now, if it is right.
    pub fn exchange(&self, stream: &mut TcpStream, client: usize) -> io::Result<Exchange> {
        match self {
            Protocol::Echo(size) => {
                let request: Vec<u8> = (0..*size).map(|at| (at * 31 + client) as u8).collect();
                let mut response = vec![0; *size];
                stream.write_all(&request)?;
                stream.read_exact(&mut response)?;
                if response != request {
                    return Err(io::Error::other("the echo is not what was sent"));
                }
                Ok(Exchange {
                    request,
                    response,
                    varies: 0..0,
                })
            }
        }
    }
}
