//! What the kernel knows of a file.

use std::fmt;
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::path;
use crate::fd::Fd;
use crate::op::{Op, Statx};

/// All that `stat` gives, and the time of birth.
const EVERYTHING: u32 = libc::STATX_BASIC_STATS | libc::STATX_BTIME;

/// The metadata of the file at `path`; symbolic links are followed.
///
/// One operation of the ring.
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// let metadata = io2::fs::metadata("Cargo.toml").await?;
/// println!("{} bytes, changed {:?}", metadata.len(), metadata.modified()?);
/// # std::io::Result::Ok(())
/// # }).unwrap().unwrap();
/// ```
pub async fn metadata<P: AsRef<Path>>(path: P) -> io::Result<Metadata> {
    let path = path::to_kernel(path.as_ref())?;
    Op::new(Statx::path(path, EVERYTHING)).await.map(Metadata)
}

/// The metadata of what is at `path`, be it a symbolic link.
///
/// One operation of the ring.
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// assert!(io2::fs::symlink_metadata("/proc/self").await?.is_symlink());
/// # std::io::Result::Ok(())
/// # }).unwrap().unwrap();
/// ```
pub async fn symlink_metadata<P: AsRef<Path>>(path: P) -> io::Result<Metadata> {
    let path = path::to_kernel(path.as_ref())?;
    Op::new(Statx::symlink(path, EVERYTHING))
        .await
        .map(Metadata)
}

/// Whether there is a file at `path`; symbolic links are followed. Any answer but yes and no is an
/// error: where a directory may not be entered, it is not known.
///
/// One operation of the ring.
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// assert!(io2::fs::try_exists("Cargo.toml").await?);
/// assert!(!io2::fs::try_exists("no such file").await?);
/// # std::io::Result::Ok(())
/// # }).unwrap().unwrap();
/// ```
pub async fn try_exists<P: AsRef<Path>>(path: P) -> io::Result<bool> {
    let path = path::to_kernel(path.as_ref())?;
    match Op::new(Statx::path(path, libc::STATX_TYPE)).await {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// The metadata of an open file.
pub(super) async fn of(fd: &Fd) -> io::Result<Metadata> {
    Op::new(Statx::fd(fd.clone(), EVERYTHING))
        .await
        .map(Metadata)
}

/// The length of an open file.
pub(super) async fn size_of(fd: &Fd) -> io::Result<u64> {
    Op::new(Statx::fd(fd.clone(), libc::STATX_SIZE))
        .await
        .map(|statx| statx.stx_size)
}

/// What the kernel knows of a file: its type, length, times, owner and more.
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// let metadata = io2::fs::metadata("Cargo.toml").await?;
/// assert!(metadata.is_file() && metadata.nlink() >= 1);
/// assert!(metadata.modified()? >= std::time::UNIX_EPOCH);
/// # std::io::Result::Ok(())
/// # }).unwrap().unwrap();
/// ```
#[derive(Clone)]
pub struct Metadata(libc::statx);

impl Metadata {
    /// With another length.
    pub(super) fn with_len(mut self, len: u64) -> Metadata {
        self.0.stx_size = len;
        self
    }

    /// Whether it is a file, a directory or something else.
    pub fn file_type(&self) -> FileType {
        FileType {
            mode: self.mode() & libc::S_IFMT,
        }
    }

    /// Whether it is a directory.
    pub fn is_dir(&self) -> bool {
        self.file_type().is_dir()
    }

    /// Whether it is a regular file.
    pub fn is_file(&self) -> bool {
        self.file_type().is_file()
    }

    /// Whether it is a symbolic link; only [`symlink_metadata`] ever says yes.
    pub fn is_symlink(&self) -> bool {
        self.file_type().is_symlink()
    }

    /// The length in bytes.
    #[expect(
        clippy::len_without_is_empty,
        reason = "a file is no collection; std has none either"
    )]
    pub fn len(&self) -> u64 {
        self.0.stx_size
    }

    /// Who may do what with it.
    pub fn permissions(&self) -> Permissions {
        Permissions::from_mode(self.mode())
    }

    /// When its contents changed last.
    pub fn modified(&self) -> io::Result<SystemTime> {
        time(&self.0.stx_mtime)
    }

    /// When it was read last, as far as the file system keeps that.
    pub fn accessed(&self) -> io::Result<SystemTime> {
        time(&self.0.stx_atime)
    }

    /// When it was made; an error of kind [`Unsupported`](io::ErrorKind::Unsupported) where the file
    /// system does not know.
    pub fn created(&self) -> io::Result<SystemTime> {
        if self.0.stx_mask & libc::STATX_BTIME == 0 {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "the file system does not keep the time when a file was made",
            ));
        }
        time(&self.0.stx_btime)
    }

    /// The device that it is on.
    pub fn dev(&self) -> u64 {
        libc::makedev(self.0.stx_dev_major, self.0.stx_dev_minor)
    }

    /// Its number on the device.
    pub fn ino(&self) -> u64 {
        self.0.stx_ino
    }

    /// Type and permissions in one number.
    pub fn mode(&self) -> u32 {
        self.0.stx_mode.into()
    }

    /// How many names it has.
    pub fn nlink(&self) -> u64 {
        self.0.stx_nlink.into()
    }

    /// The user that owns it.
    pub fn uid(&self) -> u32 {
        self.0.stx_uid
    }

    /// The group that owns it.
    pub fn gid(&self) -> u32 {
        self.0.stx_gid
    }

    /// The device that it stands for, if it is a device file.
    pub fn rdev(&self) -> u64 {
        libc::makedev(self.0.stx_rdev_major, self.0.stx_rdev_minor)
    }

    /// When it was read last: seconds since 1970.
    pub fn atime(&self) -> i64 {
        self.0.stx_atime.tv_sec
    }

    /// When it was read last: the nanoseconds of that second.
    pub fn atime_nsec(&self) -> i64 {
        self.0.stx_atime.tv_nsec.into()
    }

    /// When its contents changed last: seconds since 1970.
    pub fn mtime(&self) -> i64 {
        self.0.stx_mtime.tv_sec
    }

    /// When its contents changed last: the nanoseconds of that second.
    pub fn mtime_nsec(&self) -> i64 {
        self.0.stx_mtime.tv_nsec.into()
    }

    /// When its metadata changed last: seconds since 1970.
    pub fn ctime(&self) -> i64 {
        self.0.stx_ctime.tv_sec
    }

    /// When its metadata changed last: the nanoseconds of that second.
    pub fn ctime_nsec(&self) -> i64 {
        self.0.stx_ctime.tv_nsec.into()
    }

    /// The block size that suits reading and writing.
    pub fn blksize(&self) -> u64 {
        self.0.stx_blksize.into()
    }

    /// How much room it takes, in units of 512 bytes.
    pub fn blocks(&self) -> u64 {
        self.0.stx_blocks
    }
}

impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metadata")
            .field("file_type", &self.file_type())
            .field("permissions", &self.permissions())
            .field("len", &self.len())
            .field("modified", &self.modified().ok())
            .field("dev", &self.dev())
            .field("ino", &self.ino())
            .finish_non_exhaustive()
    }
}

fn time(stamp: &libc::statx_timestamp) -> io::Result<SystemTime> {
    let seconds = Duration::from_secs(stamp.tv_sec.unsigned_abs());
    let whole = if stamp.tv_sec < 0 {
        UNIX_EPOCH.checked_sub(seconds)
    } else {
        UNIX_EPOCH.checked_add(seconds)
    };
    // The nanoseconds count forward, before 1970 too.
    whole
        .and_then(|whole| whole.checked_add(Duration::from_nanos(stamp.tv_nsec.into())))
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "a time out of range"))
}

/// Whether something is a file, a directory or something else.
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// assert!(io2::fs::metadata("/dev/null").await?.file_type().is_char_device());
/// # std::io::Result::Ok(())
/// # }).unwrap().unwrap();
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct FileType {
    mode: u32,
}

impl FileType {
    pub(super) fn from_std(file_type: std::fs::FileType) -> Option<FileType> {
        use std::os::unix::fs::FileTypeExt;

        let kinds = [
            (file_type.is_file(), libc::S_IFREG),
            (file_type.is_dir(), libc::S_IFDIR),
            (file_type.is_symlink(), libc::S_IFLNK),
            (file_type.is_fifo(), libc::S_IFIFO),
            (file_type.is_socket(), libc::S_IFSOCK),
            (file_type.is_block_device(), libc::S_IFBLK),
            (file_type.is_char_device(), libc::S_IFCHR),
        ];
        kinds
            .into_iter()
            .find(|(is, _)| *is)
            .map(|(_, mode)| FileType { mode })
    }

    /// Whether it is a directory.
    pub fn is_dir(&self) -> bool {
        self.mode == libc::S_IFDIR
    }

    /// Whether it is a regular file.
    pub fn is_file(&self) -> bool {
        self.mode == libc::S_IFREG
    }

    /// Whether it is a symbolic link.
    pub fn is_symlink(&self) -> bool {
        self.mode == libc::S_IFLNK
    }

    /// Whether it is a named pipe.
    pub fn is_fifo(&self) -> bool {
        self.mode == libc::S_IFIFO
    }

    /// Whether it is a socket.
    pub fn is_socket(&self) -> bool {
        self.mode == libc::S_IFSOCK
    }

    /// Whether it is a block device.
    pub fn is_block_device(&self) -> bool {
        self.mode == libc::S_IFBLK
    }

    /// Whether it is a character device.
    pub fn is_char_device(&self) -> bool {
        self.mode == libc::S_IFCHR
    }
}

impl fmt::Debug for FileType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.mode {
            libc::S_IFDIR => "Directory",
            libc::S_IFREG => "File",
            libc::S_IFLNK => "Symlink",
            libc::S_IFIFO => "Fifo",
            libc::S_IFSOCK => "Socket",
            libc::S_IFBLK => "BlockDevice",
            libc::S_IFCHR => "CharDevice",
            _ => "Unknown",
        })
    }
}
