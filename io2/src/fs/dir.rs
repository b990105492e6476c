//! Directories: making and removing.

use std::io;
use std::path::Path;

use super::{metadata, path};
use crate::op::{Mkdir, Op, Unlink};
use crate::spawn::unblock;

/// The permissions of a new directory, less the process's umask.
const MODE: libc::mode_t = 0o777;

/// Makes a directory; the one that it is made in must be there.
///
/// One operation of the ring.
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// # let path = std::env::temp_dir().join(format!("io2-doc-mkdir-{}", std::process::id()));
/// io2::fs::create_dir(&path).await?;
/// # io2::fs::remove_dir(&path).await?;
/// # std::io::Result::Ok(())
/// # }).unwrap().unwrap();
/// ```
pub async fn create_dir<P: AsRef<Path>>(path: P) -> io::Result<()> {
    Op::new(Mkdir::new(path::to_kernel(path.as_ref())?, MODE)).await
}

/// Makes a directory and those above it that are not there. It is no error if it is there already.
///
/// One operation of the ring for each; dropped half-way, those made so far stay.
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// # let dir = std::env::temp_dir().join(format!("io2-doc-mkdirs-{}", std::process::id()));
/// io2::fs::create_dir_all(dir.join("a/b/c")).await?;
/// # io2::fs::remove_dir_all(&dir).await?;
/// # std::io::Result::Ok(())
/// # }).unwrap().unwrap();
/// ```
pub async fn create_dir_all<P: AsRef<Path>>(path: P) -> io::Result<()> {
    let path = path.as_ref();
    if path.as_os_str().is_empty() {
        return Ok(());
    }
    // Most often all but the last are there: so upwards until one can be made, then down again.
    let mut missing = Vec::new();
    for dir in path.ancestors() {
        // The ancestor above a relative path is the empty one: the working directory.
        if dir.as_os_str().is_empty() {
            break;
        }
        match create_dir(dir).await {
            Ok(()) => break,
            Err(error) if error.kind() == io::ErrorKind::NotFound => missing.push(dir),
            Err(error) => {
                existing(dir, error).await?;
                break;
            }
        }
    }
    for dir in missing.into_iter().rev() {
        if let Err(error) = create_dir(dir).await {
            existing(dir, error).await?;
        }
    }
    Ok(())
}

/// Forgives that a directory could not be made if it is there, whoever made it.
async fn existing(dir: &Path, error: io::Error) -> io::Result<()> {
    match metadata(dir).await {
        Ok(metadata) if metadata.is_dir() => Ok(()),
        _ => Err(error),
    }
}

/// Removes the directory at `path`, which must be empty.
///
/// One operation of the ring.
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// # let path = std::env::temp_dir().join(format!("io2-doc-rmdir-{}", std::process::id()));
/// io2::fs::create_dir(&path).await?;
/// io2::fs::remove_dir(&path).await?;
/// # std::io::Result::Ok(())
/// # }).unwrap().unwrap();
/// ```
pub async fn remove_dir<P: AsRef<Path>>(path: P) -> io::Result<()> {
    Op::new(Unlink::dir(path::to_kernel(path.as_ref())?)).await
}

/// Removes the directory at `path` with all that is in it. Symbolic links are removed, not followed.
///
/// On the blocking pool: the kernel has no operation that lists a directory. Dropped half-way it
/// goes on to the end.
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// # let dir = std::env::temp_dir().join(format!("io2-doc-rm-{}", std::process::id()));
/// io2::fs::create_dir_all(dir.join("cache/old")).await?;
/// io2::fs::remove_dir_all(&dir).await?;
/// # std::io::Result::Ok(())
/// # }).unwrap().unwrap();
/// ```
pub async fn remove_dir_all<P: AsRef<Path>>(path: P) -> io::Result<()> {
    let path = path.as_ref().to_owned();
    unblock(move || std::fs::remove_dir_all(path)).await
}
