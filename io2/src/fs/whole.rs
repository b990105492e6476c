//! Files read and written as a whole.

use std::io;
use std::path::Path;

use super::{File, OpenOptions};
use crate::buf::{BufResult, IoBuf};
use crate::op::transfer;

/// Reads the whole file at `path`.
///
/// It goes on until the end, however long the file said it was, so that it also reads pipes and
/// the files of `/proc`.
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// let manifest = io2::fs::read("Cargo.toml").await?;
/// assert!(manifest.starts_with(b"[package]"));
/// # std::io::Result::Ok(())
/// # }).unwrap().unwrap();
/// ```
pub async fn read<P: AsRef<Path>>(path: P) -> io::Result<Vec<u8>> {
    let file = File::open(path).await?;
    let size = file.size().await?;
    transfer::read_to_end(file.fd(), size).await
}

/// Reads the whole file at `path`, which must be valid UTF-8: otherwise the error is of kind
/// [`InvalidData`](io::ErrorKind::InvalidData).
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// let manifest = io2::fs::read_to_string("Cargo.toml").await?;
/// assert!(manifest.contains("io2"));
/// # std::io::Result::Ok(())
/// # }).unwrap().unwrap();
/// ```
pub async fn read_to_string<P: AsRef<Path>>(path: P) -> io::Result<String> {
    let bytes = read(path).await?;
    String::from_utf8(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// Makes `buf` the contents of the file at `path`, which is made or emptied first.
///
/// Dropped half-way it leaves the file empty or written in part, and the write in flight may
/// still land.
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// # let path = std::env::temp_dir().join(format!("io2-doc-write-{}", std::process::id()));
/// io2::fs::write(&path, "some text").await.0?;
/// assert_eq!(io2::fs::read(&path).await?, b"some text");
/// # io2::fs::remove_file(&path).await?;
/// # std::io::Result::Ok(())
/// # }).unwrap().unwrap();
/// ```
pub async fn write<P: AsRef<Path>, B: IoBuf>(path: P, buf: B) -> BufResult<(), B> {
    match OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .open(path)
        .await
    {
        Ok(file) => file.write_all(buf).await,
        Err(error) => (Err(error), buf),
    }
}
