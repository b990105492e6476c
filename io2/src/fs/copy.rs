//! Copying a file.

use std::io::{self, Read};
use std::path::Path;

use super::{File, Metadata, OpenOptions};
use crate::spawn::unblock;

/// How many bytes one step copies: enough that the steps cost little, few enough that progress is
/// seen and a copy that is dropped ends soon.
const STEP: u64 = 8 << 20;

/// Copies a file's contents and permissions; the number of bytes is returned. What is at `to` is
/// replaced.
///
/// On the blocking pool, in steps of some megabytes: the kernel has no operation for it, but
/// a call that copies within the kernel, and on some file systems shares the blocks. Dropped
/// half-way it leaves a part of the file at `to`, and the step at hand goes on.
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// # let to = std::env::temp_dir().join(format!("io2-doc-copy-{}", std::process::id()));
/// let bytes = io2::fs::copy("Cargo.toml", &to).await?;
/// assert_eq!(io2::fs::metadata(&to).await?.len(), bytes);
/// # io2::fs::remove_file(&to).await?;
/// # std::io::Result::Ok(())
/// # }).unwrap().unwrap();
/// ```
pub async fn copy<P: AsRef<Path>, Q: AsRef<Path>>(from: P, to: Q) -> io::Result<u64> {
    copy_with(from, to, |_, _| {}).await
}

/// Like [`copy`]; after each step it calls `progress` with the bytes copied so far and the length
/// that the file had at the start.
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// # let to = std::env::temp_dir().join(format!("io2-doc-progress-{}", std::process::id()));
/// io2::fs::copy_with("Cargo.toml", &to, |done, total| println!("{done} of {total}")).await?;
/// # io2::fs::remove_file(&to).await?;
/// # std::io::Result::Ok(())
/// # }).unwrap().unwrap();
/// ```
pub async fn copy_with<P, Q, F>(from: P, to: Q, mut progress: F) -> io::Result<u64>
where
    P: AsRef<Path>,
    Q: AsRef<Path>,
    F: FnMut(u64, u64),
{
    let source = File::open(from).await?;
    let metadata = source.metadata().await?;
    if !metadata.is_file() {
        return Err(invalid("only a regular file can be copied"));
    }
    let target = open_target(to.as_ref(), &metadata).await?;
    let mut pair = (source.to_std()?, target.to_std()?);
    let mut copied = 0;
    loop {
        let step;
        (pair, step) = unblock(move || {
            let step = io::copy(&mut (&pair.0).take(STEP), &mut &pair.1);
            (pair, step)
        })
        .await;
        let step = step?;
        copied += step;
        if step > 0 {
            progress(copied, metadata.len());
        }
        if step < STEP {
            return Ok(copied);
        }
    }
}

/// Opens the file to copy to, empties it and gives it its permissions.
async fn open_target(path: &Path, source: &Metadata) -> io::Result<File> {
    let mode = source.mode() & 0o7777;
    // Not emptied by opening it: it could be the source.
    let target = OpenOptions::new()
        .write(true)
        .create(true)
        .mode(mode)
        .open(path)
        .await?;
    let metadata = target.metadata().await?;
    if (metadata.dev(), metadata.ino()) == (source.dev(), source.ino()) {
        return Err(invalid("a file cannot be copied to itself"));
    }
    if metadata.is_file() {
        if metadata.len() > 0 {
            target.set_len(0).await?;
        }
        if metadata.mode() & 0o7777 != mode {
            target.set_permissions(source.permissions()).await?;
        }
    }
    Ok(target)
}

fn invalid(message: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, message)
}
