//! What stands in the log.
//!
//! The first block has a random number, the log's own. The rest is batches. A batch is a head (the length of
//! its records, a checksum, its number, the log's number) and the records, padded with zeros to whole
//! blocks. So no block that was acknowledged is ever written again, and a batch that a crash has torn is the
//! last one, and there as a whole or not at all. Its records are changes, not commands: an increment is the
//! new value, and a time to live is the time at which it ends.
//!
//! Clients do not know the log's number, so nothing in a value looks like a batch.

use std::io;

use io2::buf::AlignedBuf;
use rustix::rand::{GetRandomFlags, getrandom};

/// What batches are padded to. No device has greater blocks.
pub(crate) const BLOCK: u64 = 4096;
pub(crate) const HEAD: usize = 24;
/// No batch is longer: it is full long before, and the greatest command that still gets in is shorter.
pub(crate) const LONGEST: u64 = 64 << 20;

/// What a log begins with.
const MAGIC: &[u8; 16] = b"io2 redis log 1\n";

/// The number that tells a log from all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LogId(u64);

impl LogId {
    /// One that nobody can guess.
    pub(crate) fn random() -> io::Result<LogId> {
        let mut bytes = [0; 8];
        // So few bytes always come at once.
        getrandom(&mut bytes, GetRandomFlags::empty())?;
        Ok(LogId(u64::from_le_bytes(bytes)))
    }

    /// The first block of the log.
    pub(crate) fn to_block(self) -> AlignedBuf {
        let mut block = AlignedBuf::new(BLOCK as usize, BLOCK as usize);
        block.extend_from_slice(MAGIC);
        block.extend_from_slice(&self.0.to_le_bytes());
        block.extend_from_slice(&crc32fast::hash(&self.0.to_le_bytes()).to_le_bytes());
        block.resize(BLOCK as usize, 0);
        block
    }

    /// What the first block of a log says.
    pub(crate) fn read(mut block: &[u8]) -> Option<LogId> {
        let magic: &[u8; MAGIC.len()] = take(&mut block)?;
        let number: &[u8; 8] = take(&mut block)?;
        let checksum = u32::from_le_bytes(*take(&mut block)?);
        let right = magic == MAGIC && checksum == crc32fast::hash(number);
        right.then(|| LogId(u64::from_le_bytes(*number)))
    }
}

/// A change of one key. Times are milliseconds since 1970.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Change<'a> {
    Set {
        key: &'a [u8],
        value: &'a [u8],
        expires: Option<u64>,
    },
    Delete {
        key: &'a [u8],
    },
    Expire {
        key: &'a [u8],
        expires: u64,
    },
}

const SET: u8 = 1;
const DELETE: u8 = 2;
const EXPIRE: u8 = 3;
/// No time at which a key expires.
const NEVER: u64 = u64::MAX;

impl<'a> Change<'a> {
    fn encode(&self, to: &mut Vec<u8>) {
        let (kind, key, value, expires): (_, _, &[u8], _) = match *self {
            Change::Set {
                key,
                value,
                expires,
            } => (SET, key, value, expires.unwrap_or(NEVER)),
            Change::Delete { key } => (DELETE, key, &[], NEVER),
            Change::Expire { key, expires } => (EXPIRE, key, &[], expires),
        };
        to.push(kind);
        to.extend_from_slice(&expires.to_le_bytes());
        for bytes in [key, value] {
            to.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
            to.extend_from_slice(bytes);
        }
    }

    /// Takes the first change off the records.
    fn decode(records: &mut &'a [u8]) -> Option<Change<'a>> {
        let kind = *records.split_off_first()?;
        let expires = u64::from_le_bytes(*take(records)?);
        let mut bytes = || {
            let len = u32::from_le_bytes(*take(records)?);
            records.split_off(..len as usize)
        };
        let (key, value) = (bytes()?, bytes()?);
        match kind {
            SET => Some(Change::Set {
                key,
                value,
                expires: (expires != NEVER).then_some(expires),
            }),
            DELETE => Some(Change::Delete { key }),
            EXPIRE => Some(Change::Expire { key, expires }),
            _ => None,
        }
    }
}

fn take<'a, const N: usize>(from: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    let (first, rest) = from.split_first_chunk()?;
    *from = rest;
    Some(first)
}

/// Changes that are written and synced together.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) number: u64,
    records: Vec<u8>,
}

impl Batch {
    pub(crate) fn new(number: u64) -> Batch {
        Batch {
            number,
            records: Vec::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }

    pub(crate) fn push(&mut self, change: &Change<'_>) {
        change.encode(&mut self.records);
    }

    /// As it is written to this log.
    pub(crate) fn to_blocks(&self, log: LogId) -> AlignedBuf {
        let len = (HEAD + self.records.len()).next_multiple_of(BLOCK as usize);
        let mut blocks = AlignedBuf::new(len, BLOCK as usize);
        blocks.extend_from_slice(&(self.records.len() as u32).to_le_bytes());
        blocks.extend_from_slice(&checksum(log, self.number, &self.records).to_le_bytes());
        blocks.extend_from_slice(&self.number.to_le_bytes());
        blocks.extend_from_slice(&log.0.to_le_bytes());
        blocks.extend_from_slice(&self.records);
        blocks.resize(len, 0);
        blocks
    }
}

/// What a batch begins with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    records: u32,
    checksum: u32,
    pub(crate) number: u64,
    pub(crate) log: LogId,
}

impl Head {
    pub(crate) fn read(mut bytes: &[u8]) -> Option<Head> {
        Some(Head {
            records: u32::from_le_bytes(*take(&mut bytes)?),
            checksum: u32::from_le_bytes(*take(&mut bytes)?),
            number: u64::from_le_bytes(*take(&mut bytes)?),
            log: LogId(u64::from_le_bytes(*take(&mut bytes)?)),
        })
    }

    /// How many bytes the batch has, with this.
    pub(crate) fn len(&self) -> u64 {
        HEAD as u64 + u64::from(self.records)
    }

    /// The batch in these bytes, if they are what was written.
    pub(crate) fn check<'a>(&self, bytes: &'a [u8]) -> Option<Found<'a>> {
        let records = bytes.get(HEAD..)?;
        let right = checksum(self.log, self.number, records) == self.checksum;
        right.then_some(Found { records })
    }
}

/// A batch that was read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found<'a> {
    records: &'a [u8],
}

impl<'a> Found<'a> {
    /// How many bytes it takes in the log.
    pub(crate) fn room(&self) -> u64 {
        (HEAD as u64 + self.records.len() as u64).next_multiple_of(BLOCK)
    }

    /// Its changes, and None at the end for what is none.
    pub(crate) fn changes(mut self) -> impl Iterator<Item = Option<Change<'a>>> {
        std::iter::from_fn(move || {
            let more = !self.records.is_empty();
            more.then(|| Change::decode(&mut self.records).or_else(|| self.give_up()))
        })
    }

    fn give_up<T>(&mut self) -> Option<T> {
        self.records = &[];
        None
    }
}

fn checksum(log: LogId, number: u64, records: &[u8]) -> u32 {
    let mut sum = crc32fast::Hasher::new();
    sum.update(&log.0.to_le_bytes());
    sum.update(&number.to_le_bytes());
    sum.update(records);
    sum.finalize()
}
