//! The manual's tables against the code, and what a subscriber may do.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::panic::Location;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Record};
use tracing::{Event, Id, Metadata, Subscriber};

use super::*;

/// What was seen: each span or event as `target name kind`, and the values it had.
type Seen = Vec<(String, BTreeMap<&'static str, String>)>;

/// Keeps what it is told, and then does what the test wants a subscriber to do.
struct Collector<F> {
    seen: Arc<Mutex<Seen>>,
    declared: Arc<Mutex<BTreeMap<String, Vec<&'static str>>>>,
    ids: AtomicU64,
    then: F,
}

impl<F: Fn() + Send + Sync + 'static> Collector<F> {
    fn new(then: F) -> Collector<F> {
        let (seen, declared) = Default::default();
        Collector {
            seen,
            declared,
            ids: AtomicU64::new(1),
            then,
        }
    }

    fn see(&self, meta: &'static Metadata<'static>, values: Values) {
        let kind = if meta.is_span() { "span" } else { "event" };
        let what = format!("{} {} {kind} {}", meta.target(), meta.name(), meta.level());
        let fields = meta.fields().iter().map(|field| field.name()).collect();
        self.declared.lock().unwrap().insert(what.clone(), fields);
        self.seen.lock().unwrap().push((what, values.0));
        (self.then)();
    }
}

#[derive(Default)]
struct Values(BTreeMap<&'static str, String>);

impl Visit for Values {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}

impl<F: Fn() + Send + Sync + 'static> Subscriber for Collector<F> {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut values = Values::default();
        span.record(&mut values);
        self.see(span.metadata(), values);
        Id::from_u64(self.ids.fetch_add(1, Ordering::Relaxed))
    }
    fn record(&self, _: &Id, record: &Record<'_>) {
        let mut values = Values::default();
        record.record(&mut values);
        self.seen.lock().unwrap().push(("record".into(), values.0));
        (self.then)();
    }
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        let mut values = Values::default();
        event.record(&mut values);
        self.see(event.metadata(), values);
    }
    fn enter(&self, _: &Id) {
        (self.then)();
    }
    fn exit(&self, _: &Id) {
        (self.then)();
    }
    fn try_close(&self, _: Id) -> bool {
        (self.then)();
        true
    }
}

/// Calls every function of the module once, with every optional value, or with none.
fn all(full: bool) {
    let some = |value: u64| full.then(|| Duration::from_micros(value));
    let name = full.then_some("indexer");
    let location = Location::caller();
    let us = Duration::from_micros;
    let task = TaskSpan::new(&TaskInfo {
        kind: TaskKind::Task,
        id: 7,
        name,
        size: 128,
        location,
        rt: 1,
    });
    enter_poll(&task, 7, 3, some(40)).end(full, us(15));
    drop(enter_submit(&OpInfo {
        id: 9,
        code: "read",
        fd: 5,
        len: 4096,
        offset: 512,
        task: 7,
        polled: full,
    }));
    drop(enter_complete(&CompleteInfo {
        id: 9,
        code: "read",
        res: -5,
        flags: 2,
        more: full,
        latency: some(80),
    }));
    enter_ring(1, 2, 1, some(1000)).end(2, 0, 1, us(900));
    task_end(
        &task,
        &TaskEnd {
            id: 7,
            name,
            outcome: "completed",
            polls: 3,
            busy: us(45),
            max_poll: us(15),
        },
    );
    task_panic(
        &task,
        &TaskPanic {
            id: 7,
            name,
            location,
            message: "boom",
        },
    );
    op_orphan(9, "read", 5, full.then_some(-125));
    op_stuck(&OpStuck {
        id: 9,
        code: "read",
        fd: 5,
        age: Duration::from_millis(1200),
        task: 7,
        location: full.then_some(location),
    });
    let text = |text: &str| full.then(|| text.to_owned());
    let frame = Frame {
        address: 1,
        function: text("work"),
        file: text("main.rs"),
        line: Some(3),
    };
    overrun(
        task.id(),
        &OverrunInfo {
            overrun: &Overrun {
                rt: 1,
                rt_name: None,
                task: 7,
                task_name: name.map(str::to_owned),
                location,
                poll: 1,
                at: crate::clock::now(),
                budget: us(10_000),
                elapsed: us(37_500),
                cpu: some(37_000),
                ended: true,
                blocked: full.then_some(true),
                syscall: text("read"),
                victims: 2,
                max_victim_delay: some(36_000),
                starved: full,
                stack: full.then_some(frame).into_iter().collect(),
            },
            suppressed: full.then_some(3),
        },
    );
    suppressed(12, Duration::from_secs(60));
    sq_full(1, 64, 300, 1);
    ring_busy(1, 64, 300, 1);
    ring_overflow(1, 64, 300, 1);
    buf_exhausted(1, 0, 64, 300, 1);
    poll_fallback("259:0", "no poll queues");
    rt_start(&RtStart {
        rt: 1,
        name,
        cpu: 0,
        depth: 64,
        preempt: some(10_000),
        kernel: "6.12",
        flags: "SINGLE_ISSUER",
    });
    rt_stop(1, 5, 4, Duration::from_millis(12));
    rt_leak(1, 1, 4096, Duration::from_secs(5));
    advice(format_args!("raise the limit"));
    local_leak("a future");
    #[cfg(feature = "console")]
    for op in [
        WakerOp::Clone,
        WakerOp::Drop,
        WakerOp::WakeByRef,
        WakerOp::Wake,
    ] {
        waker(77, op);
    }
    dashboard("http://127.0.0.1:7070/?token=x");
    dashboard_failed("127.0.0.1:7070", &"in use");
}

