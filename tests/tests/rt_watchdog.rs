//! The watchdog: polls that are too long are reported while they run, with what the thread is doing.

use std::hint::black_box;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use io2::observe::Overrun;
use io2::{Builder, ExecutorConfig, Preempt};
use io2_tests::child;
use io2_tests::observed::{Observed, Seen};

const SLICE: Duration = Duration::from_millis(5);

fn config() -> ExecutorConfig {
    ExecutorConfig::new()
        .preempt_duration(SLICE)
        .name("watched")
}

/// Computes until told to stop, or for a long time.
#[inline(never)]
fn compute(done: impl Fn() -> bool) {
    let start = Instant::now();
    let mut sum = 0_u64;
    while !done() && start.elapsed() < Duration::from_secs(20) {
        // Nearly all of the time is spent here, and in nothing that this calls.
        let mut n = 0_u64;
        while n < 2_000_000 {
            sum ^= n;
            n += 1;
        }
    }
    black_box(sum);
}

/// What is known of the poll of a task, from another thread: the last thing, once there is any.
fn seen_of(name: &str, ended: bool) -> Option<Overrun> {
    let mut overruns = io2::observe::overruns().into_iter();
    overruns.rfind(|each| each.task_name.as_deref() == Some(name) && each.ended == ended)
}

/// The reports of a task, of one phase.
fn reports(observed: &Observed, name: &str, phase: &str) -> Vec<Seen> {
    let all = observed.named("preempt.overrun").into_iter();
    all.filter(|seen| seen.text("task.name") == name && seen.text("phase") == phase)
        .collect()
}

/// A program with frame pointers tells in which line of which function the poll is.
fn check_stack(overrun: &Overrun) {
    let stack = &overrun.stack;
    let named = |part: &str| {
        stack.iter().find(|frame| {
            let function = frame.function.as_deref();
            function.is_some_and(|name| name.contains(part))
        })
    };
    let compute = named("compute").unwrap_or_else(|| panic!("{stack:#?}"));
    let file = compute.file.as_deref();
    assert!(
        file.is_some_and(|file| file.ends_with("rt_watchdog.rs")),
        "{compute:?}"
    );
    assert!(
        compute.line.is_some_and(|line| (20..45).contains(&line)),
        "{compute:?}"
    );
    // It ends where the runtime begins.
    assert!(named("io2::executor").is_none(), "{stack:#?}");
}

#[test]
fn a_poll_that_does_not_end_is_reported_while_it_runs_with_the_function_that_it_is_in() {
    let name = "a_poll_that_does_not_end_is_reported_while_it_runs_with_the_function_that_it_is_in";
    child::run(name, || {
        let observed = Observed::at_most(tracing::Level::TRACE);
        let line = line!() + 6;
        observed.run(|| {
            let config = config().stall_stack(true);
            let ran = config.run(async {
                let waiting = io2::spawn(async {});
                // It goes on until it has been reported.
                let hog = Builder::new().name("hog").spawn(async {
                    compute(|| seen_of("hog", false).is_some());
                });
                hog.await;
                waiting.await;
            });
            ran.unwrap();
        });
        let during = reports(&observed, "hog", "during");
        let report = during.first().expect("it was reported while it ran");
        assert_eq!(report.level, tracing::Level::WARN);
        assert_eq!(report.text("state"), "running");
        assert_eq!(report.number("loc.line"), i64::from(line));
        assert!(report.text("loc.file").ends_with("rt_watchdog.rs"));
        assert!(
            report.number("elapsed_us") >= 2 * SLICE.as_micros() as i64,
            "{report:?}"
        );
        let task = observed.task("hog");
        assert_eq!(report.parent, Some(task.id));
        // And when it had ended.
        let after = reports(&observed, "hog", "after");
        assert_eq!(after.len(), 1, "{after:?}");
        assert!(after[0].number("elapsed_us") >= report.number("elapsed_us"));

        let overrun = seen_of("hog", true).expect("it is kept");
        assert_eq!(overrun.rt_name.as_deref(), Some("watched"));
        assert!(!overrun.stack.is_empty());
        if cfg!(io2_frames) {
            check_stack(&overrun);
        }
        if let Some(cpu) = overrun.cpu {
            assert!(
                cpu > Duration::ZERO && cpu <= overrun.elapsed,
                "{overrun:?}"
            );
        }
    });
}

