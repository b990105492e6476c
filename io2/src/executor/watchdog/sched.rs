//! What the kernel says of a thread: its use of the processor, whether it runs, and in which system call
//! it is.

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;

use crate::clock::{self, Ticks};

/// How much a thread has used the processor.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    pub(super) at: Ticks,
    /// Nanoseconds on the processor, and waiting for it though it could have run.
    pub(super) run: u64,
    pub(super) wait: u64,
}

/// Opens the file with the use of the processor by the calling thread. Kernels may lack it.
pub(super) fn open() -> Option<File> {
    File::open("/proc/thread-self/schedstat").ok()
}

impl Sample {
    pub(super) fn read(file: &File) -> Option<Sample> {
        let mut buf = [0; 96];
        let read = file.read_at(&mut buf, 0).ok()?;
        Sample::parse(std::str::from_utf8(&buf[..read]).ok()?)
    }

    fn parse(text: &str) -> Option<Sample> {
        let mut numbers = text.split_ascii_whitespace().map(str::parse::<u64>);
        let run = numbers.next()?.ok()?;
        let wait = numbers.next()?.ok()?;
        // Where the scheduler keeps no statistics all of them are zero.
        if run == 0 && wait == 0 {
            return None;
        }
        Some(Sample {
            at: clock::ticks(),
            run,
            wait,
        })
    }
}

/// Whether a thread runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It does, or could.
    Running,
    /// It waits in the kernel.
    Blocked,
    /// It is stopped, by a debugger for example.
    Stopped,
}

impl State {
    pub(crate) fn is_blocked(self) -> bool {
        self == State::Blocked
    }
}

/// Whether a thread of this process runs, and the system call that it is in.
pub(super) fn whereabouts(thread: i32) -> (Option<State>, Option<String>) {
    let read = |file: &str| fs::read_to_string(format!("/proc/self/task/{thread}/{file}"));
    let state = read("stat").ok().and_then(|stat| state(&stat));
    let syscall = match state {
        Some(State::Blocked) => read("syscall").ok().and_then(|text| syscall(&text)),
        _ => None,
    };
    (state, syscall)
}

fn state(stat: &str) -> Option<State> {
    // The name before it is in parentheses and may contain anything.
    match stat.rsplit(')').next()?.split_ascii_whitespace().next()? {
        "R" => Some(State::Running),
        "S" | "D" => Some(State::Blocked),
        "T" | "t" => Some(State::Stopped),
        _ => None,
    }
}

/// The name of the system call, or its number.
fn syscall(text: &str) -> Option<String> {
    let number: i64 = text.split_ascii_whitespace().next()?.parse().ok()?;
    let known = NAMES
        .iter()
        .chain(OLD_NAMES)
        .find(|(known, _)| *known == number);
    Some(match known {
        Some((_, name)) => (*name).to_owned(),
        None => format!("system call {number}"),
    })
}

macro_rules! names {
    ($($call:ident => $name:literal),+ $(,)?) => { &[$((libc::$call, $name)),+] };
}

/// Those that newer kinds of processors do not have.
#[cfg(target_arch = "x86_64")]
const OLD_NAMES: &[(i64, &str)] = names! {
    SYS_open => "open", SYS_poll => "poll", SYS_select => "select",
    SYS_epoll_wait => "epoll_wait", SYS_pause => "pause", SYS_unlink => "unlink",
    SYS_rename => "rename", SYS_mkdir => "mkdir", SYS_vfork => "vfork", SYS_fork => "fork",
};
#[cfg(not(target_arch = "x86_64"))]
const OLD_NAMES: &[(i64, &str)] = &[];

/// Those that a task may be found in.
const NAMES: &[(i64, &str)] = names! {
    SYS_read => "read", SYS_write => "write", SYS_pread64 => "pread64", SYS_pwrite64 => "pwrite64",
    SYS_readv => "readv", SYS_writev => "writev", SYS_preadv => "preadv", SYS_pwritev => "pwritev",
    SYS_openat => "openat", SYS_close => "close", SYS_fsync => "fsync",
    SYS_fdatasync => "fdatasync", SYS_sync => "sync", SYS_syncfs => "syncfs",
    SYS_fallocate => "fallocate", SYS_ftruncate => "ftruncate", SYS_fcntl => "fcntl",
    SYS_flock => "flock", SYS_ioctl => "ioctl", SYS_getdents64 => "getdents64",
    SYS_unlinkat => "unlinkat", SYS_mkdirat => "mkdirat", SYS_statx => "statx",
    SYS_sendfile => "sendfile", SYS_splice => "splice", SYS_copy_file_range => "copy_file_range",
    SYS_nanosleep => "nanosleep", SYS_clock_nanosleep => "clock_nanosleep", SYS_futex => "futex",
    SYS_ppoll => "ppoll", SYS_pselect6 => "pselect6", SYS_epoll_pwait => "epoll_pwait",
    SYS_connect => "connect", SYS_accept => "accept", SYS_accept4 => "accept4",
    SYS_sendto => "sendto", SYS_recvfrom => "recvfrom", SYS_sendmsg => "sendmsg",
    SYS_recvmsg => "recvmsg", SYS_wait4 => "wait4", SYS_waitid => "waitid",
    SYS_mmap => "mmap", SYS_munmap => "munmap", SYS_madvise => "madvise",
    SYS_msync => "msync", SYS_mprotect => "mprotect", SYS_io_uring_enter => "io_uring_enter",
    SYS_io_uring_register => "io_uring_register", SYS_getrandom => "getrandom",
    SYS_rt_sigtimedwait => "rt_sigtimedwait", SYS_execve => "execve", SYS_clone => "clone",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_is_read_behind_a_name_that_may_contain_anything() {
        assert_eq!(state("12 (a) R (b) S 1 2"), Some(State::Blocked));
        assert_eq!(state("12 (io2) R 1 2"), Some(State::Running));
        assert_eq!(state("12 (io2) t 1 2"), Some(State::Stopped));
        assert_eq!(state(""), None);
    }

    #[test]
    fn a_system_call_has_its_name_or_its_number() {
        let line = format!("{} 0x1 0x2", libc::SYS_clock_nanosleep);
        assert_eq!(syscall(&line).as_deref(), Some("clock_nanosleep"));
        assert_eq!(syscall("9999 0x1").as_deref(), Some("system call 9999"));
        assert_eq!(syscall("running\n"), None);
    }

    #[test]
    fn a_thread_that_computes_uses_the_processor() {
        let sample = || Sample::read(&open()?);
        let Some(before) = sample() else {
            return;
        };
        let mut sum = 0_u64;
        let after = loop {
            for n in 0..100_000_u64 {
                sum = sum.wrapping_add(n * n);
            }
            let after = sample().unwrap();
            if after.run > before.run {
                break after;
            }
        };
        assert!(std::hint::black_box(sum) > 0 && after.at > before.at);
    }
}
