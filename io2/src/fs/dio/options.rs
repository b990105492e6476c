//! How a file is opened for direct I/O.

use std::io;
use std::os::fd::AsFd;
use std::path::Path;

use super::DioFile;
use super::opened::{Opened, appends, refused};
use crate::fd::Fd;
use crate::fs::{OpenOptions, path};
use crate::op::{Op, Open, Statx};
use crate::sys;

/// How to open a [`DioFile`].
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// # let path = std::env::temp_dir().join(format!("io2-doc-dio-{}", std::process::id()));
/// use io2::fs::dio::DioOptions;
///
/// let file = DioOptions::new()
///     .write(true)
///     .create(true)
///     .direct_or_buffered(true)
///     .open(&path)
///     .await?;
/// println!("direct: {}, alignment: {:?}", file.is_direct(), file.alignment());
/// # io2::fs::remove_file(&path).await?;
/// # std::io::Result::Ok(())
/// # }).unwrap().unwrap();
/// ```
#[derive(Clone, Debug, Default)]
pub struct DioOptions {
    options: OpenOptions,
    direct_or_buffered: bool,
}

impl DioOptions {
    /// Everything is off, and the mode of a new file is 0o666 less the process's umask.
    pub fn new() -> DioOptions {
        DioOptions::default()
    }

    /// The file can be read.
    pub fn read(&mut self, read: bool) -> &mut Self {
        self.options.read(read);
        self
    }

    /// The file can be written, and read too: a block of which only a part is to be written must
    /// be read before.
    pub fn write(&mut self, write: bool) -> &mut Self {
        self.options.write(write).read(true);
        self
    }

    /// The file is emptied. Needs write access.
    pub fn truncate(&mut self, truncate: bool) -> &mut Self {
        self.options.truncate(truncate);
        self
    }

    /// The file is made if it is not there. Needs write access.
    pub fn create(&mut self, create: bool) -> &mut Self {
        self.options.create(create);
        self
    }

    /// The file is made, and it is an error if it is there already. Needs write access. Where
    /// direct I/O is refused, an empty file may be left.
    pub fn create_new(&mut self, create_new: bool) -> &mut Self {
        self.options.create_new(create_new);
        self
    }

    /// The permissions of the file if it is made; the process's umask is taken off.
    pub fn mode(&mut self, mode: u32) -> &mut Self {
        self.options.mode(mode);
        self
    }

    /// Further flags of `open(2)`, `O_DSYNC` say. `O_APPEND` is refused: the kernel would ignore
    /// the offsets.
    pub fn custom_flags(&mut self, flags: i32) -> &mut Self {
        self.options.custom_flags(flags);
        self
    }

    /// Where the file system refuses direct I/O, the file is opened nevertheless, and all its reads
    /// and writes go through the kernel's page cache. [`DioFile::is_direct`] tells.
    pub fn direct_or_buffered(&mut self, allowed: bool) -> &mut Self {
        self.direct_or_buffered = allowed;
        self
    }

    /// Opens the file at `path`.
    ///
    /// What refuses direct I/O is an error of kind [`Unsupported`](io::ErrorKind::Unsupported),
    /// unless [`direct_or_buffered`](DioOptions::direct_or_buffered) was asked for. What is neither
    /// a regular file nor a block device is an error of kind
    /// [`InvalidInput`](io::ErrorKind::InvalidInput).
    pub async fn open<P: AsRef<Path>>(&self, path: P) -> io::Result<DioFile> {
        let (flags, mode) = self.options.kernel_flags()?;
        if flags & libc::O_APPEND != 0 {
            return Err(appends());
        }
        let path = path::to_kernel(path.as_ref())?;
        // Who accepts buffered I/O opens the file first and asks for direct I/O then. An open with
        // O_DIRECT that is refused may have made the file already, and a second one with
        // `create_new` would find it.
        let direct = if self.direct_or_buffered {
            0
        } else {
            libc::O_DIRECT
        };
        let open = Open::new(path, (flags & !libc::O_DIRECT) | direct, mode);
        let fd = match Op::new(open).await {
            Err(error) if direct != 0 && error.raw_os_error() == Some(libc::EINVAL) => {
                return Err(refused());
            }
            result => result?,
        };
        self.opened(fd).await
    }

    async fn opened(&self, fd: Fd) -> io::Result<DioFile> {
        let statx = Op::new(Statx::fd(fd.clone(), Opened::MASK)).await?;
        let mut opened = Opened::new(&statx, sys::file::flags(fd.as_fd())?)?;
        if self.direct_or_buffered {
            opened.try_direct(fd.as_fd())?;
        }
        if !opened.is_direct() && !self.direct_or_buffered {
            return Err(refused());
        }
        Ok(DioFile::new(fd, &opened))
    }
}
