//! A loop over io_uring, written by hand for echo alone: what the kernel takes.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use io_uring::{opcode, types};

use super::common::{ADDRESS, accepted, say};
use super::ring::{Ring, check};

struct Connection {
    number: u64,
    stream: TcpStream,
    buf: Vec<u8>,
    filled: usize,
    sent: usize,
}

const ACCEPT: u64 = u64::MAX;
const SEND: u64 = 1 << 32;

pub fn echo(buffer: usize) -> io::Result<()> {
    let listener = TcpListener::bind(ADDRESS)?;
    say(listener.local_addr()?)?;
    let mut ring = Ring::new()?;
    // A number is not used again: nobody connects anew.
    let mut connections: Vec<Option<Connection>> = Vec::new();
    let accept = opcode::AcceptMulti::new(types::Fd(listener.as_raw_fd())).build();
    // SAFETY: it points to nothing.
    unsafe { ring.push(&accept.user_data(ACCEPT))? };
    let mut completions = Vec::with_capacity(4096);
    loop {
        ring.turn(&mut completions)?;
        for (data, result) in completions.drain(..) {
            if data == ACCEPT {
                let fd = check(result)? as i32;
                // SAFETY: the kernel has just made it, and nothing else has it.
                let stream = accepted(unsafe { OwnedFd::from_raw_fd(fd) })?;
                let mut connection = Connection {
                    number: connections.len() as u64,
                    stream,
                    buf: vec![0; buffer],
                    filled: 0,
                    sent: 0,
                };
                connection.receive(&mut ring)?;
                connections.push(Some(connection));
                continue;
            }
            let place = &mut connections[(data & (SEND - 1)) as usize];
            match place
                .as_mut()
                .map(|each| each.goes_on(&mut ring, data & SEND != 0, result))
            {
                Some(Ok(true)) | None => {}
                Some(Ok(false) | Err(_)) => *place = None,
            }
        }
    }
}

impl Connection {
    /// After one operation the next one, until there is no more.
    fn goes_on(&mut self, ring: &mut Ring, sent: bool, result: i32) -> io::Result<bool> {
        let count = check(result)?;
        if !sent {
            (self.filled, self.sent) = (count, 0);
            if count > 0 {
                self.send(ring)?;
            }
            return Ok(count > 0);
        }
        self.sent += count;
        if self.sent < self.filled {
            self.send(ring)?;
        } else {
            self.receive(ring)?;
        }
        Ok(true)
    }

    fn receive(&mut self, ring: &mut Ring) -> io::Result<()> {
        let (fd, buf) = (types::Fd(self.stream.as_raw_fd()), &mut self.buf);
        let entry = opcode::Recv::new(fd, buf.as_mut_ptr(), buf.len() as u32).build();
        // SAFETY: the buffer's memory stays where it is, and is not looked at before this has completed: there is one
        // operation of a connection at a time, and it is not dropped before that.
        unsafe { ring.push(&entry.user_data(self.number)) }
    }

    fn send(&mut self, ring: &mut Ring) -> io::Result<()> {
        let rest = &self.buf[self.sent..self.filled];
        let fd = types::Fd(self.stream.as_raw_fd());
        let entry = opcode::Send::new(fd, rest.as_ptr(), rest.len() as u32).build();
        // SAFETY: the same.
        unsafe { ring.push(&entry.user_data(SEND | self.number)) }
    }
}
