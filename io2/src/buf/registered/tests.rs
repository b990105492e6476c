use std::fs::File;
use std::os::fd::OwnedFd;
use std::rc::Rc;

use super::{RegisteredBuf, RegisteredBufs};
use crate::ExecutorConfig;
use crate::buf::{AlignedBuf, IoBuf};
use crate::fd::Fd;
use crate::op::{Operation, Read, Write};

fn run<F: Future>(future: F) -> F::Output {
    ExecutorConfig::new().run(future).unwrap()
}

fn zeros() -> Fd {
    Fd::new(OwnedFd::from(File::open("/dev/zero").unwrap()))
}

/// The code of the operation that is submitted.
fn opcode<T: Operation<Side = ()>>(mut operation: T) -> u8 {
    let entry = operation.encode(&mut ());
    // SAFETY: an entry begins with the code.
    unsafe { (&raw const entry).cast::<u8>().read() }
}

#[test]
fn operations_name_the_memory_where_it_is_registered() {
    use io_uring::opcode::{Read as Plain, ReadFixed, Write as PlainWrite, WriteFixed};
    run(async {
        let pool = RegisteredBufs::new(4, 4096, 4096).unwrap();
        let take = || pool.take().unwrap();
        assert_eq!(opcode(Read::new(zeros(), take(), 0)), ReadFixed::CODE);
        assert_eq!(opcode(Write::new(zeros(), take(), 0)), WriteFixed::CODE);
        let part = take().slice(..0).slice(..);
        assert_eq!(opcode(Read::new(zeros(), part, 0)), ReadFixed::CODE);

        let aligned = || AlignedBuf::new(4096, 4096);
        assert_eq!(opcode(Read::new(zeros(), aligned(), 0)), Plain::CODE);
        assert_eq!(opcode(Write::new(zeros(), aligned(), 0)), PlainWrite::CODE);
    });
}

#[test]
fn memory_is_registered_with_one_executor_only() {
    let (pool, buf) = run(async {
        let pool = RegisteredBufs::new(2, 512, 512).unwrap();
        let buf = pool.take().unwrap();
        assert!(buf.region().is_some());
        (pool, buf)
    });
    assert_eq!(buf.region(), None);
    run(async {
        let other = RegisteredBufs::new(2, 512, 512).unwrap();
        assert!(other.take().unwrap().region().is_some());
        assert_eq!(buf.region(), None);
        assert_eq!(pool.take().unwrap().region(), None);
    });
}

#[test]
fn memory_stays_registered_as_long_as_a_buffer_is_in_use() {
    run(async {
        let pool = RegisteredBufs::new(2, 512, 512).unwrap();
        let buf: RegisteredBuf = pool.take().unwrap();
        let weak = Rc::downgrade(&pool.pool);
        drop(pool);
        assert!(weak.upgrade().is_some());
        assert!(buf.region().is_some());
        drop(buf);
        assert!(weak.upgrade().is_none());
    });
}

#[test]
fn a_refusal_says_what_to_do() {
    let refused = |errno| {
        let error = std::io::Error::from_raw_os_error(errno);
        let error = crate::error::region(error, 4096);
        (error.kind(), error.to_string())
    };
    let (kind, text) = refused(libc::ENOMEM);
    assert_eq!(kind, std::io::ErrorKind::OutOfMemory);
    assert!(
        text.contains("4096 bytes") && text.contains("RLIMIT_MEMLOCK"),
        "{text}"
    );
    let (kind, text) = refused(libc::EINVAL);
    assert_eq!(kind, std::io::ErrorKind::Unsupported);
    assert!(text.contains("Linux 5.19"), "{text}");
}
