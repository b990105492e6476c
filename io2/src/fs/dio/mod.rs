//! Direct I/O: files that are read and written past the kernel's page cache.
//!
//! ```
//! # io2::ExecutorConfig::new().run(async {
//! # let path = std::env::temp_dir().join(format!("io2-doc-direct-{}", std::process::id()));
//! use io2::buf::AlignedBuf;
//! use io2::fs::DioFile;
//!
//! let file = DioFile::create(&path).await?;
//!
//! // Any bytes at any offset.
//! file.write_all_at("a log record", 1_000).await.0?;
//! assert_eq!(file.size().await?, 1_012);
//!
//! // Whole blocks in aligned memory go to the device as they are.
//! let block = AlignedBuf::new(4096, file.alignment().memory());
//! let (count, block) = file.read_aligned(block, 0).await;
//! assert_eq!(count?, 1_012);
//! assert!(block.ends_with(b"record"));
//! # drop(file);
//! # io2::fs::remove_file(&path).await?;
//! # std::io::Result::Ok(())
//! # }).unwrap().unwrap();
//! ```
//!
//! # Aligned requests, and all others
//!
//! A device reads and writes whole blocks, and wants them at certain addresses in memory:
//! [`DioFile::alignment`] says what the kernel reported (from Linux 6.1 on; where it says nothing,
//! 4096 bytes for both are assumed, which suits every device). A request that keeps to that goes
//! straight through, as one operation, without a copy. [`DioFile::read_aligned`] and
//! [`DioFile::write_aligned`] accept nothing else; [`DioFile::read_at`] and [`DioFile::write_at`]
//! accept everything, and widen what is not aligned to the blocks around it:
//!
//! | request | operations |
//! |---|---|
//! | aligned | one, and no copy |
//! | read, not aligned | the blocks around it are read, and what was asked for is copied out |
//! | write of whole blocks from memory that is not aligned | copied, then written |
//! | write of a part of a block | the block is read, changed, and written back |
//! | the same over the file's end | also, the file is cut to its exact length afterwards |
//!
//! Long ones are cut into several requests, of which those that need no copy do without.
//!
//! # Who must know of whom
//!
//! To read a block, change it and write it back loses what somebody else writes to the block in
//! between. The handles that came from one another by [`DioFile::try_clone`] know of each other:
//! each such write has its blocks for itself, and no write of these handles, aligned ones
//! included, is ever lost, nor does a read or a question for the length see a file that is longer
//! than its writers made it. **Handles that were opened apart, other processes, and buffered
//! files do not know of each other**: between them it is the caller's duty that nobody writes to a
//! block, or changes the length of the file, while somebody else writes a part of this block or
//! the end of the file. What several tasks write to the same bytes at once is in any order.
//!
//! # Polling
//!
//! On a device whose queue polls (`/sys/block/…/queue/io_poll` is 1; looked up once a device and
//! process), requests go to the executor's second, polled ring: the executor asks the device whether
//! it has finished, instead of sleeping until it interrupts. For all other devices, and from the
//! first refusal of a device on, the main ring is used, with one INFO event a device.
//! [`DioFile::polls`] tells.
//!
//! The kernel does not poll for everything, and where it does not, an older one loses the
//! completion. So the main ring is also used for a request that the device takes in several parts
//! (it is longer than `queue/max_sectors_kb`), for a write that makes the file longer or that
//! is not of whole blocks of the file system from memory that is aligned to these, and, before
//! Linux 6.12, for a read that reaches behind the end of the file.
//!
//! # What a drop does
//!
//! A read that is dropped loses what was read. An aligned write that is dropped may or may not
//! happen. A widened write happens, once it was polled.
//!
//! # How a file is never too long
//!
//! A write that ends within a block and makes the file longer can only be made with the whole
//! block; the file then ends behind the zeros that fill it, until it is cut. (To write the last
//! bytes through the page cache instead would leave a cached page that overlaps blocks which others
//! write directly; to set the length before does not help, since the write sets it again.) So there
//! are moments in which the file is too long, and this is why none of them lasts, or is seen:
//!
//! 1. Everything that could change the length meanwhile, or depend on it, is locked out. Such a
//!    write has the range from its first block to the end of the file, however far that
//!    moves, for itself. Every write that reaches there needs a part of that range, as do
//!    [`DioFile::set_len`] and [`DioFile::allocate`]. A write that ends before it leaves the file
//!    shorter than the exact length that the cut will give it.
//! 2. How long the file is to be is known before anything is written, from what the kernel said
//!    of its length under that lock.
//! 3. The duty to cut is a value (`Padded`) that exists before the write is submitted, and
//!    that each operation of these steps holds until its completion. Its drop cuts the file
//!    itself. It has the lock, so the lock is given back only after that. An operation whose
//!    future is dropped goes to the driver, and its values with it; so whatever is dropped, when
//!    ever, the cut comes after the write and before anybody else's turn. The one cut that could
//!    come late, that of a thread of the blocking pool, is called off or waited for by the same
//!    drop.
//! 4. The steps run in a task of their own, so that they go on when the caller's future is
//!    dropped, forgotten, or just not polled. Only the end of the executor stops them; then 3
//!    applies, while it waits for the operations in flight.
//! 5. A read or a question for the length that is under way in such a moment notes when it
//!    started, and is clipped to the exact length that the file had then. So readers
//!    never wait.
//!
//! A process that is killed in such a moment leaves the file up to a block too long, filled with
//! zeros; so does an executor that gives up on an operation at its
//! [`shutdown_timeout`](crate::ExecutorConfig::shutdown_timeout). What keeps records in a file
//! must know their length in any case.
//!
//! The bytes of others in a block are safe because the block is written back in one request, under
//! the lock, with what was read under the same lock; a request that was cancelled keeps the lock
//! until the kernel says that it is over.

mod align;
mod device;
mod ends;
#[cfg(all(test, feature = "tracing"))]
mod fallback_tests;
mod file;
mod guards;
mod inner;
mod opened;
mod options;
mod padded;
mod padding;
mod plan;
mod range_lock;
mod read;
mod truncate;
mod whole;
mod write;

pub use align::Alignment;
pub use file::DioFile;
pub use guards::{ReadAligned, WriteAligned};
pub use options::DioOptions;
