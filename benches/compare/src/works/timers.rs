//! Timers: many at once, given up, how late they are, and what an executor without work costs.

/// Bytes that the program has allocated.
fn heap() -> f64 {
    // SAFETY: this only reads numbers.
    let info = unsafe { libc::mallinfo2() };
    (info.uordblks + info.hblkhd) as f64
}

macro_rules! timers {
    ($($module:ident = $($peer:ident)::+;)+) => {
        $(pub mod $module {
            use std::future::{Future as _, pending, poll_fn};
            use std::pin::pin;
            use std::task::Poll;
            use std::time::{Duration, Instant};

            use super::heap;
            use crate::meter::{Meter, quantile};
            pub use crate::peers::$($peer)::+::NAME;
            use crate::peers::$($peer)::+::*;
            use crate::sample::Sample;

            pub fn sleeps(units: u64) -> Sample {
                run(async move {
                    let meter = Meter::start();
                    let sleeper = |n: u64| {
                        // 0 to 100 ms, in no order.
                        let duration = Duration::from_micros(n * 7919 % 100_000);
                        spawn(async move {
                            let start = Instant::now();
                            sleep(duration).await;
                            assert!(start.elapsed() >= duration, "it ended too early");
                            1
                        })
                    };
                    let handles: Vec<_> = (0..units).map(sleeper).collect();
                    let mut sum = 0;
                    for handle in handles {
                        sum += join(handle).await;
                    }
                    assert_eq!(sum, units);
                    meter.end(units)
                })
            }

            pub fn dropped(units: u64) -> Sample {
                run(async move {
                    let meter = Meter::start();
                    for _ in 0..units {
                        let mut sleep = pin!(sleep(Duration::from_secs(60)));
                        poll_fn(|cx| {
                            assert!(sleep.as_mut().poll(cx).is_pending());
                            Poll::Ready(())
                        })
                        .await;
                    }
                    meter.end(units)
                })
            }

            pub fn lateness(units: u64) -> Sample {
                const SLEPT: Duration = Duration::from_millis(1);
                run(async move {
                    let mut late = Vec::new();
                    for _ in 0..units {
                        let start = Instant::now();
                        sleep(SLEPT).await;
                        late.push(start.elapsed().checked_sub(SLEPT).expect("not too early"));
                    }
                    Sample::new()
                        .with("p50_us", quantile(&mut late, 0.5))
                        .with("p99_us", quantile(&mut late, 0.99))
                })
            }

            /// So many milliseconds without work.
            pub fn idle(units: u64) -> Sample {
                run(async move {
                    let meter = Meter::start();
                    sleep(Duration::from_millis(units)).await;
                    let (cpu, wall) = meter.elapsed();
                    assert!(wall.as_millis() as u64 >= units);
                    Sample::new().with("cpu_us", cpu.as_secs_f64() * 1e6)
                })
            }

            /// Ends the process, since the tasks would never end.
            fn idle_tasks<H: 'static>(units: u64, idle: fn() -> H) -> Sample {
                run(async move {
                    sleep(Duration::from_millis(1)).await;
                    let before = heap();
                    let mut handles = Vec::with_capacity(units as usize);
                    let own = heap() - before;
                    for _ in 0..units {
                        handles.push(idle());
                    }
                    // All have been polled then.
                    sleep(Duration::from_millis(20)).await;
                    let bytes = (heap() - before - own) / units as f64;
                    crate::works::deliver(&Sample::new().with("bytes", bytes))
                })
            }

            pub fn idle_task(units: u64) -> Sample {
                idle_tasks(units, || spawn(pending::<()>()))
            }

            pub fn idle_timer(units: u64) -> Sample {
                idle_tasks(units, || {
                    spawn(async {
                        sleep(Duration::from_secs(3600)).await;
                    })
                })
            }

            pub fn start_up(units: u64) -> Sample {
                run(async {});
                let meter = Meter::start();
                for n in 0..units {
                    assert_eq!(run(async move { n }), n);
                }
                let sample = meter.end(units);
                let micros = |name| sample.get(name).map_or(f64::NAN, |nanos| nanos / 1000.0);
                Sample::new()
                    .with("cpu_us", micros("cpu_ns"))
                    .with("wall_us", micros("wall_ns"))
            }
        })+
    };
}

timers! {
    raw = raw;
    io2 = io2;
    tokio = tokio;
    tokio_uring = tokio_uring;
    monoio = monoio;
    glommio = glommio;
    compio = compio;
    smol = smol;
    kimojio = kimojio;
}
