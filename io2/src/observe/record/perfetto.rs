//! A recording as a trace of Perfetto: packets with descriptions of tracks, and events on them.
//!
//! Numbers of fields are those of Perfetto's public definitions: `trace_packet.proto`, `track_event.proto`,
//! `track_descriptor.proto`, `debug_annotation.proto`, `clock_snapshot.proto`.

use std::collections::HashMap;
use std::io::{self, BufWriter, Write};
use std::panic::Location;
use std::time::UNIX_EPOCH;

use super::proto::Message;
use super::{Moment, Recording};
use crate::clock::Ticks;
use crate::page::{Entry, Meta, Poll, Tape};
use crate::trace::Overrun;

/// All packets are one sequence.
const SEQUENCE: u64 = 1;
const STATE_CLEARED: u64 = 1;
const NEEDS_STATE: u64 = 2;

/// Of `BuiltinClock`.
const REALTIME: u64 = 1;
const MONOTONIC: u64 = 3;

const PROCESS: u64 = 1;

#[derive(Clone, Copy)]
enum Kind {
    Begin = 1,
    End = 2,
    Instant = 3,
}

pub(super) fn write(recording: &Recording, out: impl Write) -> io::Result<()> {
    let mut trace = Trace {
        out: BufWriter::new(out),
        packet: Message::default(),
        start: recording.start,
        end: recording.end,
        tracks: PROCESS,
    };
    trace.preamble(recording)?;
    for (tape, running) in &recording.recorded.tapes {
        let overruns = recording.recorded.overruns.iter();
        let overruns = overruns.filter(|overrun| overrun.rt == tape.about.rt);
        trace.executor(tape, running.as_ref(), overruns)?;
    }
    if recording.recorded.overruns_lost > 0 {
        let name = format!(
            "{} overruns were not recorded",
            recording.recorded.overruns_lost
        );
        let end = trace.end.at.as_nanos();
        trace.event(Kind::Instant, end, PROCESS, &name, |_| ())?;
    }
    trace.out.flush()
}

struct Trace<W: Write> {
    out: BufWriter<W>,
    /// Kept for its memory.
    packet: Message,
    start: Moment,
    end: Moment,
    /// The last track's number.
    tracks: u64,
}

impl<W: Write> Trace<W> {
    /// What a moment is on the monotonic clock: by the line through the start and the end.
    fn nanos(&self, ticks: Ticks) -> u64 {
        let (start, end) = (self.start, self.end);
        let span = i128::from(end.ticks.0) - i128::from(start.ticks.0);
        let nanos = i128::from(end.at.as_nanos()) - i128::from(start.at.as_nanos());
        let since = i128::from(ticks.0) - i128::from(start.ticks.0);
        let at = i128::from(start.at.as_nanos()) + since * nanos / span.max(1);
        u64::try_from(at.max(0)).unwrap_or(u64::MAX)
    }

    /// Writes one packet, which is a field of the trace.
    fn packet(&mut self, flags: u64, fill: impl FnOnce(&mut Message)) -> io::Result<()> {
        self.packet.clear();
        self.packet.message(1, |packet| {
            packet.int(10, SEQUENCE);
            packet.int(13, flags);
            fill(packet);
        });
        self.out.write_all(self.packet.bytes())
    }

    /// The clocks, and the process.
    fn preamble(&mut self, recording: &Recording) -> io::Result<()> {
        let monotonic = recording.start.at.as_nanos();
        let realtime = recording.clock.duration_since(UNIX_EPOCH);
        let realtime = realtime.map_or(0, |since| since.as_nanos() as u64);
        self.packet(STATE_CLEARED, |packet| {
            packet.int(87, 1);
            packet.message(59, |defaults| defaults.int(58, MONOTONIC));
            packet.message(6, |snapshot| {
                for (clock, nanos) in [(MONOTONIC, monotonic), (REALTIME, realtime)] {
                    snapshot.message(1, |each| {
                        each.int(1, clock);
                        each.int(2, nanos);
                    });
                }
                snapshot.int(2, MONOTONIC);
            });
        })?;
        let program = std::env::args_os().next().unwrap_or_default();
        let program = std::path::Path::new(&program).file_name();
        let program = program.unwrap_or_default().to_string_lossy();
        self.packet(NEEDS_STATE, |packet| {
            packet.message(60, |track| {
                track.int(1, PROCESS);
                track.message(3, |process| {
                    process.int(1, u64::from(std::process::id()));
                    process.text(6, &program);
                });
            });
        })
    }

    /// Describes a track, and gives its number.
    fn track(&mut self, parent: u64, fill: impl FnOnce(&mut Message)) -> io::Result<u64> {
        self.tracks += 1;
        let track = self.tracks;
        self.packet(NEEDS_STATE, |packet| {
            packet.message(60, |descriptor| {
                descriptor.int(1, track);
                descriptor.int(5, parent);
                fill(descriptor);
            });
        })?;
        Ok(track)
    }

