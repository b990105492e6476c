//! The handle.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::rc::Rc;

use super::align::Alignment;
use super::guards::{Keep, Keeping, ReadAligned, Reading, WriteAligned, Writing};
use super::inner::Inner;
use super::opened::{Opened, refused};
use super::options::DioOptions;
use super::plan::Span;
use super::range_lock::Mode;
use super::truncate::truncate;
use super::{read, whole, write};
use crate::buf::{BufResult, IoBuf, IoBufMut};
use crate::fd::Fd;
use crate::fs::{Metadata, metadata};
use crate::op::{Fallocate, Fsync, Guarded, Op, Read, Write};
use crate::spawn::Builder;
use crate::sys;

/// A file that is read and written past the kernel's page cache. See the [module](super).
///
/// Dropping it closes it through the ring, once the operations in flight on it are done; outside
/// an executor it is closed at once.
#[derive(Debug)]
pub struct DioFile {
    inner: Inner,
}

/// Opening and closing.
impl DioFile {
    /// Opens a file for reading. See [`DioOptions::open`].
    pub async fn open<P: AsRef<Path>>(path: P) -> io::Result<DioFile> {
        DioOptions::new().read(true).open(path).await
    }

    /// Opens a file for reading and writing; it is made if it is not there, and emptied if it is.
    /// See [`DioOptions::open`].
    pub async fn create<P: AsRef<Path>>(path: P) -> io::Result<DioFile> {
        let mut options = DioOptions::new();
        options.write(true).create(true).truncate(true);
        options.open(path).await
    }

    /// The options of [`DioOptions::new`].
    pub fn options() -> DioOptions {
        DioOptions::new()
    }

    pub(super) fn new(fd: Fd, opened: &Opened) -> DioFile {
        let shared = Rc::new(opened.share());
        DioFile {
            inner: Inner { fd, shared },
        }
    }

    #[cfg(all(test, feature = "tracing"))]
    pub(super) fn set_shared(&mut self, shared: Rc<super::inner::Shared>) {
        self.inner.shared = shared;
    }

    /// A second handle of the same open file. The two know of each other: see
    /// [the module](super#who-must-know-of-whom).
    pub fn try_clone(&self) -> io::Result<DioFile> {
        let fd = Fd::new(self.inner.fd.as_fd().try_clone_to_owned()?);
        let shared = Rc::clone(&self.inner.shared);
        Ok(DioFile {
            inner: Inner { fd, shared },
        })
    }

    /// Closes the file and says whether that went well, which a drop cannot. Waits for the
    /// operations in flight on it, and for widened writes whose futures were dropped.
    pub async fn close(self) -> io::Result<()> {
        self.inner.fd.close().await
    }

    /// Takes over a file that was opened in another way, and turns direct I/O on for it: for all
    /// descriptors of the same open file.
    ///
    /// Takes a few short system calls. The errors are those of [`DioOptions::open`]; the
    /// file is closed then. If it is not open for reading, writes of less than whole blocks are
    /// errors of kind [`PermissionDenied`](io::ErrorKind::PermissionDenied).
    pub fn from_std(file: std::fs::File) -> io::Result<DioFile> {
        let statx = sys::file::statx(file.as_fd(), Opened::MASK)?;
        let mut opened = Opened::new(&statx, sys::file::flags(file.as_fd())?)?;
        opened.try_direct(file.as_fd())?;
        if !opened.is_direct() {
            return Err(refused());
        }
        Ok(DioFile::new(Fd::new(file.into()), &opened))
    }

    /// Gives the file to the blocking world, where direct I/O stays on. While operations on it are
    /// in flight, dropped ones included, that cannot be, and the file comes back.
    pub fn into_std(self) -> Result<std::fs::File, DioFile> {
        let Inner { fd, shared } = self.inner;
        match fd.try_into_owned() {
            Ok(fd) => Ok(fd.into()),
            Err(fd) => Err(DioFile {
                inner: Inner { fd, shared },
            }),
        }
    }
}

