//! An open file.

use std::fs::Permissions;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use super::{Metadata, OpenOptions, metadata};
use crate::buf::{BufResult, IoBuf, IoBufMut, IoBufs, IoBufsMut};
use crate::fd::Fd;
use crate::op::{
    Fadvise, Fallocate, Fsync, Ftruncate, Op, POSITION, Read, ReadVectored, Write, WriteVectored,
    transfer,
};
use crate::spawn::unblock;

/// An open file, read and written through the kernel's page cache.
///
/// Dropping it closes it through the ring, once the operations in flight on it are done; outside
/// an executor it is closed at once.
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// # let path = std::env::temp_dir().join(format!("io2-doc-file-{}", std::process::id()));
/// use io2::fs::File;
///
/// let file = File::create(&path).await?;
/// file.write_all_at("hello", 0).await.0?;
/// file.sync_data().await?;
/// # io2::fs::remove_file(&path).await?;
/// # std::io::Result::Ok(())
/// # }).unwrap().unwrap();
/// ```
#[derive(Debug)]
pub struct File {
    pub(crate) fd: Fd,
}

/// How a range of a file will be used, for [`File::advise`].
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// # use io2::fs::{Advice, File};
/// let file = File::open("Cargo.toml").await?;
/// file.advise(0, 0, Advice::Sequential).await?;
/// # std::io::Result::Ok(())
/// # }).unwrap().unwrap();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Advice {
    /// Nothing special: the default.
    Normal,
    /// From front to back: the kernel reads further ahead.
    Sequential,
    /// Here and there: the kernel does not read ahead.
    Random,
    /// Once.
    NoReuse,
    /// Soon: the kernel may start to read it.
    WillNeed,
    /// Not soon: the kernel may drop what it has cached and written.
    DontNeed,
}

impl Advice {
    fn code(self) -> i32 {
        match self {
            Advice::Normal => libc::POSIX_FADV_NORMAL,
            Advice::Sequential => libc::POSIX_FADV_SEQUENTIAL,
            Advice::Random => libc::POSIX_FADV_RANDOM,
            Advice::NoReuse => libc::POSIX_FADV_NOREUSE,
            Advice::WillNeed => libc::POSIX_FADV_WILLNEED,
            Advice::DontNeed => libc::POSIX_FADV_DONTNEED,
        }
    }
}

/// Opening and closing.
impl File {
    /// Opens a file for reading. See [`OpenOptions::open`].
    ///
    /// ```
    /// # io2::ExecutorConfig::new().run(async {
    /// let file = io2::fs::File::open("Cargo.toml").await?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap().unwrap();
    /// ```
    pub async fn open<P: AsRef<Path>>(path: P) -> io::Result<File> {
        OpenOptions::new().read(true).open(path).await
    }

    /// Opens a file for writing; it is made if it is not there, and emptied if it is.
    ///
    /// ```
    /// # io2::ExecutorConfig::new().run(async {
    /// # let path = std::env::temp_dir().join(format!("io2-doc-create-{}", std::process::id()));
    /// let file = io2::fs::File::create(&path).await?;
    /// assert_eq!(file.size().await?, 0);
    /// # io2::fs::remove_file(&path).await?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap().unwrap();
    /// ```
    pub async fn create<P: AsRef<Path>>(path: P) -> io::Result<File> {
        OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .open(path)
            .await
    }

    /// Makes a file and opens it for reading and writing; it is an error if it is there already.
    ///
    /// ```
    /// # io2::ExecutorConfig::new().run(async {
    /// # let path = std::env::temp_dir().join(format!("io2-doc-new-{}", std::process::id()));
    /// let file = io2::fs::File::create_new(&path).await?;
    /// assert!(io2::fs::File::create_new(&path).await.is_err());
    /// # io2::fs::remove_file(&path).await?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap().unwrap();
    /// ```
    pub async fn create_new<P: AsRef<Path>>(path: P) -> io::Result<File> {
        OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .open(path)
            .await
    }

    /// The options of [`OpenOptions::new`].
    ///
    /// ```
    /// # io2::ExecutorConfig::new().run(async {
    /// let file = io2::fs::File::options().read(true).open("Cargo.toml").await?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap().unwrap();
    /// ```
    pub fn options() -> OpenOptions {
        OpenOptions::new()
    }