fn seen_by(full: bool) -> Seen {
    let collector = Collector::new(|| {});
    let seen = Arc::clone(&collector.seen);
    tracing::subscriber::with_default(collector, || all(full));
    std::mem::take(&mut *seen.lock().unwrap())
}

/// The values that were recorded for `name`, and by the records after it.
fn values(seen: &Seen, name: &str) -> BTreeMap<&'static str, String> {
    let at = seen
        .iter()
        .position(|(what, _)| what.split(' ').nth(1) == Some(name))
        .unwrap();
    let mut values = seen[at].1.clone();
    for (_, more) in seen[at + 1..]
        .iter()
        .take_while(|(what, _)| what == "record")
    {
        values.extend(more.clone());
    }
    values
}

#[test]
fn the_manual_lists_every_span_and_event_with_its_fields() {
    let collector = Collector::new(|| {});
    let declared = Arc::clone(&collector.declared);
    tracing::subscriber::with_default(collector, || all(true));
    let mut declared: Vec<String> = (declared.lock().unwrap().iter())
        .map(|(what, fields)| {
            let fields: Vec<_> = fields.iter().copied().filter(|f| *f != "message").collect();
            format!("{what}: {}", fields.join(" "))
        })
        .collect();

    let mut manual: Vec<String> = (include_str!("../observe/mod.rs").lines())
        .filter(|line| line.starts_with("//! | `"))
        .filter(|line| cfg!(feature = "console") || !line.contains("`runtime::waker`"))
        .map(|line| {
            let cells: Vec<_> = line
                .split('|')
                .map(|cell| cell.replace(['`', ','], ""))
                .collect();
            let [_, target, name, kind, fields, _] = &cells[..] else {
                panic!("{line}")
            };
            format!(
                "{} {} {}: {}",
                target.trim(),
                name.trim(),
                kind.trim(),
                fields.trim()
            )
        })
        .collect();
    declared.sort();
    manual.sort();
    assert_eq!(declared, manual);
}

/// Each line of `expected` is `name: field value, field value`; all else must be absent.
#[track_caller]
fn check(seen: &Seen, expected: &str) {
    for line in expected
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
    {
        let (name, expected) = line.split_once(':').unwrap();
        let mut expected: Vec<&str> = expected.trim().split(", ").collect();
        expected.sort();
        let is_message = |field: &str| field == "message" || field.starts_with("loc.");
        let values: Vec<String> = (values(seen, name).iter())
            .filter(|(field, _)| !is_message(field))
            .map(|(field, value)| format!("{field} {value}"))
            .collect();
        assert_eq!(values.join(", "), expected.join(", "), "{name}");
    }
}

