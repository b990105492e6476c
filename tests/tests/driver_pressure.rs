//! More than the rings hold, and signals at the wrong time.

use std::io::Write;
use std::os::unix::thread::JoinHandleExt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use futures::channel::oneshot;
use io2::op::nop;
use io2::{ExecutorConfig, JoinSet};
use io2_tests::child;
use io2_tests::observed::Observed;
use io2_tests::pipes::pipe;
use tracing::Level;

#[test]
fn three_hundred_reads_wait_on_a_ring_of_one_entry_for_as_many_writes() {
    ExecutorConfig::new()
        .ring_depth(1)
        .run(async {
            let (file, writer) = pipe();
            let writer = io2::fs::File::from_std(std::os::fd::OwnedFd::from(writer).into());
            let mut reads = JoinSet::new();
            for _ in 0..300 {
                let file = file.try_clone().unwrap();
                reads.spawn(async move { file.read(vec![0; 4]).await });
            }
            for _ in 0..10 {
                nop().await.unwrap();
            }
            let mut writes = JoinSet::new();
            for _ in 0..300 {
                let writer = writer.try_clone().unwrap();
                writes.spawn(async move { writer.write(b"data".to_vec()).await });
            }
            while let Some(written) = writes.join_next().await {
                assert_eq!(written.unwrap().0.unwrap(), 4);
            }
            let mut done = 0;
            while let Some(read) = reads.join_next().await {
                let (count, buf) = read.unwrap();
                assert_eq!((count.unwrap(), buf), (4, b"data".to_vec()));
                done += 1;
            }
            assert_eq!(done, 300);
        })
        .unwrap();
}

#[test]
fn completions_that_overflow_the_queue_are_neither_lost_nor_kept_quiet() {
    let test = "completions_that_overflow_the_queue_are_neither_lost_nor_kept_quiet";
    child::run(test, || {
        let observed = Observed::at_most(Level::WARN);
        observed.run(|| {
            ExecutorConfig::new()
                .ring_depth(1)
                .run(async {
                    let (file, mut writer) = pipe();
                    let mut reads = JoinSet::new();
                    for _ in 0..200 {
                        let file = file.try_clone().unwrap();
                        reads.spawn(async move { file.read(vec![0; 1]).await.0.unwrap() });
                    }
                    for _ in 0..10 {
                        nop().await.unwrap();
                    }
                    // All end at once; the queue holds four.
                    writer.write_all(&[1; 200]).unwrap();
                    let mut sum = 0;
                    while let Some(read) = reads.join_next().await {
                        sum += read.unwrap();
                    }
                    assert_eq!(sum, 200);
                })
                .unwrap();
        });
        let overflows = observed.named("ring.overflow");
        assert!(!overflows.is_empty());
        // Said now and then, not each time.
        assert!(overflows.len() < 10, "{}", overflows.len());
        assert_eq!(overflows[0].number("depth"), 1);
    });
}

#[test]
fn ten_thousand_operations_at_once_are_all_done() {
    for depth in [1, 64] {
        ExecutorConfig::new()
            .ring_depth(depth)
            .run(async {
                let mut set = JoinSet::new();
                for _ in 0..10_000 {
                    set.spawn(nop());
                }
                let mut done = 0;
                while let Some(output) = set.join_next().await {
                    output.unwrap().unwrap();
                    done += 1;
                }
                assert_eq!(done, 10_000);
            })
            .unwrap();
    }
}

#[test]
fn hundreds_of_operations_dropped_at_once_on_a_ring_of_one_entry_all_end() {
    let test = "hundreds_of_operations_dropped_at_once_on_a_ring_of_one_entry_all_end";
    child::run(test, || {
        let observed = Observed::at_most(Level::INFO);
        observed.run(|| {
            ExecutorConfig::new()
                .ring_depth(1)
                .run(async {
                    let (file, writer) = pipe();
                    let mut set = JoinSet::new();
                    for _ in 0..400 {
                        let file = file.try_clone().unwrap();
                        set.spawn(async move { file.read(vec![0; 4]).await });
                    }
                    for _ in 0..10 {
                        nop().await.unwrap();
                    }
                    set.shutdown().await;
                    // The last cancellation is behind all others.
                    for _ in 0..800 {
                        nop().await.unwrap();
                    }
                    drop(writer);
                })
                .unwrap();
        });
        let stop = observed.named("rt.stop").remove(0);
        assert_eq!(stop.number("inflight"), 0, "{stop:?}");
    });
}

