//! Reading the log at the start.

use std::io;
use std::ops::RangeInclusive;

use io2::buf::AlignedBuf;

use super::record::{BLOCK, Change, Found, HEAD, Head, LONGEST, LogId};
use super::storage::Storage;

/// What is read at once.
const CHUNK: u64 = 1 << 20;

/// Where the log goes on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct End {
    pub(crate) offset: u64,
    /// The last batch.
    pub(crate) number: u64,
    pub(crate) log: LogId,
}

/// Reads the log, or begins it, and cuts off a batch that was torn by a crash, which nobody was told to be
/// there. What was read is on the disk then.
pub(crate) async fn replay<S: Storage>(
    storage: &S,
    mut apply: impl FnMut(&Change<'_>),
) -> io::Result<End> {
    let size = storage.size().await?;
    let log = begin(storage, size).await?;
    let mut reader = Reader::new(storage, size, log);
    let (mut offset, mut number) = (BLOCK, 0);
    while let Some(batch) = reader.batch(offset, number + 1..=number + 1).await? {
        for change in batch.changes() {
            apply(&change.ok_or_else(|| damaged(offset))?);
        }
        (offset, number) = (offset + batch.room(), number + 1);
        io2::yield_if_needed().await;
    }
    // Only the last batch can be torn: if another one follows it, something else has gone wrong.
    let further = number + 1..=number + size / BLOCK;
    for later in (offset..size).step_by(BLOCK as usize) {
        if reader.batch(later, further.clone()).await?.is_some() {
            return Err(damaged(offset));
        }
    }
    if offset < size {
        eprintln!(
            "redis: the log ends in a torn batch: cut {} bytes at {offset}",
            size - offset
        );
        storage.cut(offset).await?;
    }
    // A server that was killed may have written the last batch and not synced it, and what is shown to
    // somebody must not be lost any more.
    storage.sync().await?;
    Ok(End {
        offset,
        number,
        log,
    })
}

/// Finds out which log it is. A new one gets its first block.
async fn begin<S: Storage>(storage: &S, size: u64) -> io::Result<LogId> {
    let block = AlignedBuf::zeroed(size.min(BLOCK) as usize, BLOCK as usize);
    let (read, block) = storage.read(block, 0).await;
    read?;
    // Zeros are what a crash leaves of a block that was never synced: then there is no other.
    if size <= BLOCK && block.iter().all(|&byte| byte == 0) {
        let log = LogId::random()?;
        storage.write(log.to_block(), 0).await.0?;
        return Ok(log);
    }
    LogId::read(&block).ok_or_else(|| {
        let text = "the file does not begin like a log of this server";
        io::Error::new(io::ErrorKind::InvalidData, text)
    })
}

fn damaged(offset: u64) -> io::Error {
    let text = format!("the log is damaged at {offset}, and goes on behind");
    io::Error::new(io::ErrorKind::InvalidData, text)
}

/// Reads ahead.
struct Reader<'s, S> {
    storage: &'s S,
    size: u64,
    log: LogId,
    chunk: AlignedBuf,
    /// Where the chunk begins.
    start: u64,
}

impl<S: Storage> Reader<'_, S> {
    fn new(storage: &S, size: u64, log: LogId) -> Reader<'_, S> {
        Reader {
            storage,
            size,
            log,
            chunk: AlignedBuf::new(0, BLOCK as usize),
            start: 0,
        }
    }

    /// The batch at the start of a block, if there is one of these numbers.
    async fn batch(
        &mut self,
        offset: u64,
        numbers: RangeInclusive<u64>,
    ) -> io::Result<Option<Found<'_>>> {
        let head = self.bytes(offset, HEAD as u64).await?;
        let Some(head) = head.and_then(Head::read) else {
            return Ok(None);
        };
        if head.log != self.log || !numbers.contains(&head.number) || head.len() > LONGEST {
            return Ok(None);
        }
        let bytes = self.bytes(offset, head.len()).await?;
        Ok(bytes.and_then(|bytes| head.check(bytes)))
    }

    /// Bytes of the file, if it has them.
    async fn bytes(&mut self, offset: u64, len: u64) -> io::Result<Option<&[u8]>> {
        if offset + len > self.size {
            return Ok(None);
        }
        if offset < self.start || offset + len > self.start + self.chunk.len() as u64 {
            let chunk = len.max(CHUNK).min(self.size - offset);
            let chunk = AlignedBuf::zeroed(chunk as usize, BLOCK as usize);
            let read;
            (read, self.chunk) = self.storage.read(chunk, offset).await;
            read?;
            self.start = offset;
        }
        let begin = (offset - self.start) as usize;
        Ok(Some(&self.chunk[begin..begin + len as usize]))
    }
}
