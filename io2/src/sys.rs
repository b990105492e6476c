//! Raw system calls and machine instructions that neither the standard library nor a ring offers.
//!
//! No policy here: each function is one call, with its error as an `io::Error`.

/// Nanoseconds of `CLOCK_MONOTONIC`. For `clock` alone.
#[inline]
pub(crate) fn monotonic_nanos() -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is a valid timespec to write to.
    let result = unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    // Fails only for a clock that does not exist or a bad address.
    debug_assert_eq!(result, 0);
    // Counts from the start of the machine, so it is never negative.
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// The time stamp counter of the processor. For `clock` alone, which knows whether it can be used.
#[cfg(target_arch = "x86_64")]
#[inline]
pub(crate) fn time_stamp_counter() -> u64 {
    // SAFETY: every x86_64 processor has the instruction, and it touches no memory.
    unsafe { core::arch::x86_64::_rdtsc() }
}
