//! Processes for which the kernel refuses io_uring.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// Lets `io_uring_setup` fail with `errno` in the process that `command` starts, as the default
/// profile of a container does with EPERM.
pub fn refuse_io_uring(command: &mut Command, errno: i32) {
    // SAFETY: the closure runs between fork and exec, where only what is safe in a signal handler is
    // allowed: it makes two system calls and touches nothing but its own stack.
    unsafe { command.pre_exec(move || install(errno)) };
}

/// From now on a registration with a ring, `io_uring_register` with this opcode, fails with `errno` on
/// this thread.
///
/// # Panics
///
/// If the kernel does not take the filter.
pub fn refuse_registration(opcode: u32, errno: i32) {
    /// Where the second argument of a system call is in what a filter sees; the half that counts.
    const OPCODE: u32 = 24;
    let register = libc::SYS_io_uring_register as u32;
    filter(&mut [
        instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        instruction(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 3, register),
        instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, OPCODE),
        instruction(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, opcode),
        refusal(errno),
        instruction(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ])
    .expect("the kernel takes the filter");
}

fn instruction(code: u32, jt: u8, jf: u8, k: u32) -> libc::sock_filter {
    libc::sock_filter {
        code: code as u16,
        jt,
        jf,
        k,
    }
}

fn refusal(errno: i32) -> libc::sock_filter {
    let verdict = libc::SECCOMP_RET_ERRNO | errno as u32;
    instruction(libc::BPF_RET | libc::BPF_K, 0, 0, verdict)
}

fn install(errno: i32) -> io::Result<()> {
    // The number of the system call is the first word of what a filter sees.
    filter(&mut [
        instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        instruction(
            libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K,
            0,
            1,
            libc::SYS_io_uring_setup as u32,
        ),
        refusal(errno),
        instruction(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ])
}

fn filter(filter: &mut [libc::sock_filter]) -> io::Result<()> {
    let program = libc::sock_fprog {
        len: filter.len() as u16,
        filter: filter.as_mut_ptr(),
    };
    // SAFETY: neither call keeps an address; the second one reads the program, which lives here.
    let failed = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0
            || libc::prctl(
                libc::PR_SET_SECCOMP,
                libc::SECCOMP_MODE_FILTER,
                &raw const program,
            ) != 0
    };
    if failed {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
