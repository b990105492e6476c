//! Wakes from another thread, which has a core of its own and spins while it waits.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Waker;
use std::time::{Duration, Instant};

/// What the threads share. A turn begins when as many tasks wait as there are.
struct Turns {
    waiting: AtomicU64,
    turn: AtomicU64,
    wakers: Mutex<Vec<Waker>>,
    woken: Mutex<Instant>,
}

impl Turns {
    fn new() -> Self {
        Turns {
            waiting: AtomicU64::new(0),
            turn: AtomicU64::new(0),
            wakers: Mutex::new(Vec::new()),
            woken: Mutex::new(Instant::now()),
        }
    }

    /// Whether a task's turn has come; if not, it waits for it.
    fn poll(&self, turn: u64, counted: &mut bool, waker: &Waker) -> bool {
        let mut wakers = self.wakers.lock().expect("nobody panicked");
        if self.turn.load(Ordering::Acquire) >= turn {
            return true;
        }
        // A task that is polled for another reason counts once, and its first waker stands for it.
        if !std::mem::replace(counted, true) {
            wakers.push(waker.clone());
            self.waiting.fetch_add(1, Ordering::Release);
        }
        false
    }

    /// The other thread: wakes all tasks in each turn, after a pause in which the executor falls asleep.
    fn wake(&self, tasks: u64, turns: u64, pause: Duration) {
        for turn in 1..=turns {
            while self.waiting.load(Ordering::Acquire) < tasks * turn {
                std::hint::spin_loop();
            }
            let start = Instant::now();
            while start.elapsed() < pause {
                std::hint::spin_loop();
            }
            let wakers = {
                let mut wakers = self.wakers.lock().expect("nobody panicked");
                self.turn.store(turn, Ordering::Release);
                std::mem::take(&mut *wakers)
            };
            *self.woken.lock().expect("nobody panicked") = Instant::now();
            for waker in wakers {
                waker.wake();
            }
        }
    }
}

macro_rules! wakes {
    ($($module:ident = $($peer:ident)::+;)+) => {
        $(pub mod $module {
            use std::future::poll_fn;
            use std::sync::Arc;
            use std::task::Poll;
            use std::time::Duration;

            use super::Turns;
            use crate::meter::{Meter, quantile};
            pub use crate::peers::$($peer)::+::NAME;
            use crate::peers::$($peer)::+::*;
            use crate::pin::{OTHER, pin};
            use crate::sample::Sample;

            /// So many tasks for so many turns. What it gives are the times from a wake to the poll.
            fn take_turns(tasks: u64, turns: u64, pause: Duration) -> (Sample, Vec<Duration>) {
                run(async move {
                    let shared = Arc::new(Turns::new());
                    let waking = shared.clone();
                    let thread = std::thread::spawn(move || {
                        pin(OTHER).expect("a core to run on");
                        waking.wake(tasks, turns, pause);
                    });
                    let meter = Meter::start();
                    let task = || {
                        let shared = shared.clone();
                        spawn(async move {
                            let mut times = Vec::new();
                            for turn in 1..=turns {
                                let mut counted = false;
                                poll_fn(|cx| {
                                    match shared.poll(turn, &mut counted, cx.waker()) {
                                        true => Poll::Ready(()),
                                        false => Poll::Pending,
                                    }
                                })
                                .await;
                                if !pause.is_zero() {
                                    times.push(shared.woken.lock().expect("no panic").elapsed());
                                }
                            }
                            times
                        })
                    };
                    let handles: Vec<_> = (0..tasks).map(|_| task()).collect();
                    let mut times = Vec::new();
                    for handle in handles {
                        times.append(&mut join(handle).await);
                    }
                    let sample = meter.end(tasks * turns);
                    thread.join().expect("it did not panic");
                    (sample, times)
                })
            }

            pub fn asleep(units: u64) -> Sample {
                let (_, mut times) = take_turns(1, units, Duration::from_micros(50));
                assert_eq!(times.len() as u64, units);
                Sample::new()
                    .with("p50_us", quantile(&mut times, 0.5))
                    .with("p99_us", quantile(&mut times, 0.99))
            }

            pub fn many(units: u64) -> Sample {
                let (sample, _) = take_turns(1000, units / 1000, Duration::ZERO);
                // The other thread spins, so CPU time says nothing.
                let wall = sample.get("wall_ns").expect("it is measured");
                Sample::new().with("wall_ns", wall)
            }
        })+
    };
}

wakes! {
    io2 = io2;
    tokio = tokio;
    tokio_uring = tokio_uring;
    glommio = glommio;
    compio = compio;
    smol = smol;
}
