//! What the works on files cost without any runtime: a ring, set up as the best programs do, and a loop.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

use io_uring::squeue::{Entry, Flags};
use io_uring::{IoUring, opcode, types};
use io2::buf::AlignedBuf;

use super::data::{BLOCK, Offsets, check, check_long, check_written, path, scratch};
use super::files::LONG;
use crate::meter::Meter;
use crate::sample::Sample;

fn ring() -> IoUring {
    let mut builder = IoUring::builder();
    builder
        .setup_single_issuer()
        .setup_defer_taskrun()
        .setup_submit_all();
    builder
        .build(crate::peers::DEPTH)
        .expect("the ring is set up")
}

/// Keeps so many entries in flight until as many as wanted have completed. `next` makes the entry of a slot;
/// `done` looks at what came of it.
fn keep_busy(
    ring: &mut IoUring,
    depth: u64,
    units: u64,
    mut next: impl FnMut(usize) -> Entry,
    mut done: impl FnMut(usize, i32),
) {
    let (mut begun, mut ended) = (0, 0);
    let mut free: Vec<usize> = (0..depth as usize).collect();
    while ended < units {
        while begun < units
            && let Some(slot) = free.pop()
        {
            let entry = next(slot).user_data(slot as u64);
            // SAFETY: what it points to outlives the loop, which waits for all.
            unsafe { ring.submission().push(&entry) }.expect("the ring is deeper than this");
            begun += 1;
        }
        match ring.submit_and_wait(1) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => panic!("{error}"),
            _ => {}
        }
        for completion in ring.completion() {
            let slot = completion.user_data() as usize;
            done(slot, completion.result());
            free.push(slot);
            ended += 1;
        }
    }
}

pub mod no_ops {
    use super::*;
    pub use crate::peers::raw::NAME;

    fn at_depth(depth: u64, units: u64) -> Sample {
        let (meter, mut sum) = (Meter::start(), 0);
        let entry = |_| opcode::Nop::new().build();
        keep_busy(&mut ring(), depth, units, entry, |_, result| {
            assert_eq!(result, 0);
            sum += 1;
        });
        meter.end(sum)
    }

    pub fn depth_1(units: u64) -> Sample {
        at_depth(1, units)
    }

