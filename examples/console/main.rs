//! The tasks of an io2 program in [tokio-console](https://docs.rs/tokio-console), which looks at spans, not
//! at runtimes: io2 makes the spans that it looks for, and with the feature `console` its events of wakers.
//!
//! ```sh
//! cargo install --locked tokio-console
//! cd examples/console
//! cargo run
//! # and on another terminal
//! tokio-console http://127.0.0.1:6669
//! ```
//!
//! Three tasks keep the core busy for a known share of the time, and a fourth tells on the standard output
//! how long each has been busy by its own clock: the column `Busy` of tokio-console shows the same.
//!
//! The server that tokio-console asks is console-subscriber's, with a tokio runtime on a thread of its own. Since
//! it is built without tokio's own spans, `.cargo/config.toml` sets `--cfg console_without_tokio_unstable`; a program
//! of yours needs that line, too.
//!
//! `IO2_CONSOLE_SECONDS` ends the program after so many seconds.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// How long a task works and sleeps in turn.
const ROUND: Duration = Duration::from_millis(20);

fn main() -> std::io::Result<()> {
    console_subscriber::ConsoleLayer::builder()
        .with_default_env()
        .init();
    io2::ExecutorConfig::new().name("console").run(work())
}

async fn work() {
    let mut tasks = Vec::new();
    for (name, percent) in [("busy-5", 5), ("busy-20", 20), ("busy-40", 40)] {
        let busy = Rc::new(Cell::new(Duration::ZERO));
        let task = keep_busy(ROUND * percent / 100, Rc::clone(&busy));
        io2::Builder::new().name(name).spawn(task);
        tasks.push((name, busy));
    }
    io2::Builder::new().name("reporter").spawn(report(tasks));
    match std::env::var("IO2_CONSOLE_SECONDS").map(|seconds| seconds.parse()) {
        Ok(Ok(seconds)) => io2::time::sleep(Duration::from_secs(seconds)).await,
        _ => std::future::pending().await,
    }
}

/// Computes for `share` of each round, and adds up how long that took.
async fn keep_busy(share: Duration, busy: Rc<Cell<Duration>>) {
    loop {
        let start = Instant::now();
        while start.elapsed() < share {
            std::hint::spin_loop();
        }
        busy.set(busy.get() + start.elapsed());
        io2::time::sleep(ROUND - share).await;
    }
}

async fn report(tasks: Vec<(&'static str, Rc<Cell<Duration>>)>) {
    loop {
        io2::time::sleep(Duration::from_secs(1)).await;
        let told: Vec<_> = (tasks.iter())
            .map(|(name, busy)| format!("{name} {:.3} s", busy.get().as_secs_f64()))
            .collect();
        println!("busy so far: {}", told.join(", "));
    }
}
