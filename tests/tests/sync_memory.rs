//! Waiting and passing messages on allocate nothing, once there have been as many.

use std::rc::Rc;

use io2::sync::{
    Barrier, CancellationToken, Mutex, Notify, RwLock, Semaphore, broadcast, mpsc, oneshot, watch,
};
use io2::{ExecutorConfig, Preempt};
use io2_tests::counting::Counting;

#[global_allocator]
static MEMORY: Counting = Counting;

/// How often something allocates, once it was done a few times.
async fn allocations<F: AsyncFnMut()>(mut work: F) -> usize {
    for _ in 0..5 {
        work().await;
    }
    let before = MEMORY.allocated();
    for _ in 0..10 {
        work().await;
    }
    MEMORY.allocated() - before
}

fn run<F: Future>(future: F) -> F::Output {
    // A poll over the slice, on a machine that stalls, would be an event.
    let config = ExecutorConfig::new().preempt(Preempt::Off);
    config.run(future).unwrap()
}

/// Both at once, each waiting for the other.
async fn both(one: impl Future, other: impl Future) {
    futures::join!(one, other);
}

#[test]
fn messages_allocate_nothing() {
    run(async {
        let (sender, mut receiver) = mpsc::channel(4);
        let through = allocations(async || {
            let send = async {
                for n in 0..20 {
                    sender.send(n).await.unwrap();
                }
            };
            let recv = async {
                for n in 0..20 {
                    assert_eq!(receiver.recv().await, Some(n));
                }
            };
            both(recv, send).await;
        });
        assert_eq!(through.await, 0);
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let through = allocations(async || {
            both(receiver.recv(), async { sender.send(1).unwrap() }).await;
        });
        assert_eq!(through.await, 0);
        let (sender, mut one) = broadcast::channel(4);
        let mut two = sender.subscribe();
        let through = allocations(async || {
            both(async { futures::join!(one.recv(), two.recv()) }, async {
                sender.send([1; 64]).unwrap();
            })
            .await;
        });
        assert_eq!(through.await, 0);
        let (sender, mut receiver) = watch::channel([0; 64]);
        let through = allocations(async || {
            both(receiver.changed(), async { sender.send([1; 64]).unwrap() }).await;
        });
        assert_eq!(through.await, 0);
        // One for the channel.
        let once = allocations(async || {
            let (sender, receiver) = oneshot::channel();
            both(receiver, async { sender.send(1).unwrap() }).await;
        });
        assert_eq!(once.await, 10);
    });
}

#[test]
fn waiting_for_locks_and_signals_allocates_nothing() {
    run(async {
        let semaphore = Rc::new(Semaphore::new(0));
        let acquire = allocations(async || {
            both(semaphore.clone().acquire_many_owned(2), async {
                semaphore.add_permits(2);
                semaphore.forget_permits(2);
            })
            .await;
            semaphore.forget_permits(2);
        });
        assert_eq!(acquire.await, 0);
        let mutex = Mutex::new(());
        let lock = allocations(async || {
            let guard = mutex.lock().await;
            both(mutex.lock(), async { drop(guard) }).await;
        });
        assert_eq!(lock.await, 0);
        let rwlock = RwLock::new(());
        let lock = allocations(async || {
            let guard = rwlock.write().await;
            both(
                async { futures::join!(rwlock.read(), rwlock.read()) },
                async {
                    drop(guard);
                },
            )
            .await;
        });
        assert_eq!(lock.await, 0);
        let notify = Notify::new();
        let notified = allocations(async || {
            both(notify.notified(), async { notify.notify_waiters() }).await;
        });
        assert_eq!(notified.await, 0);
        let barrier = Barrier::new(2);
        assert_eq!(
            allocations(async || both(barrier.wait(), barrier.wait()).await).await,
            0
        );
        let token = CancellationToken::new();
        let cancelled = allocations(async || {
            assert_eq!(io2_tests::polling::once(&mut token.cancelled()).await, None);
        });
        assert_eq!(cancelled.await, 0);
    });
}
