//! Records what the program does for half a second, and writes a file that shows it on a time line.
//!
//!     cargo run --release --example perfetto -- trace.perfetto
//!
//! Open the file in https://ui.perfetto.dev, which reads it within the browser. The tasks `reader` are there, with
//! arrows from each read to its completion and to the poll that this led to, and the overruns of the task `report`.

use std::time::{Duration, Instant};
use std::{env, io};

use io2::observe::Recorder;
use io2::time::sleep;
use io2::{Builder, fs};

#[io2::main(name = "recorded")]
async fn main() -> io::Result<()> {
    let path = env::args().nth(1).unwrap_or("trace.perfetto".into());
    for _ in 0..4 {
        drop(Builder::new().name("reader").spawn(read()));
    }
    drop(Builder::new().name("report").spawn(report()));

    let recorder = Recorder::start()?;
    sleep(Duration::from_millis(500)).await;
    let recording = recorder.stop();

    let lost = recording.lost();
    let saved = path.clone();
    io2::spawn_blocking(move || recording.save(saved)).await?;
    println!("{path}: open it in https://ui.perfetto.dev ({lost} entries found no room)");
    Ok(())
}

/// Reads a bit, and sleeps.
async fn read() -> io::Result<()> {
    let file = fs::File::open("/proc/self/stat").await?;
    let mut buf = Vec::with_capacity(4096);
    loop {
        let read;
        (read, buf) = file.read_at(buf, 0).await;
        read?;
        sleep(Duration::from_millis(3)).await;
    }
}

/// Computes for longer than it may without yielding, now and then.
async fn report() {
    loop {
        let start = Instant::now();
        while start.elapsed() < Duration::from_millis(30) {
            std::hint::spin_loop();
        }
        sleep(Duration::from_millis(100)).await;
    }
}
