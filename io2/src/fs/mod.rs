//! Files and directories.
//!
//! The names follow `std::fs`; what differs is that reads and writes take a buffer by value and
//! give it back, since the kernel works on it while the task does something else:
//!
//! ```
//! # io2::ExecutorConfig::new().run(async {
//! let file = io2::fs::File::open("Cargo.toml").await?;
//! let (read, buf) = file.read_at(vec![0; 4096], 0).await;
//! println!("{} of {} bytes", read?, buf.capacity());
//! # std::io::Result::Ok(())
//! # }).unwrap().unwrap();
//! ```
//!
//! # Where the work is done
//!
//! Most calls are operations of the ring, with no thread behind them but the kernel's own. For
//! some the kernel has no operation: these run on a pool of threads, and their documentation says
//! so. A call on the pool that is dropped may still be carried out.
//!
//! # Dropping, cancelling, time limits
//!
//! A call that returns an [`Op`](crate::op::Op) is one operation: it can be given a time limit or
//! be cancelled, and then says what became of it. The `async` calls take several steps or none;
//! dropped half-way they leave done what they have done.
//!
//! Take care with **writes that are dropped: they may still land**, even after a later write to the
//! same place. Who must know awaits the write, or its `cancel()`.
//!
//! # Paths
//!
//! A path that contains a NUL byte is an error of kind
//! [`InvalidInput`](std::io::ErrorKind::InvalidInput), and nothing is asked of the kernel.

mod copy;
pub mod dio;
mod dir;
mod file;
mod metadata;
mod names;
mod open_options;
mod path;
mod read_dir;
mod whole;

pub use copy::{copy, copy_with};
pub use dio::{DioFile, DioOptions};
pub use dir::{create_dir, create_dir_all, remove_dir, remove_dir_all};
pub use file::{Advice, File};
pub use metadata::{FileType, Metadata, metadata, symlink_metadata, try_exists};
pub use names::{
    canonicalize, hard_link, read_link, remove_file, rename, set_permissions, symlink,
};
pub use open_options::OpenOptions;
pub use read_dir::{DirEntry, ReadDir, read_dir};
pub use whole::{read, read_to_string, write};
