//! What a client says, and what it must hear.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::ops::Range;

pub enum Protocol {
    /// A message of so many bytes comes back.
    Echo(usize),
    /// A path is asked for, and this body is the answer.
    Http(&'static str, &'static [u8]),
}

/// A request, and the response that is expected of it.
pub struct Exchange {
    pub request: Vec<u8>,
    pub response: Vec<u8>,
    /// The bytes of the response that change with time.
    pub varies: Range<usize>,
}

impl Exchange {
    pub fn is_like(&self, other: &Exchange) -> bool {
        self.request == other.request && self.expects(&other.response)
    }

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
            Protocol::Http(path, body) => {
                let request =
                    format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").into_bytes();
                stream.write_all(&request)?;
                let mut response = Vec::new();
                let head = loop {
                    let mut byte = [0];
                    stream.read_exact(&mut byte)?;
                    response.push(byte[0]);
                    if response.ends_with(b"\r\n\r\n") {
                        break Head::parse(&response)?;
                    }
                };
                let begin = response.len();
                response.resize(begin + head.length, 0);
                stream.read_exact(&mut response[begin..])?;
                if response[begin..] != **body {
                    return Err(io::Error::other("the body is not the right one"));
                }
                Ok(Exchange {
                    request,
                    response,
                    varies: head.date,
                })
            }
        }
    }
}

/// What there is to know of a response's head.
#[derive(Debug, PartialEq)]
struct Head {
    length: usize,
    /// Where its date is, if it has one.
    date: Range<usize>,
}

impl Head {
    fn parse(head: &[u8]) -> io::Result<Head> {
        let wrong = || io::Error::other(format!("not the head: {}", String::from_utf8_lossy(head)));
        let text = std::str::from_utf8(head).map_err(|_| wrong())?;
        let mut lines = text.split_inclusive("\r\n");
        let status = lines.next().filter(|line| *line == "HTTP/1.1 200 OK\r\n");
        let mut at = status.ok_or_else(wrong)?.len();
        let (mut length, mut date) = (None, 0..0);
        for line in lines {
            let (name, value) = line.split_once(':').unwrap_or_default();
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().ok();
            } else if name.eq_ignore_ascii_case("date") {
                date = at + name.len()..at + line.len();
            }
            at += line.len();
        }
        let length = length.ok_or_else(wrong)?;
        Ok(Head { length, date })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str =
        "HTTP/1.1 200 OK\r\ncontent-length: 13\r\ndate: Tue, 01 Dec 2026 04:00:00 GMT\r\n\r\n";

    #[test]
    fn a_head_tells_the_length_and_where_the_date_is() {
        let head = Head::parse(HEAD.as_bytes()).unwrap();
        assert_eq!(head.length, 13);
        assert_eq!(&HEAD[head.date], ": Tue, 01 Dec 2026 04:00:00 GMT\r\n");
    }

    #[test]
    fn a_head_without_a_length_or_of_another_status_is_refused() {
        let none = HEAD.replace("content-length", "content-type");
        let missing = HEAD.replace("200 OK", "404 Not Found");
        for head in [&none[..], &missing, ""] {
            assert!(Head::parse(head.as_bytes()).is_err(), "{head:?}");
        }
    }

    #[test]
    fn nothing_but_what_varies_may_differ() {
        let exchange = Exchange {
            request: Vec::new(),
            response: b"abcdef".to_vec(),
            varies: 2..4,
        };
        assert!(exchange.expects(b"abXYef"));
        for other in [b"Xbcdef", b"abcdXf"] {
            assert!(!exchange.expects(other));
        }
        assert!(!exchange.expects(b"abcde"));
    }
}
