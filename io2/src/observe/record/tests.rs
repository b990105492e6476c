use std::sync::Mutex;

use super::*;
use crate::ExecutorConfig;
use crate::lock::lock;
use crate::page::Entry;

/// There is one recording at a time.
static ONE: Mutex<()> = Mutex::new(());

fn yields(count: usize) {
    let run = ExecutorConfig::new().run(async move {
        for _ in 0..count {
            crate::yield_now().await;
        }
    });
    run.unwrap();
}

fn entries(recording: &Recording) -> usize {
    let tapes = recording.recorded.tapes.iter();
    tapes.map(|(tape, _)| tape.entries().count()).sum()
}

#[test]
fn a_recording_is_bounded_and_counts_what_it_loses() {
    let _one = lock(&ONE);
    // Room for one piece.
    let recorder = Recorder::with_limit(600 * size_of::<Entry>()).unwrap();
    yields(20_000);
    let recording = recorder.stop();
    assert_eq!(entries(&recording), 512);
    assert!(recording.lost() >= 19_000, "{recording:?}");
    let mut trace = Vec::new();
    recording.write_to(&mut trace).unwrap();
    let said = trace
        .windows(20)
        .any(|part| part == b"entries found no roo");
    assert!(said);
}

#[test]
fn nothing_is_recorded_when_nobody_asks() {
    let _one = lock(&ONE);
    let run = ExecutorConfig::new().run(async {
        let page = crate::executor::context::with(|executor| executor.page()).unwrap();
        // Others may watch at the same time, and let everything be measured.
        let watching = Watching::begin();
        for _ in 0..1_000 {
            crate::yield_now().await;
        }
        drop(watching);
        assert!(lock(&page.tape).is_none());
        let recorder = Recorder::start().unwrap();
        for _ in 0..1_000 {
            crate::yield_now().await;
        }
        assert!(lock(&page.tape).is_some());
        let recording = recorder.stop();
        for _ in 0..1_000 {
            crate::yield_now().await;
        }
        assert!(lock(&page.tape).is_none());
        recording
    });
    let recording = run.unwrap();
    assert!(entries(&recording) >= 1_000);
}

#[test]
fn there_is_one_recording_at_a_time_and_it_ends_when_it_is_dropped() {
    let _one = lock(&ONE);
    let recorder = Recorder::start().unwrap();
    let error = Recorder::start().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ResourceBusy);
    drop(recorder);
    drop(Recorder::start().unwrap().stop());
    drop(Recorder::start().unwrap());
}

#[test]
fn what_ends_while_a_recording_is_ended_is_in_it_and_no_other_begins_before() {
    let _one = lock(&ONE);
    let session = session::begin(1 << 20).unwrap();
    let watching = Watching::begin();
    let (begun, has_begun) = std::sync::mpsc::channel();
    let (end, ended) = std::sync::mpsc::channel::<()>();
    let thread = std::thread::spawn(move || {
        let config = ExecutorConfig::new().name("late").watchdog(false);
        let run = config.preempt(crate::Preempt::Off).run(async move {
            for _ in 0..1_000 {
                crate::yield_now().await;
            }
            begun.send(()).unwrap();
            ended.recv().unwrap();
        });
        run.unwrap();
    });
    has_begun.recv().unwrap();
    let pages = std::iter::once_with(|| {
        assert_eq!(session::begin(1 << 20), None);
        end.send(()).unwrap();
        thread.join().unwrap();
        None
    });
    let recorded = session::end(session, crate::clock::ticks(), pages.flatten());
    drop(watching);
    let late = |(tape, _): &(crate::page::Tape, _)| tape.about.name.as_deref() == Some("late");
    assert_eq!(recorded.tapes.iter().filter(|tape| late(tape)).count(), 1);
    let next = session::begin(1 << 20).expect("the other one is whole");
    session::end(next, crate::clock::ticks(), std::iter::empty());
}
