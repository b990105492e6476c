//! The clients: each sends a request when the response to the one before is there, whole and right.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsRawFd;
use std::rc::Rc;
use std::time::{Duration, Instant};

use io_uring::{opcode, squeue, types};

use super::protocol::{Exchange, Protocol};
use super::ring::{Ring, check};

pub struct Load {
    pub connections: usize,
    pub protocol: Protocol,
}

struct Client {
    exchange: Rc<Exchange>,
    response: Vec<u8>,
    begun: Instant,
    stream: TcpStream,
}

pub struct Clients {
    ring: Ring,
    clients: Vec<Client>,
    latencies: Vec<Duration>,
}

/// What came of a run.
pub struct Outcome<'a> {
    /// Of each request, sorted.
    pub latencies: &'a [Duration],
    pub took: Duration,
    /// The share of the time that the clients used the processor.
    pub busy: f64,
}

/// The number of what completes only if it fails.
const SENT: u64 = u64::MAX;

/// `IORING_RECVSEND_POLL_FIRST`: the response is never there when the request is sent.
const POLL_FIRST: u16 = 1;

impl Load {
    pub fn connect(&self, address: SocketAddr) -> io::Result<Clients> {
        let mut known: Option<Rc<Exchange>> = None;
        let client = |number: usize| {
            let mut stream = TcpStream::connect(address)?;
            stream.set_nodelay(true)?;
            let exchange = Rc::new(self.protocol.exchange(&mut stream, number)?);
            // What all of them compare with is there once, which the processor's caches have room for.
            let exchange = known
                .take_if(|known| known.is_like(&exchange))
                .unwrap_or(exchange);
            known = Some(exchange.clone());
            Ok(Client {
                response: vec![0; exchange.response.len()],
                exchange,
                begun: Instant::now(),
                stream,
            })
        };
        let clients = (0..self.connections).map(client);
        let clients: Vec<Client> = clients.collect::<io::Result<_>>()?;
        let ring = Ring::new()?;
        let files = clients.iter().map(|client| client.stream.as_raw_fd());
        ring.register(&files.collect::<Vec<_>>())?;
        Ok(Clients {
            ring,
            clients,
            latencies: Vec::with_capacity(1 << 20),
        })
    }
}

impl Clients {
    /// Lets all clients talk for a while, and to the end of what they have begun.
    pub fn run(&mut self, limit: Duration) -> io::Result<Outcome<'_>> {
        let result = self.talk(limit);
        if result.is_err() {
            // The kernel may still write to their buffers.
            std::mem::forget(std::mem::take(&mut self.clients));
        }
        let (took, busy) = result?;
        self.latencies.sort_unstable();
        Ok(Outcome {
            latencies: &self.latencies,
            took,
            busy,
        })
    }

    /// How long it took, and the share of this that the clients used the processor.
    fn talk(&mut self, limit: Duration) -> io::Result<(Duration, f64)> {
        let (start, cpu) = (Instant::now(), own_cpu());
        self.latencies.clear();
        let mut completions = Vec::with_capacity(4096);
        let mut talking = self.clients.len();
        for number in 0..self.clients.len() {
            self.begin(number, start)?;
        }
        while talking > 0 {
            self.ring.turn(&mut completions)?;
            let now = Instant::now();
            for (data, result) in completions.drain(..) {
                let count = check(result)?;
                let client = match self.clients.get_mut(data as usize) {
                    Some(client) if count > 0 => client,
                    _ => return Err(io::Error::other("the server has ended a connection")),
                };
                if !client.exchange.expects(&client.response[..count]) {
                    return Err(io::Error::other("the response is not the right one"));
                }
                // What is there now is not taken for the next one.
                client.response[count - 1] ^= 1;
                self.latencies.push(now - client.begun);
                if now - start < limit {
                    self.begin(data as usize, now)?;
                } else {
                    talking -= 1;
                }
            }
        }
        let took = start.elapsed();
        let busy = (own_cpu() - cpu).as_secs_f64() / took.as_secs_f64();
        Ok((took, busy))
    }

    fn begin(&mut self, number: usize, now: Instant) -> io::Result<()> {
        let client = &mut self.clients[number];
        client.begun = now;
        let file = types::Fixed(number as u32);
        let (request, response) = (&client.exchange.request, &mut client.response);
        let send = opcode::Send::new(file, request.as_ptr(), request.len() as u32)
            .flags(libc::MSG_WAITALL)
            .build()
            .flags(squeue::Flags::SKIP_SUCCESS)
            .user_data(SENT);
        let receive = opcode::Recv::new(file, response.as_mut_ptr(), response.len() as u32)
            .flags(libc::MSG_WAITALL)
            .ioprio(POLL_FIRST)
            .build()
            .user_data(number as u64);
        // SAFETY: neither is touched before the response is there, which is only after all of the request has been
        // sent. After an error they are never freed.
        unsafe {
            self.ring.push(&send)?;
            self.ring.push(&receive)
        }
    }
}

impl Outcome<'_> {
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
