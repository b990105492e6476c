//! Tasks: spawning, yielding, waking.

#![allow(
    missing_docs,
    reason = "criterion_group makes a public function without any"
)]

use std::time::Instant;

use criterion::{Criterion, criterion_group, criterion_main};
use io2_benches as work;

fn spawn(c: &mut Criterion) {
    let mut group = c.benchmark_group("spawn and join");
    group.bench_function("1,000 at once", |b| {
        b.iter_custom(|iterations| {
            work::run(async move {
                let start = Instant::now();
                for _ in 0..iterations {
                    work::spawn_at_once(1000).await;
                }
                start.elapsed()
            })
        });
    });
    group.bench_function("one by one", |b| {
        b.iter_custom(|iterations| {
            work::run(async move {
                let start = Instant::now();
                work::spawn_one_by_one(iterations).await;
                start.elapsed()
            })
        });
    });
}

fn yielding(c: &mut Criterion) {
    let mut group = c.benchmark_group("yield");
    for tasks in [2, 1000] {
        // One iteration is a yield of every task.
        group.bench_function(format!("{tasks} tasks"), |b| {
            b.iter_custom(|iterations| {
                work::run(async move {
                    let start = Instant::now();
                    work::yields(tasks, iterations).await;
                    start.elapsed()
                })
            });
        });
    }
    group.bench_function("need_preempt", |b| {
        b.iter_custom(|iterations| {
            work::run(async move {
                let start = Instant::now();
                std::hint::black_box(work::need_preempt(iterations));
                start.elapsed()
            })
        });
    });
}

fn waking(c: &mut Criterion) {
    let mut group = c.benchmark_group("wake");
    group.bench_function("oneself", |b| {
        b.iter_custom(|iterations| {
            work::run(async move {
                let start = Instant::now();
                work::wake_oneself(iterations).await;
                start.elapsed()
            })
        });
    });
    group.bench_function("from another thread, there and back", |b| {
        let alarm = work::Alarm::new();
        b.iter_custom(|iterations| {
            work::run(async {
                let start = Instant::now();
                alarm.wakes(iterations).await;
                start.elapsed()
            })
        });
    });
}

criterion_group!(benches, spawn, yielding, waking);
criterion_main!(benches);
