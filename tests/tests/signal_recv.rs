//! Signals: received, not lost, told to everybody, and refused where they must be.

use std::io::{self, ErrorKind};
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;

use io2::ExecutorConfig;
use io2::signal::{SignalKind, ctrl_c, signal};
use io2_tests::signals::send;
use io2_tests::{child, descriptors, polling};

/// Runs a test's future in an executor.
fn run(future: impl Future<Output = io::Result<()>>) {
    ExecutorConfig::new()
        .run(future)
        .expect("the executor starts")
        .expect("the test's I/O works");
}

/// Polls `recv` once and drops it.
async fn received(listener: &mut io2::signal::Signal) -> bool {
    let mut recv = Box::pin(listener.recv());
    polling::once(&mut recv).await.is_some()
}

#[test]
fn signals_of_all_kinds_are_received_and_do_nothing_else() {
    child::run(
        "signals_of_all_kinds_are_received_and_do_nothing_else",
        || {
            run(async {
                let kinds = [
                    SignalKind::ALARM,
                    SignalKind::CHILD,
                    SignalKind::HANGUP,
                    SignalKind::INTERRUPT,
                    SignalKind::IO,
                    SignalKind::PIPE,
                    SignalKind::QUIT,
                    SignalKind::TERMINATE,
                    SignalKind::USER_1,
                    SignalKind::USER_2,
                    SignalKind::WINDOW_CHANGE,
                    // A real-time one.
                    SignalKind::from_raw(40),
                ];
                for kind in kinds {
                    let mut listener = signal(kind)?;
                    assert_eq!(listener.kind(), kind);
                    assert!(!received(&mut listener).await, "{kind:?}");
                    send(kind.as_raw());
                    listener.recv().await?;
                }
                Ok(())
            });
        },
    );
}

#[test]
fn a_signal_before_the_first_recv_is_given() {
    child::run("a_signal_before_the_first_recv_is_given", || {
        let mut listener = signal(SignalKind::USER_1).unwrap();
        send(libc::SIGUSR1);
        run(async { listener.recv().await });
    });
}

#[test]
fn nothing_is_lost_when_recv_is_dropped_at_any_time() {
    child::run("nothing_is_lost_when_recv_is_dropped_at_any_time", || {
        run(async {
            let mut listener = signal(SignalKind::USER_1)?;
            for round in 0..500 {
                // Dropped while it waits, or when it has got the signal and was not polled again.
                assert!(!received(&mut listener).await, "round {round}");
                send(libc::SIGUSR1);
                for _ in 0..round % 4 {
                    io2::yield_now().await;
                    io2::op::nop().await?;
                }
                if round % 3 != 0 && received(&mut listener).await {
                    continue;
                }
                listener.recv().await?;
            }
            Ok(())
        });
    });
}

#[test]
fn a_storm_is_told_less_often_but_once_more_after_its_last_signal() {
    let test = "a_storm_is_told_less_often_but_once_more_after_its_last_signal";
    child::run(test, || {
        const STORM: u32 = 20_000;
        let sent = Arc::new(AtomicU32::new(0));
        let mut listener = signal(SignalKind::USER_1).unwrap();
        let count = sent.clone();
        let storm = thread::spawn(move || {
            for number in 1..=STORM {
                // Counted first: what is told is then never more than what was counted.
                count.store(number, Ordering::SeqCst);
                send(libc::SIGUSR1);
            }
        });
        run(async {
            let mut told = 0;
            // Without one after the last signal this does not end.
            while sent.load(Ordering::SeqCst) < STORM {
                listener.recv().await?;
                told += 1;
                assert!(told <= sent.load(Ordering::SeqCst));
            }
            Ok(())
        });
        storm.join().unwrap();
    });
}

