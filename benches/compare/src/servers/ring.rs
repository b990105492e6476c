//! A ring as the best programs set it up, and nothing more.

use std::io;
use std::os::fd::RawFd;

use io_uring::squeue::Entry;
use io_uring::{IoUring, cqueue};

pub struct Ring(IoUring);

impl Ring {
    pub fn new() -> io::Result<Ring> {
        let mut builder = IoUring::builder();
        builder
            .setup_single_issuer()
            .setup_defer_taskrun()
            .setup_submit_all()
            .setup_cqsize(4096);
        Ok(Ring(builder.build(1024)?))
    }

    /// Lets entries name files by their places in the list.
    pub fn register(&self, files: &[RawFd]) -> io::Result<()> {
        self.0.submitter().register_files(files)
    }

    /// # Safety
    ///
    /// What the entry points to stays valid until its completion.
    pub unsafe fn push(&mut self, entry: &Entry) -> io::Result<()> {
        // SAFETY: by contract.
        while unsafe { self.0.submission().push(entry) }.is_err() {
            self.0.submit()?;
        }
        Ok(())
    }

    /// Submits, waits for a completion, and takes all that are there: what each belongs to, and its result.
    pub fn turn(&mut self, completions: &mut Vec<(u64, i32)>) -> io::Result<()> {
        match self.0.submit_and_wait(1) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        let all = self.0.completion();
        completions.extend(all.map(|each: cqueue::Entry| (each.user_data(), each.result())));
        Ok(())
    }
}

/// A result of the kernel.
pub fn check(result: i32) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::from_raw_os_error(-result))
}
