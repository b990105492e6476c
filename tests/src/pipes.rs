//! Pipes whose reading end is a file of io2.

use std::io::{self, PipeWriter};
use std::os::fd::OwnedFd;

use io2::fs::File;

/// A pipe: its reading end as a file of io2, its writing end as the standard library's.
pub fn pipe() -> (File, PipeWriter) {
    let (reader, writer) = io::pipe().expect("a pipe can be made");
    (File::from_std(OwnedFd::from(reader).into()), writer)
}

/// So many of them.
pub fn pipes(count: usize) -> (Vec<File>, Vec<PipeWriter>) {
    (0..count).map(|_| pipe()).unzip()
}
