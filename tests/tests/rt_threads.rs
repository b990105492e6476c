//! What stays on the executor's thread, and what may leave it. The compiler checks it: the functions
//! need not do anything.

use io2::fs::File;
use io2::{AbortHandle, Handle, JoinError, JoinHandle, JoinSet};

/// Holds for each type once, and for one that is `Send` twice; then which one is meant is unclear.
trait Twice<Which> {
    fn is_not_send() {}
}

impl<T: ?Sized> Twice<()> for T {}
impl<T: ?Sized + Send> Twice<u8> for T {}

fn is_send<T: Send>() {}

#[test]
fn handles_and_descriptors_stay_on_their_thread() {
    <JoinHandle<()> as Twice<_>>::is_not_send();
    <AbortHandle as Twice<_>>::is_not_send();
    <JoinSet<()> as Twice<_>>::is_not_send();
    <File as Twice<_>>::is_not_send();
}

#[test]
fn what_is_made_for_other_threads_may_go_there() {
    is_send::<Handle>();
    is_send::<io2::RemoteJoinHandle<u8>>();
    is_send::<JoinError>();
    is_send::<io2::ExecutorConfig>();
}
