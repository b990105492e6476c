//! Where the log is kept.

use std::io;
use std::path::Path;
use std::time::Duration;

use io2::buf::{AlignedBuf, BufResult};
use io2::fs::{DioFile, File};
use io2::time::{self, Instant};
use rustix::fs::{FlockOperation, flock};

/// How long to wait for a log that another process has.
const PATIENCE: Duration = Duration::from_secs(3);

/// What the log is kept in: a file, or in tests one that fails. Writes are of whole blocks.
pub(crate) trait Storage: 'static {
    async fn size(&self) -> io::Result<u64>;
    async fn read(&self, buf: AlignedBuf, offset: u64) -> BufResult<(), AlignedBuf>;
    async fn write(&self, buf: AlignedBuf, offset: u64) -> BufResult<(), AlignedBuf>;
    /// What was written is on the disk when this is done, and the size with it.
    async fn sync(&self) -> io::Result<()>;
    /// Makes it shorter, for good when this is done.
    async fn cut(&self, len: u64) -> io::Result<()>;
}

impl Storage for DioFile {
    async fn size(&self) -> io::Result<u64> {
        self.size().await
    }

    async fn read(&self, buf: AlignedBuf, offset: u64) -> BufResult<(), AlignedBuf> {
        self.read_exact_at(buf, offset).await
    }

    async fn write(&self, buf: AlignedBuf, offset: u64) -> BufResult<(), AlignedBuf> {
        self.write_all_at(buf, offset).await
    }

    async fn sync(&self) -> io::Result<()> {
        self.sync_data().await
    }

    async fn cut(&self, len: u64) -> io::Result<()> {
        self.set_len(len).await?;
        self.sync_all().await
    }
}

/// Opens a log file, or makes one that will be found after a crash.
pub(crate) async fn open(path: &Path) -> io::Result<DioFile> {
    let mut options = DioFile::options();
    options.write(true).create(true).direct_or_buffered(true);
    let file = options.open(path).await?;
    lock(&file).await?;
    if !file.is_direct() {
        eprintln!("redis: no direct I/O there, so the log goes through the page cache");
    }
    // The file's name is on the disk when its directory is.
    let folder = path.parent().filter(|path| !path.as_os_str().is_empty());
    let folder = File::open(folder.unwrap_or(Path::new("."))).await?;
    folder.sync_all().await?;
    Ok(file)
}

/// Takes the log for this process alone, until the file is closed.
///
/// A server that was killed may still have a write on its way, which would land on what is written by the
/// next. The kernel keeps the lock until that write is done, too.
async fn lock(file: &DioFile) -> io::Result<()> {
    let patience = Instant::now() + PATIENCE;
    loop {
        match flock(file, FlockOperation::NonBlockingLockExclusive) {
            Err(rustix::io::Errno::WOULDBLOCK) if Instant::now() < patience => {
                time::sleep(Duration::from_millis(5)).await;
            }
            Err(rustix::io::Errno::WOULDBLOCK) => {
                return Err(io::Error::other("another server has the log"));
            }
            result => return Ok(result?),
        }
    }
}
