//! The file that is read: each block holds its number, over and over.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::sync::OnceLock;

/// Bytes of a read.
pub const BLOCK: usize = 4096;

/// Blocks of the file.
pub const BLOCKS: u64 = 65_536;

/// How a process tells its children where the file is.
pub const VARIABLE: &str = "IO2_COMPARE_FILE";

/// A file that is removed in the end.
pub struct Data(pub PathBuf);

impl Data {
    /// Writes the file, to the disk.
    pub fn make() -> io::Result<Data> {
        let name = format!("io2-compare-{}", std::process::id());
        let data = Data(std::env::temp_dir().join(name));
        let mut out = BufWriter::with_capacity(1 << 20, File::create(&data.0)?);
        for block in 0..BLOCKS {
            out.write_all(&block.to_le_bytes().repeat(BLOCK / 8))?;
        }
        out.into_inner()?.sync_all()?;
        Ok(data)
    }
}

impl Drop for Data {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Where the file is.
pub fn path() -> &'static str {
    static PATH: OnceLock<String> = OnceLock::new();
    PATH.get_or_init(|| std::env::var(VARIABLE).expect("whoever runs a work has made the file"))
}

/// Where a work may write a file of its own, on the same disk.
pub fn scratch() -> String {
    format!("{}-scratch-{}", path(), std::process::id())
}

/// Which blocks are read.
pub struct Offsets(fastrand::Rng);

impl Offsets {
    pub fn new(task: u64) -> Offsets {
        Offsets(fastrand::Rng::with_seed(task))
    }

    /// The next block's number.
    pub fn block(&mut self) -> u64 {
        self.0.u64(..BLOCKS)
    }
}

/// Whether these are the bytes of a block, by its first and last word.
pub fn check(bytes: &[u8], block: u64) {
    assert_eq!(bytes.len(), BLOCK, "a part of a block");
    let number = block.to_le_bytes();
    assert!(
        bytes.starts_with(&number) && bytes.ends_with(&number),
        "another block"
    );
}

/// Whether these are so many blocks, of which the first and the last are looked at.
pub fn check_long(bytes: &[u8], number: u64) {
    let blocks = (bytes.len() / BLOCK) as u64;
    check(&bytes[..BLOCK], number * blocks);
    check(&bytes[bytes.len() - BLOCK..], number * blocks + blocks - 1);
}

/// Whether each block of a file has the byte that it shall have. The file is removed.
pub fn check_written(path: &str, len: u64, byte: fn(usize) -> u8) {
    let bytes = std::fs::read(path).expect("the file is there");
    assert_eq!(bytes.len() as u64, len);
    for (block, bytes) in bytes.chunks(BLOCK).enumerate() {
        let right = bytes.iter().all(|each| *each == byte(block));
        assert!(right, "not what was written");
    }
    std::fs::remove_file(path).expect("it is removed");
}
