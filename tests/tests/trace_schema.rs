//! The spans and events of tasks, read back: that they are there, where they belong, and what they
//! say. The names of all fields are pinned beside the code that makes them.

use std::panic::Location;
use std::time::Duration;

use io2::{Builder, ExecutorConfig, Preempt};
use io2_tests::observed::{Observed, SLICE, Step, observe};
use tracing::Level;

#[test]
fn a_task_has_a_span_without_parent_that_says_what_it_is_and_where_it_was_spawned() {
    let (line, observed) = observe(async {
        let builder = Builder::new().name("named");
        let line = line!() + 1;
        let named = builder.spawn(std::future::ready([0_u8; 100]));
        named.await;
        io2::spawn(async {}).await;
        line
    });

    let named = observed.task("named");
    let fields = "kind loc.col loc.file loc.line rt.id size.bytes task.id task.name";
    named.assert_is("io2::task", Level::TRACE, fields);
    assert_eq!(named.parent, None);
    assert_eq!(named.text("kind"), "task");
    assert_eq!(named.text("loc.file"), Location::caller().file());
    assert_eq!(named.number("loc.line"), i64::from(line));
    assert!(named.number("size.bytes") >= 100);

    let root = observed.only("runtime.spawn", "kind", "block_on");
    assert_eq!(root.parent, None);
    assert_eq!(root.number("rt.id"), named.number("rt.id"));

    let tasks = observed.named("runtime.spawn");
    assert_eq!(tasks.len(), 3);
    assert!(
        !tasks[2].values.contains_key("task.name"),
        "a name that nobody gave"
    );
    let mut ids: Vec<_> = tasks.iter().map(|task| task.number("task.id")).collect();
    ids.dedup();
    assert_eq!(ids.len(), 3);
}

#[test]
fn both_spans_of_a_task_are_entered_around_each_of_its_polls() {
    let (_, observed) = observe(async {
        let task = Builder::new().name("polled").spawn(async {
            io2::yield_now().await;
            tracing::info!(name: "own", target: "io2_tests", "what a task says");
            io2::yield_now().await;
        });
        task.await;
    });

    let task = observed.task("polled");
    let polls = observed.polls(&task);
    assert_eq!(polls.len(), 3);
    assert_eq!(task.entered, 3);
    for (at, poll) in polls.iter().enumerate() {
        assert_eq!((poll.target, poll.level), ("io2::poll", Level::TRACE));
        assert_eq!(poll.parent, Some(task.id));
        assert_eq!(poll.entered, 1);
        assert_eq!(
            poll.number("poll.seq"),
            polls[0].number("poll.seq") + at as i64
        );
        assert_eq!(poll.text("ready"), if at == 2 { "true" } else { "false" });
        assert!(poll.number("busy_us") >= 0);
        let steps = observed.steps();
        let made = steps
            .iter()
            .position(|step| *step == Step::New(poll.id))
            .unwrap();
        assert_eq!(steps[made - 1], Step::Enter(task.id));
        assert_eq!(steps[made + 1], Step::Enter(poll.id));
        let left = steps
            .iter()
            .position(|step| *step == Step::Exit(poll.id))
            .unwrap();
        assert_eq!(
            steps[left + 1..left + 3],
            [Step::Close(poll.id), Step::Exit(task.id)]
        );
    }
    assert_eq!(observed.named("own")[0].parent, Some(polls[1].id));
}

#[test]
fn a_poll_over_the_slice_is_a_warning_in_the_tasks_span() {
    let (_, observed) = observe(async {
        let hog = Builder::new()
            .name("hog")
            .spawn(async { std::thread::sleep(SLICE * 3) });
        let victim = io2::spawn(async {});
        hog.await;
        victim.await;
    });

    let hog = observed.task("hog");
    let overrun = observed.only("preempt.overrun", "task.name", "hog");
    let fields = "budget_us elapsed_us loc.col loc.file loc.line max_victim_delay_us message \
                  overrun_us phase rt.id task.id task.name victims";
    overrun.assert_is("io2::preempt", Level::WARN, fields);
    assert_eq!(overrun.parent, Some(hog.id));
    for field in ["rt.id", "task.id", "loc.file", "loc.line", "loc.col"] {
        assert_eq!(overrun.text(field), hog.text(field), "{field}");
    }
    let slice = SLICE.as_micros() as i64;
    assert_eq!(overrun.number("budget_us"), slice);
    assert!(overrun.number("elapsed_us") >= 3 * slice);
    assert_eq!(
        overrun.number("overrun_us"),
        overrun.number("elapsed_us") - slice
    );
    assert_eq!(overrun.text("phase"), "after");
    // The one that spawned them waits for the other two.
    assert_eq!(overrun.number("victims"), 1);
    assert!(overrun.number("max_victim_delay_us") >= 3 * slice);
}

#[test]
fn five_overruns_are_told_of_one_by_one_and_the_others_counted() {
    let (_, observed) = observe(async {
        for _ in 0..7 {
            std::thread::sleep(SLICE);
            io2::yield_now().await;
        }
    });
    assert_eq!(observed.named("preempt.overrun").len(), 5);
    let suppressed = observed.named("preempt.suppressed");
    assert_eq!(suppressed.len(), 1);
    suppressed[0].assert_is("io2::preempt", Level::WARN, "count message window_s");
    assert_eq!(suppressed[0].number("count"), 2);
}

