//! The spans of a program, its logs, and what io2 says of tasks that hold the core, in whatever takes OTLP by HTTP:
//! a collector of OpenTelemetry's, Jaeger, Grafana. For instance:
//!
//! ```sh
//! docker run --rm -p 3000:3000 -p 4318:4318 grafana/otel-lgtm
//! OTEL_SERVICE_NAME=orders cargo run --release -p io2-examples-opentelemetry
//! ```
//!
//! Then <http://localhost:3000> has, for the service `orders`,
//!
//! - in its *logs* (Loki) the event `preempt.overrun`, with the name of the task, where it was spawned, and how long
//!   it ran;
//! - in its *traces* (Tempo) a trace for each order: the task, and below it the program's own spans. The task that
//!   held the core has the same event on it.
//!
//! Where the collector is, and what else is usual, comes from the environment: `OTEL_EXPORTER_OTLP_ENDPOINT`
//! (`http://localhost:4318` unless set), `OTEL_SERVICE_NAME`, `OTEL_BSP_SCHEDULE_DELAY`, and so on.
//!
//! Everything is sent in batches, by threads of OpenTelemetry's own ([`export`]): no task waits for a collector,
//! and no other runtime is needed.

mod export;

use std::hint::black_box;
use std::time::{Duration, Instant};
use std::{env, io, process};

use io2::{Builder, ExecutorConfig};
use tracing::{info, instrument};

use self::export::Export;

const ORDERS: u32 = 20;

/// Not `#[io2::main]`: what is left is sent when the executor has ended, since then all spans have.
fn main() -> io::Result<()> {
    let export = Export::start().map_err(io::Error::other)?;
    let sum = ExecutorConfig::new().name("orders").run(orders());
    export.end();
    println!("{ORDERS} orders came to {} cents", sum??);
    Ok(())
}

async fn orders() -> io::Result<u64> {
    let named = |number| Builder::new().name(format!("order-{number}"));
    let tasks: Vec<_> = (0..ORDERS)
        .map(|number| named(number).spawn(order(number)))
        .collect();
    let mut sum = 0;
    for task in tasks {
        sum += task.await?;
    }
    Ok(sum)
}

/// A trace in which one can see what an order waited for.
#[instrument]
async fn order(number: u32) -> io::Result<u64> {
    let cents = price(number).await;
    store(number, cents).await?;
    info!(cents, "done");
    Ok(cents)
}

/// The first one takes long, and lets nobody else run meanwhile.
#[instrument]
async fn price(number: u32) -> u64 {
    let (start, mut rounds) = (Instant::now(), 0_u64);
    while number == 0 && start.elapsed() < Duration::from_millis(100) {
        rounds = black_box(rounds + 1);
    }
    io2::yield_now().await;
    u64::from(number) * 100 + 99
}

#[instrument]
async fn store(number: u32, cents: u64) -> io::Result<()> {
    let name = format!("io2-opentelemetry-{}-{number}", process::id());
    let path = env::temp_dir().join(name);
    io2::fs::write(&path, cents.to_string()).await.0?;
    io2::fs::remove_file(&path).await
}
