//! What stands in the log.
//!
//! A batch is a head (the length of its records, a checksum, its number) and the records, padded with
//! zeros to whole blocks. So no block that was acknowledged is ever written again, and a batch that a
//! crash has torn is the last one, and there as a whole or not at all. Its records are changes, not
//! commands: an increment is the new value, and a time to live is the time at which it ends.

use io2::buf::AlignedBuf;

/// What batches are padded to. No device has greater blocks.
pub(crate) const BLOCK: u64 = 4096;
pub(crate) const HEAD: usize = 16;
/// No batch is longer: it is full long before, and the greatest command that still gets in is shorter.
pub(crate) const LONGEST: u64 = 64 << 20;

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

    /// As it is written.
    pub(crate) fn to_blocks(&self) -> AlignedBuf {
        let len = (HEAD + self.records.len()).next_multiple_of(BLOCK as usize);
        let mut blocks = AlignedBuf::new(len, BLOCK as usize);
        blocks.extend_from_slice(&(self.records.len() as u32).to_le_bytes());
        blocks.extend_from_slice(&checksum(self.number, &self.records).to_le_bytes());
        blocks.extend_from_slice(&self.number.to_le_bytes());
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
}

impl Head {
    pub(crate) fn read(bytes: &[u8; HEAD]) -> Head {
        let word = |at: usize| {
            let word = bytes[at..].first_chunk().expect("a head has four words");
            u32::from_le_bytes(*word)
        };
        Head {
            records: word(0),
            checksum: word(4),
            number: u64::from(word(12)) << 32 | u64::from(word(8)),
        }
    }

    /// How many bytes the batch has, with this.
    pub(crate) fn len(&self) -> u64 {
        HEAD as u64 + u64::from(self.records)
    }

    /// The batch in these bytes, if they are what was written.
    pub(crate) fn check<'a>(&self, bytes: &'a [u8]) -> Option<Found<'a>> {
        let records = bytes.get(HEAD..)?;
        let right = checksum(self.number, records) == self.checksum;
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

fn checksum(number: u64, records: &[u8]) -> u32 {
    let mut sum = crc32fast::Hasher::new();
    sum.update(&number.to_le_bytes());
    sum.update(records);
    sum.finalize()
}
