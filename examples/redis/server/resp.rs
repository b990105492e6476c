//! The protocol, RESP2: commands come in, replies go out.

use std::borrow::Cow;
use std::io::Write;
use std::iter::{Copied, Peekable};
use std::slice::Iter;

/// A command's name and arguments; none for an empty line.
pub(crate) type Words<'a> = Vec<Cow<'a, [u8]>>;

const MAX_WORDS: usize = 1024;
const MAX_BULK: usize = 16 << 20;
const MAX_LINE: usize = 64 << 10;
/// With all its words.
const MAX_COMMAND: usize = 32 << 20;

/// Why there is no command.
enum Stop {
    /// More must come.
    Incomplete,
    /// What is here is none, nor will be.
    Wrong(String),
}

/// The first command of the input and its length in bytes, if all of it is there. An error says what
/// is wrong with the input, of which nothing can be understood any more.
pub(crate) fn parse(input: &[u8]) -> Result<Option<(Words<'_>, usize)>, String> {
    let mut reader = Reader { input, at: 0 };
    match reader.command() {
        Ok(words) => Ok(Some((words, reader.at))),
        Err(Stop::Incomplete) if input.len() < MAX_COMMAND => Ok(None),
        Err(Stop::Incomplete) => Err("too big a command".to_owned()),
        Err(Stop::Wrong(what)) => Err(what),
    }
}

struct Reader<'a> {
    input: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn command(&mut self) -> Result<Words<'a>, Stop> {
        match self.input.first() {
            None => Err(Stop::Incomplete),
            Some(b'*') => self.bulks(),
            Some(_) => {
                let words = split(self.line("inline request")?);
                let words = words.ok_or_else(|| wrong("unbalanced quotes in request"))?;
                match words.len() {
                    0..=MAX_WORDS => Ok(words.into_iter().map(Cow::Owned).collect()),
                    _ => Err(wrong("too many words in request")),
                }
            }
        }
    }

    /// The form that clients use: a count, and as many strings with their lengths.
    fn bulks(&mut self) -> Result<Words<'a>, Stop> {
        let count = match number(&self.line("mbulk count string")?[1..]) {
            // No words are no command, as in Redis.
            Some(count) if count <= 0 => return Ok(Words::new()),
            Some(count) if count <= MAX_WORDS as i64 => count as usize,
            _ => return Err(wrong("invalid multibulk length")),
        };
        let mut words = Words::with_capacity(count);
        for _ in 0..count {
            match self.input.get(self.at) {
                None => return Err(Stop::Incomplete),
                Some(b'$') => {}
                Some(other) => {
                    let what = format!("expected '$', got '{}'", other.escape_ascii());
                    return Err(Stop::Wrong(what));
                }
            }
            let len = match number(&self.line("bulk count string")?[1..]) {
                Some(len) if (0..=MAX_BULK as i64).contains(&len) => len as usize,
                _ => return Err(wrong("invalid bulk length")),
            };
            let rest = &self.input[self.at..];
            match rest.get(len..len + 2) {
                None => return Err(Stop::Incomplete),
                Some(b"\r\n") => words.push(Cow::Borrowed(&rest[..len])),
                Some(_) => return Err(wrong("expected CRLF after a bulk")),
            }
            self.at += len + 2;
        }
        Ok(words)
    }

    /// A line without its end.
    fn line(&mut self, what: &str) -> Result<&'a [u8], Stop> {
        let rest = &self.input[self.at..];
        match rest.iter().take(MAX_LINE).position(|&byte| byte == b'\n') {
            Some(end) => {
                self.at += end + 1;
                Ok(rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]))
            }
            None if rest.len() < MAX_LINE => Err(Stop::Incomplete),
            None => Err(Stop::Wrong(format!("too big {what}"))),
        }
    }
}

fn wrong(what: &str) -> Stop {
    Stop::Wrong(what.to_owned())
}

/// The words of a line that somebody typed, in which quotes may hold blanks. None if a quote does not
/// end, or does not end a word.
fn split(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut bytes = line.iter().copied().peekable();
    let mut words = Vec::new();
    loop {
        while bytes.next_if(u8::is_ascii_whitespace).is_some() {}
        if bytes.peek().is_none() {
            return Some(words);
        }
        let mut word = Vec::new();
        while let Some(byte) = bytes.next_if(|byte| !byte.is_ascii_whitespace()) {
            match byte {
                b'"' | b'\'' => {
                    quoted(&mut bytes, byte, &mut word)?;
                    if bytes.peek().is_some_and(|byte| !byte.is_ascii_whitespace()) {
                        return None;
                    }
                }
                _ => word.push(byte),
            }
        }
        words.push(word);
    }
}

/// The rest of what is in quotes.
fn quoted(bytes: &mut Peekable<Copied<Iter<'_, u8>>>, quote: u8, word: &mut Vec<u8>) -> Option<()> {
    loop {
        let byte = match bytes.next()? {
            byte if byte == quote => return Some(()),
            b'\\' if quote == b'\'' => bytes.next_if_eq(&b'\'').unwrap_or(b'\\'),
            b'\\' => match bytes.next()? {
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                b'a' => 7,
                b'b' => 8,
                b'x' => {
                    let mut digit = || char::from(bytes.next()?).to_digit(16);
                    (digit()? * 16 + digit()?) as u8
                }
                other => other,
            },
            byte => byte,
        };
        word.push(byte);
    }
}

/// A whole number, in the one way in which it would be written back.
pub(crate) fn number(text: &[u8]) -> Option<i64> {
    let text = str::from_utf8(text).ok()?;
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = digits.starts_with(|first: char| ('1'..='9').contains(&first)) || text == "0";
    text.parse().ok().filter(|_| plain)
}

pub(crate) fn simple(out: &mut Vec<u8>, text: &str) {
    push(out, format_args!("+{text}\r\n"));
}

/// An error, which begins with its class, such as `ERR`. It may quote what the client has sent.
pub(crate) fn error(out: &mut Vec<u8>, text: &str) {
    let text = text.replace(char::is_control, " ");
    push(out, format_args!("-{text}\r\n"));
}

pub(crate) fn integer(out: &mut Vec<u8>, number: i64) {
    push(out, format_args!(":{number}\r\n"));
}

pub(crate) fn bulk(out: &mut Vec<u8>, bytes: &[u8]) {
    push(out, format_args!("${}\r\n", bytes.len()));
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}

pub(crate) fn null(out: &mut Vec<u8>) {
    out.extend_from_slice(b"$-1\r\n");
}

/// The head of an array; its elements come next.
pub(crate) fn array(out: &mut Vec<u8>, len: usize) {
    push(out, format_args!("*{len}\r\n"));
}

fn push(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("a vector takes everything");
}