#[test]
fn every_field_has_its_value() {
    let seen = seen_by(true);
    check(
        &seen,
        r#"
        runtime.spawn: kind "task", task.id 7, task.name "indexer", size.bytes 128, rt.id 1
        poll: task.id 7, poll.seq 3, wake_delay_us 40, ready true, busy_us 15
        submit: op.id 9, op.code "read", fd 5, len 4096, off 512, task.id 7, ring "polled"
        complete: op.id 9, op.code "read", res -5, flags 2, more true, latency_us 80
        enter: rt.id 1, sqes 2, wait 1, timeout_us 1000, ret 2, errno 0, cqes 1, blocked_us 900
        task.end: task.id 7, task.name "indexer", outcome "completed", polls 3, busy_us 45, max_poll_us 15
        task.panic: task.id 7, task.name "indexer", outcome "panicked"
        op.orphan: op.id 9, op.code "read", fd 5, res -125
        op.stuck: op.id 9, op.code "read", fd 5, age_ms 1200, task.id 7
        preempt.overrun: rt.id 1, task.id 7, task.name "indexer", budget_us 10000, elapsed_us 37500, overrun_us 27500, cpu_us 37000, phase "after", state "blocked", syscall "read", victims 2, max_victim_delay_us 36000, starved true, stack "work at main.rs:3", suppressed 3
        preempt.suppressed: count 12, window_s 60
        ring.sq_full: rt.id 1, depth 64, inflight 300, count 1
        ring.busy: rt.id 1, depth 64, inflight 300, count 1
        ring.overflow: rt.id 1, depth 64, inflight 300, count 1
        buf.exhausted: rt.id 1, depth 64, inflight 300, group 0, count 1
        ring.poll_fallback: dev "259:0", reason "no poll queues"
        rt.start: rt.id 1, rt.name "indexer", cpu 0, depth 64, preempt_us 10000, kernel "6.12", setup.flags "SINGLE_ISSUER"
        rt.stop: rt.id 1, inflight 5, drained 4, dur_ms 12
        rt.leak: rt.id 1, ops 1, bytes 4096
        rt.advice:
        local.leak: what "a future"
        dashboard: url "http://127.0.0.1:7070/?token=x"
        dashboard.failed: addr "127.0.0.1:7070", error "in use"
        "#,
    );

    let here = Location::caller();
    for name in ["runtime.spawn", "task.panic", "op.stuck", "preempt.overrun"] {
        let values = values(&seen, name);
        assert_eq!(values["loc.file"], format!("{:?}", here.file()), "{name}");
        assert!(
            values["loc.line"].parse::<u32>().unwrap() < here.line(),
            "{name}"
        );
        assert!(values["loc.col"].parse::<u32>().unwrap() > 1, "{name}");
    }
    let message = &values(&seen, "preempt.overrun")["message"];
    for part in ["task 7 `indexer`", "tests.rs", "37.5ms", "10ms", "2 ready"] {
        assert!(message.contains(part), "{part}: {message}");
    }
    assert!(values(&seen, "task.panic")["message"].contains("boom"));
}

#[cfg(feature = "console")]
#[test]
fn the_uses_of_a_waker_have_the_names_that_tokio_console_looks_for() {
    let told: Vec<_> = (seen_by(true).into_iter())
        .filter(|(what, _)| what == "runtime::waker waker event TRACE")
        .map(|(_, values)| (values["op"].clone(), values["task.id"].clone()))
        .collect();
    let expected = ["clone", "drop", "wake_by_ref", "wake"]
        .map(|op| (format!("\"waker.{op}\""), "77".to_owned()));
    assert_eq!(told, expected);
}

