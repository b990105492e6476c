//! A recording is read back by the definitions that Perfetto publishes.

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use io2::observe::{Recorder, Recording};
use io2::{Builder, ExecutorConfig};
use perfetto_protos::debug_annotation::DebugAnnotation;
use perfetto_protos::debug_annotation::debug_annotation::Value;
use perfetto_protos::trace::Trace;
use perfetto_protos::trace_packet::TracePacket;
use perfetto_protos::trace_packet::trace_packet::Data;
use perfetto_protos::track_descriptor::TrackDescriptor;
use perfetto_protos::track_event::TrackEvent;
use perfetto_protos::track_event::track_event::Type;
use protobuf::Message;

const SLICE: Duration = Duration::from_millis(5);

/// A trace, as who reads it sees it.
struct Seen {
    packets: Vec<TracePacket>,
    tracks: HashMap<u64, TrackDescriptor>,
}

#[derive(Clone, Debug, PartialEq)]
struct Slice {
    track: u64,
    name: String,
    start: u64,
    /// `None` for one that has not ended.
    end: Option<u64>,
    event: TrackEvent,
}

impl Seen {
    fn of(recording: &Recording) -> Seen {
        let mut bytes = Vec::new();
        recording.write_to(&mut bytes).unwrap();
        let packets = Trace::parse_from_bytes(&bytes).unwrap().packet;
        let tracks = packets.iter().filter_map(|packet| match &packet.data {
            Some(Data::TrackDescriptor(track)) => Some((track.uuid(), track.clone())),
            _ => None,
        });
        let tracks = tracks.collect();
        Seen { packets, tracks }
    }

    fn events(&self) -> Vec<(u64, &TrackEvent)> {
        let events = self.packets.iter().filter_map(|packet| match &packet.data {
            Some(Data::TrackEvent(event)) => Some((packet.timestamp(), event)),
            _ => None,
        });
        let mut events: Vec<_> = events.collect();
        // In the order of time, then in that of the file.
        events.sort_by_key(|(at, _)| *at);
        events
    }

    /// All slices; each ends before the one around it.
    fn slices(&self) -> Vec<Slice> {
        let mut open: HashMap<u64, Vec<Slice>> = HashMap::new();
        let mut slices = Vec::new();
        for (at, event) in self.events() {
            let track = event.track_uuid();
            assert!(self.tracks.contains_key(&track), "{event:?}");
            let open = open.entry(track).or_default();
            match event.type_() {
                Type::TYPE_SLICE_BEGIN => open.push(Slice {
                    track,
                    name: event.name().to_owned(),
                    start: at,
                    end: None,
                    event: event.clone(),
                }),
                Type::TYPE_SLICE_END => {
                    let slice = open.pop().expect("what ends has begun");
                    slices.push(Slice {
                        end: Some(at),
                        ..slice
                    });
                }
                _ => {}
            }
        }
        slices.extend(open.into_values().flatten());
        slices
    }

    fn slice(&self, is: impl Fn(&Slice) -> bool) -> Slice {
        let mut slices = self.slices();
        let at = slices.iter().position(is);
        slices.remove(at.unwrap_or_else(|| panic!("{slices:#?}")))
    }

    fn instants(&self, name: &str) -> Vec<(u64, &TrackEvent)> {
        let mut events = self.events();
        events.retain(|(_, event)| event.type_() == Type::TYPE_INSTANT && event.name() == name);
        events
    }

    /// The track of the executor of that name.
    fn thread(&self, name: &str) -> u64 {
        let mut tracks = self.tracks.values();
        let track = tracks.find(|track| track.thread.thread_name().starts_with(name));
        track.unwrap_or_else(|| panic!("{:?}", self.tracks)).uuid()
    }
}

fn note<'a>(event: &'a TrackEvent, name: &str) -> &'a DebugAnnotation {
    let note = event
        .debug_annotations
        .iter()
        .find(|note| note.name() == name);
    note.unwrap_or_else(|| panic!("{name} in {event:?}"))
}