    fn event(
        &mut self,
        kind: Kind,
        at: u64,
        track: u64,
        name: &str,
        fill: impl FnOnce(&mut Message),
    ) -> io::Result<()> {
        self.packet(NEEDS_STATE, |packet| {
            packet.int(8, at);
            packet.message(11, |event| {
                event.int(9, kind as u64);
                event.int(11, track);
                if !name.is_empty() {
                    event.text(23, name);
                }
                fill(event);
            });
        })
    }

    fn end(&mut self, at: u64, track: u64) -> io::Result<()> {
        self.event(Kind::End, at, track, "", |_| ())
    }

    fn executor<'a>(
        &mut self,
        tape: &Tape,
        running: Option<&Poll>,
        overruns: impl Iterator<Item = &'a Overrun>,
    ) -> io::Result<()> {
        let about = &tape.about;
        let name = match &about.name {
            Some(name) => format!("{name} (executor {})", about.rt),
            None => format!("executor {}", about.rt),
        };
        let thread = self.track(PROCESS, |track| {
            track.message(4, |thread| {
                thread.int(1, u64::from(std::process::id()));
                thread.int(2, i64::from(about.thread) as u64);
                thread.text(5, &name);
            });
        })?;
        self.thread(tape, thread)?;
        if let Some(poll) = running {
            // It has no end: so it is shown up to the end of the trace.
            let at = self.nanos(poll.start);
            let name = task_name(poll.name.as_deref(), poll.task);
            self.event(Kind::Begin, at, thread, &name, |event| {
                event.text(22, "poll");
                note_task(event, poll.task, poll.place);
                event.note("unfinished", |value| value.int(2, 1));
            })?;
        }
        if tape.lost() > 0 {
            let name = format!("{} entries found no room", tape.lost());
            let end = self.end.at.as_nanos();
            self.event(Kind::Instant, end, thread, &name, |_| ())?;
        }
        self.operations(tape, thread)?;
        self.overruns(overruns, thread)
    }

    /// What happened on the thread: polls and calls into the kernel, one after the other, and in them the moments
    /// at which operations were submitted and completed.
    fn thread(&mut self, tape: &Tape, thread: u64) -> io::Result<()> {
        // Operations that have completed, by task, and whether more is to come of them.
        let mut completed: HashMap<u64, Vec<(u64, bool)>> = HashMap::new();
        for entry in tape.entries() {
            match *entry {
                Entry::Poll {
                    task,
                    place,
                    start,
                    end,
                } => {
                    let (start, end) = (self.nanos(start), self.nanos(end));
                    let name = task_name(tape.name(task), task);
                    let led_by = completed.remove(&task).unwrap_or_default();
                    self.event(Kind::Begin, start, thread, &name, |event| {
                        event.text(22, "poll");
                        for (operation, more) in led_by {
                            event.fixed64(if more { 47 } else { 48 }, operation);
                        }
                        note_task(event, task, place);
                    })?;
                    self.end(end, thread)?;
                }
                Entry::Submitted(meta) => {
                    let Some(at) = meta.since.map(|at| self.nanos(at)) else {
                        continue;
                    };
                    let name = format!("submit {}", meta.name);
                    self.event(Kind::Instant, at, thread, &name, |event| {
                        event.text(22, "operation");
                        event.fixed64(47, meta.id);
                        note_operation(event, &meta);
                    })?;
                }
                Entry::Completed {
                    meta,
                    at,
                    res,
                    more,
                } => {
                    completed
                        .entry(meta.task)
                        .or_default()
                        .push((meta.id, more));
                    let name = format!("complete {}", meta.name);
                    let at = self.nanos(at);
                    self.event(Kind::Instant, at, thread, &name, |event| {
                        event.text(22, "operation");
                        event.fixed64(47, meta.id);
                        note_operation(event, &meta);
                        event.note("res", |value| value.int(4, i64::from(res) as u64));
                        event.note("more", |value| value.int(2, u64::from(more)));
                    })?;
                }
                Entry::Enter {
                    start,
                    end,
                    enters,
                    submissions,
                    completions,
                } => {
                    let (start, end) = (self.nanos(start), self.nanos(end));
                    self.event(Kind::Begin, start, thread, "enter", |event| {
                        event.text(22, "ring");
                        event.note("enters", |value| value.int(3, enters));
                        event.note("submissions", |value| value.int(3, submissions));
                        event.note("completions", |value| value.int(3, completions));
                    })?;
                    self.end(end, thread)?;
                }
            }
        }
        Ok(())
    }

    /// Operations from the submission to the completion. Those that overlap are on tracks of their own, as few as it
    /// takes; as they have the same name and parent, they are shown as one.
    fn operations(&mut self, tape: &Tape, thread: u64) -> io::Result<()> {
        let mut ends = HashMap::new();
        let mut begun = Vec::new();
        for entry in tape.entries() {
            match entry {
                Entry::Completed {
                    meta,
                    at,
                    res,
                    more,
                } => {
                    // Of several completions the last one counts, which need not have come yet.
                    let known = ends.insert(meta.id, (*at, *res, *more));
                    if known.is_none() {
                        begun.push(*meta);
                    }
                }
                Entry::Submitted(meta) => begun.push(*meta),
                Entry::Poll { .. } | Entry::Enter { .. } => {}
            }
        }
        begun.sort_by_key(|meta| (meta.since, meta.id));
        begun.dedup_by_key(|meta| meta.id);
        // When each track is free again.
        let mut tracks: Vec<(u64, u64)> = Vec::new();
        for meta in begun {
            let Some(since) = meta.since else { continue };
            let start = self.nanos(since);
            let end = ends.get(&meta.id).filter(|(_, _, more)| !more);
            let end = end.map(|&(at, res, _)| (self.nanos(at), res));
            let free = end.map_or(u64::MAX, |(at, _)| at);
            let track = match tracks.iter_mut().find(|(free, _)| *free <= start) {
                Some(place) => {
                    place.0 = free;
                    place.1
                }
                None => {
                    let track = self.track(thread, |track| track.text(2, "operations"))?;
                    tracks.push((free, track));
                    track
                }
            };
            self.event(Kind::Begin, start, track, meta.name, |event| {
                event.text(22, "operation");
                event.fixed64(47, meta.id);
                note_operation(event, &meta);
                if let Some((_, res)) = end {
                    event.note("res", |value| value.int(4, i64::from(res) as u64));
                }
            })?;
            if let Some((at, _)) = end {
                self.end(at, track)?;
            }
        }
        Ok(())
    }

    fn overruns<'a>(
        &mut self,
        overruns: impl Iterator<Item = &'a Overrun>,
        thread: u64,
    ) -> io::Result<()> {
        let mut track = None;
        let mut last = 0;
        for overrun in overruns {
            let track = match track {
                Some(track) => track,
                None => *track.insert(self.track(thread, |each| each.text(2, "overruns"))?),
            };
            let end = overrun.at.as_nanos();
            // They are measured with another clock: one must not seem to be within the one before.
            let start = (overrun.at - overrun.elapsed).as_nanos().max(last);
            last = end.max(start);
            let name = task_name(overrun.task_name.as_deref(), overrun.task);
            let name = format!("overrun of {name}");
            self.event(Kind::Begin, start, track, &name, |event| {
                event.text(22, "overrun");
                note_task(event, overrun.task, overrun.location);
                note_overrun(event, overrun);
            })?;
            self.end(last, track)?;
        }
        Ok(())
    }
}

