//! The clients: each sends a message when the one before has come back.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use io_uring::{opcode, types};

use crate::ring::{Ring, check};

pub struct Load {
    pub connections: usize,
    pub size: usize,
}

struct Client {
    stream: TcpStream,
    message: Vec<u8>,
    back: Vec<u8>,
    sent: usize,
    received: usize,
    begun: Instant,
}

pub struct Clients {
    ring: Ring,
    clients: Vec<Client>,
}

/// What came of a run.
pub struct Outcome {
    /// Of each request, sorted.
    pub latencies: Vec<Duration>,
    pub took: Duration,
    /// The share of the time that the clients used the processor.
    pub busy: f64,
}

const SEND: u64 = 1 << 32;

impl Load {
    pub fn connect(&self, address: SocketAddr) -> io::Result<Clients> {
        let client = |number: usize| {
            let stream = TcpStream::connect(address)?;
            stream.set_nodelay(true)?;
            let message = (0..self.size).map(|at| (at * 31 + number) as u8).collect();
            Ok(Client {
                stream,
                message,
                back: vec![0; self.size],
                sent: 0,
                received: 0,
                begun: Instant::now(),
            })
        };
        let clients = (0..self.connections)
            .map(client)
            .collect::<io::Result<_>>()?;
        Ok(Clients {
            ring: Ring::new()?,
            clients,
        })
    }
}

impl Clients {
    /// Lets all clients talk for a while, and to the end of what they have begun.
    pub fn run(&mut self, limit: Duration) -> io::Result<Outcome> {
        let (start, cpu) = (Instant::now(), own_cpu());
        let mut latencies = Vec::with_capacity(1 << 20);
        let mut completions = Vec::new();
        let mut talking = self.clients.len();
        for number in 0..self.clients.len() {
            self.begin(number)?;
        }
        while talking > 0 {
            self.ring.turn(&mut completions)?;
            let now = Instant::now();
            for (data, result, _) in completions.drain(..) {
                let number = (data & (SEND - 1)) as usize;
                let count = check(result)?;
                let client = &mut self.clients[number];
                if data & SEND != 0 {
                    client.sent += count;
                    if client.sent < client.message.len() {
                        self.send(number)?;
                    }
                    continue;
                }
                if count == 0 {
                    return Err(io::Error::other("the server has ended a connection"));
                }
                client.received += count;
                if client.received < client.back.len() {
                    self.receive(number)?;
                    continue;
                }
                assert!(client.back == client.message, "not what was sent");
                client.back[0] ^= 1;
                latencies.push(now - client.begun);
                if now - start < limit {
                    self.begin(number)?;
                } else {
                    talking -= 1;
                }
            }
        }
        let took = start.elapsed();
        let busy = (own_cpu() - cpu).as_secs_f64() / took.as_secs_f64();
        latencies.sort_unstable();
        Ok(Outcome {
            latencies,
            took,
            busy,
        })
    }

    fn begin(&mut self, number: usize) -> io::Result<()> {
        let client = &mut self.clients[number];
        (client.sent, client.received) = (0, 0);
        client.begun = Instant::now();
        self.send(number)?;
        self.receive(number)
    }

    fn send(&mut self, number: usize) -> io::Result<()> {
        let client = &self.clients[number];
        let rest = &client.message[client.sent..];
        let fd = types::Fd(client.stream.as_raw_fd());
        let entry = opcode::Send::new(fd, rest.as_ptr(), rest.len() as u32).build();
        // SAFETY: the message is neither moved nor changed while the clients live.
        unsafe { self.ring.push(&entry.user_data(SEND | number as u64)) }
    }

    fn receive(&mut self, number: usize) -> io::Result<()> {
        let client = &mut self.clients[number];
        let rest = &mut client.back[client.received..];
        let fd = types::Fd(client.stream.as_raw_fd());
        let entry = opcode::Recv::new(fd, rest.as_mut_ptr(), rest.len() as u32).build();
        // SAFETY: the buffer is not looked at before this has completed, and it lives as long as the clients.
        unsafe { self.ring.push(&entry.user_data(number as u64)) }
    }
}

impl Outcome {
    pub fn rate(&self) -> f64 {
        self.latencies.len() as f64 / self.took.as_secs_f64()
    }

    /// What a share of the requests did not exceed.
    pub fn latency_micros(&self, share: f64) -> f64 {
        let at = ((self.latencies.len() as f64 * share) as usize).min(self.latencies.len() - 1);
        self.latencies[at].as_secs_f64() * 1e6
    }
}

fn own_cpu() -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the place is there to be written to.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