/// How it is read and written.
impl DioFile {
    /// What requests must be aligned to in order to go to the device as they are.
    pub fn alignment(&self) -> Alignment {
        self.inner.shared.align
    }

    /// Whether the file is read and written past the page cache. False only where
    /// [`direct_or_buffered`](DioOptions::direct_or_buffered) was asked for and the file system
    /// refused direct I/O.
    pub fn is_direct(&self) -> bool {
        self.inner.shared.device.is_some()
    }

    /// Whether requests that reach the device in one part are polled for, instead of waited for
    /// until the device interrupts. Turns false when the device refuses.
    pub fn polls(&self) -> bool {
        self.inner
            .shared
            .device
            .is_some_and(|device| device.polls())
    }
}

/// Reading.
impl DioFile {
    /// Reads at `offset` into the buffer, from its start up to its capacity, and sets its length
    /// to the count: less than the capacity at the file's end, 0 behind it.
    ///
    /// An aligned read goes straight through; any other reads the blocks around it, in as many
    /// requests as it needs. If one of these fails after others went well, the count is what was
    /// read until then. Dropped, what was read is lost, and the buffer.
    pub async fn read_at<B: IoBufMut>(&self, buf: B, offset: u64) -> BufResult<usize, B> {
        read::read(&self.inner, buf, offset).await
    }

    /// Reads at `offset` until the buffer is full up to its **length** (not its capacity): a vector
    /// of zeroes says how much is wanted.
    ///
    /// If the file ends before, the error is of kind
    /// [`UnexpectedEof`](io::ErrorKind::UnexpectedEof). Dropped, what was read is lost, and the
    /// buffer.
    pub async fn read_exact_at<B: IoBufMut>(&self, buf: B, offset: u64) -> BufResult<(), B> {
        whole::read_exact(&self.inner, buf, offset).await
    }

    /// Reads at `offset` up to the buffer's capacity, which goes to the device as it is.
    ///
    /// What is not aligned is an error of kind [`InvalidInput`](io::ErrorKind::InvalidInput) that
    /// names the [`alignment`](DioFile::alignment); nothing is submitted then. At most 2 GiB less
    /// a page are read.
    pub fn read_aligned<B: IoBufMut>(&self, buf: B, offset: u64) -> Op<ReadAligned<B>> {
        let (address, len) = (buf.stable_ptr().addr(), buf.bytes_total());
        let shared = &self.inner.shared;
        match shared.align.check(address, len, offset) {
            Ok(()) => self.inner.read(buf, offset),
            Err(error) => {
                let guard = Reading::new(shared, address, len, offset).refused(error);
                Op::new(Guarded::new(
                    Read::new(self.inner.fd.clone(), buf, offset),
                    guard,
                ))
            }
        }
    }
}

/// Writing.
impl DioFile {
    /// Writes the buffer at `offset`; the count says how much of it.
    ///
    /// An aligned write goes straight through. Dropped, **it may still land**, and overtake no later
    /// widened write of the same blocks, but any other.
    ///
    /// Any other write is widened: it takes several steps, in a task of its own, from the first
    /// poll on. Dropped, **it is carried out nevertheless**; the result and the buffer are lost. At
    /// the executor's end it stops between two requests, with a part of the bytes written. If one
    /// of its requests fails after others went well, the count is what was written until then.
    pub async fn write_at<B: IoBuf>(&self, buf: B, offset: u64) -> BufResult<usize, B> {
        write::write(&self.inner, buf, offset).await
    }

    /// Writes the whole buffer at `offset`.
    ///
    /// If the kernel takes no more, the error is of kind [`WriteZero`](io::ErrorKind::WriteZero).
    /// After an error a part may be written. Dropped, the request at hand is carried out as that of
    /// [`write_at`](DioFile::write_at), and no further one is made.
    pub async fn write_all_at<B: IoBuf>(&self, buf: B, offset: u64) -> BufResult<(), B> {
        whole::write_all(&self.inner, buf, offset).await
    }

