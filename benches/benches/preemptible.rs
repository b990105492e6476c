//! What the checks of `#[io2::preemptible]` cost in loops of three kinds.

#![allow(
    missing_docs,
    reason = "criterion_group makes a public function without any"
)]

use std::hint::black_box;
use std::time::Instant;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use io2_benches as work;

const BYTES: usize = 64 * 1024;

/// The same function three times: as it is, with a check at each iteration, and at each 1024th.
macro_rules! three {
    ($name:ident $input:ident: $type:ty => $output:ty $body:block) => {
        mod $name {
            use super::Mix;

            pub(super) async fn plain($input: $type) -> $output $body

            #[io2::preemptible]
            pub(super) async fn each($input: $type) -> $output $body

            #[io2::preemptible(every = 1024)]
            pub(super) async fn every_1024th($input: $type) -> $output $body
        }
    };
}

/// One step of a hash, each of which waits for the one before.
trait Mix {
    fn mix(self, byte: u8) -> Self;
}

impl Mix for u64 {
    #[inline]
    fn mix(self, byte: u8) -> u64 {
        (self ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    }
}

three! { scalar bytes: &[u8] => u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for &byte in bytes {
        hash = hash.mix(byte);
    }
    hash
}}

three! { parse bytes: &[u8] => u64 {
    let (mut sum, mut number) = (0_u64, 0_u64);
    for &byte in bytes {
        match byte {
            b'0'..=b'9' => number = number * 10 + u64::from(byte - b'0'),
            _ => {
                sum = sum.mix(0).wrapping_add(number);
                number = 0;
            }
        }
    }
    sum
}}

three! { vectorised bytes: &[u8] => u64 {
    let mut sum = 0_u64.mix(0);
    for &byte in bytes {
        sum += u64::from(byte);
    }
    sum
}}

fn preemptible(c: &mut Criterion) {
    // Numbers of one to six digits.
    let text: String = (1_u32..)
        .map(|n| format!("{}\n", n * n % 999_983))
        .take(BYTES / 4)
        .collect();
    let bytes = &text.as_bytes()[..BYTES];
    macro_rules! measure {
        ($($kind:ident: $($how:ident)*;)*) => {
            $(
                let mut group = c.benchmark_group(stringify!($kind));
                group.throughput(Throughput::Elements(BYTES as u64));
                $(
                    group.bench_function(stringify!($how), |b| {
                        b.iter_custom(|iterations| {
                            work::run(async move {
                                let start = Instant::now();
                                for _ in 0..iterations {
                                    black_box($kind::$how(black_box(bytes)).await);
                                }
                                start.elapsed()
                            })
                        });
                    });
                )*
                group.finish();
            )*
        };
    }
    measure! {
        scalar: plain each every_1024th;
        parse: plain each every_1024th;
        vectorised: plain each every_1024th;
    }
}

criterion_group!(benches, preemptible);
criterion_main!(benches);