    /// A second handle of the same open file: both share its position and its flags.
    ///
    /// ```
    /// # io2::ExecutorConfig::new().run(async {
    /// let file = io2::fs::File::open("Cargo.toml").await?;
    /// let second = file.try_clone()?;
    /// drop(file);
    /// assert!(second.size().await? > 0);
    /// # std::io::Result::Ok(())
    /// # }).unwrap().unwrap();
    /// ```
    pub fn try_clone(&self) -> io::Result<File> {
        self.fd
            .as_fd()
            .try_clone_to_owned()
            .map(|fd| File { fd: Fd::new(fd) })
    }

    /// Closes the file and says whether that went well, which a drop cannot. Waits for the
    /// operations in flight on it.
    ///
    /// ```
    /// # io2::ExecutorConfig::new().run(async {
    /// let file = io2::fs::File::open("Cargo.toml").await?;
    /// file.close().await?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap().unwrap();
    /// ```
    pub async fn close(self) -> io::Result<()> {
        self.fd.close().await
    }

    /// Takes over a file that was opened in another way, a pipe or a terminal too.
    ///
    /// ```
    /// # io2::ExecutorConfig::new().run(async {
    /// let file = io2::fs::File::from_std(std::fs::File::open("Cargo.toml")?);
    /// assert!(file.size().await? > 0);
    /// # std::io::Result::Ok(())
    /// # }).unwrap().unwrap();
    /// ```
    pub fn from_std(file: std::fs::File) -> File {
        File {
            fd: Fd::new(file.into()),
        }
    }

    /// Gives the file to the blocking world. While operations on it are in flight, dropped ones
    /// included, that cannot be, and the file comes back.
    ///
    /// ```
    /// # io2::ExecutorConfig::new().run(async {
    /// let file = io2::fs::File::open("Cargo.toml").await?;
    /// let file: std::fs::File = file.into_std().expect("nothing is in flight");
    /// # std::io::Result::Ok(())
    /// # }).unwrap().unwrap();
    /// ```
    pub fn into_std(self) -> Result<std::fs::File, File> {
        self.fd
            .try_into_owned()
            .map(std::fs::File::from)
            .map_err(|fd| File { fd })
    }

    pub(super) fn from_fd(fd: Fd) -> File {
        File { fd }
    }

    pub(crate) fn fd(&self) -> &Fd {
        &self.fd
    }

    /// A handle of the same file for the blocking pool. It has a descriptor of its own, since the
    /// pool goes on when the caller is dropped and this one is closed.
    pub(super) fn to_std(&self) -> io::Result<std::fs::File> {
        self.fd
            .as_fd()
            .try_clone_to_owned()
            .map(std::fs::File::from)
    }
}

/// Reading.
impl File {
    /// Reads at `offset` into the buffer, from its start up to its capacity, and sets its length
    /// to the count: less than the capacity at the file's end and whenever the kernel has reasons,
    /// 0 behind the end. One request moves at most 2 GiB.
    ///
    /// ```
    /// # io2::ExecutorConfig::new().run(async {
    /// # let file = io2::fs::File::open("Cargo.toml").await?;
    /// let (result, buf) = file.read_at(Vec::with_capacity(9), 0).await;
    /// assert_eq!(result?, 9);
    /// assert_eq!(buf, b"[package]");
    /// # std::io::Result::Ok(())
    /// # }).unwrap().unwrap();
    /// ```
    pub fn read_at<B: IoBufMut>(&self, buf: B, offset: u64) -> Op<Read<B>> {
        Op::new(Read::new(self.fd.clone(), buf, transfer::at(offset)))
    }