    /// Writes the buffer at `offset`, which goes to the device as it is, as soon as no widened
    /// write of the same blocks is under way.
    ///
    /// What is not aligned is an error of kind [`InvalidInput`](io::ErrorKind::InvalidInput) that
    /// names the [`alignment`](DioFile::alignment); nothing is submitted then. At most 2 GiB less
    /// a page are written.
    ///
    /// Dropped, **the write may still land**, even after a later write to the same place;
    /// `cancel()` tells whether it did. Its blocks are kept from widened writes until the
    /// result was taken or the operation dropped, so whoever started it must not wait for a widened
    /// write instead of polling it.
    pub fn write_aligned<B: IoBuf>(&self, buf: B, offset: u64) -> Op<WriteAligned<B>> {
        let (address, len) = (buf.stable_ptr().addr(), buf.bytes_init());
        let shared = &self.inner.shared;
        match shared.align.check(address, len, offset) {
            Ok(()) => self.inner.write_straight(buf, offset),
            Err(error) => {
                let guard = Writing::new(shared, address, len, offset, Keep::Nothing);
                let guard = guard.refused(error);
                Op::new(Guarded::new(
                    Write::new(self.inner.fd.clone(), buf, offset),
                    guard,
                ))
            }
        }
    }

    /// Writes what the device has in its own cache, and what is cached of the file's metadata,
    /// through to the medium. A direct write is not on the medium before.
    pub fn sync_all(&self) -> Op<Fsync> {
        Op::new(Fsync::all(self.inner.fd.clone()))
    }

    /// Like [`sync_all`](DioFile::sync_all), but of the metadata only what is needed to read the
    /// data.
    pub fn sync_data(&self) -> Op<Fsync> {
        Op::new(Fsync::data(self.inner.fd.clone()))
    }
}

/// What is known of the file, and how long it is.
impl DioFile {
    /// The file's metadata. One operation of the ring.
    pub async fn metadata(&self) -> io::Result<Metadata> {
        let since = self.inner.shared.paddings.now();
        let metadata = metadata::of(&self.inner.fd).await?;
        let len = since.clip(metadata.len());
        Ok(metadata.with_len(len))
    }

    /// The file's length in bytes. One operation of the ring.
    pub async fn size(&self) -> io::Result<u64> {
        let since = self.inner.shared.paddings.now();
        let size = metadata::size_of(&self.inner.fd).await?;
        Ok(since.clip(size))
    }

    /// Sets the file's length, which need not be aligned: what is behind it is cut off, what is
    /// missing reads as zeros.
    ///
    /// It waits for the writes under way that reach behind `len`, in a task of its own. Dropped,
    /// **it is carried out nevertheless**.
    pub async fn set_len(&self, len: u64) -> io::Result<()> {
        let inner = self.inner.clone();
        let span = Span::from(inner.shared.align.down(len.min(u64::MAX - 1)));
        let acquire = inner.shared.lock.lock(span, Mode::Exclusive).ask();
        let cut = async move {
            let shared = &inner.shared;
            let hold = Rc::new(acquire.await);
            shared.lower_end(len);
            truncate(&inner.fd, len, hold).await?;
            shared.raise_end(len);
            Ok(())
        };
        Builder::new().name("DioFile::set_len").spawn(cut).await
    }

    /// Makes sure that there is room for `len` bytes from `offset` on, so that writing them does
    /// not fail for want of it. The file gets longer if the range ends behind its end.
    ///
    /// Dropped, it may still be carried out.
    pub async fn allocate(&self, offset: u64, len: u64) -> io::Result<()> {
        let shared = &self.inner.shared;
        // Beside other writes, but not beside one that will cut the file.
        let span = Span::from(shared.align.down(offset.min(u64::MAX - 1)));
        let hold = shared.lock.lock(span, Mode::Shared).await;
        let op = Fallocate::new(self.inner.fd.clone(), offset, len);
        Op::new(Guarded::new(op, Keeping::new(hold))).await?;
        shared.raise_end(offset.saturating_add(len));
        Ok(())
    }
}

impl AsFd for DioFile {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inner.fd.as_fd()
    }
}