#[test]
fn a_poll_that_sleeps_in_the_kernel_is_reported_as_blocked_in_that_system_call() {
    let name = "a_poll_that_sleeps_in_the_kernel_is_reported_as_blocked_in_that_system_call";
    child::run(name, || {
        let observed = Observed::at_most(tracing::Level::WARN);
        observed.run(|| {
            let ran = config().run(async {
                let sleeper = Builder::new().name("sleeper").spawn(async {
                    // Each sleep is a while longer than the watchdog's tick.
                    let start = Instant::now();
                    let asleep = |seen: Overrun| seen.blocked == Some(true);
                    while !seen_of("sleeper", false).is_some_and(asleep)
                        && start.elapsed() < Duration::from_secs(20)
                    {
                        std::thread::sleep(Duration::from_millis(50));
                    }
                });
                sleeper.await;
            });
            ran.unwrap();
        });
        let during = reports(&observed, "sleeper", "during");
        let blocked = |report: &&Seen| report.text("state") == "blocked";
        let report = during
            .iter()
            .find(blocked)
            .expect("it was reported while it slept");
        assert!(report.text("syscall").contains("nanosleep"), "{report:?}");
        assert!(
            report.text("message").contains("io2::time::sleep"),
            "{report:?}"
        );
        let overrun = seen_of("sleeper", true).expect("it is kept");
        assert_eq!(overrun.blocked, Some(true));
        // It was hardly on the processor, and that is no want of one.
        assert!(!overrun.starved, "{overrun:?}");
        if let Some(cpu) = overrun.cpu {
            assert!(cpu < overrun.elapsed, "{overrun:?}");
        }
    });
}

#[test]
fn without_the_watchdog_a_poll_is_reported_when_it_has_ended() {
    let name = "without_the_watchdog_a_poll_is_reported_when_it_has_ended";
    child::run(name, || {
        let observed = Observed::at_most(tracing::Level::WARN);
        observed.run(|| {
            let ran = config().watchdog(false).run(async {
                let hog = Builder::new().name("hog").spawn(async {
                    let start = Instant::now();
                    compute(|| start.elapsed() > 10 * SLICE);
                });
                hog.await;
            });
            ran.unwrap();
        });
        assert!(reports(&observed, "hog", "during").is_empty());
        let after = reports(&observed, "hog", "after");
        assert_eq!(after.len(), 1);
        // Nobody has looked at it.
        let fields = after[0].fields();
        for absent in ["state", "syscall", "cpu_us"] {
            assert!(!fields.split(' ').any(|field| field == absent), "{fields}");
        }
    });
}

#[test]
fn an_executor_that_was_idle_for_long_is_watched_again() {
    child::run(
        "an_executor_that_was_idle_for_long_is_watched_again",
        || {
            let ran = config().run(async {
                // The watchdog falls asleep meanwhile.
                io2::time::sleep(Duration::from_millis(1500)).await;
                let hog = Builder::new().name("late hog").spawn(async {
                    compute(|| seen_of("late hog", false).is_some());
                    seen_of("late hog", false).is_some()
                });
                assert!(hog.await, "it was not reported while it ran");
            });
            ran.unwrap();
        },
    );
}

/// How often the watchdog has gone to sleep: 0 while it has not started.
fn sleeps() -> u64 {
    let threads = std::fs::read_dir("/proc/self/task").unwrap();
    let read = |path: &Path, name| std::fs::read_to_string(path.join(name)).unwrap_or_default();
    let mut paths = threads.map(|thread| thread.unwrap().path());
    let Some(path) = paths.find(|path| read(path, "comm").trim() == "io2-watchdog") else {
        return 0;
    };
    let status = read(&path, "status");
    let mut lines = status.lines();
    let count = lines.find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    count.unwrap().trim().parse().unwrap()
}

/// Waits until the watchdog stays asleep; gives how often it went to sleep up to then.
fn settled() -> u64 {
    let (mut before, mut same) = (0, 0);
    for _ in 0..200 {
        std::thread::sleep(Duration::from_millis(40));
        let now = sleeps();
        same = if now > 0 && now == before {
            same + 1
        } else {
            0
        };
        if same == 5 {
            return now;
        }
        before = now;
    }
    panic!("the watchdog wakes up again and again");
}

#[test]
fn the_watchdog_sleeps_while_there_is_nobody_to_watch() {
    child::run("the_watchdog_sleeps_while_there_is_nobody_to_watch", || {
        let ran = config().run(async {
            // It has ticked a few times.
            while sleeps() < 5 {
                io2::time::sleep(Duration::from_millis(5)).await;
            }
        });
        ran.unwrap();
        let before = settled();
        for config in [config().watchdog(false), config().preempt(Preempt::Off)] {
            let ran = config.run(async {
                for _ in 0..200 {
                    io2::yield_now().await;
                }
            });
            ran.unwrap();
        }
        assert_eq!(settled(), before, "who is not watched has woken it");
    });
}

#[test]
fn a_subscriber_that_blocks_or_panics_does_not_stop_the_executor() {
    let name = "a_subscriber_that_blocks_or_panics_does_not_stop_the_executor";
    child::run(name, || {
        static REACHED: AtomicBool = AtomicBool::new(false);
        let observed = Observed::then(|step| {
            let _ = step;
            if std::thread::current().name() == Some("io2-watchdog") {
                REACHED.store(true, Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(200));
                panic!("the subscriber has had enough");
            }
        });
        observed.run(|| {
            let ran = config().run(async {
                for _ in 0..2 {
                    REACHED.store(false, Ordering::Relaxed);
                    let hog = Builder::new().name("hog").spawn(async {
                        compute(|| REACHED.load(Ordering::Relaxed));
                    });
                    hog.await;
                }
                42
            });
            assert_eq!(ran.unwrap(), 42);
        });
    });
}
