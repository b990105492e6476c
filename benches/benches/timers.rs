//! Timers: those that fire, and those that do not.

#![allow(
    missing_docs,
    reason = "criterion_group makes a public function without any"
)]

use std::time::{Duration, Instant};

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use io2_benches as work;

fn sleep(c: &mut Criterion) {
    // Under `cargo test` a thousand show as well that it works.
    let testing = !std::env::args().any(|argument| argument == "--bench");
    let sleeps = if testing { 1000 } else { 100_000 };
    let mut group = c.benchmark_group("sleep");
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(10));
    group.bench_function(format!("{sleeps} at once"), |b| {
        b.iter_batched(
            || (),
            |()| work::run(work::sleeps(sleeps)),
            BatchSize::PerIteration,
        );
    });
}

fn dropped(c: &mut Criterion) {
    c.bench_function("sleep/dropped", |b| {
        b.iter_custom(|iterations| {
            work::run(async move {
                let start = Instant::now();
                work::sleeps_dropped(iterations).await;
                start.elapsed()
            })
        });
    });
}

criterion_group!(benches, sleep, dropped);
criterion_main!(benches);
