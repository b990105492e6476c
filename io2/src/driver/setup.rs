//! Makes rings: the ladder of flags, and what the kernel can do.

use std::io;
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

#[cfg(feature = "net")]
use io_uring::opcode;
use io_uring::{IoUring, Probe};

use crate::error;
#[cfg(feature = "net")]
use crate::sys;

/// The longest completion queue that the kernel makes.
const MAX_CQ: u32 = 65_536;

/// Memory that a closed ring was charged for comes back late: for so long it is waited for.
const MEMLOCK_PATIENCE: Duration = Duration::from_millis(200);
const MEMLOCK_PAUSE: Duration = Duration::from_millis(10);

/// A set of flags that a kernel may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rung {
    /// Completions are worked off when the thread enters the kernel, and only then.
    DeferNoArray,
    Defer,
    /// Completions are worked off on any return from the kernel; no interrupt.
    Coop,
    Plain,
}

const LADDER: [Rung; 4] = [Rung::DeferNoArray, Rung::Defer, Rung::Coop, Rung::Plain];

impl Rung {
    pub(super) fn flags(self) -> &'static str {
        match self {
            Rung::DeferNoArray => "SINGLE_ISSUER|DEFER_TASKRUN|TASKRUN_FLAG|SUBMIT_ALL|NO_SQARRAY",
            Rung::Defer => "SINGLE_ISSUER|DEFER_TASKRUN|TASKRUN_FLAG|SUBMIT_ALL",
            Rung::Coop => "COOP_TASKRUN|TASKRUN_FLAG|SUBMIT_ALL",
            Rung::Plain => "none",
        }
    }

    /// Whether completions appear only when the thread enters the kernel.
    pub(super) fn defers(self) -> bool {
        matches!(self, Rung::DeferNoArray | Rung::Defer)
    }

    fn build(self, depth: u32, cq: u32, polled: bool) -> io::Result<IoUring> {
        let mut builder = IoUring::builder();
        builder.setup_cqsize(cq);
        if polled {
            builder.setup_iopoll();
        }
        match self {
            Rung::DeferNoArray | Rung::Defer => {
                builder
                    .setup_single_issuer()
                    .setup_defer_taskrun()
                    .setup_taskrun_flag();
                builder.setup_submit_all();
                if self == Rung::DeferNoArray {
                    builder.setup_no_sqarray();
                }
            }
            Rung::Coop => {
                builder
                    .setup_coop_taskrun()
                    .setup_taskrun_flag()
                    .setup_submit_all();
            }
            Rung::Plain => {}
        }
        builder.build(depth)
    }
}

/// Makes a ring on the best rung that the kernel takes.
pub(super) fn build(depth: u32, polled: bool) -> io::Result<Made> {
    let made = climb(|rung| build_patiently(depth, |cq| rung.build(depth, cq, polled)));
    let ((ring, short), rung) = made.map_err(|error| {
        let short = error.raw_os_error() == Some(libc::ENOMEM);
        error::setup(
            error,
            depth,
            short.then(|| depth_that_fits(depth)).flatten(),
        )
    })?;
    let params = ring.params();
    if !params.is_feature_nodrop() {
        return Err(error::too_old("IORING_FEAT_NODROP"));
    }
    if !params.is_feature_ext_arg() {
        return Err(error::too_old("IORING_FEAT_EXT_ARG"));
    }
    Ok(Made { ring, rung, short })
}

/// The greatest depth below one for which there was no memory.
fn depth_that_fits(depth: u32) -> Option<u32> {
    let smaller = (1..u32::BITS).map(|step| depth >> step);
    smaller
        .take_while(|&depth| depth > 0)
        .find(|&depth| climb(|rung| rung.build(depth, 2 * depth, false)).is_ok())
}

/// A ring, and how it came about.
pub(super) struct Made {
    pub(super) ring: IoUring,
    pub(super) rung: Rung,
    /// Locked memory was short, so that the completion queue is smaller than usual.
    pub(super) short: bool,
}

/// Tries the rungs from the best down. Only EINVAL, a flag that the kernel does not know, moves one
/// down; any other error is the answer.
fn climb<T>(mut build: impl FnMut(Rung) -> io::Result<T>) -> io::Result<(T, Rung)> {
    let mut refused = io::Error::from_raw_os_error(libc::EINVAL);
    for rung in LADDER {
        match build(rung) {
            Ok(made) => return Ok((made, rung)),
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => refused = error,
            Err(error) => return Err(error),
        }
    }
    Err(refused)
}

