//! Rounds through the ring: no-ops and reads that the kernel answers at once.

#![allow(
    missing_docs,
    reason = "criterion_group makes a public function without any"
)]

use std::io;
use std::time::{Duration, Instant};

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use io2_benches::{self as work, BLOCK};

const DEPTHS: [u64; 2] = [1, 32];

/// Measures at every depth: one iteration is an operation of every task.
fn at_depths<F>(group: &mut BenchmarkGroup<'_, WallTime>, work: impl Fn(u64, u64) -> F)
where
    F: Future<Output = io::Result<()>>,
{
    for depth in DEPTHS {
        group.throughput(Throughput::Elements(depth));
        group.bench_function(format!("depth {depth}"), |b| {
            b.iter_custom(|iterations| time(work(depth, iterations)));
        });
    }
}

fn time(work: impl Future<Output = io::Result<()>>) -> Duration {
    work::run(async {
        let start = Instant::now();
        work.await.expect("the operations succeed");
        start.elapsed()
    })
}

fn no_op(c: &mut Criterion) {
    at_depths(&mut c.benchmark_group("no-op"), work::no_ops);
}

fn read_zero(c: &mut Criterion) {
    let read = |depth, each| work::reads("/dev/zero", u64::MAX, depth, each);
    at_depths(&mut c.benchmark_group("read 4 KiB of /dev/zero"), read);
}

fn read_cached(c: &mut Criterion) {
    const BLOCKS: u64 = 256;
    let name = format!("io2-benches-{}", std::process::id());
    let path = std::env::temp_dir().join(name);
    // Written just now, so it is in the cache.
    std::fs::write(&path, vec![7; BLOCK * BLOCKS as usize]).expect("the file was written");
    let name: &'static str = path.display().to_string().leak();
    let read = |depth, each| work::reads(name, BLOCKS, depth, each);
    at_depths(&mut c.benchmark_group("read 4 KiB, cached"), read);
    std::fs::remove_file(&path).expect("the file was removed");
}

criterion_group!(benches, no_op, read_zero, read_cached);
criterion_main!(benches);
