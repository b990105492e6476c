//! Counters and dumps: what an executor has done, what its tasks are doing, and who may ask.

use std::io::Write;
use std::process::Command;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use io2::observe::{Stats, TaskDump, TaskState};
use io2::{Builder, ExecutorConfig};
use io2_tests::child;
use io2_tests::pipes::pipe;

fn stats() -> Stats {
    io2::stats().expect("within an executor")
}

#[test]
fn what_an_executor_does_is_counted() {
    child::run("what_an_executor_does_is_counted", || {
        let ran = ExecutorConfig::new()
            .name("counted")
            .ring_depth(8)
            .run(async {
                let before = stats();
                assert_eq!(
                    (before.name.as_deref(), before.ring_depth),
                    (Some("counted"), 8)
                );
                assert_eq!((before.spawned, before.live, before.timers), (0, 0, 0));
                for _ in 0..10 {
                    io2::spawn(async {}).await;
                }
                for _ in 0..20 {
                    io2::op::nop().await.unwrap();
                }
                for _ in 0..3 {
                    io2::time::sleep(Duration::from_millis(1)).await;
                }
                let asleep = io2::spawn(io2::time::sleep(Duration::from_secs(60)));
                let (file, _writer) = pipe();
                let reader = io2::spawn(async move { file.read(vec![0; 4]).await.1 });
                // Both wait from here on.
                io2::yield_now().await;
                let (wake, mut woken) = futures::channel::oneshot::channel();
                // It waits before there is anybody who could wake it.
                assert!(futures::poll!(&mut woken).is_pending());
                let waker = std::thread::spawn(move || wake.send(()));
                woken.await.unwrap();
                waker.join().unwrap().unwrap();

                let after = stats();
                assert_eq!(after.spawned, 12);
                assert_eq!(after.live, 2);
                assert!(after.polls >= before.polls + 10 + 20 + 3);
                assert!(
                    after.submissions >= 21 && after.completions >= 20,
                    "{after:?}"
                );
                assert!(after.enters > 3);
                assert_eq!(after.in_flight, 1);
                assert_eq!((after.timers, after.timers_fired), (1, 3));
                assert_eq!(after.remote_wakes, 1);
                assert!(after.kernel_time >= Duration::from_millis(3));
                assert!(after.uptime >= after.kernel_time);
                asleep.cancel().await;
                reader.cancel().await;
            });
        ran.unwrap();
        assert!(io2::stats().is_none() && io2::dump().is_none());
        assert!(io2::observe::executors().is_empty());
    });
}

#[test]
fn every_poll_is_in_the_histogram_while_somebody_watches() {
    child::run(
        "every_poll_is_in_the_histogram_while_somebody_watches",
        || {
            let ran = ExecutorConfig::new().run(async {
                // The clock's rate is known after a millisecond.
                io2::time::sleep(Duration::from_millis(5)).await;
                let watching = io2::observe::watch();
                io2::yield_now().await;
                let before = stats();
                let task = io2::spawn(async {
                    for _ in 0..1000 {
                        io2::yield_now().await;
                    }
                    for _ in 0..100 {
                        io2::op::nop().await.unwrap();
                    }
                });
                task.await;
                let after = stats();
                let more = |count: fn(&Stats) -> u64| count(&after) - count(&before);
                assert!(more(|stats| stats.poll_time.count()) >= 1100, "{after:?}");
                assert!(more(|stats| stats.wake_delay.count()) >= 1100, "{after:?}");
                assert!(more(|stats| stats.latency.count()) >= 100, "{after:?}");
                assert!(after.latency.quantile(0.5).unwrap() > Duration::ZERO);
                drop(watching);
                // Else one turn in so many is measured, and counts for the others.
                let before = stats();
                for _ in 0..64_000 {
                    io2::yield_now().await;
                }
                let sampled = stats().poll_time.count() - before.poll_time.count();
                assert!((32_000..128_000).contains(&sampled), "{sampled}");
            });
            ran.unwrap();
        },
    );
}

fn task(dump: &io2::observe::Dump, name: &str) -> TaskDump {
    let mut tasks = dump.tasks.iter();
    tasks
        .find(|task| task.name.as_deref() == Some(name))
        .expect("it is alive")
        .clone()
}