#[test]
fn overruns_are_not_looked_for_when_that_is_turned_off() {
    let observed = Observed::default();
    let config = ExecutorConfig::new()
        .preempt_duration(SLICE)
        .preempt(Preempt::Off);
    observed
        .run(|| config.run(async { std::thread::sleep(SLICE * 2) }))
        .unwrap();
    assert_eq!(observed.named("preempt.overrun").len(), 0);
    assert!(
        !observed.named("rt.start")[0]
            .values
            .contains_key("preempt_us")
    );
}

#[test]
fn the_panic_of_a_task_that_nobody_waits_for_is_an_error_once() {
    let (_, observed) = observe(async {
        // Detached before it panics, after it panicked, and waited for.
        drop(
            Builder::new()
                .name("before")
                .spawn(async { panic!("boom") }),
        );
        let after = Builder::new().name("after").spawn(async { panic!("boom") });
        let joined = Builder::new()
            .name("joined")
            .spawn(async { panic!("boom") });
        io2::yield_now().await;
        drop(after);
        assert!(joined.join().await.unwrap_err().is_panic());
    });
    for name in ["before", "after"] {
        let panic = observed.only("task.panic", "task.name", name);
        let fields = "loc.col loc.file loc.line message outcome task.id task.name";
        panic.assert_is("io2::task", Level::ERROR, fields);
        assert_eq!(panic.parent, Some(observed.task(name).id));
        assert_eq!(panic.text("task.id"), observed.task(name).text("task.id"));
        assert_eq!(panic.text("outcome"), "panicked");
        assert!(panic.text("message").contains("boom"), "{panic:?}");
    }
    assert_eq!(observed.named("task.panic").len(), 2);
}

#[test]
fn the_end_of_a_task_says_how_it_went() {
    let (_, observed) = observe(async {
        let completed = Builder::new().name("completed").spawn(async {
            io2::yield_now().await;
            std::thread::sleep(Duration::from_millis(2));
        });
        let cancelled = Builder::new()
            .name("cancelled")
            .spawn(std::future::pending::<()>());
        let panicked = Builder::new()
            .name("panicked")
            .spawn(async { panic!("boom") });
        completed.await;
        assert!(cancelled.cancel().await.is_none());
        panicked.join().await.unwrap_err();
        drop(
            Builder::new()
                .name("left")
                .spawn(std::future::pending::<()>()),
        );
    });
    let outcomes = [
        ("completed", "completed", 2),
        ("cancelled", "cancelled", 1),
        ("panicked", "panicked", 1),
        ("left", "cancelled", 0),
    ];
    for (name, outcome, polls) in outcomes {
        let end = observed.only("task.end", "task.name", name);
        let fields = "busy_us max_poll_us message outcome polls task.id task.name";
        end.assert_is("io2::task", Level::DEBUG, fields);
        assert_eq!(end.parent, Some(observed.task(name).id));
        assert_eq!(end.text("task.id"), observed.task(name).text("task.id"));
        assert_eq!(end.text("outcome"), outcome);
        assert_eq!(end.number("polls"), polls, "{name}");
        assert!(end.number("busy_us") >= end.number("max_poll_us"));
    }
    let completed = observed.only("task.end", "task.name", "completed");
    assert!(completed.number("max_poll_us") >= 2_000);
}

#[test]
fn the_span_of_a_task_ends_with_the_task_though_its_handle_lives() {
    let observed = Observed::default();
    observed
        .run(|| {
            ExecutorConfig::new().run(async {
                let task = Builder::new().name("short").spawn(async {});
                io2::yield_now().await;
                assert!(task.is_finished());
                assert!(observed.task("short").closed);
                task.await;
            })
        })
        .unwrap();
}

#[test]
fn task_ends_need_no_spans() {
    let observed = Observed::at_most(Level::DEBUG);
    observed
        .run(|| ExecutorConfig::new().run(async { io2::spawn(async {}).await }))
        .unwrap();
    assert_eq!(observed.named("task.end").len(), 1);
    assert!(observed.all().iter().all(|seen| seen.level <= Level::DEBUG));
}

#[test]
fn the_start_and_the_stop_of_an_executor_are_told() {
    let (_, observed) = observe(async {});
    let [start, stop] = ["rt.start", "rt.stop"].map(|name| observed.named(name).remove(0));
    let fields = "cpu depth kernel message preempt_us rt.id rt.name setup.flags";
    start.assert_is("io2::rt", Level::INFO, fields);
    assert_eq!(start.text("rt.name"), "tested");
    assert_eq!(start.number("depth"), 64);
    assert_eq!(start.number("preempt_us"), SLICE.as_micros() as i64);
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    assert_eq!(start.text("kernel"), kernel.trim());

    stop.assert_is(
        "io2::rt",
        Level::INFO,
        "drained dur_ms inflight message rt.id",
    );
    assert_eq!(stop.number("rt.id"), start.number("rt.id"));
    assert_eq!((stop.number("inflight"), stop.number("drained")), (0, 0));
    assert_eq!(
        observed.named("runtime.spawn")[0].number("rt.id"),
        start.number("rt.id")
    );
}
