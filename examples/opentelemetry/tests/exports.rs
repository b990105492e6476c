//! What the example sends, read as a collector reads it.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::thread;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

const ORDERS: usize = 20;

/// What the orders come to: each is its number in hundreds, and 99.
const DONE: &str = "20 orders came to 20980 cents\n";

/// A request: its path and its body.
type Request = (String, Vec<u8>);

/// A place that takes requests, as a collector does.
struct Collector {
    address: String,
    taken: Arc<Mutex<Vec<Request>>>,
}

impl Collector {
    fn start() -> Collector {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let taken = Arc::default();
        let all = Arc::clone(&taken);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let all = Arc::clone(&all);
                thread::spawn(move || serve(&stream.unwrap(), &all));
            }
        });
        Collector { address, taken }
    }

    /// The messages that came by this path.
    fn messages<M: Message + Default>(&self, path: &str) -> Vec<M> {
        let taken = self.taken.lock().unwrap();
        let of_path = taken.iter().filter(|(to, _)| to == path);
        of_path
            .map(|(_, body)| M::decode(body.as_slice()).unwrap())
            .collect()
    }
}

/// Answers all requests of a connection.
fn serve(stream: &TcpStream, taken: &Mutex<Vec<Request>>) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).unwrap_or(0) == 0 {
                return;
            }
        }
        let path = head.split(' ').nth(1).unwrap().to_owned();
        let head = head.to_lowercase();
        assert!(
            head.contains("content-type: application/x-protobuf"),
            "{head}"
        );
        let length = head.split_once("content-length: ").unwrap().1;
        let length = length.lines().next().unwrap().parse().unwrap();
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        taken.lock().unwrap().push((path, body));
        let answer =
            "HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n";
        let mut stream = stream;
        stream.write_all(answer.as_bytes()).unwrap();
    }
}

/// Runs the example to its end.
fn run(collector: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_orders"))
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{collector}"))
        .env("OTEL_SERVICE_NAME", "shop")
        .output()
        .unwrap()
}

#[track_caller]
fn assert_done(output: &Output) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {stderr}", output.status);
    assert_eq!(String::from_utf8_lossy(&output.stdout), DONE, "{stderr}");
}

type Attributes = HashMap<String, Value>;

fn attributes(pairs: &[KeyValue]) -> Attributes {
    let pair = |pair: &KeyValue| {
        let value = pair.value.clone().and_then(|value| value.value);
        Some((pair.key.clone(), value?))
    };
    pairs.iter().filter_map(pair).collect()
}

fn text(text: &str) -> Option<Value> {
    Some(Value::StringValue(text.to_owned()))
}

/// A number. In a trace, what has no sign is a text.
#[track_caller]
fn number(all: &Attributes, key: &str) -> i64 {
    match all.get(key) {
        Some(Value::IntValue(number)) => *number,
        Some(Value::StringValue(text)) => text.parse().unwrap(),
        other => panic!("{key}: {other:?} in {all:?}"),
    }
}

/// The overrun of the first order, as it is in a record or in a span.
#[track_caller]
fn assert_overrun(all: &Attributes) {
    assert_eq!(all.get("task.name").cloned(), text("order-0"), "{all:?}");
    let file = text("examples/opentelemetry/main.rs");
    assert_eq!(all.get("loc.file").cloned(), file, "{all:?}");
    let spawned = include_str!("../main.rs").lines();
    let spawned = spawned.take_while(|line| !line.contains(".spawn(order(number))"));
    assert_eq!(number(all, "loc.line"), spawned.count() as i64 + 1);
    // It is told first at twice the slice, or when the poll has ended.
    assert_eq!(number(all, "budget_us"), 10_000);
    assert!(number(all, "elapsed_us") >= 20_000, "{all:?}");
    assert!(number(all, "victims") > 0, "{all:?}");
}

fn spans(requests: &[ExportTraceServiceRequest]) -> Vec<Span> {
    let resources = requests.iter().flat_map(|request| &request.resource_spans);
    let scopes = resources.flat_map(|resource| &resource.scope_spans);
    scopes.flat_map(|scope| scope.spans.clone()).collect()
}

fn records(requests: &[ExportLogsServiceRequest]) -> Vec<LogRecord> {
    let resources = requests.iter().flat_map(|request| &request.resource_logs);
    let scopes = resources.flat_map(|resource| &resource.scope_logs);
    scopes.flat_map(|scope| scope.log_records.clone()).collect()
}

