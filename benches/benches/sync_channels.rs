//! Channels, locks and signals.

#![allow(
    missing_docs,
    reason = "criterion_group makes a public function without any"
)]

use std::time::Instant;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use io2_benches as work;
use work::sync;

/// Measures so many iterations of something in one executor.
macro_rules! bench {
    ($group:ident, $name:expr, |$iterations:ident| $work:expr) => {
        $group.bench_function($name, |b| {
            b.iter_custom(|$iterations| {
                work::run(async move {
                    let start = Instant::now();
                    $work;
                    start.elapsed()
                })
            });
        });
    };
}

fn channels(c: &mut Criterion) {
    let mut group = c.benchmark_group("sync/message");
    group.throughput(Throughput::Elements(1));
    bench!(group, "queue", |n| sync::queue(n));
    bench!(group, "room for 64", |n| sync::messages(64, n).await);
    bench!(group, "room for 64, in batches", |n| {
        sync::messages_in_batches(64, n).await;
    });
    bench!(group, "room for 1", |n| sync::messages(1, n).await);
    bench!(group, "unbounded", |n| sync::unbounded_messages(n).await);
    bench!(group, "request and answer", |n| sync::requests(n).await);
    bench!(group, "broadcast to 4", |n| sync::broadcasts(4, n).await);
    bench!(group, "watch", |n| sync::changes(n).await);
}

fn locks(c: &mut Criterion) {
    let mut group = c.benchmark_group("sync/lock");
    bench!(group, "mutex that is free", |n| sync::locks(n).await);
    bench!(group, "semaphore, 16 tasks in turn", |n| {
        sync::turns(16, n / 16 + 1).await;
    });
    bench!(group, "notify there and back", |n| sync::notifications(n)
        .await);
}

criterion_group!(benches, channels, locks);
criterion_main!(benches);
