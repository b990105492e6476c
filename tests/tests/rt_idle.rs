//! An executor with nothing to do does nothing.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use futures::channel::oneshot;
use io2::ExecutorConfig;
use io2_tests::child;
use io2_tests::observed::Observed;
use io2_tests::pipes::pipe;

/// What a thread has used so far, in ticks of 10 ms, and how often it went to sleep.
fn usage(thread: &str) -> (u64, u64) {
    let stat = std::fs::read_to_string(format!("/proc/self/task/{thread}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split(' ').collect();
    let ticks = fields[12].parse::<u64>().unwrap() + fields[13].parse::<u64>().unwrap();
    let status = std::fs::read_to_string(format!("/proc/self/task/{thread}/status")).unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    (ticks, line.unwrap().trim().parse().unwrap())
}

fn own_thread() -> String {
    let link = std::fs::read_link("/proc/thread-self").unwrap();
    link.file_name().unwrap().to_str().unwrap().to_owned()
}

#[test]
fn an_idle_executor_sleeps_in_the_kernel_until_it_is_woken() {
    let (ready, started) = mpsc::channel();
    let (wake, woken) = oneshot::channel();
    let executor = thread::spawn(move || {
        ExecutorConfig::new()
            .run(async {
                // A read and a timer are in flight, and neither ends.
                let (file, _writer) = pipe();
                let read = io2::spawn(async move { file.read(vec![0; 8]).await });
                let sleep = io2::spawn(io2::time::sleep(Duration::from_secs(3_600)));
                io2::yield_now().await;
                ready.send(own_thread()).unwrap();
                woken.await.unwrap();
                drop((read, sleep));
            })
            .unwrap();
    });
    let thread = started.recv().unwrap();
    // It comes to rest first.
    thread::sleep(Duration::from_millis(50));
    let (ticks, sleeps) = usage(&thread);
    thread::sleep(Duration::from_millis(300));
    let after = usage(&thread);
    wake.send(()).unwrap();
    executor.join().unwrap();
    assert!(after.0 - ticks <= 1, "{} ticks used", after.0 - ticks);
    assert_eq!(after.1, sleeps, "it woke up for nothing");
}

#[test]
fn an_idle_executor_enters_the_kernel_once() {
    // Threads that trace for the first time disturb each other.
    child::run("an_idle_executor_enters_the_kernel_once", || {
        let observed = Observed::default();
        observed.run(|| {
            ExecutorConfig::new()
                .run(async {
                    let before = observed.named("enter").len();
                    let (wake, woken) = oneshot::channel();
                    let thread = thread::spawn(move || {
                        thread::sleep(Duration::from_millis(100));
                        wake.send(()).unwrap();
                    });
                    woken.await.unwrap();
                    let enters = observed.named("enter").len() - before;
                    assert_eq!(enters, 1);
                    thread.join().unwrap();
                })
                .unwrap();
        });
    });
}

#[test]
fn a_timer_is_slept_for_in_one_go() {
    child::run("a_timer_is_slept_for_in_one_go", || {
        let observed = Observed::default();
        observed.run(|| {
            ExecutorConfig::new()
                .run(async {
                    let before = observed.named("enter").len();
                    io2::time::sleep(Duration::from_millis(100)).await;
                    let enters = observed.named("enter").len() - before;
                    // A timer far away may be looked for more finely when it comes near.
                    assert!(enters <= 3, "{enters}");
                })
                .unwrap();
        });
    });
}

#[test]
fn without_io_to_do_the_kernel_is_not_entered() {
    child::run("without_io_to_do_the_kernel_is_not_entered", || {
        let observed = Observed::default();
        observed.run(|| {
            let config = ExecutorConfig::new().preempt_duration(Duration::from_secs(60));
            config
                .run(async {
                    let (sender, receiver) = async_channel::bounded(1);
                    let before = observed.named("enter").len();
                    let task = io2::spawn(async move {
                        for n in 0..200 {
                            sender.send(n).await.unwrap();
                            io2::yield_now().await;
                        }
                    });
                    while receiver.recv().await.is_ok() {}
                    task.await;
                    assert_eq!(observed.named("enter").len(), before);
                })
                .unwrap();
        });
    });
}

#[test]
fn what_tasks_submit_in_a_turn_goes_to_the_kernel_in_one_enter() {
    child::run(
        "what_tasks_submit_in_a_turn_goes_to_the_kernel_in_one_enter",
        || {
            let observed = Observed::default();
            observed.run(|| {
                let config = ExecutorConfig::new().preempt_duration(Duration::from_secs(60));
                config
                    .run(async {
                        let before = observed.named("enter").len();
                        let mut set = io2::JoinSet::new();
                        for _ in 0..50 {
                            set.spawn(io2::op::nop());
                        }
                        while let Some(done) = set.join_next().await {
                            done.unwrap().unwrap();
                        }
                        let enters = observed.named("enter");
                        let submitting = enters[before..]
                            .iter()
                            .filter(|enter| enter.number("sqes") > 0);
                        let sqes: Vec<i64> = submitting.map(|enter| enter.number("sqes")).collect();
                        // One more may be the executor's own, which waits for wakes.
                        assert!(matches!(sqes[..], [50 | 51]), "{sqes:?}");
                    })
                    .unwrap();
            });
        },
    );
}

#[test]
fn a_spinning_executor_fires_one_timer_after_the_other() {
    child::run(
        "a_spinning_executor_fires_one_timer_after_the_other",
        || {
            let observed = Observed::at_most(tracing::Level::WARN);
            observed.run(|| {
                let config = ExecutorConfig::new()
                    .spin(Duration::from_secs(60))
                    .preempt_duration(Duration::from_millis(8));
                config
                    .run(async {
                        let mut set = io2::JoinSet::new();
                        for n in 1..=5 {
                            set.spawn(io2::time::sleep(Duration::from_millis(20 * n)));
                        }
                        while let Some(done) = set.join_next().await {
                            done.unwrap();
                        }
                        // A wake after a long spin: the spinning is not the task's.
                        let (wake, woken) = oneshot::channel();
                        let thread = thread::spawn(move || {
                            thread::sleep(Duration::from_millis(30));
                            wake.send(()).unwrap();
                        });
                        woken.await.unwrap();
                        thread.join().unwrap();
                    })
                    .unwrap();
            });
            // On a machine that stalls, one poll may be long indeed; each was after a spin.
            assert!(observed.named("preempt.overrun").len() < 3);
        },
    );
}

#[test]
fn spinning_finds_completions_without_sleeping() {
    let before = usage(&own_thread()).1;
    let config = ExecutorConfig::new().spin(Duration::from_secs(60));
    config
        .run(async {
            for _ in 0..200 {
                io2::op::nop().await.unwrap();
            }
            // Not only what is done at once.
            let (file, mut writer) = pipe();
            let thread = thread::spawn(move || {
                for _ in 0..10 {
                    thread::sleep(Duration::from_millis(5));
                    std::io::Write::write_all(&mut writer, b"data").unwrap();
                }
            });
            for _ in 0..10 {
                assert_eq!(file.read(vec![0; 4]).await.1, b"data");
            }
            // And a wake, and timers.
            let (wake, woken) = oneshot::channel();
            let waker = thread::spawn(move || {
                thread::sleep(Duration::from_millis(5));
                wake.send(()).unwrap();
            });
            woken.await.unwrap();
            for _ in 0..10 {
                io2::time::sleep(Duration::from_millis(2)).await;
            }
            // Beside the waits, a machine short of memory may let a thread sleep now and then.
            let sleeps = usage(&own_thread()).1 - before;
            assert!(sleeps < 5, "{sleeps}");
            thread.join().unwrap();
            waker.join().unwrap();
        })
        .unwrap();
}
