use std::panic::Location;

use super::*;
use crate::observe::{Histogram, Running};
use crate::page::Buckets;

fn buckets(nanos: &[u64]) -> Histogram {
    let buckets = Buckets::new();
    for &each in nanos {
        buckets.record(each, 1);
    }
    buckets.read()
}

fn stats(rt: u64, name: &str, running: Option<Running>) -> Stats {
    Stats {
        rt,
        name: Some(name.to_owned()),
        thread: 7,
        cpu: 2,
        ring_depth: 256,
        ring_flags: "DEFER_TASKRUN",
        kernel: "6.12".to_owned(),
        budget: Duration::from_millis(10),
        uptime: Duration::from_secs(90),
        polls: 11,
        spawned: 12,
        live: 13,
        ready: 14,
        submissions: 15,
        completions: 16,
        enters: 17,
        in_flight: 18,
        sq_full: 19,
        overflows: 20,
        busy: 21,
        timers: 22,
        timers_fired: 23,
        remote_wakes: 24,
        overruns: 25,
        task_time: Duration::from_micros(26),
        kernel_time: Duration::from_nanos(27),
        cpu_time: None,
        running,
        poll_time: buckets(&[255, 256, 1_000_000, 1 << 36]),
        wake_delay: buckets(&[]),
        latency: buckets(&[5_000]),
    }
}

/// A text with a bit of everything.
fn sample(open: bool) -> String {
    let stuck = Running {
        task: 9,
        name: Some("hog \"x\"\\\n".to_owned()),
        location: Location::caller(),
        elapsed: Duration::from_millis(1_500),
        victims: 0,
    };
    let short = Running {
        elapsed: Duration::from_millis(1),
        ..stuck.clone()
    };
    let all = [stats(1, "a", Some(stuck)), stats(2, "b", Some(short))];
    let in_flight = [
        InFlight {
            rt: 1,
            counts: vec![("read", 3)],
        },
        // It has ended.
        InFlight {
            rt: 9,
            counts: vec![("write", 4)],
        },
    ];
    let site = Site {
        location: "src/main.rs:3:5".to_owned(),
        task: "hog".to_owned(),
    };
    write(
        open,
        &all,
        &in_flight,
        &[(site, 5, Duration::from_millis(60))],
    )
}

#[track_caller]
fn has(text: &str, lines: &[&str]) {
    for line in lines {
        let found = text.lines().filter(|each| each == line).count();
        assert_eq!(found, 1, "{line}\nin\n{text}");
    }
}

/// The lines of a family, with what is said of it.
fn family<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    let lines = text
        .lines()
        .skip_while(|line| !line.starts_with(&format!("# TYPE {name} ")));
    let mut lines = lines.peekable();
    let first = lines.next().into_iter();
    first
        .chain(lines.take_while(|line| !line.starts_with("# TYPE ")))
        .collect()
}

#[test]
fn counters_and_gauges_are_told_with_their_executor_in_the_text_format() {
    let text = sample(false);
    assert_eq!(
        family(&text, "io2_polls_total"),
        [
            "# TYPE io2_polls_total counter",
            "# HELP io2_polls_total Polls that have begun.",
            "io2_polls_total{rt=\"1\",name=\"a\"} 11",
            "io2_polls_total{rt=\"2\",name=\"b\"} 11",
        ]
    );
    has(
        &text,
        &[
            "# TYPE io2_executor_info gauge",
            "io2_executor_info{rt=\"1\",name=\"a\",kernel=\"6.12\",cpu=\"2\",ring_depth=\"256\",ring_flags=\"DEFER_TASKRUN\"} 1",
            "io2_uptime_seconds{rt=\"1\",name=\"a\"} 90.000000000",
            "io2_task_seconds_total{rt=\"1\",name=\"a\"} 0.000026000",
            "io2_kernel_seconds_total{rt=\"1\",name=\"a\"} 0.000000027",
            "# TYPE io2_tasks gauge",
            "io2_tasks{rt=\"2\",name=\"b\"} 13",
            "io2_poll_running_seconds{rt=\"1\",name=\"a\"} 1.500000000",
            "io2_poll_running_seconds{rt=\"2\",name=\"b\"} 0.001000000",
            "io2_operations_in_flight_by_operation{rt=\"1\",name=\"a\",operation=\"read\"} 3",
            "io2_overruns_by_site_total{location=\"src/main.rs:3:5\",task=\"hog\"} 5",
            "io2_overrun_by_site_seconds_total{location=\"src/main.rs:3:5\",task=\"hog\"} 0.060000000",
        ],
    );
    // What is not known has no series; nor has an executor that has ended.
    assert_eq!(family(&text, "io2_cpu_seconds_total").len(), 2);
    assert!(!text.contains("\"write\""));
    assert!(!text.contains("# EOF") && !text.contains("# UNIT"));
}

