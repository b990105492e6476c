//! Taking turns: the slice, yields, and what they let run.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io::Write;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Wake, Waker};
use std::time::{Duration, Instant};

use io2::op::nop;
use io2::{ExecutorConfig, Preempt};
use io2_tests::child;
use io2_tests::observed::Observed;
use io2_tests::pipes::pipe;
use tracing::Level;

/// Runs a future with slices of so many milliseconds.
fn run<F: Future>(slice: u64, future: F) -> F::Output {
    let config = ExecutorConfig::new()
        .preempt_duration(Duration::from_millis(slice))
        .preempt(Preempt::Off);
    config.run(future).unwrap()
}

/// Keeps the processor busy, and nothing else.
fn burn(time: Duration) {
    let start = Instant::now();
    while start.elapsed() < time {
        std::hint::spin_loop();
    }
}

#[test]
fn within_the_slice_a_yield_if_needed_returns_at_once() {
    run(60_000, async {
        let others = Rc::new(Cell::new(0));
        let counted = others.clone();
        drop(io2::spawn(async move { counted.set(1) }));
        for _ in 0..1_000 {
            io2::yield_if_needed().await;
        }
        assert!(!io2::need_preempt());
        assert_eq!(others.get(), 0);
        // Another yield lets it run whatever the slice.
        io2::yield_now().await;
        assert_eq!(others.get(), 1);
    });
}

#[test]
fn past_the_slice_a_yield_if_needed_lets_others_run() {
    run(2, async {
        let others = Rc::new(Cell::new(0));
        let counted = others.clone();
        drop(io2::spawn(async move { counted.set(1) }));
        burn(Duration::from_millis(3));
        assert!(io2::need_preempt());
        io2::yield_if_needed().await;
        assert_eq!(others.get(), 1);
    });
}

#[test]
fn a_timer_that_is_due_ends_the_slice() {
    run(60_000, async {
        let fired = Rc::new(Cell::new(false));
        let said = fired.clone();
        drop(io2::spawn(async move {
            io2::time::sleep(Duration::from_millis(100)).await;
            said.set(true);
        }));
        io2::yield_now().await;
        assert!(!io2::need_preempt() || fired.get());
        burn(Duration::from_millis(120));
        assert!(io2::need_preempt());
        io2::yield_if_needed().await;
        // The timer fired before this task went on; its task runs in this turn or the next.
        io2::yield_now().await;
        assert!(fired.get());
    });
}

#[test]
fn a_task_that_yields_by_the_slice_lets_completions_through() {
    run(1, async {
        let (file, mut writer) = pipe();
        let read = Rc::new(Cell::new(false));
        let said = read.clone();
        let task = io2::spawn(async move {
            assert_eq!(file.read(vec![0; 4]).await.1, b"data");
            said.set(true);
        });
        io2::yield_now().await;
        nop().await.unwrap();
        writer.write_all(b"data").unwrap();
        // Never waits for anything: only its yields let the read be seen.
        let mut rounds = 0_u64;
        while !read.get() {
            rounds += 1;
            io2::yield_if_needed().await;
        }
        assert!(rounds > 1);
        task.await;
    });
}

#[test]
fn a_task_that_always_yields_starves_neither_io_nor_timers() {
    run(10, async {
        let busy = io2::spawn(async {
            loop {
                io2::yield_now().await;
            }
        });
        for _ in 0..20 {
            nop().await.unwrap();
            io2::time::sleep(Duration::from_micros(100)).await;
            let (file, mut writer) = pipe();
            let task = io2::spawn(async move { file.read(vec![0; 1]).await.0 });
            io2::yield_now().await;
            writer.write_all(b"x").unwrap();
            assert_eq!(task.await.unwrap(), 1);
        }
        assert_eq!(busy.cancel().await, None::<()>);
    });
}

