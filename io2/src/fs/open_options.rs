//! How a file is opened.

use std::io;
use std::path::Path;

use super::{File, path};
use crate::op::{Op, Open};

/// How to open a file: what `std::fs::OpenOptions` has, with the same rules.
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// # let path = std::env::temp_dir().join(format!("io2-doc-options-{}", std::process::id()));
/// use io2::fs::OpenOptions;
///
/// let log = OpenOptions::new().append(true).create(true).mode(0o600).open(&path).await?;
/// log.write("started\n").await.0?;
/// # io2::fs::remove_file(&path).await?;
/// # std::io::Result::Ok(())
/// # }).unwrap().unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct OpenOptions {
    read: bool,
    write: bool,
    append: bool,
    truncate: bool,
    create: bool,
    create_new: bool,
    custom_flags: i32,
    mode: libc::mode_t,
}

impl Default for OpenOptions {
    fn default() -> Self {
        OpenOptions::new()
    }
}

impl OpenOptions {
    /// Everything is off, and the mode of a new file is 0o666 less the process's umask.
    pub fn new() -> OpenOptions {
        OpenOptions {
            read: false,
            write: false,
            append: false,
            truncate: false,
            create: false,
            create_new: false,
            custom_flags: 0,
            mode: 0o666,
        }
    }

    /// The file can be read.
    pub fn read(&mut self, read: bool) -> &mut Self {
        self.read = read;
        self
    }

    /// The file can be written.
    pub fn write(&mut self, write: bool) -> &mut Self {
        self.write = write;
        self
    }

    /// Every write goes to the file's end, whatever offset it names.
    pub fn append(&mut self, append: bool) -> &mut Self {
        self.append = append;
        self
    }

    /// The file is emptied. Needs write access.
    pub fn truncate(&mut self, truncate: bool) -> &mut Self {
        self.truncate = truncate;
        self
    }

    /// The file is made if it is not there. Needs write or append access.
    pub fn create(&mut self, create: bool) -> &mut Self {
        self.create = create;
        self
    }

    /// The file is made, and it is an error if it is there already. Needs write or append access;
    /// `create` and `truncate` no longer matter.
    pub fn create_new(&mut self, create_new: bool) -> &mut Self {
        self.create_new = create_new;
        self
    }

    /// The permissions of the file if it is made; the process's umask is taken off.
    pub fn mode(&mut self, mode: u32) -> &mut Self {
        self.mode = mode;
        self
    }

    /// Further flags of `open(2)`, `O_NOFOLLOW` say. The access mode cannot be set by them.
    pub fn custom_flags(&mut self, flags: i32) -> &mut Self {
        self.custom_flags = flags;
        self
    }

    /// Opens the file at `path`. It is closed on exec, always.
    ///
    /// One operation of the ring. Dropped before it is done, no descriptor is left open; a file
    /// that it makes may still be made.
    pub async fn open<P: AsRef<Path>>(&self, path: P) -> io::Result<File> {
        let flags = self.flags()?;
        let path = path::to_kernel(path.as_ref())?;
        Op::new(Open::new(path, flags, self.mode))
            .await
            .map(File::from_fd)
    }

    /// The flags and the mode for `open(2)`.
    pub(super) fn kernel_flags(&self) -> io::Result<(i32, libc::mode_t)> {
        Ok((self.flags()?, self.mode))
    }

    fn flags(&self) -> io::Result<i32> {
        Ok(self.access()? | self.creation()? | (self.custom_flags & !libc::O_ACCMODE))
    }

    fn access(&self) -> io::Result<i32> {
        match (self.read, self.write, self.append) {
            (true, false, false) => Ok(libc::O_RDONLY),
            (false, true, false) => Ok(libc::O_WRONLY),
            (true, true, false) => Ok(libc::O_RDWR),
            (false, _, true) => Ok(libc::O_WRONLY | libc::O_APPEND),
            (true, _, true) => Ok(libc::O_RDWR | libc::O_APPEND),
            (false, false, false) => Err(invalid(
                "a file is opened for at least one of read, write and append",
            )),
        }
    }

    fn creation(&self) -> io::Result<i32> {
        let changes = self.create || self.create_new || self.truncate;
        if changes && !self.write && !self.append {
            return Err(invalid(
                "making or emptying a file needs write or append access",
            ));
        }
        if self.truncate && self.append && !self.create_new {
            return Err(invalid(
                "a file cannot be emptied and opened for append at once",
            ));
        }
        if self.create_new {
            return Ok(libc::O_CREAT | libc::O_EXCL);
        }
        let create = if self.create { libc::O_CREAT } else { 0 };
        let truncate = if self.truncate { libc::O_TRUNC } else { 0 };
        Ok(create | truncate)
    }
}

fn invalid(message: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, message)
}
