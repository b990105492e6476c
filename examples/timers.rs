//! Intervals, sleeps and time limits: how late they are, and what a limit leaves behind.
//!
//!     cargo run --release --example timers

use std::io;
use std::time::Duration;

use io2::time::{Instant, interval, sleep, sleep_until, timeout};

#[io2::main(name = "timers")]
async fn main() -> io::Result<()> {
    // A thousand sleeps at once are a thousand entries in a wheel, and one timer of the kernel.
    let start = Instant::now();
    let mut sleepers = io2::JoinSet::new();
    for n in 0..1_000 {
        let deadline = start + Duration::from_micros(50 * n);
        sleepers.spawn(async move {
            sleep_until(deadline).await;
            deadline.elapsed()
        });
    }
    let mut late = Vec::new();
    while let Some(lateness) = sleepers.join_next().await {
        late.push(lateness?);
    }
    late.sort();
    println!(
        "1000 sleeps over 50 ms: half of them at most {:?} late, the worst {:?}",
        late[late.len() / 2],
        late[late.len() - 1]
    );

    // Ticks stay on their grid, however long the work between them takes.
    let mut ticks = interval(Duration::from_millis(20));
    let first = ticks.tick().await;
    for n in 1..=5 {
        let due = ticks.tick().await;
        println!(
            "tick {n}: due at {:?}, {:?} late",
            due - first,
            due.elapsed()
        );
        sleep(Duration::from_millis(7)).await;
    }

    // A limit to any future: it is dropped.
    let limit = Duration::from_millis(30);
    let start = Instant::now();
    let outcome = timeout(limit, sleep(Duration::from_secs(60))).await;
    println!(
        "a minute's sleep, limited to {limit:?}: {outcome:?} after {:?}",
        start.elapsed()
    );

    // A limit to an operation: it is cancelled, says what became of it, and gives the buffer back.
    let (reader, writer) = io2::pipe::pipe()?;
    let buf = Vec::with_capacity(64);
    let (read, buf) = reader.read(buf).timeout(limit).await;
    println!(
        "an empty pipe, read for {limit:?}: {read:?}; buffer of {} bytes",
        buf.capacity()
    );

    writer.write_all("late, but here").await.0?;
    let (read, buf) = reader.read(buf).timeout(limit).await;
    println!(
        "the same pipe again: {} bytes, {:?}",
        read?,
        String::from_utf8_lossy(&buf)
    );
    Ok(())
}
