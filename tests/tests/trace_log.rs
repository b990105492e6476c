//! Without a `tracing` subscriber in the process, warnings and errors go to `log`. This is a
//! process of its own, with one test, since no subscriber may ever have been set in it.

use std::sync::Mutex;
use std::time::Duration;

use io2::{Builder, ExecutorConfig};

static LINES: Mutex<Vec<(log::Level, String, String)>> = Mutex::new(Vec::new());

struct Logger;

impl log::Log for Logger {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let line = record.args().to_string();
        LINES
            .lock()
            .unwrap()
            .push((record.level(), record.target().to_owned(), line));
        // A logger is user code: it may call the runtime, and it may panic.
        drop(io2::spawn(async {}));
        panic!("the logger's own");
    }

    fn flush(&self) {}
}

#[test]
fn warnings_and_errors_reach_log_as_one_line_each() {
    log::set_logger(&Logger).unwrap();
    log::set_max_level(log::LevelFilter::Trace);

    let config = ExecutorConfig::new().preempt_duration(Duration::from_millis(100));
    let out = config.run(async {
        let hog = Builder::new().name("hog").spawn(async {
            std::thread::sleep(Duration::from_millis(400));
        });
        hog.await;
        drop(
            Builder::new()
                .name("doomed")
                .spawn(async { panic!("on\npurpose") }),
        );
        io2::yield_now().await;
        7
    });
    assert_eq!(out.unwrap(), 7);

    let lines = LINES.lock().unwrap();
    let of = |target: &str| -> Vec<_> { lines.iter().filter(|line| line.1 == target).collect() };

    let overruns = of("io2::preempt");
    assert!(!overruns.is_empty(), "{lines:?}");
    // On a machine that stalls there may be others before it.
    let hog = overruns.iter().find(|line| line.2.contains("`hog`"));
    let (level, _, line) = hog.expect("the hog is found");
    assert_eq!(*level, log::Level::Warn);
    for part in ["`hog`", file!(), "ms", "the limit is 100ms"] {
        assert!(line.contains(part), "{part}: {line}");
    }
    assert_eq!(line.lines().count(), 1, "{line}");

    let panics = of("io2::task");
    assert_eq!(panics.len(), 1, "{lines:?}");
    let (level, _, line) = panics[0];
    assert_eq!(*level, log::Level::Error);
    for part in ["`doomed`", file!(), "on purpose"] {
        assert!(line.contains(part), "{part}: {line}");
    }
    assert_eq!(line.lines().count(), 1, "{line}");

    // What is not worth a warning goes nowhere.
    assert!(
        lines.iter().all(|line| line.0 <= log::Level::Warn),
        "{lines:?}"
    );
}