    /// Reads at `offset` until the buffer is full up to its **length** (not its capacity): a vector
    /// of zeroes says how much is wanted.
    ///
    /// If the file ends before, the error is of kind
    /// [`UnexpectedEof`](io::ErrorKind::UnexpectedEof). On an error, the buffer's length is what
    /// was read until then, unless the very first request failed. It takes as many requests as it
    /// needs; dropped half-way, what was read is lost.
    ///
    /// ```
    /// # io2::ExecutorConfig::new().run(async {
    /// # let file = io2::fs::File::open("Cargo.toml").await?;
    /// let (result, buf) = file.read_exact_at(vec![0; 7], 1).await;
    /// result?;
    /// assert_eq!(buf, b"package");
    /// # std::io::Result::Ok(())
    /// # }).unwrap().unwrap();
    /// ```
    pub async fn read_exact_at<B: IoBufMut>(&self, buf: B, offset: u64) -> BufResult<(), B> {
        transfer::read_exact(&self.fd, buf, transfer::at(offset)).await
    }

    /// Reads at `offset` into several buffers in turn, each up to its capacity, and sets their
    /// lengths. Of more than 1024 buffers the first 1024 are filled.
    ///
    /// ```
    /// # io2::ExecutorConfig::new().run(async {
    /// # let file = io2::fs::File::open("Cargo.toml").await?;
    /// let bufs = [Vec::with_capacity(1), Vec::with_capacity(7)];
    /// let (result, bufs) = file.read_vectored_at(bufs, 0).await;
    /// assert_eq!(result?, 8);
    /// assert_eq!(bufs, [b"[".to_vec(), b"package".to_vec()]);
    /// # std::io::Result::Ok(())
    /// # }).unwrap().unwrap();
    /// ```
    pub fn read_vectored_at<B: IoBufsMut>(&self, bufs: B, offset: u64) -> Op<ReadVectored<B>> {
        Op::new(ReadVectored::new(
            self.fd.clone(),
            bufs,
            transfer::at(offset),
        ))
    }

    /// Reads at the file's own position, and moves it on: for pipes, terminals and whatever else
    /// has no offsets. Fills the buffer as [`read_at`](File::read_at) does; 0 means the end.
    ///
    /// Of several such reads at once, any may be the first.
    ///
    /// ```
    /// # io2::ExecutorConfig::new().run(async {
    /// let zeroes = io2::fs::File::open("/dev/zero").await?;
    /// let (result, _buf) = zeroes.read(vec![1; 16]).await;
    /// assert_eq!(result?, 16);
    /// # std::io::Result::Ok(())
    /// # }).unwrap().unwrap();
    /// ```
    pub fn read<B: IoBufMut>(&self, buf: B) -> Op<Read<B>> {
        Op::new(Read::new(self.fd.clone(), buf, POSITION))
    }
}

/// Writing. A write that is dropped may still land, even after a later write to the same place.
impl File {
    /// Writes the buffer at `offset`, as much of it as the kernel takes: the count says how much.
    /// One request moves at most 2 GiB. A file that was opened for append is written at its end.
    ///
    /// Dropped, **the write may still land**, even after a later write to the same place;
    /// `cancel()` tells whether it did.
    ///
    /// ```
    /// # io2::ExecutorConfig::new().run(async {
    /// # let path = std::env::temp_dir().join(format!("io2-doc-write-at-{}", std::process::id()));
    /// # let file = io2::fs::File::create(&path).await?;
    /// # io2::fs::remove_file(&path).await?;
    /// let (result, _buf) = file.write_at("hello", 100).await;
    /// assert_eq!(result?, 5);
    /// assert_eq!(file.size().await?, 105);
    /// # std::io::Result::Ok(())
    /// # }).unwrap().unwrap();
    /// ```
    pub fn write_at<B: IoBuf>(&self, buf: B, offset: u64) -> Op<Write<B>> {
        Op::new(Write::new(self.fd.clone(), buf, transfer::at(offset)))
    }

    /// Writes the whole buffer at `offset`.
    ///
    /// If the kernel takes no more, the error is of kind [`WriteZero`](io::ErrorKind::WriteZero). It
    /// takes as many requests as it needs; after an error or a drop half-way a part may be
    /// written. Dropped, **the write at hand may still land**, even after a later write to the same
    /// place.
    ///
    /// ```
    /// # io2::ExecutorConfig::new().run(async {
    /// # let path = std::env::temp_dir().join(format!("io2-doc-write-all-{}", std::process::id()));
    /// # let file = io2::fs::File::create(&path).await?;
    /// # io2::fs::remove_file(&path).await?;
    /// file.write_all_at(vec![7; 4096], 0).await.0?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap().unwrap();
    /// ```
    pub async fn write_all_at<B: IoBuf>(&self, buf: B, offset: u64) -> BufResult<(), B> {
        transfer::write_all(&self.fd, buf, transfer::at(offset)).await
    }

