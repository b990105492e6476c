//! The work, written once and compiled for each runtime.

use std::path::PathBuf;
use std::sync::OnceLock;

use crate::meter::Cost;

/// One kind of work in one runtime, as often as the number says, and what a unit of it cost.
pub type Run = fn(u64) -> Cost;

/// One kind of work.
pub struct Case {
    pub name: &'static str,
    /// How many units are measured in a round.
    pub units: u64,
    /// In the order of [`RUNTIMES`].
    pub runs: [Run; RUNTIMES.len()],
}

pub const RUNTIMES: [&str; 3] = ["io2", "tokio", "monoio"];

/// Blocks of the file that is read.
pub const BLOCKS: u64 = 4096;

/// The file that is read. Whoever fills it sets this.
pub static FILE: OnceLock<PathBuf> = OnceLock::new();

fn file() -> &'static str {
    FILE.get()
        .and_then(|path| path.to_str())
        .expect("main set it")
}

macro_rules! work {
    ($runtime:ident) => {
        pub mod $runtime {
            use std::future::{Future, poll_fn};
            use std::pin::pin;
            use std::task::{Context, Poll, Waker};
            use std::time::Duration;

            use crate::meter::{Cost, Meter};
            use crate::runtimes::$runtime::*;
            use crate::runtimes::BLOCK;
            use crate::work::{BLOCKS, file};

            async fn spawn_and_join(tasks: u64) {
                let handles: Vec<_> = (0..tasks).map(|n| spawn(async move { n })).collect();
                for handle in handles {
                    join(handle).await;
                }
            }

            pub fn spawn_1000(units: u64) -> Cost {
                run(async move {
                    spawn_and_join(1000).await;
                    let meter = Meter::start();
                    for _ in 0..units / 1000 {
                        spawn_and_join(1000).await;
                    }
                    meter.end(units / 1000 * 1000)
                })
            }

            pub fn spawn_1(units: u64) -> Cost {
                run(async move {
                    spawn_and_join(1).await;
                    let meter = Meter::start();
                    for n in 0..units {
                        join(spawn(async move { n })).await;
                    }
                    meter.end(units)
                })
            }

            fn yields(tasks: u64, units: u64) -> Cost {
                run(async move {
                    let meter = Meter::start();
                    let handles: Vec<_> = (0..tasks)
                        .map(|_| {
                            spawn(async move {
                                for _ in 0..units / tasks {
                                    yield_now().await;
                                }
                            })
                        })
                        .collect();
                    for handle in handles {
                        join(handle).await;
                    }
                    meter.end(units / tasks * tasks)
                })
            }

            pub fn yield_2(units: u64) -> Cost {
                yields(2, units)
            }

            pub fn yield_1000(units: u64) -> Cost {
                yields(1000, units)
            }

            pub fn wake_self(units: u64) -> Cost {
                run(async move {
                    let meter = Meter::start();
                    let task = spawn(async move {
                        let mut left = units;
                        poll_fn(|cx| {
                            if left == 0 {
                                return Poll::Ready(());
                            }
                            left -= 1;
                            cx.waker().wake_by_ref();
                            Poll::Pending
                        })
                        .await;
                    });
                    join(task).await;
                    meter.end(units)
                })
            }

            pub fn sleeps(units: u64) -> Cost {
                run(async move {
                    let meter = Meter::start();
                    let handles: Vec<_> = (0..units)
                        .map(|n| {
                            // 1 to 50 ms, in no order.
                            let duration = Duration::from_micros(1000 + n * 7919 % 49_000);
                            spawn(async move { sleep(duration).await })
                        })
                        .collect();
                    for handle in handles {
                        join(handle).await;
                    }
                    meter.end(units)
                })
            }

            pub fn sleep_dropped(units: u64) -> Cost {
                run(async move {
                    let meter = Meter::start();
                    let mut cx = Context::from_waker(Waker::noop());
                    for _ in 0..units {
                        let sleep = pin!(sleep(Duration::from_secs(60)));
                        assert!(sleep.poll(&mut cx).is_pending());
                    }
                    meter.end(units)
                })
            }

            async fn nops(count: u64) {
                let mut null = open("/dev/null").await;
                let mut buf = Vec::with_capacity(1);
                for _ in 0..count {
                    buf = nop(&mut null, buf).await;
                }
            }

            async fn reads(path: &'static str, blocks: u64, count: u64) {
                let mut file = open(path).await;
                let mut buf = Vec::with_capacity(BLOCK);
                for n in 0..count {
                    buf = read(&mut file, buf, n % blocks * BLOCK as u64).await;
                }
            }

            macro_rules! at_depth {
                ($name:ident, $depth:literal, $count:ident => $work:expr) => {
                    pub fn $name(units: u64) -> Cost {
                        run(async move {
                            let meter = Meter::start();
                            let $count = units / $depth;
                            let handles: Vec<_> = (0..$depth).map(|_| spawn($work)).collect();
                            for handle in handles {
                                join(handle).await;
                            }
                            meter.end(units / $depth * $depth)
                        })
                    }
                };
            }
            at_depth!(nop_1, 1, count => nops(count));
            at_depth!(nop_32, 32, count => nops(count));
            at_depth!(zero_1, 1, count => reads("/dev/zero", u64::MAX, count));
            at_depth!(zero_32, 32, count => reads("/dev/zero", u64::MAX, count));
            at_depth!(cached_1, 1, count => reads(file(), BLOCKS, count));
            at_depth!(cached_32, 32, count => reads(file(), BLOCKS, count));
        }
    };
}

work!(io2);
work!(tokio);
work!(monoio);

macro_rules! cases {
    ($($name:literal, $units:literal => $work:ident;)+) => {
        /// All kinds of work.
        pub const CASES: &[Case] = &[$(Case {
            name: $name,
            units: $units,
            runs: [io2::$work, tokio::$work, monoio::$work],
        }),+];
    };
}

cases! {
    "spawn and join 1,000", 100_000 => spawn_1000;
    "spawn and join one by one", 100_000 => spawn_1;
    "yield, 2 tasks", 400_000 => yield_2;
    "yield, 1,000 tasks", 1_000_000 => yield_1000;
    "wake oneself", 1_000_000 => wake_self;
    "100,000 sleeps", 100_000 => sleeps;
    "sleep dropped", 200_000 => sleep_dropped;
    "no-op, depth 1", 20_000 => nop_1;
    "no-op, depth 32", 64_000 => nop_32;
    "read 4 KiB of /dev/zero, depth 1", 20_000 => zero_1;
    "read 4 KiB of /dev/zero, depth 32", 64_000 => zero_32;
    "read 4 KiB, cached, depth 1", 20_000 => cached_1;
    "read 4 KiB, cached, depth 32", 64_000 => cached_32;
}