fn text<'a>(event: &'a TrackEvent, name: &str) -> &'a str {
    match &note(event, name).value {
        Some(Value::StringValue(text)) => text,
        _ => panic!("{name} in {event:?}"),
    }
}

fn number(event: &TrackEvent, name: &str) -> i64 {
    match &note(event, name).value {
        Some(Value::UintValue(value)) => *value as i64,
        Some(Value::IntValue(value)) => *value,
        _ => panic!("{name} in {event:?}"),
    }
}

#[inline(never)]
fn compute(done: impl Fn() -> bool) {
    let start = Instant::now();
    while !done() && start.elapsed() < Duration::from_secs(20) {
        black_box((0..1000_u64).map(black_box).sum::<u64>());
    }
}

/// Whether the watchdog has reported a poll of that task.
fn is_reported(task: &str) -> bool {
    let overruns = io2::observe::overruns();
    overruns
        .iter()
        .any(|each| each.task_name.as_deref() == Some(task))
}

fn config(name: &str) -> ExecutorConfig {
    ExecutorConfig::new().name(name).preempt_duration(SLICE)
}

/// A process has one recording at a time.
fn one() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn an_operation_is_followed_from_its_submission_to_its_completion_and_the_poll_after() {
    let _one = one();
    let recorder = Recorder::start().unwrap();
    let run = config("reads").run(async {
        let task = Builder::new().name("reader").spawn(async {
            let (reader, writer) = std::io::pipe()?;
            let file = |fd: std::os::fd::OwnedFd| io2::fs::File::from_std(fd.into());
            let (reader, writer) = (file(reader.into()), file(writer.into()));
            let write = io2::spawn(async move { writer.write(b"twelve bytes".to_vec()).await.0 });
            let (read, _) = reader.read(Vec::with_capacity(4096)).await;
            write.await?;
            read
        });
        task.await
    });
    assert_eq!(run.unwrap().unwrap(), 12);
    let seen = Seen::of(&recorder.stop());

    let thread = seen.thread("reads");
    let mut reads = seen.instants("submit read").into_iter();
    let (submitted, submit) = reads
        .find(|(_, event)| number(event, "len") == 4096)
        .unwrap();
    let &[flow] = &submit.flow_ids[..] else {
        panic!("{submit:?}")
    };
    assert_eq!(number(submit, "op.id") as u64, flow);
    let mut completes = seen.instants("complete read").into_iter();
    let (completed, complete) = completes
        .find(|(_, event)| event.flow_ids == [flow])
        .unwrap();
    assert_eq!(number(complete, "res"), 12);
    assert_eq!(
        (submit.track_uuid(), complete.track_uuid()),
        (thread, thread)
    );

    // The operation itself, below the thread, from the one moment to the other.
    let operation = seen.slice(|slice| slice.name == "read" && slice.event.flow_ids == [flow]);
    assert_eq!(
        (operation.start, operation.end),
        (submitted, Some(completed))
    );
    let track = &seen.tracks[&operation.track];
    assert_eq!((track.parent_uuid(), track.name()), (thread, "operations"));

    // It was submitted in a poll of its task, and led to another one.
    let is_poll = |slice: &Slice| slice.name == "reader" && slice.track == thread;
    let led = |slice: &Slice| slice.event.terminating_flow_ids.contains(&flow);
    let next = seen.slice(|slice| is_poll(slice) && led(slice));
    assert!(next.start >= completed);
    let around = |slice: &Slice, at| slice.start <= at && slice.end >= Some(at);
    let first = seen.slice(|slice| is_poll(slice) && around(slice, submitted));
    assert!(text(&first.event, "spawned at").contains("trace_file.rs:"));
    assert_eq!(number(&first.event, "task.id"), number(submit, "task.id"));
    assert_eq!(number(&next.event, "task.id"), number(submit, "task.id"));

    // Between them the kernel was called.
    let is_enter = |slice: &Slice| slice.name == "enter" && slice.track == thread;
    let enter = seen.slice(|slice| is_enter(slice) && around(slice, completed));
    assert!(number(&enter.event, "completions") >= 1);
}

