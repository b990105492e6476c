//! What stands beside each direct read and write until its completion.

use std::fmt::Debug;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::OnceLock;
use std::task::{Context, Poll, ready};

use super::inner::Shared;
use super::padded::Padded;
use super::padding::Since;
use super::range_lock::{Acquire, Hold};
use crate::op::{Guard, Guarded, Read, Write};
use crate::sys;

/// A direct read, made by [`read_aligned`](super::DioFile::read_aligned).
pub type ReadAligned<B> = Guarded<Read<B>, Reading>;

/// A direct write, made by [`write_aligned`](super::DioFile::write_aligned).
pub type WriteAligned<B> = Guarded<Write<B>, Writing>;

/// Which ring a request goes to, and what becomes of a device that refuses to poll.
#[derive(Debug)]
struct Route {
    shared: Rc<Shared>,
    /// Whether the device takes the request in one part.
    fits: bool,
    /// This request was the first that the device refused. It is said when the completion of the
    /// second attempt comes, since at the refusal itself the driver is borrowed.
    refused_first: bool,
}

impl Route {
    fn new(shared: &Rc<Shared>, address: usize, len: usize, offset: u64) -> Route {
        let aligned = shared.align.check(address, len, offset).is_ok();
        let takes = shared
            .device
            .is_some_and(|device| device.takes(address, len));
        Route {
            shared: Rc::clone(shared),
            fits: aligned && len > 0 && takes,
            refused_first: false,
        }
    }

    fn polled(&self) -> bool {
        self.fits && self.shared.device.is_some_and(|device| device.polls())
    }

    fn poll_refused(&mut self) {
        if let Some(device) = self.shared.device {
            self.refused_first |= device.refuse();
        }
    }

    fn done(&mut self) {
        if let (true, Some(device)) = (std::mem::take(&mut self.refused_first), self.shared.device)
        {
            device.tell_refusal();
        }
    }
}

/// Before Linux 6.12, a polled read of a hole that meets the end of the file gives nothing.
fn holes_can_be_polled() -> bool {
    static ANSWER: OnceLock<bool> = OnceLock::new();
    *ANSWER.get_or_init(|| {
        let release = sys::kernel_release();
        let mut numbers = release
            .split(['.', '-'])
            .map_while(|part| part.parse::<u32>().ok());
        (numbers.next(), numbers.next()) >= (Some(6), Some(12))
    })
}

/// Beside a read: notes when it started, so that zeros after the end are not taken for data.
#[derive(Debug)]
pub struct Reading {
    route: Route,
    offset: u64,
    end: u64,
    since: Option<Since>,
    refusal: Option<io::Error>,
}

impl Reading {
    pub(super) fn new(shared: &Rc<Shared>, address: usize, len: usize, offset: u64) -> Reading {
        let route = Route::new(shared, address, len, offset);
        let end = offset.saturating_add(len as u64);
        Reading {
            route,
            offset,
            end,
            since: None,
            refusal: None,
        }
    }

    /// Whether it may go to the polled ring, unless the device refuses before.
    pub(super) fn may_be_polled(&self) -> bool {
        self.route.polled()
    }

    /// The read is not to be made; this is its result.
    pub(super) fn refused(mut self, error: io::Error) -> Reading {
        self.refusal = Some(error);
        self
    }
}

impl Guard for Reading {
    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.refusal.take().map_or(Ok(()), Err))
    }

    fn start(&mut self) {
        let shared = &self.route.shared;
        self.since.get_or_insert_with(|| shared.paddings.now());
    }

    fn polled(&self) -> bool {
        let below_end = || self.end <= self.route.shared.known_end();
        self.route.polled() && (below_end() || holes_can_be_polled())
    }

    fn poll_refused(&mut self) {
        self.route.poll_refused();
    }

    fn done(&mut self, result: io::Result<u32>) -> io::Result<u32> {
        self.route.done();
        let count = result?;
        let Some(since) = &self.since else {
            return Ok(count);
        };
        let end = since.clip(self.offset + u64::from(count));
        // At most `count`, which is what it is clipped from.
        Ok(end.saturating_sub(self.offset) as u32)
    }
}

/// What a write must not give back before its completion.
#[derive(Debug)]
pub(super) enum Keep {
    Nothing,
    /// A span that is still to be had; the write is not submitted before.
    Asked(Acquire),
    /// Its own span.
    Had {
        _hold: Hold,
    },
    /// The span of a request of several steps.
    Span {
        _hold: Rc<Hold>,
    },
    /// The span too, and the duty to cut the file.
    Padded(Rc<Padded>),
}

/// Beside a write: has the span of the file until nothing of the write can land any more.
#[derive(Debug)]
pub struct Writing {
    route: Route,
    offset: u64,
    end: u64,
    /// Whether place, length and memory are in whole blocks of the file system. A write of which one
    /// is not, or that makes the file longer, is waited for by the kernel itself. Nobody polls then,
    /// and Linux 6.1 notices the completion only by the device's time-out, after half a minute.
    whole_blocks: bool,
    keep: Keep,
    refusal: Option<io::Error>,
}

impl Writing {
    pub(super) fn new(
        shared: &Rc<Shared>,
        address: usize,
        len: usize,
        offset: u64,
        keep: Keep,
    ) -> Writing {
        let route = Route::new(shared, address, len, offset);
        let end = offset.saturating_add(len as u64);
        let starts = [offset, len as u64, address as u64];
        let whole_blocks = starts.iter().all(|at| at.is_multiple_of(shared.fs_block));
        Writing {
            route,
            offset,
            end,
            whole_blocks,
            keep,
            refusal: None,
        }
    }

    /// Whether it may go to the polled ring, unless the device refuses before.
    pub(super) fn may_be_polled(&self) -> bool {
        self.route.polled()
    }

    /// The write is not to be made; this is its result.
    pub(super) fn refused(mut self, error: io::Error) -> Writing {
        self.refusal = Some(error);
        self
    }
}

impl Guard for Writing {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(error) = self.refusal.take() {
            return Poll::Ready(Err(error));
        }
        if let Keep::Asked(acquire) = &mut self.keep {
            let hold = ready!(Pin::new(acquire).poll(cx));
            self.keep = Keep::Had { _hold: hold };
        }
        Poll::Ready(Ok(()))
    }

    fn polled(&self) -> bool {
        self.whole_blocks && self.route.polled() && self.end <= self.route.shared.known_end()
    }

    fn poll_refused(&mut self) {
        self.route.poll_refused();
    }

    fn done(&mut self, result: io::Result<u32>) -> io::Result<u32> {
        self.route.done();
        let count = result?;
        let end = self.offset + u64::from(count);
        let exact = match &self.keep {
            Keep::Padded(padded) => end.min(padded.exact()),
            _ => end,
        };
        self.route.shared.raise_end(exact);
        Ok(count)
    }
}

/// Beside anything else: keeps a value until the completion.
#[derive(Debug)]
pub(super) struct Keeping<K> {
    _value: K,
}

impl<K> Keeping<K> {
    pub(super) fn new(value: K) -> Keeping<K> {
        Keeping { _value: value }
    }
}

impl<K: Debug + Unpin + 'static> Guard for Keeping<K> {}