    /// Writes several buffers at `offset`, one behind the other. Of more than 1024 buffers the first
    /// 1024 are written.
    ///
    /// Dropped, **the write may still land**, even after a later write to the same place;
    /// `cancel()` tells whether it did.
    ///
    /// ```
    /// # io2::ExecutorConfig::new().run(async {
    /// # let path = std::env::temp_dir().join(format!("io2-doc-writev-{}", std::process::id()));
    /// # let file = io2::fs::File::create(&path).await?;
    /// # io2::fs::remove_file(&path).await?;
    /// let (result, _bufs) = file.write_vectored_at(("head", vec![0; 4]), 0).await;
    /// assert_eq!(result?, 8);
    /// # std::io::Result::Ok(())
    /// # }).unwrap().unwrap();
    /// ```
    pub fn write_vectored_at<B: IoBufs>(&self, bufs: B, offset: u64) -> Op<WriteVectored<B>> {
        Op::new(WriteVectored::new(
            self.fd.clone(),
            bufs,
            transfer::at(offset),
        ))
    }

    /// Writes at the file's own position, and moves it on: for pipes, terminals and whatever else
    /// has no offsets.
    ///
    /// Of several such writes at once, any may be the first. Dropped, **the write may still
    /// land**, even after a later one; `cancel()` tells whether it did.
    ///
    /// ```
    /// # io2::ExecutorConfig::new().run(async {
    /// let null = io2::fs::File::options().write(true).open("/dev/null").await?;
    /// let (result, _buf) = null.write("gone").await;
    /// assert_eq!(result?, 4);
    /// # std::io::Result::Ok(())
    /// # }).unwrap().unwrap();
    /// ```
    pub fn write<B: IoBuf>(&self, buf: B) -> Op<Write<B>> {
        Op::new(Write::new(self.fd.clone(), buf, POSITION))
    }

    /// Writes the whole buffer at the file's own position. See [`write_all_at`](File::write_all_at)
    /// for errors and for what a drop does.
    ///
    /// ```
    /// # io2::ExecutorConfig::new().run(async {
    /// let null = io2::fs::File::options().write(true).open("/dev/null").await?;
    /// null.write_all(vec![0; 1 << 20]).await.0?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap().unwrap();
    /// ```
    pub async fn write_all<B: IoBuf>(&self, buf: B) -> BufResult<(), B> {
        transfer::write_all(&self.fd, buf, POSITION).await
    }
}

/// What is known of the file, and how it is kept.
impl File {
    /// Writes what is cached of the file, data and metadata, through to its device.
    ///
    /// An error may be reported only once: after one, what was written since the last sync that
    /// went well may be lost.
    ///
    /// ```
    /// # io2::ExecutorConfig::new().run(async {
    /// # let file = io2::fs::File::open("Cargo.toml").await?;
    /// file.sync_all().await?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap().unwrap();
    /// ```
    pub fn sync_all(&self) -> Op<Fsync> {
        Op::new(Fsync::all(self.fd.clone()))
    }

    /// Like [`sync_all`](File::sync_all), but of the metadata only what is needed to read the data.
    ///
    /// ```
    /// # io2::ExecutorConfig::new().run(async {
    /// # let file = io2::fs::File::open("Cargo.toml").await?;
    /// file.sync_data().await?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap().unwrap();
    /// ```
    pub fn sync_data(&self) -> Op<Fsync> {
        Op::new(Fsync::data(self.fd.clone()))
    }

    /// The file's metadata. One operation of the ring.
    ///
    /// ```
    /// # io2::ExecutorConfig::new().run(async {
    /// # let file = io2::fs::File::open("Cargo.toml").await?;
    /// assert!(file.metadata().await?.is_file());
    /// # std::io::Result::Ok(())
    /// # }).unwrap().unwrap();
    /// ```
    pub async fn metadata(&self) -> io::Result<Metadata> {
        metadata::of(&self.fd).await
    }