/// Signals that came.
static SIGNALS: AtomicUsize = AtomicUsize::new(0);

extern "C" fn count_signal(_: libc::c_int) {
    SIGNALS.fetch_add(1, Ordering::Relaxed);
}

/// Lets system calls be interrupted by the signal, and not be started again.
fn interrupt_by(signal: libc::c_int) {
    // SAFETY: a handler that only counts, and a structure whose other parts may be zero.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = count_signal as *const () as usize;
        assert_eq!(
            libc::sigaction(signal, &raw const action, std::ptr::null_mut()),
            0
        );
    }
}

#[test]
fn signals_interrupt_a_waiting_executor_and_nothing_is_lost() {
    let test = "signals_interrupt_a_waiting_executor_and_nothing_is_lost";
    child::run(test, || {
        const ENOUGH: usize = 300;
        interrupt_by(libc::SIGUSR1);
        let (give, given) = std::sync::mpsc::channel::<oneshot::Sender<()>>();
        let executor = thread::spawn(move || {
            let observed = Observed::default();
            observed.run(|| {
                ExecutorConfig::new()
                    .ring_depth(2)
                    .run(async {
                        // Work goes on under the signals.
                        let worker = io2::spawn(async {
                            loop {
                                let (file, mut writer) = pipe();
                                let task = io2::spawn(async move { file.read(vec![0; 4]).await.1 });
                                // Long enough for several signals in one wait: the first ends the one that submits.
                                io2::time::sleep(std::time::Duration::from_millis(5)).await;
                                writer.write_all(b"data").unwrap();
                                assert_eq!(task.await, b"data");
                            }
                        });
                        let (wake, woken) = oneshot::channel();
                        give.send(wake).unwrap();
                        woken.await.unwrap();
                        assert_eq!(worker.cancel().await, None::<()>);
                    })
                    .unwrap();
            });
            let enters = observed.named("enter");
            let eintr = libc::EINTR.to_string();
            let hit =
                |enter: &&io2_tests::observed::Seen| enter.values.get("errno") == Some(&eintr);
            enters.iter().filter(hit).count()
        });
        let wake = given.recv().unwrap();
        let target = executor.as_pthread_t();
        while SIGNALS.load(Ordering::Relaxed) < ENOUGH {
            // SAFETY: the thread runs until it is woken below.
            assert_eq!(unsafe { libc::pthread_kill(target, libc::SIGUSR1) }, 0);
            // So that it comes to wait in between, which it does most of the time.
            thread::sleep(std::time::Duration::from_micros(200));
        }
        wake.send(()).unwrap();
        let interrupted = executor.join().unwrap();
        assert!(interrupted > 0, "no signal came while it waited");
    });
}

#[test]
fn signals_while_an_executor_ends_do_not_cut_the_drain_short() {
    let test = "signals_while_an_executor_ends_do_not_cut_the_drain_short";
    child::run(test, || {
        interrupt_by(libc::SIGUSR2);
        let stop = std::sync::Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let executor = thread::spawn(move || {
            let observed = Observed::at_most(Level::INFO);
            observed.run(|| {
                for _ in 0..50 {
                    ExecutorConfig::new()
                        .ring_depth(2)
                        .run(async {
                            let (file, _writer) = pipe();
                            for _ in 0..40 {
                                let file = file.try_clone().unwrap();
                                drop(io2::spawn(async move { file.read(vec![0; 4]).await }));
                            }
                            nop().await.unwrap();
                        })
                        .unwrap();
                }
            });
            stopped.store(true, Ordering::Relaxed);
            // Until the other thread has seen that, it sends signals.
            thread::park();
            observed
        });
        let target = executor.as_pthread_t();
        while !stop.load(Ordering::Relaxed) {
            // SAFETY: the thread runs until it is unparked below.
            assert_eq!(unsafe { libc::pthread_kill(target, libc::SIGUSR2) }, 0);
            thread::yield_now();
        }
        executor.thread().unpark();
        let observed = executor.join().unwrap();
        let stops = observed.named("rt.stop");
        assert_eq!(stops.len(), 50);
        for stop in stops {
            assert_eq!(stop.number("inflight"), stop.number("drained"), "{stop:?}");
        }
        assert!(observed.named("rt.leak").is_empty());
    });
}
