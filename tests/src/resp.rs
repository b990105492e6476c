//! A client of servers that speak the protocol of Redis. It blocks.

use std::io::{self, BufRead, BufReader, Error, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Longer than anything takes on any machine.
const LIMIT: Duration = Duration::from_secs(60);

/// A connection.
#[derive(Debug)]
pub struct Client {
    reader: BufReader<TcpStream>,
}

/// A command as clients send it.
pub fn command(words: &[&str]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len());
    for word in words {
        bytes += &format!("${}\r\n{word}\r\n", word.len());
    }
    bytes.into_bytes()
}

impl Client {
    /// Connects.
    pub fn connect(address: SocketAddr) -> io::Result<Client> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(LIMIT))?;
        let reader = BufReader::new(stream);
        Ok(Client { reader })
    }

    /// A second handle of the connection, to write to.
    pub fn writer(&self) -> io::Result<TcpStream> {
        self.reader.get_ref().try_clone()
    }

    /// Sends bytes as they are.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.reader.get_mut().write_all(bytes)
    }

    /// Sends a command.
    pub fn send(&mut self, words: &[&str]) -> io::Result<()> {
        self.write(&command(words))
    }

    /// Sends a command and waits for its reply.
    pub fn ask(&mut self, words: &[&str]) -> io::Result<String> {
        self.send(words)?;
        self.reply()
    }

    /// Waits for a reply: its first line, and for strings `$` and the string, `$-1` if there is none.
    pub fn reply(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.reader.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let Some(line) = line.strip_suffix("\r\n") else {
            return Err(Error::other(format!("half a line: {line}")));
        };
        let len = line.strip_prefix('$').and_then(|len| len.parse().ok());
        let Some(len): Option<usize> = len else {
            return Ok(line.to_owned());
        };
        let mut bytes = vec![0; len + 2];
        self.reader.read_exact(&mut bytes)?;
        assert_eq!(bytes.split_off(len), b"\r\n");
        let text = String::from_utf8(bytes).map_err(Error::other)?;
        Ok(format!("${text}"))
    }

    /// Whether the connection has been ended by the server, with all replies read.
    pub fn has_ended(&mut self) -> io::Result<bool> {
        Ok(self.reader.fill_buf()?.is_empty())
    }

    /// Whether nothing comes for this long.
    pub fn hears_nothing_for(&mut self, time: Duration) -> io::Result<bool> {
        self.reader.get_ref().set_read_timeout(Some(time))?;
        let heard = self.reader.fill_buf().map(|bytes| bytes.len());
        self.reader.get_ref().set_read_timeout(Some(LIMIT))?;
        match heard {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(true),
            heard => heard.map(|_| false),
        }
    }
}
