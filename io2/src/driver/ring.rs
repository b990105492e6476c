//! One ring: the only file that touches a ring's memory or enters the kernel.

use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::ptr;
use std::time::Duration;

use io_uring::IoUring;
use io_uring::squeue::{Entry, SubmissionQueue};

use super::birth::Birth;
#[cfg(test)]
use super::faults;
use super::pool::{GROUP, Pool};
use super::setup::{self, Made, Rung};
use crate::sys;

const REGISTER_RING_FDS: libc::c_uint = 20;
const UNREGISTER_RING_FDS: libc::c_uint = 21;
#[cfg(feature = "net")]
const REGISTER_PBUF_RING: libc::c_uint = 22;
const UNREGISTER_PBUF_RING: libc::c_uint = 23;

const ENTER_GETEVENTS: u32 = 1 << 0;
const ENTER_EXT_ARG: u32 = 1 << 3;
const ENTER_REGISTERED_RING: u32 = 1 << 4;
const ENTER_NO_IOWAIT: u32 = 1 << 7;

/// What an enter with `ENTER_EXT_ARG` is told.
#[repr(C)]
struct GetEvents {
    sigmask: u64,
    sigmask_size: u32,
    min_wait_us: u32,
    timespec: u64,
}

#[repr(C)]
struct Timespec {
    seconds: i64,
    nanoseconds: i64,
}

/// The argument of the registration and its reverse.
#[repr(C)]
struct RingFd {
    offset: u32,
    reserved: u32,
    data: u64,
}

/// The argument of the registration of a ring of buffers, and its reverse.
#[repr(C)]
struct BufferRing {
    address: u64,
    entries: u32,
    group: u16,
    flags: u16,
    reserved: [u64; 3],
}

/// How an enter ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entered {
    /// What the system call returned, or -1.
    pub(crate) ret: i32,
    /// The error's code, or 0.
    pub(crate) errno: i32,
}

/// In the place of an error's code: the ring is another process's.
const FORKED: i32 = -1;

impl Entered {
    /// Nothing was asked of the kernel.
    pub(super) const NOTHING: Entered = Entered { ret: 0, errno: 0 };

    /// The kernel wants completions to be reaped, or memory, before it takes more.
    pub(crate) fn is_busy(self) -> bool {
        matches!(self.errno, libc::EBUSY | libc::EAGAIN)
    }

    /// An error that no retry will mend.
    pub(crate) fn fatal(self) -> Option<io::Error> {
        match self.errno {
            0 | libc::EBUSY | libc::EAGAIN | libc::EINTR | libc::ETIME => None,
            libc::EBADR => Some(io::Error::other(
                "the kernel lost a completion (EBADR): it had no memory to keep it",
            )),
            FORKED => Some(io::Error::other(
                "this process was forked by one that runs an io2 executor, which stays there: \
                 start another executor after the fork, or another program by exec",
            )),
            errno => Some(io::Error::from_raw_os_error(errno)),
        }
    }
}

/// What a ring has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    Nothing,
    /// Entries are to be submitted, or the kernel has completions that only an enter brings.
    Enter,
    /// Completions stand in the queue.
    Reap,
}

/// A submission and a completion queue.
pub(super) struct Ring {
    ring: IoUring,
    rung: Rung,
    /// The descriptor that enter is called with: an index if the ring is registered.
    enter_fd: RawFd,
    registered: bool,
    /// Flags that go with each enter.
    base_flags: u32,
    /// The completion queue is smaller than usual, for lack of memory.
    short: bool,
    birth: Birth,
}

impl Ring {
    pub(super) fn new(depth: u32, polled: bool) -> io::Result<Ring> {
        let birth = Birth::here()?;
        let Made { ring, rung, short } = setup::build(depth, polled)?;
        let mut base_flags = 0;
        if ring.params().is_feature_no_iowait() && !polled {
            // An idle thread is idle, not waiting for a disk.
            base_flags |= ENTER_NO_IOWAIT;
        }
        let mut ring = Ring {
            enter_fd: ring.as_raw_fd(),
            ring,
            rung,
            registered: false,
            base_flags,
            short,
            birth,
        };
        ring.register();
        Ok(ring)
    }

    pub(super) fn rung(&self) -> Rung {
        self.rung
    }

    /// Whether memory was short when it was made.
    pub(super) fn is_short(&self) -> bool {
        self.short
    }

    /// Whether this is not the process that made the ring, but the child of a fork.
    pub(super) fn is_forked(&self) -> bool {
        !self.birth.is_here()
    }

