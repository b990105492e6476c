//! Connects many times to a server that sends back what it receives: `net_peers ADDRESS IDLE BUSY
//! ROUNDS`. The busy connections all talk at once, so many rounds; then each idle one says something.

use std::io::{self, Read, Write};
use std::net::TcpStream;

fn connect(address: &str, count: usize) -> io::Result<Vec<TcpStream>> {
    (0..count).map(|_| TcpStream::connect(address)).collect()
}

/// What the connection of that number says in a round.
fn message(number: usize, round: usize) -> Vec<u8> {
    format!("{number} says {round} ").repeat(5).into_bytes()
}

fn hear(stream: &mut TcpStream, expected: &[u8]) -> io::Result<()> {
    let mut heard = vec![0; expected.len()];
    stream.read_exact(&mut heard)?;
    assert!(heard == expected, "it came back changed");
    Ok(())
}

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().expect("an address");
    let mut number = || {
        let argument = arguments.next().expect("three numbers");
        argument.parse::<usize>().expect("a number")
    };
    let (idle, busy, rounds) = (number(), number(), number());
    let mut idle = connect(&address, idle)?;
    let mut busy = connect(&address, busy)?;
    for round in 0..rounds {
        for (number, stream) in busy.iter_mut().enumerate() {
            stream.write_all(&message(number, round))?;
        }
        for (number, stream) in busy.iter_mut().enumerate() {
            hear(stream, &message(number, round))?;
        }
    }
    for stream in &mut idle {
        stream.write_all(b"!")?;
    }
    for stream in &mut idle {
        hear(stream, b"!")?;
    }
    Ok(())
}