#[test]
fn stalls_and_spans_reach_the_collector_in_batches_before_the_program_ends() {
    let collector = Collector::start();
    let output = run(&collector.address);
    assert_done(&output);
    assert!(output.stderr.is_empty(), "{output:?}");
    let traces = collector.messages::<ExportTraceServiceRequest>("/v1/traces");
    let logs = collector.messages::<ExportLogsServiceRequest>("/v1/logs");

    // All of the program's spans, each in the one that it belongs to.
    let spans = spans(&traces);
    let named = |name: &'static str| spans.iter().filter(move |span| span.name == name);
    let by_id: HashMap<&[u8], &Span> = (spans.iter())
        .map(|span| (span.span_id.as_slice(), span))
        .collect();
    assert_eq!(by_id.len(), spans.len());
    for (name, parent) in [
        ("price", "order"),
        ("store", "order"),
        ("order", "runtime.spawn"),
    ] {
        let mut numbers = Vec::new();
        for span in named(name) {
            let above = by_id[span.parent_span_id.as_slice()];
            assert_eq!(above.name, parent);
            assert_eq!(above.trace_id, span.trace_id);
            let own = attributes(&span.attributes);
            numbers.push(number(&own, "number"));
            let above = attributes(&above.attributes);
            match parent {
                "order" => assert_eq!(above["number"], own["number"]),
                _ => {
                    let task = format!("order-{}", number(&own, "number"));
                    assert_eq!(above.get("task.name").cloned(), text(&task));
                }
            }
        }
        numbers.sort_unstable();
        assert_eq!(numbers, (0..ORDERS as i64).collect::<Vec<_>>(), "{name}");
    }

    // Many at once.
    assert!(traces.len() * 4 <= spans.len(), "{} requests", traces.len());
    let records = records(&logs);
    assert!(logs.len() * 4 <= records.len(), "{} requests", logs.len());

    // The overrun as a log, and in the trace of the order.
    let is_overrun = |record: &&LogRecord| record.event_name == "preempt.overrun";
    let of_first = |all: &Attributes| all.get("task.name").cloned() == text("order-0");
    let mut overruns = records.iter().filter(is_overrun);
    let overrun = overruns
        .find(|record| of_first(&attributes(&record.attributes)))
        .expect("the overrun is a log");
    assert_overrun(&attributes(&overrun.attributes));
    assert_eq!(overrun.severity_text, "WARN");
    let Some(AnyValue {
        value: Some(Value::StringValue(body)),
    }) = &overrun.body
    else {
        panic!("{overrun:?}");
    };
    assert!(body.contains("`order-0`"), "{body}");

    let task = named("runtime.spawn")
        .find(|span| of_first(&attributes(&span.attributes)))
        .expect("the task is a span");
    // Here the name of an event is its message.
    let events = task
        .events
        .iter()
        .map(|event| attributes(&event.attributes));
    let mut overruns = events.filter(|all| all.get("target").cloned() == text("io2::preempt"));
    assert_overrun(
        &overruns
            .next()
            .expect("the overrun is an event of the task"),
    );

    // And all comes from the service that the environment names.
    for resource in traces.iter().flat_map(|request| &request.resource_spans) {
        let resource = resource.resource.as_ref().unwrap();
        let all = attributes(&resource.attributes);
        assert_eq!(all.get("service.name").cloned(), text("shop"));
    }
}

#[test]
fn without_a_collector_the_program_does_its_work_and_says_so_once() {
    // Nobody listens at this port.
    let output = run("127.0.0.1:1");
    assert_done(&output);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(stderr.lines().count(), 2, "{stderr}");
    for what in ["spans", "logs"] {
        let wanted = format!("the {what} do not reach http://127.0.0.1:1/v1/");
        assert!(stderr.contains(&wanted), "{stderr}");
    }
}

#[test]
fn a_collector_that_never_answers_does_not_keep_the_program() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let output = run(&silent.local_addr().unwrap().to_string());
    assert_done(&output);
}

#[test]
fn no_other_runtime_is_in_the_build() {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--offline", "--prefix", "none"])
        .args([
            "--edges",
            "normal,build",
            "--package",
            env!("CARGO_PKG_NAME"),
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&tree.stderr);
    assert!(tree.status.success(), "{stderr}");
    let tree = String::from_utf8_lossy(&tree.stdout);
    let crates = || tree.lines().filter_map(|line| line.split(' ').next());
    assert!(crates().any(|name| name == "opentelemetry-otlp"), "{tree}");
    for runtime in ["tokio", "async-std", "smol", "async-executor"] {
        assert!(crates().all(|name| name != runtime), "{runtime} in {tree}");
    }
}