    /// The submission queue, unless it is another process's.
    fn submission(&mut self) -> Option<SubmissionQueue<'_>> {
        self.birth.is_here().then(|| self.ring.submission())
    }

    pub(super) fn is_registered(&self) -> bool {
        self.registered
    }

    pub(super) fn sq_entries(&self) -> u32 {
        self.ring.params().sq_entries()
    }

    pub(super) fn cq_entries(&self) -> u32 {
        self.ring.params().cq_entries()
    }

    pub(super) fn uring(&self) -> &IoUring {
        &self.ring
    }

    /// Spares the kernel the lookup of the descriptor. A thread has 16 such places; without a free
    /// one the ring works as before.
    fn register(&mut self) {
        let mut place = RingFd {
            offset: u32::MAX,
            reserved: 0,
            data: self.enter_fd as u64,
        };
        if sys::io_uring_register(self.enter_fd, REGISTER_RING_FDS, &raw mut place, 1) == Ok(1) {
            self.enter_fd = place.offset as RawFd;
            self.registered = true;
            self.base_flags |= ENTER_REGISTERED_RING;
        }
    }

    /// Lets the kernel take buffers from a pool. Whatever it is refused for, receives do without.
    #[cfg(feature = "net")]
    pub(super) fn register_pool(&self, pool: &Pool) -> io::Result<()> {
        if self.is_forked() {
            return Err(io::Error::from_raw_os_error(libc::EINVAL));
        }
        let mut buffers = BufferRing {
            address: pool.ring_address() as u64,
            entries: pool.count().into(),
            group: GROUP,
            flags: 0,
            reserved: [0; 3],
        };
        let fd = self.ring.as_raw_fd();
        let registered = sys::io_uring_register(fd, REGISTER_PBUF_RING, &raw mut buffers, 1);
        registered.map_err(io::Error::from_raw_os_error)?;
        pool.registered();
        Ok(())
    }

    /// Takes the pool's ring from the kernel, if nothing is in flight that could use it. What it does not
    /// give back is leaked when the pool is dropped.
    pub(super) fn unregister_pool(&self, pool: &Pool) {
        let mut buffers = BufferRing {
            address: 0,
            entries: 0,
            group: GROUP,
            flags: 0,
            reserved: [0; 3],
        };
        let fd = self.ring.as_raw_fd();
        if !self.is_forked()
            && sys::io_uring_register(fd, UNREGISTER_PBUF_RING, &raw mut buffers, 1).is_ok()
        {
            pool.unregistered();
        }
    }

    /// Puts an entry into the submission queue, if there is room.
    ///
    /// # Safety
    ///
    /// What the entry points to stays valid until its last completion.
    pub(super) unsafe fn push(&mut self, entry: &Entry) -> bool {
        // SAFETY: by contract.
        self.submission()
            .is_some_and(|mut queue| unsafe { queue.push(entry) }.is_ok())
    }

    /// How many entries the kernel has not taken yet.
    pub(super) fn queued(&mut self) -> usize {
        self.submission().map_or(0, |queue| queue.len())
    }

    /// Whether the kernel has completions that only an enter brings to the queue.
    pub(super) fn has_deferred(&mut self) -> bool {
        self.submission()
            .is_some_and(|queue| queue.taskrun() || queue.cq_overflow())
    }

    /// Whether completions overflowed into the kernel's own list.
    pub(super) fn has_overflow(&mut self) -> bool {
        self.submission().is_some_and(|queue| queue.cq_overflow())
    }

    /// What there is to do, at the price of a few loads.
    #[inline]
    pub(super) fn look(&mut self) -> Look {
        let Some(queue) = self.submission() else {
            return Look::Nothing;
        };
        if !queue.is_empty() || queue.taskrun() || queue.cq_overflow() {
            return Look::Enter;
        }
        drop(queue);
        if self.ring.completion().is_empty() {
            Look::Nothing
        } else {
            Look::Reap
        }
    }

    pub(super) fn completions(&mut self) -> u32 {
        if self.is_forked() {
            return 0;
        }
        self.ring.completion().len() as u32
    }

    /// Submits what is queued and, if told so, waits for `min` completions or until `timeout` is over.
    pub(super) fn enter(&mut self, min: u32, timeout: Option<Duration>) -> Entered {
        if self.is_forked() {
            return Entered {
                ret: -1,
                errno: FORKED,
            };
        }
        let queued = self.queued() as u32;
        #[cfg(test)]
        let (queued, min) = match faults::next(queued, min) {
            Ok(asked) => asked,
            Err(errno) => return Entered { ret: -1, errno },
        };
        let mut flags = self.base_flags | ENTER_GETEVENTS;
        let timespec = timeout.map(|timeout| Timespec {
            seconds: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
            nanoseconds: timeout.subsec_nanos().into(),
        });
        let events = GetEvents {
            sigmask: 0,
            sigmask_size: 0,
            min_wait_us: 0,
            timespec: timespec
                .as_ref()
                .map_or(0, |timespec| ptr::from_ref(timespec) as u64),
        };
        let (arg, size) = if timespec.is_some() {
            flags |= ENTER_EXT_ARG;
            (ptr::from_ref(&events), size_of::<GetEvents>())
        } else {
            (ptr::null(), 0)
        };
        // SAFETY: the argument is what the flags say, and lives until the call returns; the kernel
        // uses only entries that `push` was promised about.
        let ret = unsafe {
            libc::syscall(
                libc::SYS_io_uring_enter,
                self.enter_fd,
                queued,
                min,
                flags,
                arg,
                size,
            )
        };
        if ret < 0 {
            Entered {
                ret: -1,
                errno: sys::errno(),
            }
        } else {
            Entered {
                ret: ret as i32,
                errno: 0,
            }
        }
    }

    /// Takes the completions off the queue: `user_data`, result, flags.
    pub(super) fn reap(&mut self, mut each: impl FnMut(u64, i32, u32)) -> u32 {
        let mut count = 0;
        if self.is_forked() {
            return 0;
        }
        for entry in self.ring.completion() {
            each(entry.user_data(), entry.result(), entry.flags());
            count += 1;
        }
        count
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        if self.registered && !self.is_forked() {
            // Else the ring would live on after its descriptor is closed.
            let mut place = RingFd {
                offset: self.enter_fd as u32,
                reserved: 0,
                data: 0,
            };
            let fd = self.ring.as_raw_fd();
            let _ = sys::io_uring_register(fd, UNREGISTER_RING_FDS, &raw mut place, 1);
        }
    }
}
