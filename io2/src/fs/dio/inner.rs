//! What a handle has, and what it shares with its clones.

use std::cell::Cell;
use std::rc::Rc;

use super::align::Alignment;
use super::device::Device;
use super::guards::{Keep, ReadAligned, Reading, WriteAligned, Writing};
use super::padding::Paddings;
use super::plan::Span;
use super::range_lock::{Mode, RangeLock};
use crate::buf::{IoBuf, IoBufMut};
use crate::fd::Fd;
use crate::op::{Guarded, Op, Read, Write, transfer};

/// A handle, as the steps of a request hold it.
#[derive(Clone, Debug)]
pub(super) struct Inner {
    pub(super) fd: Fd,
    pub(super) shared: Rc<Shared>,
}

/// What all clones of a handle have in common.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) align: Alignment,
    /// None if the file is buffered.
    pub(super) device: Option<&'static Device>,
    /// The block size of the file system.
    pub(super) fs_block: u64,
    /// Whether it can be read, as a partial block must before it is written.
    pub(super) readable: bool,
    pub(super) lock: RangeLock,
    pub(super) paddings: Paddings,
    known_end: Cell<u64>,
}

impl Shared {
    pub(super) fn new(
        align: Alignment,
        device: Option<&'static Device>,
        fs_block: u64,
        readable: bool,
        size: u64,
    ) -> Shared {
        Shared {
            align,
            device,
            fs_block,
            readable,
            lock: RangeLock::default(),
            paddings: Paddings::new(),
            known_end: Cell::new(size),
        }
    }

    /// The file is at least this long, unless somebody else cut it. A hint for which lock to take
    /// and for which ring to use: nothing goes wrong in the file if it is wrong.
    pub(super) fn known_end(&self) -> u64 {
        self.known_end.get()
    }

    /// The file was seen to be at least this long.
    pub(super) fn raise_end(&self, end: u64) {
        self.known_end.set(self.known_end.get().max(end));
    }

    /// The file is about to be cut.
    pub(super) fn lower_end(&self, end: u64) {
        self.known_end.set(self.known_end.get().min(end));
    }
}

impl Inner {
    /// One read, as it is.
    pub(super) fn read<B: IoBufMut>(&self, buf: B, offset: u64) -> Op<ReadAligned<B>> {
        let offset = transfer::at(offset);
        let (address, len) = (buf.stable_ptr().addr(), buf.bytes_total());
        let guard = Reading::new(&self.shared, address, len, offset);
        let read = match guard.may_be_polled() {
            true => Read::polled(self.fd.clone(), buf, offset),
            false => Read::new(self.fd.clone(), buf, offset),
        };
        Op::new(Guarded::new(read, guard))
    }

    /// One write, as it is, which keeps something until its completion.
    pub(super) fn write<B: IoBuf>(&self, buf: B, offset: u64, keep: Keep) -> Op<WriteAligned<B>> {
        let offset = transfer::at(offset);
        let (address, len) = (buf.stable_ptr().addr(), buf.bytes_init());
        let guard = Writing::new(&self.shared, address, len, offset, keep);
        let write = match guard.may_be_polled() {
            true => Write::polled(self.fd.clone(), buf, offset),
            false => Write::new(self.fd.clone(), buf, offset),
        };
        Op::new(Guarded::new(write, guard))
    }

    /// One write of whole blocks, as it is, which first waits for the widened writes of the same
    /// blocks.
    pub(super) fn write_straight<B: IoBuf>(&self, buf: B, offset: u64) -> Op<WriteAligned<B>> {
        let len = buf.bytes_init() as u64;
        let keep = if len == 0 {
            Keep::Nothing
        } else {
            let start = transfer::at(offset);
            let span = Span::new(start, start.saturating_add(len));
            Keep::Asked(self.shared.lock.lock(span, Mode::Shared))
        };
        self.write(buf, offset, keep)
    }
}