impl Message {
    /// An annotation of an event: a name, and a value that `fill` writes.
    fn note(&mut self, name: &str, fill: impl FnOnce(&mut Message)) {
        self.message(4, |annotation| {
            annotation.text(10, name);
            fill(annotation);
        });
    }

    fn note_text(&mut self, name: &str, text: &str) {
        self.note(name, |value| value.text(6, text));
    }
}

fn task_name(name: Option<&str>, task: u64) -> String {
    match name {
        Some(name) => name.to_owned(),
        None => format!("task {task}"),
    }
}

fn note_task(event: &mut Message, task: u64, place: &'static Location<'static>) {
    event.note("task.id", |value| value.int(3, task));
    event.note_text("spawned at", &place.to_string());
}

fn note_operation(event: &mut Message, meta: &Meta) {
    event.note("op.id", |value| value.int(3, meta.id));
    event.note("fd", |value| value.int(4, i64::from(meta.fd) as u64));
    event.note("len", |value| value.int(3, meta.len));
    event.note("task.id", |value| value.int(3, meta.task));
}

fn note_overrun(event: &mut Message, overrun: &Overrun) {
    event.note_text("report", &overrun.to_string());
    let micros = [
        ("budget_us", Some(overrun.budget)),
        ("elapsed_us", Some(overrun.elapsed)),
        ("cpu_us", overrun.cpu),
        ("max_victim_delay_us", overrun.max_victim_delay),
    ];
    for (name, time) in micros {
        if let Some(time) = time {
            event.note(name, |value| value.int(3, time.as_micros() as u64));
        }
    }
    event.note("victims", |value| value.int(3, overrun.victims as u64));
    for (name, flag) in [("ended", overrun.ended), ("starved", overrun.starved)] {
        event.note(name, |value| value.int(2, u64::from(flag)));
    }
    let state = overrun.state().map(|state| ("state", state));
    let syscall = overrun.syscall.as_deref().map(|call| ("syscall", call));
    for (name, text) in [state, syscall].into_iter().flatten() {
        event.note_text(name, text);
    }
    if !overrun.stack.is_empty() {
        event.note("stack", |value| {
            for frame in &overrun.stack {
                value.message(12, |each| each.text(6, &frame.to_string()));
            }
        });
    }
}
