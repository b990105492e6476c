//! Keeps a thread, and what it starts, on one core.

use std::io;

/// Where what is measured runs.
pub const MEASURED: usize = 0;

/// Where the driver runs, and what keeps the measured process busy.
pub const OTHER: usize = 1;

/// Keeps the calling thread, and threads and processes that it starts from now on, on a core.
/// On a machine with too few of them it is the last one.
pub fn pin(core: usize) -> io::Result<()> {
    // SAFETY: this only reads a number.
    let cores = unsafe { libc::sysconf(libc::_SC_NPROCESSORS_ONLN) };
    let core = core.min(usize::try_from(cores).unwrap_or(1).saturating_sub(1));
    // SAFETY: all-zero bytes are an empty set.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: the core is one of the first two, and the set has room for 1024.
    unsafe { libc::CPU_SET(core, &mut set) };
    // SAFETY: the set is there to be read.
    let result = unsafe { libc::sched_setaffinity(0, size_of_val(&set), &raw const set) };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