#[test]
fn all_listeners_of_all_executors_are_told() {
    child::run("all_listeners_of_all_executors_are_told", || {
        const THREADS: usize = 4;
        const LISTENERS: usize = 8;
        let ready = Arc::new(Barrier::new(THREADS + 1));
        let threads: Vec<_> = (0..THREADS)
            .map(|_| {
                let ready = ready.clone();
                thread::spawn(move || {
                    run(async {
                        let ready = Rc::new(ready);
                        let mut tasks = io2::JoinSet::new();
                        let mut listeners = Vec::new();
                        for _ in 0..LISTENERS {
                            listeners.push(signal(SignalKind::USER_2)?);
                        }
                        for mut listener in listeners {
                            tasks.spawn(async move { listener.recv().await });
                        }
                        io2::yield_now().await;
                        ready.wait();
                        while let Some(result) = tasks.join_next().await {
                            result.expect("no task panics")?;
                        }
                        Ok(())
                    });
                })
            })
            .collect();
        ready.wait();
        send(libc::SIGUSR2);
        for thread in threads {
            thread.join().unwrap();
        }
    });
}

#[test]
fn a_listener_that_is_dropped_leaves_nothing_and_the_others_hear_on() {
    let test = "a_listener_that_is_dropped_leaves_nothing_and_the_others_hear_on";
    child::run(test, || {
        let before = descriptors::open();
        run(async {
            let mut kept = signal(SignalKind::USER_1)?;
            let open = descriptors::open().len();
            for round in 0..50 {
                let mut dropped = signal(SignalKind::USER_1)?;
                if round % 2 == 0 {
                    assert!(!received(&mut dropped).await);
                }
                drop(dropped);
            }
            // Closed through the ring.
            for _ in 0..3 {
                io2::op::nop().await?;
            }
            assert_eq!(descriptors::open().len(), open);
            send(libc::SIGUSR1);
            kept.recv().await
        });
        assert_eq!(descriptors::open(), before);
        // Nobody listens any more, and yet it does not end the process.
        send(libc::SIGUSR1);
    });
}

#[test]
fn a_listener_goes_from_one_executor_to_the_next() {
    child::run("a_listener_goes_from_one_executor_to_the_next", || {
        let mut listener = signal(SignalKind::USER_1).unwrap();
        for _ in 0..3 {
            // In flight when this executor ends.
            run(async {
                assert!(!received(&mut listener).await);
                io2::op::nop().await
            });
            send(libc::SIGUSR1);
            run(async { listener.recv().await });
        }
    });
}

#[test]
fn ctrl_c_waits_for_the_interrupt() {
    child::run("ctrl_c_waits_for_the_interrupt", || {
        run(async {
            let mut interrupted = Box::pin(ctrl_c());
            assert!(polling::once(&mut interrupted).await.is_none());
            send(libc::SIGINT);
            interrupted.await
        });
    });
}

#[test]
fn what_cannot_be_listened_for_is_refused() {
    let refused = [
        libc::SIGKILL,
        libc::SIGSTOP,
        libc::SIGSEGV,
        libc::SIGBUS,
        libc::SIGILL,
        libc::SIGFPE,
        // No signals.
        0,
        -1,
        65,
        i32::MAX,
        i32::MIN,
    ];
    for number in refused {
        let error = signal(SignalKind::from_raw(number)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{number}: {error}");
    }
}

#[test]
fn without_descriptors_listening_is_an_error_and_leaks_none() {
    let test = "without_descriptors_listening_is_an_error_and_leaks_none";
    child::run_with_files(test, 65, || {
        let before = descriptors::open();
        run(async {
            let mut listeners = Vec::new();
            let error = loop {
                match signal(SignalKind::USER_1) {
                    Ok(listener) => listeners.push(listener),
                    Err(error) => break error,
                }
            };
            assert_eq!(error.raw_os_error(), Some(libc::EMFILE));
            send(libc::SIGUSR1);
            for mut listener in listeners {
                listener.recv().await?;
            }
            Ok(())
        });
        assert_eq!(descriptors::open(), before);
    });
}