#[test]
fn a_dump_tells_what_each_task_waits_for() {
    let ran = ExecutorConfig::new().run(async {
        let named = |name: &str| Builder::new().name(name);
        let (file, mut writer) = pipe();
        let line = line!() + 1;
        let reader = named("reader").spawn(async move { file.read(vec![0; 16]).await.0.unwrap() });
        let sleeper = named("sleeper").spawn(io2::time::sleep(Duration::from_secs(60)));
        let joiner = named("joiner").spawn(sleeper);
        io2::yield_now().await;
        let fresh = named("fresh").spawn(async { io2::dump().unwrap() });
        let dump = io2::dump().unwrap();
        assert_eq!(dump.live, 4);
        let TaskDump {
            location,
            state,
            polls,
            ..
        } = task(&dump, "reader");
        assert!(location.file().ends_with("rt_stats.rs") && location.line() == line);
        assert_eq!(polls, 1);
        let TaskState::Operation(read) = state else {
            panic!("{state:?}")
        };
        assert_eq!((read.name, read.len), ("read", 16));
        assert_eq!(read.task, task(&dump, "reader").id);
        assert!(dump.in_flight.contains(&("read", 1)), "{dump:?}");
        let TaskState::Timer(due) = task(&dump, "sleeper").state else {
            panic!("{dump:?}")
        };
        assert!(due > Duration::from_secs(50) && due <= Duration::from_secs(60));
        assert!(matches!(task(&dump, "joiner").state, TaskState::Waiting));
        assert!(matches!(task(&dump, "fresh").state, TaskState::Ready));
        // The one that asks is the one that runs.
        let dump = fresh.await;
        assert!(matches!(task(&dump, "fresh").state, TaskState::Running));

        writer.write_all(b"data").unwrap();
        assert_eq!(reader.await, 4);
        joiner.cancel().await;
    });
    ran.unwrap();
}

#[test]
fn another_thread_sees_an_executor_that_is_stuck() {
    child::run("another_thread_sees_an_executor_that_is_stuck", || {
        let (ready, is_ready) = mpsc::channel();
        let (done, is_done) = mpsc::channel();
        let stuck = std::thread::spawn(move || {
            ExecutorConfig::new().name("stuck").run(async move {
                let hog = Builder::new().name("hog").spawn(async move {
                    ready.send(()).unwrap();
                    is_done.recv().unwrap();
                });
                hog.await;
            })
        });
        is_ready.recv().unwrap();
        let running = loop {
            let all = io2::observe::executors();
            let stats = all
                .iter()
                .find(|stats| stats.name.as_deref() == Some("stuck"));
            let running = stats.and_then(|stats| stats.running.clone());
            // Right after the start it does not know how fast its clock runs.
            if let Some(running) = running.filter(|running| !running.elapsed.is_zero()) {
                break running;
            }
        };
        assert_eq!(running.name.as_deref(), Some("hog"));
        assert!(running.location.file().ends_with("rt_stats.rs"));
        done.send(()).unwrap();
        stuck.join().unwrap().unwrap();
        assert!(io2::observe::executors().is_empty());
    });
}

#[test]
fn a_process_that_was_stopped_has_not_overrun_the_slice() {
    child::run(
        "a_process_that_was_stopped_has_not_overrun_the_slice",
        || {
            let ran = ExecutorConfig::new()
                .preempt_duration(Duration::from_millis(100))
                .run(async {
                    let this = std::process::id();
                    let script =
                        format!("sleep 0.2; kill -STOP {this}; sleep 0.5; kill -CONT {this}");
                    let mut stopper = Command::new("sh").args(["-c", &script]).spawn().unwrap();
                    // To start a process may take long.
                    io2::yield_now().await;
                    let before = stats().overruns;
                    let start = Instant::now();
                    while start.elapsed() < Duration::from_secs(1) {
                        // It is stopped in the middle of one of these, nearly always.
                        let poll = Instant::now();
                        while poll.elapsed() < Duration::from_millis(20) {}
                        io2::yield_now().await;
                    }
                    io2::yield_now().await;
                    let blamed = stats().overruns - before;
                    stopper.wait().unwrap();
                    assert_eq!(blamed, 0, "{:?}", io2::observe::overruns());
                });
            ran.unwrap();
        },
    );
}

/// Takes a minute, and keeps the machine busy: to be run by hand.
#[test]
#[ignore = "takes a minute"]
fn a_fair_program_is_not_blamed_in_a_minute_under_load() {
    const MINUTE: Duration = Duration::from_secs(60);
    let load = || {
        let start = Instant::now();
        while start.elapsed() < MINUTE {
            std::hint::black_box((0..1000_u64).sum::<u64>());
        }
    };
    let cores = std::thread::available_parallelism().unwrap().get();
    let threads: Vec<_> = (0..2 * cores).map(|_| std::thread::spawn(load)).collect();
    let ran = ExecutorConfig::new().run(async {
        let start = Instant::now();
        let mut tasks = io2::JoinSet::new();
        for _ in 0..4 {
            tasks.spawn(async move {
                while start.elapsed() < MINUTE {
                    std::hint::black_box((0..10_000_u64).sum::<u64>());
                    io2::yield_if_needed().await;
                }
            });
        }
        let mut blamed = Vec::new();
        while start.elapsed() < MINUTE {
            io2::time::sleep(Duration::from_millis(100)).await;
            let fresh = io2::observe::overruns()
                .into_iter()
                .filter(|each| !each.starved);
            blamed.extend(fresh.filter(|each| each.at.elapsed() < Duration::from_millis(400)));
        }
        while tasks.join_next().await.is_some() {}
        assert_eq!(stats().overruns, 0, "{blamed:#?}");
    });
    ran.unwrap();
    for thread in threads {
        thread.join().unwrap();
    }
}