#[test]
fn a_histogram_has_the_same_bounds_whatever_is_in_it_and_adds_up() {
    let text = sample(false);
    let bounds = |name: &str| -> Vec<String> {
        let of = format!("{name}_bucket{{rt=\"1\"");
        let lines = text.lines().filter(|line| line.starts_with(&of));
        let le = |line: &str| {
            line.split("le=")
                .nth(1)?
                .split('}')
                .next()
                .map(str::to_owned)
        };
        lines.filter_map(le).collect()
    };
    assert_eq!(bounds("io2_poll_seconds"), bounds("io2_wake_delay_seconds"));
    assert_eq!(bounds("io2_poll_seconds").len(), 28);
    has(
        &text,
        &[
            "# TYPE io2_poll_seconds histogram",
            "io2_poll_seconds_bucket{rt=\"1\",name=\"a\",le=\"0.000000256\"} 1",
            "io2_poll_seconds_bucket{rt=\"1\",name=\"a\",le=\"0.000000512\"} 2",
            "io2_poll_seconds_bucket{rt=\"1\",name=\"a\",le=\"0.000524288\"} 2",
            "io2_poll_seconds_bucket{rt=\"1\",name=\"a\",le=\"0.001048576\"} 3",
            "io2_poll_seconds_bucket{rt=\"1\",name=\"a\",le=\"17.179869184\"} 3",
            "io2_poll_seconds_bucket{rt=\"1\",name=\"a\",le=\"+Inf\"} 4",
            "io2_poll_seconds_sum{rt=\"1\",name=\"a\"} 68.720477247",
            "io2_poll_seconds_count{rt=\"1\",name=\"a\"} 4",
            "io2_wake_delay_seconds_bucket{rt=\"1\",name=\"a\",le=\"+Inf\"} 0",
        ],
    );
}

#[test]
fn a_label_is_escaped_and_only_a_poll_over_its_slice_is_named() {
    for text in [sample(false), sample(true)] {
        let stuck: Vec<_> = text
            .lines()
            .filter(|line| line.starts_with("io2_poll_stuck_seconds{"))
            .collect();
        assert_eq!(stuck.len(), 1, "{stuck:?}");
        assert!(
            stuck[0].contains(r#"task="hog \"x\"\\\n"} 1.5"#),
            "{stuck:?}"
        );
        assert!(stuck[0].contains("tests.rs:"), "{stuck:?}");
    }
}

#[test]
fn open_metrics_names_families_without_their_suffix_and_ends_with_a_mark() {
    let text = sample(true);
    assert_eq!(
        family(&text, "io2_task_seconds")[..4],
        [
            "# TYPE io2_task_seconds counter",
            "# UNIT io2_task_seconds seconds",
            "# HELP io2_task_seconds Time in polls.",
            "io2_task_seconds_total{rt=\"1\",name=\"a\"} 0.000026000",
        ]
    );
    has(
        &text,
        &[
            "# TYPE io2_executor info",
            "# UNIT io2_poll_seconds seconds",
        ],
    );
    assert!(
        text.contains(r#"task \"other\"."#),
        "quotes in a help are escaped"
    );
    assert!(text.ends_with("\n# EOF\n"));
}

/// The judge is Prometheus's own: `promtool`, where it is installed.
#[test]
fn promtool_finds_nothing_to_say_about_the_text() {
    use std::io::Write as _;
    use std::process::{Command, Stdio};
    let mut promtool = Command::new("promtool");
    promtool.args(["check", "metrics"]).stdin(Stdio::piped());
    let Ok(mut child) = promtool
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
    else {
        return;
    };
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(sample(false).as_bytes()).unwrap();
    drop(stdin);
    let out = child.wait_with_output().unwrap();
    let said = [out.stdout, out.stderr].concat();
    assert!(
        out.status.success() && said.is_empty(),
        "{}",
        String::from_utf8_lossy(&said)
    );
}