    pub fn depth_32(units: u64) -> Sample {
        at_depth(32, units)
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Way {
    Cached,
    /// With a registered file and registered buffers.
    Registered,
    Direct,
}

/// Random reads of blocks.
fn reads(way: Way, depth: u64, units: u64) -> Sample {
    let mut ring = ring();
    let file = open(path(), way == Way::Direct, false);
    let mut memory = AlignedBuf::zeroed(BLOCK * depth as usize, 4096);
    let slots: Vec<*mut u8> = memory.chunks_mut(BLOCK).map(<[u8]>::as_mut_ptr).collect();
    let mut offsets: Vec<Offsets> = (0..depth).map(Offsets::new).collect();
    let blocks: Vec<_> = (0..depth).map(|_| std::cell::Cell::new(0)).collect();
    if way == Way::Registered {
        let region = libc::iovec {
            iov_base: slots[0].cast(),
            iov_len: BLOCK * depth as usize,
        };
        // SAFETY: the memory outlives the ring's use of it.
        let result = unsafe { ring.submitter().register_buffers(&[region]) };
        result.expect("memory to lock");
        let result = ring.submitter().register_files(&[file.as_raw_fd()]);
        result.expect("the file is registered");
    }
    let meter = Meter::start();
    let next = |slot: usize| {
        let block = offsets[slot].block();
        blocks[slot].set(block);
        let (at, size) = (block * BLOCK as u64, BLOCK as u32);
        if way == Way::Registered {
            let read = opcode::ReadFixed::new(types::Fixed(0), slots[slot], size, 0);
            return read.offset(at).build();
        }
        let read = opcode::Read::new(types::Fd(file.as_raw_fd()), slots[slot], size);
        read.offset(at).build()
    };
    keep_busy(&mut ring, depth, units, next, |slot, result| {
        assert_eq!(result, BLOCK as i32);
        // SAFETY: the slot's block has been read, and nothing writes to it before the next entry.
        check(
            unsafe { std::slice::from_raw_parts(slots[slot], BLOCK) },
            blocks[slot].get(),
        );
    });
    meter.end(units)
}

fn open(path: &str, direct: bool, write: bool) -> File {
    use std::os::unix::fs::OpenOptionsExt;
    File::options()
        .read(true)
        .write(write)
        .create(write)
        .custom_flags(if direct { libc::O_DIRECT } else { 0 })
        .open(path)
        .expect("the file opened")
}

macro_rules! reads {
    ($module:ident, $name:literal, $way:expr) => {
        pub mod $module {
            use super::*;

            pub const NAME: &str = $name;

            pub fn depth_1(units: u64) -> Sample {
                reads($way, 1, units)
            }

            pub fn depth_32(units: u64) -> Sample {
                reads($way, 32, units)
            }

            pub fn depth_128(units: u64) -> Sample {
                reads($way, 128, units)
            }
        }
    };
}

reads!(cached, "raw", Way::Cached);
reads!(
    registered,
    "raw, registered file and buffers",
    Way::Registered
);
reads!(direct, "raw", Way::Direct);

/// One after the other, of one long block each.
fn long(units: u64, write: bool) -> Sample {
    let mut ring = ring();
    let name = if write { scratch() } else { path().to_owned() };
    let file = open(&name, true, write);
    let mut memory = AlignedBuf::zeroed(LONG, 4096);
    memory.fill(7);
    let (ptr, size) = (memory.as_mut_ptr(), LONG as u32);
    let fd = types::Fd(file.as_raw_fd());
    let (meter, mut at) = (Meter::start(), 0);
    let next = |_| {
        let offset = at;
        at += LONG as u64;
        match write {
            true => opcode::Write::new(fd, ptr, size).offset(offset).build(),
            false => opcode::Read::new(fd, ptr, size).offset(offset).build(),
        }
    };
    let mut number = 0;
    keep_busy(&mut ring, 1, units, next, |_, result| {
        assert_eq!(result, LONG as i32);
        if !write {
            // SAFETY: it has been read, and nothing writes to it before the next entry.
            check_long(unsafe { std::slice::from_raw_parts(ptr, LONG) }, number);
        }
        number += 1;
    });
    let sample = meter.end(units);
    if write {
        check_written(&name, units * LONG as u64, |_| 7);
    }
    sample
}

pub mod longs {
    use super::*;
    pub use crate::peers::raw::NAME;

    pub fn read_long(units: u64) -> Sample {
        long(units, false)
    }

    pub fn write_long(units: u64) -> Sample {
        long(units, true)
    }
}

pub mod appends {
    use super::*;
    pub use crate::peers::raw::NAME;

    pub fn append_blocks(units: u64) -> Sample {
        let (mut ring, name) = (ring(), scratch());
        let file = open(&name, false, true);
        let fd = types::Fd(file.as_raw_fd());
        let mut buf = vec![0; BLOCK];
        let meter = Meter::start();
        for block in 0..units {
            buf.fill(block as u8);
            let (ptr, at) = (buf.as_ptr(), block * BLOCK as u64);
            let write = opcode::Write::new(fd, ptr, BLOCK as u32).offset(at).build();
            let sync = opcode::Fsync::new(fd).flags(types::FsyncFlags::DATASYNC);
            // Both in one call: the second begins when the first has ended.
            let mut both = [write.flags(Flags::IO_LINK), sync.build()].into_iter();
            let next = |_| both.next().expect("there are two");
            keep_busy(&mut ring, 2, 2, next, |_, result| assert!(result >= 0));
        }
        let sample = meter.end(units);
        check_written(&name, units * BLOCK as u64, |block| block as u8);
        sample
    }
}
