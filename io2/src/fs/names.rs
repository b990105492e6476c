//! Names of files: giving, taking away, following.

use std::fs::Permissions;
use std::io;
use std::path::{Path, PathBuf};

use super::path;
use crate::op::{Link, Op, Rename, Symlink, Unlink};
use crate::spawn::unblock;

/// Gives the file or directory at `from` the name `to`. A file of that name is replaced in one step.
///
/// One operation of the ring.
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// # let dir = std::env::temp_dir().join(format!("io2-doc-rename-{}", std::process::id()));
/// # io2::fs::create_dir_all(&dir).await?;
/// io2::fs::write(dir.join("config.new"), "a = 1").await.0?;
/// io2::fs::rename(dir.join("config.new"), dir.join("config")).await?;
/// # io2::fs::remove_dir_all(&dir).await?;
/// # std::io::Result::Ok(())
/// # }).unwrap().unwrap();
/// ```
pub async fn rename<P: AsRef<Path>, Q: AsRef<Path>>(from: P, to: Q) -> io::Result<()> {
    let from = path::to_kernel(from.as_ref())?;
    let to = path::to_kernel(to.as_ref())?;
    Op::new(Rename::new(from, to)).await
}

/// Removes the file at `path`; a symbolic link there is removed itself. For directories there is
/// [`remove_dir`](super::remove_dir).
///
/// One operation of the ring.
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// # let path = std::env::temp_dir().join(format!("io2-doc-remove-{}", std::process::id()));
/// io2::fs::write(&path, "").await.0?;
/// io2::fs::remove_file(&path).await?;
/// assert!(!io2::fs::try_exists(&path).await?);
/// # std::io::Result::Ok(())
/// # }).unwrap().unwrap();
/// ```
pub async fn remove_file<P: AsRef<Path>>(path: P) -> io::Result<()> {
    Op::new(Unlink::file(path::to_kernel(path.as_ref())?)).await
}

/// Makes `link` a second name of the file at `original`. If that is a symbolic link, it is the link
/// that gets a second name.
///
/// One operation of the ring.
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// # let dir = std::env::temp_dir().join(format!("io2-doc-link-{}", std::process::id()));
/// # io2::fs::create_dir_all(&dir).await?;
/// io2::fs::write(dir.join("one"), "").await.0?;
/// io2::fs::hard_link(dir.join("one"), dir.join("two")).await?;
/// assert_eq!(io2::fs::metadata(dir.join("one")).await?.nlink(), 2);
/// # io2::fs::remove_dir_all(&dir).await?;
/// # std::io::Result::Ok(())
/// # }).unwrap().unwrap();
/// ```
pub async fn hard_link<P: AsRef<Path>, Q: AsRef<Path>>(original: P, link: Q) -> io::Result<()> {
    let original = path::to_kernel(original.as_ref())?;
    let link = path::to_kernel(link.as_ref())?;
    Op::new(Link::new(original, link)).await
}

/// Makes a symbolic link at `link` that points to `original`, which need not be there.
///
/// One operation of the ring.
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// # let link = std::env::temp_dir().join(format!("io2-doc-symlink-{}", std::process::id()));
/// io2::fs::symlink("/dev/null", &link).await?;
/// assert!(io2::fs::symlink_metadata(&link).await?.is_symlink());
/// # io2::fs::remove_file(&link).await?;
/// # std::io::Result::Ok(())
/// # }).unwrap().unwrap();
/// ```
pub async fn symlink<P: AsRef<Path>, Q: AsRef<Path>>(original: P, link: Q) -> io::Result<()> {
    let original = path::to_kernel(original.as_ref())?;
    let link = path::to_kernel(link.as_ref())?;
    Op::new(Symlink::new(original, link)).await
}

/// Where the symbolic link at `path` points.
///
/// On the blocking pool: the kernel has no operation for it.
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// assert!(io2::fs::read_link("/proc/self/exe").await?.is_absolute());
/// # std::io::Result::Ok(())
/// # }).unwrap().unwrap();
/// ```
pub async fn read_link<P: AsRef<Path>>(path: P) -> io::Result<PathBuf> {
    let path = path.as_ref().to_owned();
    unblock(move || std::fs::read_link(path)).await
}

/// The absolute path of a file, without symbolic links, `.` and `..`.
///
/// On the blocking pool: the kernel has no operation for it.
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// let root = io2::fs::canonicalize("/proc/..").await?;
/// assert_eq!(root, std::path::Path::new("/"));
/// # std::io::Result::Ok(())
/// # }).unwrap().unwrap();
/// ```
pub async fn canonicalize<P: AsRef<Path>>(path: P) -> io::Result<PathBuf> {
    let path = path.as_ref().to_owned();
    unblock(move || std::fs::canonicalize(path)).await
}

/// Sets the permissions of the file at `path`.
///
/// On the blocking pool: the kernel has no operation for it.
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// # let path = std::env::temp_dir().join(format!("io2-doc-permissions-{}", std::process::id()));
/// io2::fs::write(&path, "").await.0?;
/// let mut permissions = io2::fs::metadata(&path).await?.permissions();
/// permissions.set_readonly(true);
/// io2::fs::set_permissions(&path, permissions).await?;
/// # io2::fs::remove_file(&path).await?;
/// # std::io::Result::Ok(())
/// # }).unwrap().unwrap();
/// ```
pub async fn set_permissions<P: AsRef<Path>>(path: P, permissions: Permissions) -> io::Result<()> {
    let path = path.as_ref().to_owned();
    unblock(move || std::fs::set_permissions(path, permissions)).await
}
