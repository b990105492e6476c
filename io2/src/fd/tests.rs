//! The ledger of an executor's descriptors.

use super::*;
use crate::ExecutorConfig;
use crate::op::nop;

/// How many descriptors the executor of this thread counts.
fn counted() -> i64 {
    context::with(|executor| executor.descriptors.get()).unwrap()
}

fn open() -> Fd {
    Fd::new(std::fs::File::open("/dev/null").unwrap().into())
}

#[test]
fn each_descriptor_is_counted_in_and_out_once_however_it_goes() {
    let outside = open();
    let left = ExecutorConfig::new().run(async {
        assert_eq!(counted(), 0);
        let (dropped, closed, given, cloned) = (open(), open(), open(), open());
        assert_eq!(counted(), 4);
        drop(dropped);
        assert_eq!(counted(), 3);
        closed.close().await.unwrap();
        assert_eq!(counted(), 2);
        drop(given.try_into_owned().unwrap());
        assert_eq!(counted(), 1);
        let clone = cloned.clone();
        let cloned = cloned.try_into_owned().unwrap_err();
        drop(cloned);
        assert_eq!(counted(), 1);
        drop(clone);
        assert_eq!(counted(), 0);
        // Not this executor's.
        drop(outside);
        assert_eq!(counted(), 0);
        open()
    });
    let left = left.unwrap();
    ExecutorConfig::new()
        .run(async {
            // The one before had it.
            drop(left);
            nop().await.unwrap();
            assert_eq!(counted(), 0);
        })
        .unwrap();
}

#[test]
fn whoever_waits_to_be_alone_is_woken_by_the_last_but_one() {
    ExecutorConfig::new()
        .run(async {
            let fd = open();
            let clones = [fd.clone(), fd.clone(), fd.clone()];
            let close = crate::spawn(fd.close());
            for clone in clones {
                crate::yield_now().await;
                assert!(!close.is_finished());
                drop(clone);
            }
            close.await.unwrap();
        })
        .unwrap();
}