#[test]
fn tasks_that_wake_each_other_do_not_keep_completions_out() {
    run(60_000, async {
        let (ping, mut pinged) = io2::sync::mpsc::channel(1);
        let (pong, mut ponged) = io2::sync::mpsc::channel(1);
        let one = io2::spawn(async move {
            while ping.send(()).await.is_ok() {
                ponged.recv().await;
            }
        });
        let other = io2::spawn(async move {
            while pinged.recv().await.is_some() {
                let _ = pong.send(()).await;
            }
        });
        for _ in 0..100 {
            nop().await.unwrap();
        }
        assert_eq!(one.cancel().await, None);
        other.await;
    });
}

/// Notes how many tasks had run when it is woken.
struct Note {
    run: AtomicUsize,
    woken_at: AtomicUsize,
}

impl Wake for Note {
    fn wake(self: Arc<Self>) {
        self.woken_at.store(self.run.load(Relaxed), Relaxed);
    }
}

#[test]
fn a_turn_ends_when_the_slice_is_used_up_and_the_order_stays() {
    run(5, async {
        let note = Arc::new(Note {
            run: AtomicUsize::new(0),
            woken_at: AtomicUsize::new(usize::MAX),
        });
        let (file, mut writer) = pipe();
        let mut read = file.read(vec![0; 4]);
        let waker = Waker::from(note.clone());
        assert!(
            Pin::new(&mut read)
                .poll(&mut Context::from_waker(&waker))
                .is_pending()
        );
        nop().await.unwrap();
        let order = Rc::new(RefCell::new(Vec::new()));
        let tasks: Vec<_> = (0..40)
            .map(|n| {
                let (order, note) = (order.clone(), note.clone());
                io2::spawn(async move {
                    burn(Duration::from_millis(1));
                    order.borrow_mut().push(n);
                    note.run.fetch_add(1, Relaxed);
                })
            })
            .collect();
        writer.write_all(b"data").unwrap();
        for task in tasks {
            task.await;
        }
        assert_eq!(*order.borrow(), (0..40).collect::<Vec<_>>());
        let woken_at = note.woken_at.load(Relaxed);
        assert!(woken_at < 40, "I/O was looked at after {woken_at} tasks");
        assert_eq!(read.await.1, b"data");
    });
}

#[test]
fn a_poll_over_the_slice_is_a_warning_that_names_the_task() {
    child::run(
        "a_poll_over_the_slice_is_a_warning_that_names_the_task",
        || {
            let observed = Observed::at_most(Level::WARN);
            let line = line!() + 8;
            observed.run(|| {
                let config = ExecutorConfig::new()
                    .preempt_duration(Duration::from_millis(2))
                    .watchdog(false);
                config
                    .run(async {
                        let hog = io2::Builder::new().name("hog");
                        let task = hog.spawn(async { burn(Duration::from_millis(8)) });
                        task.await;
                    })
                    .unwrap();
            });
            let overrun = observed.only("preempt.overrun", "task.name", "hog");
            assert_eq!(overrun.target, "io2::preempt");
            assert_eq!(overrun.number("budget_us"), 2_000);
            assert!(overrun.number("elapsed_us") >= 8_000);
            assert_eq!(overrun.text("loc.file"), file!());
            assert!((line - 2..=line).contains(&(overrun.number("loc.line") as u32)));
            // Where it is turned off nothing is said.
            let silent = Observed::at_most(Level::WARN);
            silent.run(|| run(2, async { burn(Duration::from_millis(8)) }));
            assert!(silent.named("preempt.overrun").is_empty());
        },
    );
}

#[test]
fn many_tasks_take_turns_in_the_order_of_their_spawns() {
    run(60_000, async {
        let order = Rc::new(RefCell::new(Vec::new()));
        let mut set = io2::JoinSet::new();
        for n in 0..50 {
            let order = order.clone();
            set.spawn(async move {
                for round in 0..20 {
                    order.borrow_mut().push((round, n));
                    io2::yield_now().await;
                }
            });
        }
        while let Some(done) = set.join_next().await {
            done.unwrap();
        }
        let order = order.borrow();
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert_eq!(*order, sorted);
    });
}