#[test]
fn an_overrun_is_shown_with_its_stack() {
    let _one = one();
    let recorder = Recorder::start().unwrap();
    let run = config("hogged").stall_stack(true).run(async {
        let hog = Builder::new().name("hog");
        hog.spawn(async { compute(|| is_reported("hog")) }).await;
    });
    run.unwrap();
    let recording = recorder.stop();
    assert_eq!(recording.lost(), 0);
    let seen = Seen::of(&recording);

    let thread = seen.thread("hogged");
    let overrun = seen.slice(|slice| slice.name == "overrun of hog");
    assert_eq!(seen.tracks[&overrun.track].parent_uuid(), thread);
    assert_eq!(number(&overrun.event, "budget_us"), 5_000);
    assert!(text(&overrun.event, "spawned at").contains("trace_file.rs:"));
    assert!(text(&overrun.event, "report").contains("without yielding"));
    let frames = note(&overrun.event, "stack").array_values.iter();
    let frames: Vec<_> = frames.map(DebugAnnotation::string_value).collect();
    assert!(!frames.is_empty());
    if cfg!(io2_frames) {
        assert!(
            frames.iter().any(|frame| frame.contains("compute")),
            "{frames:?}"
        );
    }
    // The poll itself is on the thread.
    let poll = seen.slice(|slice| slice.name == "hog" && slice.track == thread);
    assert!(poll.end.unwrap() - poll.start >= SLICE.as_nanos() as u64);
}

#[test]
fn an_executor_that_is_stuck_does_not_keep_the_recording_from_its_end() {
    let _one = one();
    static STOP: AtomicBool = AtomicBool::new(false);
    let stuck = std::thread::spawn(|| {
        let run = config("stuck").run(async {
            let endless = Builder::new().name("endless");
            endless
                .spawn(async { compute(|| STOP.load(Ordering::Relaxed)) })
                .await;
        });
        run.unwrap();
    });
    // It is in that poll before the recording starts, and when it ends.
    compute(|| is_reported("endless"));
    let recording = Recorder::start().unwrap().stop();
    assert!(!stuck.is_finished());
    STOP.store(true, Ordering::Relaxed);
    stuck.join().unwrap();

    let seen = Seen::of(&recording);
    let thread = seen.thread("stuck");
    let poll = seen.slice(|slice| slice.name == "endless" && slice.track == thread);
    assert_eq!(poll.end, None);
    assert!(text(&poll.event, "spawned at").contains("trace_file.rs:"));
}

#[test]
fn a_trace_is_one_sequence_that_says_what_its_clock_is() {
    let _one = one();
    let recorder = Recorder::start().unwrap();
    config("clock").run(io2::yield_now()).unwrap();
    let seen = Seen::of(&recorder.stop());
    let mut packets = seen.packets.iter();
    assert!(packets.all(|packet| packet.trusted_packet_sequence_id() == 1));
    // The state is cleared once, at first.
    let flags: Vec<_> = seen
        .packets
        .iter()
        .map(TracePacket::sequence_flags)
        .collect();
    assert_eq!(
        (flags[0], flags[1..].iter().all(|flags| *flags == 2)),
        (1, true)
    );
    let first = &seen.packets[0];
    assert_eq!(first.trace_packet_defaults.timestamp_clock_id(), 3);
    let Some(Data::ClockSnapshot(clocks)) = &first.data else {
        panic!("{first:?}")
    };
    let clock = |id| {
        let clock = clocks.clocks.iter().find(|clock| clock.clock_id() == id);
        clock.unwrap().timestamp()
    };
    let today = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let minute = 60_000_000_000;
    assert!((today.unwrap().as_nanos() as u64).abs_diff(clock(1)) < minute);
    for (at, event) in seen.events() {
        assert!(at.abs_diff(clock(3)) < minute, "{event:?}");
    }
    let mut tracks = seen.tracks.values();
    let process = tracks.find(|track| track.process.is_some()).unwrap();
    assert_eq!(process.process.pid() as u32, std::process::id());
}
