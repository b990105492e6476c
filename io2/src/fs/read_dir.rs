//! Listing a directory.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::future::Future;
use std::io;
use std::os::unix::fs::DirEntryExt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::rc::Rc;
use std::vec;

use super::{FileType, Metadata, symlink_metadata};
use crate::spawn::unblock;

/// How many entries one visit to the blocking pool brings.
const BATCH: usize = 64;

/// Lists the directory at `path`, without `.` and `..`, in no particular order.
///
/// On the blocking pool, some entries at a time: the kernel has no operation for it.
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// let mut entries = io2::fs::read_dir("src").await?;
/// while let Some(entry) = entries.next_entry().await? {
///     println!("{}", entry.path().display());
/// }
/// # std::io::Result::Ok(())
/// # }).unwrap().unwrap();
/// ```
pub async fn read_dir<P: AsRef<Path>>(path: P) -> io::Result<ReadDir> {
    let root = path.as_ref().to_owned();
    let dir = unblock({
        let root = root.clone();
        move || std::fs::read_dir(root)
    })
    .await?;
    Ok(ReadDir {
        root: Rc::new(root),
        batch: Vec::new().into_iter(),
        state: State::Open(dir),
    })
}

/// The entries of a directory; made by [`read_dir`].
pub struct ReadDir {
    root: Rc<PathBuf>,
    batch: vec::IntoIter<io::Result<Raw>>,
    state: State,
}

enum State {
    /// More entries may be there.
    Open(std::fs::ReadDir),
    /// The pool is fetching some. Kept here, not in the caller's future, so that nothing is lost if
    /// that is dropped.
    Fetching(Pin<Box<dyn Future<Output = Fetched>>>),
    /// All were fetched.
    Done,
}

/// The directory, unless it is at its end, and the next entries.
type Fetched = (Option<std::fs::ReadDir>, Vec<io::Result<Raw>>);

/// An entry as the pool hands it over: without the handle of the directory that std's has.
struct Raw {
    name: OsString,
    ino: u64,
    file_type: Option<FileType>,
}

impl ReadDir {
    /// The next entry, or none at the end.
    ///
    /// Dropped while it waits, it loses no entry. After an error the next call goes on.
    pub async fn next_entry(&mut self) -> io::Result<Option<DirEntry>> {
        loop {
            if let Some(raw) = self.batch.next() {
                return raw.map(|raw| {
                    Some(DirEntry {
                        root: self.root.clone(),
                        raw,
                    })
                });
            }
            let fetching = match std::mem::replace(&mut self.state, State::Done) {
                State::Open(dir) => Box::pin(unblock(move || fetch(dir))),
                State::Fetching(fetching) => fetching,
                State::Done => return Ok(None),
            };
            self.state = State::Fetching(fetching);
            let State::Fetching(fetching) = &mut self.state else {
                continue;
            };
            let (dir, batch) = fetching.await;
            self.state = State::Done;
            self.batch = batch.into_iter();
            if let Some(dir) = dir {
                self.state = State::Open(dir);
            }
        }
    }
}

fn fetch(mut dir: std::fs::ReadDir) -> Fetched {
    let batch: Vec<_> = dir
        .by_ref()
        .take(BATCH)
        .map(|entry| {
            entry.map(|entry| Raw {
                name: entry.file_name(),
                ino: entry.ino(),
                file_type: entry.file_type().ok().and_then(FileType::from_std),
            })
        })
        .collect();
    let more = batch.len() == BATCH;
    (more.then_some(dir), batch)
}

impl fmt::Debug for ReadDir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ReadDir").field(&self.root).finish()
    }
}

/// One entry of a directory.
pub struct DirEntry {
    root: Rc<PathBuf>,
    raw: Raw,
}

impl DirEntry {
    /// The directory's path, as it was given to [`read_dir`], with the entry's name.
    pub fn path(&self) -> PathBuf {
        self.root.join(&self.raw.name)
    }

    /// The name, without the directory's path.
    pub fn file_name(&self) -> OsString {
        self.raw.name.clone()
    }

    /// The number that it has on the device.
    pub fn ino(&self) -> u64 {
        self.raw.ino
    }

    /// The entry's metadata; a symbolic link is not followed.
    ///
    /// One operation of the ring.
    pub async fn metadata(&self) -> io::Result<Metadata> {
        symlink_metadata(self.path()).await
    }

    /// Whether the entry is a file, a directory or something else; a symbolic link is not followed.
    ///
    /// Most often that came with the name; else it is one operation of the ring.
    pub async fn file_type(&self) -> io::Result<FileType> {
        match self.raw.file_type {
            Some(file_type) => Ok(file_type),
            None => self.metadata().await.map(|metadata| metadata.file_type()),
        }
    }
}

impl fmt::Debug for DirEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name: &OsStr = &self.raw.name;
        f.debug_tuple("DirEntry")
            .field(&self.root.join(name))
            .finish()
    }
}