/// Makes a ring with a completion queue of some length; where locked memory is short, with a smaller
/// one, and that again and again for a while. The depth that was asked for is never changed. Also
/// tells whether the queue is the smaller one.
fn build_patiently<T>(
    depth: u32,
    mut build: impl FnMut(u32) -> io::Result<T>,
) -> io::Result<(T, bool)> {
    let short = |error: &io::Error| error.raw_os_error() == Some(libc::ENOMEM);
    let mut outcome = build((4 * depth).min(MAX_CQ));
    if !outcome.as_ref().is_err_and(short) {
        return Ok((outcome?, false));
    }
    let mut waited = Duration::ZERO;
    while outcome.as_ref().is_err_and(short) && waited <= MEMLOCK_PATIENCE {
        if waited > Duration::ZERO {
            thread::sleep(MEMLOCK_PAUSE);
        }
        waited += MEMLOCK_PAUSE;
        outcome = build((2 * depth).min(MAX_CQ));
    }
    Ok((outcome?, true))
}

/// Which operations the kernel has: asked once a process.
pub(crate) struct Capabilities {
    probe: Probe,
    /// For faults of single versions alone.
    #[cfg(feature = "net")]
    version: (u32, u32),
}

impl Capabilities {
    /// Whether the kernel has the operation with this opcode.
    pub(crate) fn has(&self, opcode: u8) -> bool {
        self.probe.is_supported(opcode)
    }

    /// Whether the kernel receives again and again with one entry, into buffers that it takes out of a
    /// ring. That cannot be asked for, but came with the sends without a copy.
    #[cfg(feature = "net")]
    pub(crate) fn has_multishot_receives(&self) -> bool {
        self.has(opcode::SendZc::CODE)
    }

    /// Whether a multishot accept may give a descriptor that is none, while there is much to do: in
    /// Linux 6.6 and 6.7.
    #[cfg(feature = "net")]
    pub(crate) fn garbles_multishot_accepts(&self) -> bool {
        matches!(self.version, (6, 6 | 7))
    }
}

/// The first two numbers of a kernel's release; zeros for what is not there.
#[cfg(feature = "net")]
fn version(release: &str) -> (u32, u32) {
    let mut numbers = release
        .split(|c: char| !c.is_ascii_digit())
        .map(|number| number.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

static CAPABILITIES: OnceLock<Capabilities> = OnceLock::new();

/// Asks a ring, the first one of the process, what the kernel can do.
pub(super) fn capabilities(ring: &IoUring) -> &'static Capabilities {
    CAPABILITIES.get_or_init(|| {
        let mut probe = Probe::new();
        // A kernel that cannot tell has none of the operations that came with the question.
        let _ = ring.submitter().register_probe(&mut probe);
        Capabilities {
            probe,
            #[cfg(feature = "net")]
            version: version(&sys::kernel_release()),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(feature = "net")]
    fn a_version_is_the_first_two_numbers_of_the_release() {
        assert_eq!(version("6.7.3-rc1+deb12-amd64"), (6, 7));
        assert_eq!(version("5.15.0"), (5, 15));
        assert_eq!(version("6.18"), (6, 18));
        assert_eq!(version("seven"), (0, 0));
    }

    #[test]
    fn only_an_invalid_argument_moves_the_set_up_one_rung_down() {
        let mut tried = Vec::new();
        let made = climb(|rung| {
            tried.push(rung);
            if rung == Rung::Coop {
                return Ok(());
            }
            Err(io::Error::from_raw_os_error(libc::EINVAL))
        });
        assert_eq!(made.unwrap().1, Rung::Coop);
        assert_eq!(tried, [Rung::DeferNoArray, Rung::Defer, Rung::Coop]);
    }

    #[test]
    fn any_other_error_ends_the_set_up_at_once() {
        let mut tries = 0;
        let error = climb::<()>(|_| {
            tries += 1;
            Err(io::Error::from_raw_os_error(libc::EPERM))
        });
        assert_eq!(error.unwrap_err().raw_os_error(), Some(libc::EPERM));
        assert_eq!(tries, 1);
    }

    #[test]
    fn where_memory_is_short_only_the_completion_queue_shrinks() {
        let mut asked = Vec::new();
        let made = build_patiently(8, |cq| {
            asked.push(cq);
            if asked.len() < 3 {
                return Err(io::Error::from_raw_os_error(libc::ENOMEM));
            }
            Ok(())
        });
        assert_eq!(made.unwrap(), ((), true));
        assert_eq!(asked, [32, 16, 16]);
    }

    #[test]
    fn where_memory_stays_short_that_is_the_error() {
        let mut tries = 0;
        let error = build_patiently::<()>(8, |_| {
            tries += 1;
            Err(io::Error::from_raw_os_error(libc::ENOMEM))
        });
        assert_eq!(error.unwrap_err().raw_os_error(), Some(libc::ENOMEM));
        assert_eq!(tries, 22);
    }

    #[test]
    fn a_ring_that_can_be_made_at_once_is_not_a_small_one() {
        assert_eq!(build_patiently(4, Ok).unwrap(), (16, false));
    }
}
