//! Sends messages through the channels of io2, tokio, local-sync and async-channel, in one process and
//! in interleaved rounds, and prints what a message costs.
//!
//! ```text
//! cargo run --release --manifest-path benches/compare/Cargo.toml --bin channels -- [ROUNDS] [CHANNEL]
//! ```
//!
//! tokio's channels run in tokio's single-threaded runtime, and in io2; the others in io2. `queue` is no
//! channel: it pushes to a `VecDeque` and pops from it, the least that a channel can do.

#[path = "../meter.rs"]
mod meter;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::hint::black_box;
use std::io::{self, Write};

use meter::{Cost, Meter};

const MESSAGES: u64 = 1_000_000;

fn in_io2<F: Future>(future: F) -> F::Output {
    let config = io2::ExecutorConfig::new();
    config.run(future).expect("the executor started")
}

fn in_tokio<F: Future>(future: F) -> F::Output {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder
        .build()
        .expect("the runtime started")
        .block_on(future)
}

/// So many messages from one task to another.
macro_rules! through {
    (
        $name:ident, $run:ident, $spawn:path, $make:expr,
        |$sender:ident, $message:ident| $send:expr, |$receiver:ident| $receive:expr
    ) => {
        fn $name(room: usize, messages: u64) -> Cost {
            $run(async move {
                #[allow(unused_mut, reason = "some receive by a shared reference")]
                let ($sender, mut $receiver) = $make(room);
                let meter = Meter::start();
                let task = $spawn(async move {
                    for $message in 0..messages {
                        assert!($send.is_ok());
                    }
                });
                let mut sum = 0;
                for _ in 0..messages {
                    sum += $receive.expect("a message");
                }
                assert_eq!(sum, messages * (messages - 1) / 2);
                drop(task);
                meter.end(messages)
            })
        }
    };
}

through!(
    own,
    in_io2,
    io2::spawn,
    io2::sync::mpsc::channel,
    |s, n| s.send(n).await,
    |r| r.recv().await
);
through!(
    own_unbounded,
    in_io2,
    io2::spawn,
    |_| io2::sync::mpsc::unbounded_channel(),
    |s, n| {
        yield_now_and_then(n).await;
        s.send(n)
    },
    |r| r.recv().await
);
through!(
    tokio_tokio,
    in_tokio,
    spawn_local,
    tokio::sync::mpsc::channel,
    |s, n| s.send(n).await,
    |r| r.recv().await
);
through!(
    tokio_io2,
    in_io2,
    io2::spawn,
    tokio::sync::mpsc::channel,
    |s, n| s.send(n).await,
    |r| r.recv().await
);
through!(
    tokio_unbounded,
    in_io2,
    io2::spawn,
    |_| tokio::sync::mpsc::unbounded_channel(),
    |s, n| {
        yield_now_and_then(n).await;
        s.send(n)
    },
    |r| r.recv().await
);
through!(
    local_sync,
    in_io2,
    io2::spawn,
    local_sync::mpsc::bounded::channel,
    |s, n| s.send(n).await,
    |r| r.recv().await
);
through!(
    local_sync_unbounded,
    in_io2,
    io2::spawn,
    |_| local_sync::mpsc::unbounded::channel(),
    |s, n| {
        yield_now_and_then(n).await;
        s.send(n)
    },
    |r| r.recv().await
);
through!(
    async_channel,
    in_io2,
    io2::spawn,
    async_channel::bounded,
    |s, n| s.send(n).await,
    |r| r.recv().await
);
through!(
    async_channel_unbounded,
    in_io2,
    io2::spawn,
    |_| async_channel::unbounded(),
    |s, n| {
        yield_now_and_then(n).await;
        s.send(n).await
    },
    |r| r.recv().await
);

/// A sender that never waits lets the receiver run after as many messages as fit into the others.
async fn yield_now_and_then(message: u64) {
    if message % 64 == 63 {
        io2::yield_now().await;
    }
}

fn spawn_local<F: Future<Output = ()> + Send + 'static>(future: F) -> impl Sized {
    tokio::spawn(future)
}

fn queue(room: usize, messages: u64) -> Cost {
    let queue = RefCell::new(VecDeque::with_capacity(room));
    let meter = Meter::start();
    let (mut sent, mut sum) = (0, 0);
    while sent < messages {
        while sent < messages && queue.borrow().len() < room {
            black_box(&queue).borrow_mut().push_back(sent);
            sent += 1;
        }
        while let Some(message) = pop(black_box(&queue)) {
            sum += message;
        }
    }
    assert_eq!(sum, messages * (messages - 1) / 2);
    meter.end(messages)
}

fn pop(queue: &RefCell<VecDeque<u64>>) -> Option<u64> {
    queue.borrow_mut().pop_front()
}

/// A channel, with so much room, and so many messages through it.
type Run = fn(usize, u64) -> Cost;

const CASES: &[(&str, usize, u64, &[(&str, Run)])] = &[
    ("room for 64", 64, MESSAGES, BOUNDED),
    ("room for 1", 1, MESSAGES / 10, BOUNDED),
    ("without a bound", 64, MESSAGES, UNBOUNDED),
];

const BOUNDED: &[(&str, Run)] = &[
    ("queue", queue),
    ("io2", own),
    ("tokio", tokio_tokio),
    ("tokio in io2", tokio_io2),
    ("local-sync", local_sync),
    ("async-channel", async_channel),
];

const UNBOUNDED: &[(&str, Run)] = &[
    ("queue", queue),
    ("io2", own_unbounded),
    ("tokio in io2", tokio_unbounded),
    ("local-sync", local_sync_unbounded),
    ("async-channel", async_channel_unbounded),
];

fn main() -> io::Result<()> {
    let rounds = std::env::args().nth(1);
    let wanted = std::env::args().nth(2);
    let rounds = rounds.and_then(|text| text.parse().ok()).unwrap_or(11);
    let mut out = io::stdout().lock();
    writeln!(out, "ns a message, medians of {rounds} rounds\n")?;
    writeln!(
        out,
        "| {:<16} | {:<14} | {:>8} | {:>9} |",
        "channel", "of", "CPU time", "wall time"
    )?;
    writeln!(out, "|{:-<18}|{0:-<16}|{0:->9}:|{0:->10}:|", "")?;
    for (case, room, messages, runs) in CASES {
        let wanted = |(name, _): &&(&str, Run)| wanted.as_ref().is_none_or(|wanted| wanted == name);
        let runs: Vec<_> = runs.iter().filter(wanted).collect();
        let mut costs: Vec<Vec<Cost>> = vec![Vec::new(); runs.len()];
        for round in 0..rounds {
            for turn in 0..runs.len() {
                // Nobody is always first.
                let at = (round + turn) % runs.len();
                let (_, run) = runs[at];
                costs[at].push(run(*room, *messages));
            }
        }
        for ((name, _), costs) in runs.iter().zip(costs) {
            let cpu = median(costs.iter().map(|cost| cost.cpu));
            let wall = median(costs.iter().map(|cost| cost.wall));
            writeln!(
                out,
                "| {case:<16} | {name:<14} | {cpu:>8.1} | {wall:>9.1} |"
            )?;
        }
    }
    Ok(())
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
