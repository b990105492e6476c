//! Setting the length of a file such that it never happens too late.

use std::fmt::Debug;
use std::io;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use super::guards::Keeping;
use crate::fd::Fd;
use crate::lock::lock;
use crate::op::{Ftruncate, Guarded, Op};
use crate::spawn::unblock;
use crate::sys;

/// Sets the length, and keeps a value until that has happened or never will, also when this is
/// dropped in between: whoever holds a lock on the file's end gives it here, since a cut that
/// comes after the lock has gone cuts off what others have written.
pub(super) async fn truncate<K>(fd: &Fd, len: u64, keep: Rc<K>) -> io::Result<()>
where
    K: Debug + 'static,
{
    let op = Guarded::new(
        Ftruncate::new(fd.clone(), len),
        Keeping::new(Rc::clone(&keep)),
    );
    match Op::new(op).await {
        // Either the kernel does not know the operation (before Linux 6.12 and 6.9 respectively)
        // or the file cannot have this length: the system call tells which.
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {}
        result => return result,
    }
    let call = Call {
        over: Arc::default(),
        fd: fd.clone(),
        _keep: keep,
    };
    let (over, raw) = (Arc::clone(&call.over), call.fd.raw());
    let result = unblock(move || {
        let mut over = lock(&over);
        if *over {
            return Err(io::ErrorKind::Interrupted.into());
        }
        *over = true;
        // The descriptor is open: `Call` keeps it, and its drop waits for this lock.
        sys::file::set_len(raw, len)
    });
    let result = result.await;
    drop(call);
    result
}

/// A call that a thread of the pool makes. When this is dropped, the call was made or never will be.
#[derive(Debug)]
struct Call<K> {
    /// Locked while the call is made; true when it was, or is not to be.
    over: Arc<Mutex<bool>>,
    fd: Fd,
    _keep: Rc<K>,
}

impl<K> Drop for Call<K> {
    fn drop(&mut self) {
        *lock(&self.over) = true;
    }
}