    /// The file's length in bytes. One operation of the ring.
    ///
    /// ```
    /// # io2::ExecutorConfig::new().run(async {
    /// # let file = io2::fs::File::open("Cargo.toml").await?;
    /// assert!(file.size().await? > 0);
    /// # std::io::Result::Ok(())
    /// # }).unwrap().unwrap();
    /// ```
    pub async fn size(&self) -> io::Result<u64> {
        metadata::size_of(&self.fd).await
    }

    /// Sets the file's length: what is behind it is cut off, what is missing reads as zeroes.
    ///
    /// One operation of the ring from Linux 6.12 on, before that on the blocking pool. Dropped, it
    /// may still be carried out.
    ///
    /// ```
    /// # io2::ExecutorConfig::new().run(async {
    /// # let path = std::env::temp_dir().join(format!("io2-doc-set-len-{}", std::process::id()));
    /// # let file = io2::fs::File::create(&path).await?;
    /// # io2::fs::remove_file(&path).await?;
    /// file.set_len(1 << 20).await?;
    /// assert_eq!(file.size().await?, 1 << 20);
    /// # std::io::Result::Ok(())
    /// # }).unwrap().unwrap();
    /// ```
    pub async fn set_len(&self, len: u64) -> io::Result<()> {
        if Ftruncate::is_supported() {
            return Op::new(Ftruncate::new(self.fd.clone(), len)).await;
        }
        let file = self.to_std()?;
        unblock(move || file.set_len(len)).await
    }

    /// Sets the file's permissions.
    ///
    /// On the blocking pool: the kernel has no operation for it. Dropped, it may still be carried
    /// out.
    ///
    /// ```
    /// # io2::ExecutorConfig::new().run(async {
    /// # let path = std::env::temp_dir().join(format!("io2-doc-chmod-{}", std::process::id()));
    /// # let file = io2::fs::File::create(&path).await?;
    /// # io2::fs::remove_file(&path).await?;
    /// let mut permissions = file.metadata().await?.permissions();
    /// permissions.set_readonly(true);
    /// file.set_permissions(permissions).await?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap().unwrap();
    /// ```
    pub async fn set_permissions(&self, permissions: Permissions) -> io::Result<()> {
        let file = self.to_std()?;
        unblock(move || file.set_permissions(permissions)).await
    }

    /// Makes sure that there is room for `len` bytes from `offset` on, so that writing them does
    /// not fail for want of it. The file gets longer if the range ends behind its end.
    ///
    /// ```
    /// # io2::ExecutorConfig::new().run(async {
    /// # let path = std::env::temp_dir().join(format!("io2-doc-allocate-{}", std::process::id()));
    /// # let file = io2::fs::File::create(&path).await?;
    /// # io2::fs::remove_file(&path).await?;
    /// file.allocate(0, 1 << 20).await?;
    /// assert_eq!(file.size().await?, 1 << 20);
    /// # std::io::Result::Ok(())
    /// # }).unwrap().unwrap();
    /// ```
    pub fn allocate(&self, offset: u64, len: u64) -> Op<Fallocate> {
        Op::new(Fallocate::new(self.fd.clone(), offset, len))
    }

    /// Tells the kernel how `len` bytes from `offset` on will be used; 0 means up to the end. Advice
    /// on more than 4 GiB is given for the first of them.
    ///
    /// ```
    /// # io2::ExecutorConfig::new().run(async {
    /// # use io2::fs::{Advice, File};
    /// # let file = File::open("Cargo.toml").await?;
    /// file.advise(0, 4096, Advice::WillNeed).await?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap().unwrap();
    /// ```
    pub fn advise(&self, offset: u64, len: u64, advice: Advice) -> Op<Fadvise> {
        Op::new(Fadvise::new(self.fd.clone(), offset, len, advice.code()))
    }
}

impl From<std::fs::File> for File {
    fn from(file: std::fs::File) -> File {
        File::from_std(file)
    }
}

impl TryFrom<File> for std::fs::File {
    type Error = File;

    /// See [`File::into_std`].
    fn try_from(file: File) -> Result<std::fs::File, File> {
        file.into_std()
    }
}

impl AsFd for File {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
