//! Raw system calls and machine instructions that neither the standard library nor a ring offers.
//!
//! No policy here: each function is one call, with its error as an `io::Error`.

pub(crate) mod file;
#[cfg(feature = "net")]
pub(crate) mod net;
#[cfg(feature = "stall-stack")]
pub(crate) mod signal;

use std::ffi::CStr;
use std::io;
use std::mem::MaybeUninit;
#[cfg(any(feature = "process", feature = "signal"))]
use std::os::fd::AsRawFd;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::AtomicU32;

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

/// The code of the last error of this thread.
pub(crate) fn errno() -> i32 {
    io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

/// Calls io_uring_register with an argument of `count` elements; the error's code if it fails.
pub(crate) fn io_uring_register<T>(
    fd: RawFd,
    opcode: libc::c_uint,
    arg: *mut T,
    count: libc::c_uint,
) -> Result<i32, i32> {
    // SAFETY: the callers pass the argument that the opcode asks for, by a valid address.
    let ret = unsafe { libc::syscall(libc::SYS_io_uring_register, fd, opcode, arg, count) };
    if ret < 0 {
        Err(errno())
    } else {
        Ok(ret as i32)
    }
}

/// Makes an eventfd whose reads block.
pub(crate) fn eventfd() -> io::Result<OwnedFd> {
    // SAFETY: the call takes no address.
    let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor is new and nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Adds one to an eventfd. A full counter is as good as a fuller one, so no error matters.
pub(crate) fn ring_eventfd(fd: RawFd) {
    let one = 1_u64;
    // SAFETY: the eight bytes are there.
    unsafe { libc::write(fd, (&raw const one).cast(), 8) };
}

/// A descriptor of a process, which is ready to be read when the process has ended. It is not inherited.
#[cfg(feature = "process")]
pub(crate) fn pidfd_open(process: u32) -> io::Result<OwnedFd> {
    // SAFETY: the call takes no address.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, process, 0) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor is new and nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

/// Sends a signal to the process of a descriptor, and never to another one.
#[cfg(feature = "process")]
pub(crate) fn pidfd_send_signal(process: &impl AsRawFd, signal: i32) -> io::Result<()> {
    let info = std::ptr::null::<libc::siginfo_t>();
    // SAFETY: without an address of details the kernel fills them in itself.
    let result = unsafe {
        libc::syscall(
            libc::SYS_pidfd_send_signal,
            process.as_raw_fd(),
            signal,
            info,
            0,
        )
    };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Adds one to the eventfd at each arrival of a signal, until this is dropped.
#[cfg(feature = "signal")]
#[derive(Debug)]
pub(crate) struct OnSignal(signal_hook_registry::SigId);

#[cfg(feature = "signal")]
impl OnSignal {
    /// The signal must not be one of those that the registry refuses: it would panic.
    pub(crate) fn ring(signal: i32, eventfd: OwnedFd) -> io::Result<OnSignal> {
        let action = move || ring_eventfd(eventfd.as_raw_fd());
        // SAFETY: the action is one system call that a handler may make; it allocates nothing, takes no
        // lock and cannot panic. The registry keeps `errno`, and drops actions outside of handlers.
        unsafe { signal_hook_registry::register(signal, action) }.map(OnSignal)
    }
}

#[cfg(feature = "signal")]
impl Drop for OnSignal {
    fn drop(&mut self) {
        signal_hook_registry::unregister(self.0);
    }
}

/// The kernel's release, "6.12.3" for example.
pub(crate) fn kernel_release() -> String {
    let mut name = MaybeUninit::<libc::utsname>::zeroed();
    // SAFETY: the structure is writable, and all-zero bytes are a valid one should the call fail.
    let name = unsafe {
        libc::uname(name.as_mut_ptr());
        name.assume_init()
    };
    // SAFETY: the kernel ends the text with a zero.
    let release = unsafe { CStr::from_ptr(name.release.as_ptr()) };
    release.to_string_lossy().into_owned()
}

/// Fills the bytes with random ones, fit for secrets.
#[cfg(feature = "dashboard")]
pub(crate) fn random(bytes: &mut [u8; 16]) -> io::Result<()> {
    // SAFETY: the bytes are there to be written to.
    let got = unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), 0) };
    if got < 0 {
        return Err(io::Error::last_os_error());
    }
    // So few come whole, always.
    debug_assert_eq!(got as usize, bytes.len());
    Ok(())
}

/// The kernel's number of this thread.
pub(crate) fn thread_id() -> i32 {
    // SAFETY: the call takes nothing and cannot fail.
    unsafe { libc::gettid() }
}

/// The processor that this thread runs on, or 0 if the kernel does not say.
pub(crate) fn current_cpu() -> u32 {
    // SAFETY: the call takes no address.
    u32::try_from(unsafe { libc::sched_getcpu() }).unwrap_or(0)
}

/// Makes a page of zeros that the kernel empties in the child of a fork. It is never unmapped.
pub(crate) fn page_emptied_by_fork() -> io::Result<&'static AtomicU32> {
    const SIZE: usize = 4096;
    // SAFETY: a new mapping, at an address that the kernel chooses.
    let page = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            SIZE,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            -1,
            0,
        )
    };
    if page == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the page was just mapped, and nothing is in it.
    if unsafe { libc::madvise(page, SIZE, libc::MADV_WIPEONFORK) } < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the page is there for ever, is aligned, and zeros are a valid number.
    Ok(unsafe { &*page.cast::<AtomicU32>() })
}

/// Forks, calls `f` in the child, and gives what the child left with.
#[cfg(test)]
pub(crate) fn in_child(f: impl FnOnce() -> u8) -> u8 {
    // SAFETY: the child calls `f` and leaves, without running anything of the parent's.
    match unsafe { libc::fork() } {
        0 => {
            let status = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f));
            // SAFETY: ends the process, whatever else is in it.
            unsafe { libc::_exit(status.unwrap_or(u8::MAX).into()) }
        }
        child => {
            assert!(child > 0, "{}", io::Error::last_os_error());
            let mut status = 0;
            // SAFETY: the status is there to be written to.
            assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
            assert!(libc::WIFEXITED(status), "the child ended with {status:#x}");
            libc::WEXITSTATUS(status) as u8
        }
    }
}
