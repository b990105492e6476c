//! Signals to a thread of one's own process, and what a handler may look at.

use std::ffi::c_void;
use std::io;
use std::mem::{self, MaybeUninit};
use std::ops::Range;

use super::errno;

/// Where a thread was interrupted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Registers {
    pub(crate) instruction: usize,
    pub(crate) stack: usize,
    pub(crate) frame: usize,
}

pub(crate) type Handler = extern "C" fn(i32, *mut libc::siginfo_t, *mut c_void);

/// Handles a signal that nobody has handled yet. Interrupted system calls go on where they can.
///
/// The handler may do only what is safe in the middle of anything.
pub(crate) fn install(signal: i32, handler: Handler) -> io::Result<()> {
    // SAFETY: all-zero bytes are a valid `sigaction`.
    let mut action: libc::sigaction = unsafe { mem::zeroed() };
    // SAFETY: the same.
    let mut old: libc::sigaction = unsafe { mem::zeroed() };
    // SAFETY: asks what there is, and changes nothing.
    if unsafe { libc::sigaction(signal, std::ptr::null(), &raw mut old) } < 0 {
        return Err(io::Error::last_os_error());
    }
    if old.sa_sigaction != libc::SIG_DFL && old.sa_sigaction != libc::SIG_IGN {
        return Err(io::Error::other("the program handles it already"));
    }
    action.sa_sigaction = handler as usize;
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_RESTART;
    // SAFETY: the set is there to be written to.
    unsafe { libc::sigfillset(&raw mut action.sa_mask) };
    // SAFETY: the handler is one of three arguments, as the flags say, and lives for ever.
    if unsafe { libc::sigaction(signal, &raw const action, std::ptr::null_mut()) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Sends a signal to a thread of this process. False if it is gone.
pub(crate) fn interrupt(thread: i32, signal: i32) -> bool {
    // SAFETY: the call takes numbers alone.
    unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), thread, signal) == 0 }
}

/// The addresses that this thread's stack may have; it begins at the end of them.
pub(crate) fn stack() -> Option<Range<usize>> {
    let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
    // SAFETY: the thread is this one, and the place is there to be written to.
    if unsafe { libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()) } != 0 {
        return None;
    }
    let (mut lowest, mut size) = (std::ptr::null_mut(), 0);
    // SAFETY: the attributes were filled in above, and are given back once.
    let read = unsafe {
        let read = libc::pthread_attr_getstack(attributes.as_ptr(), &raw mut lowest, &raw mut size);
        libc::pthread_attr_destroy(attributes.as_mut_ptr());
        read
    };
    (read == 0).then(|| lowest.addr()..lowest.addr() + size)
}

/// Sets the code of the last error of this thread, for a handler that must not be noticed.
pub(crate) fn set_errno(code: i32) {
    if errno() != code {
        // SAFETY: the address is that of this thread's own number.
        unsafe { *libc::__errno_location() = code };
    }
}

/// The registers of what a handler has interrupted.
///
/// # Safety
///
/// `context` is what the kernel called the handler with.
pub(crate) unsafe fn registers(context: *mut c_void) -> Registers {
    // SAFETY: by contract.
    let context = unsafe { &(*context.cast::<libc::ucontext_t>()).uc_mcontext };
    #[cfg(target_arch = "x86_64")]
    return Registers {
        instruction: context.gregs[libc::REG_RIP as usize] as usize,
        stack: context.gregs[libc::REG_RSP as usize] as usize,
        frame: context.gregs[libc::REG_RBP as usize] as usize,
    };
    #[cfg(target_arch = "aarch64")]
    return Registers {
        instruction: context.pc as usize,
        stack: context.sp as usize,
        frame: context.regs[29] as usize,
    };
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    {
        let _ = context;
        Registers {
            instruction: 0,
            stack: usize::MAX,
            frame: 0,
        }
    }
}