#[cfg(feature = "console")]
#[test]
fn the_uses_of_a_tasks_waker_are_told_with_the_number_of_its_span() {
    use std::future::poll_fn;
    use std::task::Poll;

    // Whatever is told: the subscriber could use the ring.
    let borrowed = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&borrowed);
    let collector = Collector::new(move || {
        let free = crate::executor::context::with(|it| it.driver.try_borrow_mut().is_ok());
        count.fetch_add(u64::from(free == Some(false)), Ordering::Relaxed);
    });
    let seen = Arc::clone(&collector.seen);
    let waker = || poll_fn(|cx| Poll::Ready(cx.waker().clone()));
    let told_of = |seen: &Arc<Mutex<Seen>>| -> Vec<(String, String)> {
        (seen.lock().unwrap().drain(..))
            .filter(|(what, _)| what == "runtime::waker waker event TRACE")
            .map(|(_, values)| (values["op"].replace('"', ""), values["task.id"].clone()))
            .collect()
    };
    let ops = |told: &[(String, String)]| -> Vec<String> {
        told.iter()
            .map(|(op, _)| op.replace("waker.", ""))
            .collect()
    };
    tracing::subscriber::with_default(collector, || {
        crate::ExecutorConfig::new().run(async {
            let root = waker().await;
            root.wake_by_ref();
            drop(root.clone());
            root.wake();
            let of_root = told_of(&seen);
            assert_eq!(
                ops(&of_root),
                ["clone", "wake_by_ref", "clone", "drop", "wake"]
            );

            let task = crate::spawn(async move {
                let own = waker().await;
                drop(own.clone());
                own
            });
            let ended = task.await;
            let of_task: Vec<_> = (told_of(&seen).into_iter())
                .filter(|(_, id)| *id != of_root[0].1)
                .collect();
            assert_eq!(ops(&of_task), ["clone", "clone", "drop"]);
            // The task is over.
            ended.wake_by_ref();
            assert_eq!(told_of(&seen), []);
            drop(ended);

            // Another thread wakes this one, between two of its polls.
            let mut asked = false;
            poll_fn(|cx| {
                if std::mem::replace(&mut asked, true) {
                    return Poll::Ready(());
                }
                let waker = cx.waker().clone();
                std::thread::spawn(move || waker.wake()).join().unwrap();
                Poll::Pending
            })
            .await;
            assert_eq!(ops(&told_of(&seen)), ["clone", "wake_by_ref"]);
        })
    })
    .unwrap();
    assert_eq!(borrowed.load(Ordering::Relaxed), 0);
}

#[test]
fn what_is_not_known_is_absent() {
    let seen = seen_by(false);
    check(
        &seen,
        r#"
        runtime.spawn: kind "task", task.id 7, size.bytes 128, rt.id 1
        poll: task.id 7, poll.seq 3, ready false, busy_us 15
        submit: op.id 9, op.code "read", fd 5, len 4096, off 512, task.id 7, ring "main"
        complete: op.id 9, op.code "read", res -5, flags 2, more false
        enter: rt.id 1, sqes 2, wait 1, ret 2, errno 0, cqes 1, blocked_us 900
        op.orphan: op.id 9, op.code "read", fd 5
        op.stuck: op.id 9, op.code "read", fd 5, age_ms 1200, task.id 7
        preempt.overrun: rt.id 1, task.id 7, budget_us 10000, elapsed_us 37500, overrun_us 27500, phase "after", victims 2
        rt.start: rt.id 1, cpu 0, depth 64, kernel "6.12", setup.flags "SINGLE_ISSUER"
        "#,
    );
    assert!(values(&seen, "preempt.overrun")["message"].starts_with("task 7, spawned at "));
}

#[test]
fn a_poll_that_panics_records_no_end() {
    let collector = Collector::new(|| {});
    let seen = Arc::clone(&collector.seen);
    tracing::subscriber::with_default(collector, || {
        drop(enter_poll(&TaskSpan::none(), 7, 3, None));
    });
    check(&seen.lock().unwrap(), "poll: task.id 7, poll.seq 3");
}

#[test]
fn a_subscriber_that_panics_harms_nobody() {
    struct Loud;
    impl Drop for Loud {
        fn drop(&mut self) {
            panic!("the payload of the subscriber's panic");
        }
    }
    let collector = Collector::new(|| std::panic::panic_any(Loud));
    let seen = Arc::clone(&collector.seen);
    let unwound = std::panic::catch_unwind(|| {
        tracing::subscriber::with_default(collector, || {
            all(true);
            // Spans that end while their thread unwinds.
            std::panic::catch_unwind(|| {
                let _poll = enter_poll(&TaskSpan::none(), 7, 3, None);
                panic!("a task");
            })
        })
    });
    assert_eq!(
        unwound.unwrap().unwrap_err().downcast_ref(),
        Some(&"a task")
    );
    assert!(
        seen.lock()
            .unwrap()
            .iter()
            .any(|(what, _)| what.contains("rt.advice"))
    );
}

#[test]
fn what_a_subscriber_makes_the_runtime_do_is_not_traced_again() {
    let collector = Collector::new(|| all(true));
    let seen = Arc::clone(&collector.seen);
    tracing::subscriber::with_default(collector, || all(true));
    assert_eq!(seen.lock().unwrap().len(), seen_by(true).len());
}

#[test]
fn a_task_pays_one_word_for_its_span() {
    assert_eq!(size_of::<TaskSpan>(), 8);
}
