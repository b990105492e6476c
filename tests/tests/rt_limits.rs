//! Machines that do not let an executor start: the error says what to do.

use std::fs::File;
use std::io;

use io2::ExecutorConfig;
use io2_tests::{child, seccomp, skip};

fn start(depth: u32) -> io::Result<()> {
    let config = ExecutorConfig::new().ring_depth(depth);
    config.run(async { io2::op::nop().await })?
}

#[test]
fn without_descriptors_the_limit_is_named() {
    let test = "without_descriptors_the_limit_is_named";
    child::run_with_files(test, 64, || {
        start(8).unwrap();
        let mut files = Vec::new();
        while let Ok(file) = File::open("/dev/null") {
            files.push(file);
        }
        let mut failed = 0;
        // An executor needs some of its own; whichever it does not get, the error is the same.
        while let Err(error) = start(8) {
            assert!(error.to_string().contains("raise RLIMIT_NOFILE"), "{error}");
            failed += 1;
            files.pop().unwrap();
        }
        assert!(failed >= 2, "{failed}");
        // A start that failed left nothing open.
        let mut again = 0;
        while let Ok(file) = File::open("/dev/null") {
            files.push(file);
            again += 1;
        }
        assert_eq!(again, failed);
    });
}

#[test]
fn where_io_uring_is_forbidden_it_is_said_how_to_allow_it() {
    let test = "where_io_uring_is_forbidden_it_is_said_how_to_allow_it";
    child::run_prepared(
        test,
        |command| seccomp::refuse_io_uring(command, libc::EPERM),
        || {
            let error = start(8).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
            let text = error.to_string();
            assert!(text.contains("kernel.io_uring_disabled"), "{text}");
            assert!(text.contains("seccomp"), "{text}");
        },
    );
}

#[test]
fn where_a_security_module_forbids_io_uring_it_is_said() {
    let test = "where_a_security_module_forbids_io_uring_it_is_said";
    child::run_prepared(
        test,
        |command| seccomp::refuse_io_uring(command, libc::EACCES),
        || {
            let error = start(8).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
            assert!(error.to_string().contains("security module"), "{error}");
        },
    );
}

#[test]
fn a_kernel_without_io_uring_is_told_from_one_that_forbids_it() {
    let test = "a_kernel_without_io_uring_is_told_from_one_that_forbids_it";
    child::run_prepared(
        test,
        |command| seccomp::refuse_io_uring(command, libc::ENOSYS),
        || {
            let error = start(8).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::Unsupported);
            assert!(error.to_string().contains("needs Linux"), "{error}");
        },
    );
}

#[test]
fn any_other_refusal_keeps_the_kernels_own_words() {
    let test = "any_other_refusal_keeps_the_kernels_own_words";
    child::run_prepared(
        test,
        |command| seccomp::refuse_io_uring(command, libc::EIO),
        || {
            let error = start(8).unwrap_err();
            let words = io::Error::from_raw_os_error(libc::EIO).to_string();
            assert!(error.to_string().contains(&words), "{error}");
        },
    );
}

/// Limits the locked memory of this process, and takes its privilege to have more.
fn limit_locked_memory(bytes: u64) -> bool {
    let limit = libc::rlimit {
        rlim_cur: bytes,
        rlim_max: bytes,
    };
    // SAFETY: the limit is there to be read; the other calls take no address.
    unsafe {
        libc::setrlimit(libc::RLIMIT_MEMLOCK, &raw const limit) == 0
            && (libc::geteuid() != 0 || libc::setresuid(65_534, 65_534, 65_534) == 0)
    }
}

#[test]
fn without_locked_memory_the_limit_is_named_and_the_depth_that_fits() {
    let test = "without_locked_memory_the_limit_is_named_and_the_depth_that_fits";
    child::run(test, || {
        assert!(limit_locked_memory(64 << 10));
        let Err(error) = start(32_768) else {
            return skip("this kernel does not charge rings to the limit");
        };
        let text = error.to_string();
        assert_eq!(error.kind(), io::ErrorKind::OutOfMemory, "{text}");
        assert!(text.contains("raise RLIMIT_MEMLOCK"), "{text}");
        let (_, fits) = text.split_once("use a ring_depth of ").expect(&text);
        let fits: u32 = fits.split(' ').next().unwrap().parse().unwrap();
        assert!(fits.is_power_of_two() && fits < 32_768, "{text}");
        // It does fit, and the next one does not. The kernel gives quota back with a delay, which
        // the start waits for.
        start(fits).unwrap();
        start(fits * 2).unwrap_err();
    });
}

#[test]
fn executors_one_after_the_other_fit_where_one_does() {
    let test = "executors_one_after_the_other_fit_where_one_does";
    child::run(test, || {
        assert!(limit_locked_memory(64 << 10));
        for _ in 0..10 {
            start(128).unwrap();
        }
    });
}
