//! The dashboard, as any client of HTTP sees it.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use io2::net::TcpSocket;
use io2::{Builder, ExecutorConfig};
use io2_tests::child;
use io2_tests::observed::Observed;
use serde_json::Value;

/// Nothing here takes so long but on a machine that is very busy.
const LONG: Duration = Duration::from_secs(60);

const ROUTES: [&str; 6] = [
    "/",
    "/dashboard.css",
    "/dashboard.js",
    "/icon.svg",
    "/tasks",
    "/events",
];

fn config() -> ExecutorConfig {
    ExecutorConfig::new().name("shown").dashboard("127.0.0.1:0")
}

/// Where the dashboard is, and its token.
fn place() -> (SocketAddr, String) {
    let url = io2::observe::dashboard_url().expect("there is a dashboard");
    let rest = url.strip_prefix("http://").unwrap();
    let (address, token) = rest.split_once("/?token=").unwrap();
    (address.parse().unwrap(), token.to_owned())
}

/// Sends a request. `head` are its lines, without those that are always there.
fn send(address: SocketAddr, head: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    stream
        .write_all(format!("{head}\r\n\r\n").as_bytes())
        .unwrap();
    stream
}

/// The status and the rest of the head of a reply.
fn head(stream: &mut impl BufRead) -> (u16, String) {
    let mut text = String::new();
    while !text.ends_with("\r\n\r\n") {
        assert!(stream.read_line(&mut text).unwrap() > 0, "{text}");
    }
    let status = text.split(' ').nth(1).unwrap().parse().unwrap();
    (status, text.to_lowercase())
}

fn status(address: SocketAddr, request: &str) -> u16 {
    head(&mut BufReader::new(send(address, request))).0
}

fn get(path: &str) -> (u16, String, String) {
    let (address, token) = place();
    let request = format!("GET {path}?token={token} HTTP/1.1\r\nHost: {address}");
    let mut stream = BufReader::new(send(address, &request));
    let (status, head) = head(&mut stream);
    let mut body = String::new();
    stream.read_to_string(&mut body).unwrap();
    (status, head, body)
}

fn tasks() -> Value {
    let (status, _, body) = get("/tasks");
    assert_eq!(status, 200);
    let mut all: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(all["executors"].as_array().unwrap().len(), 1, "{all}");
    all["executors"][0].take()
}

/// Server-sent events, one after the other.
struct Events(BufReader<TcpStream>);

impl Events {
    fn open() -> Events {
        let (address, token) = place();
        let request = format!("GET /events?token={token} HTTP/1.1\r\nHost: {address}");
        let mut stream = BufReader::new(send(address, &request));
        assert_eq!(head(&mut stream).0, 200);
        Events(stream)
    }

    /// The next event of that name that is as wanted.
    fn until(&mut self, name: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let mut last = String::new();
        let mut line = String::new();
        loop {
            line.clear();
            assert!(self.0.read_line(&mut line).unwrap() > 0, "it has ended");
            if let Some(event) = line.strip_prefix("event: ") {
                event.trim().clone_into(&mut last);
            } else if let Some(data) = line.strip_prefix("data: ") {
                let data = serde_json::from_str(data).unwrap();
                if last == name && wanted(&data) {
                    return data;
                }
            }
        }
    }
}

/// Runs what blocks on a thread of its own while the executor works.
fn beside<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> T {
    config()
        .run(async { io2::spawn_blocking(body).await })
        .unwrap()
}

#[test]
fn without_the_right_token_nothing_is_given() {
    let name = "without_the_right_token_nothing_is_given";
    child::run(name, || {
        beside(|| {
            let (address, token) = place();
            assert_eq!(token.len(), 32);
            let ask = |path: &str, query: &str, more: &str| {
                let query = match path.contains('?') {
                    true => query.replacen('?', "&", 1),
                    false => query.to_owned(),
                };
                status(
                    address,
                    &format!("GET {path}{query} HTTP/1.1\r\nHost: {address}{more}"),
                )
            };
            let right = format!("?token={token}");
            for path in ROUTES
                .into_iter()
                .chain(["/metrics", "/trace?secs=0", "/nothing"])
            {
                for wrong in [
                    String::new(),
                    "?token=".into(),
                    format!("?token={}", &token[1..]),
                    format!("?token={token}0"),
                    format!("?x={token}"),
                    format!("?token={}", "0".repeat(32)),
                ] {
                    assert_eq!(ask(path, &wrong, ""), 403, "{path}{wrong}");
                }
                let bearer = "\r\nAuthorization: Bearer ";
                assert_eq!(ask(path, "", &format!("{bearer}{token}0")), 403, "{path}");
                for status in [
                    ask(path, &right, ""),
                    ask(path, &format!("?a=b&token={token}"), ""),
                    ask(path, "", &format!("{bearer}{token}")),
                ] {
                    assert_ne!(status, 403, "{path}");
                }
            }
            for path in ROUTES {
                assert_eq!(ask(path, &right, ""), 200, "{path}");
            }
            assert_eq!(ask("/nothing", &right, ""), 404);
            assert_eq!(ask("/../../etc/passwd", &right, ""), 404);
            let post = format!("POST /tasks{right} HTTP/1.1\r\nHost: {address}");
            assert_eq!(status(address, &post), 405);
        });
    });
}

#[test]
fn a_request_by_the_name_of_another_host_is_refused() {
    let name = "a_request_by_the_name_of_another_host_is_refused";
    child::run(name, || {
        beside(|| {
            let (address, token) = place();
            let ask = |host: &str| {
                status(
                    address,
                    &format!("GET /tasks?token={token} HTTP/1.1\r\n{host}"),
                )
            };
            assert_eq!(ask("Host: localhost"), 200);
            assert_eq!(ask("Host: 127.0.0.1:9999"), 200);
            assert_eq!(ask("Host: example.org"), 403);
            assert_eq!(ask("Host: localhost.example.org"), 403);
            assert_eq!(ask("X: y"), 403);
        });
    });
}

#[test]
fn the_page_may_load_nothing_from_elsewhere() {
    let name = "the_page_may_load_nothing_from_elsewhere";
    child::run(name, || {
        beside(|| {
            let (_, token) = place();
            let mut size = 0;
            for path in &ROUTES[..4] {
                let (_, head, body) = get(path);
                assert!(
                    head.contains("content-security-policy: default-src 'self'"),
                    "{head}"
                );
                assert!(head.contains("cache-control: no-store"), "{head}");
                assert!(head.contains("referrer-policy: no-referrer"), "{head}");
                let body = body.replace("http://www.w3.org/2000/svg", "");
                assert!(
                    !body.contains("http://") && !body.contains("https://"),
                    "{path}"
                );
                size += body.len();
                if *path == "/" {
                    assert!(body.contains(&format!("dashboard.js?token={token}")));
                }
            }
            assert!(size < 100_000, "{size} bytes");
        });
    });
}

#[test]
fn a_port_that_is_in_use_is_an_error_of_run() {
    let name = "a_port_that_is_in_use_is_an_error_of_run";
    child::run(name, || {
        let holder = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = holder.local_addr().unwrap().to_string();
        let config = ExecutorConfig::new().dashboard(&address);
        let error = config.run(async { panic!("it runs") }).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        let text = error.to_string();
        assert!(
            text.contains(&address) && text.contains("another port"),
            "{text}"
        );
        assert_eq!(io2::observe::dashboard_url(), None);
        // The thread can run another executor, which gets one when the port is free.
        drop(holder);
        let config = ExecutorConfig::new().dashboard(&address);
        let url = config.run(async { io2::observe::dashboard_url() }).unwrap();
        assert!(url.unwrap().contains(&address));
    });
}

#[test]
fn a_port_in_use_that_the_environment_asks_for_is_a_warning_and_the_program_runs() {
    let name = "a_port_in_use_that_the_environment_asks_for_is_a_warning_and_the_program_runs";
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = holder.local_addr().unwrap().to_string();
    let prepare = |command: &mut std::process::Command| {
        command.env("IO2_DASHBOARD", &address);
    };
    child::run_prepared(name, prepare, || {
        let observed = Observed::at_most(tracing::Level::TRACE);
        observed.run(|| {
            for n in 0..2 {
                assert_eq!(ExecutorConfig::new().run(async move { n }).unwrap(), n);
            }
        });
        assert_eq!(io2::observe::dashboard_url(), None);
        let said = observed.named("dashboard.failed");
        assert_eq!(said.len(), 1, "{said:?}");
        assert_eq!(said[0].level, tracing::Level::WARN);
        assert_eq!(said[0].target, "io2::dashboard");
        let address = std::env::var("IO2_DASHBOARD").unwrap();
        assert_eq!(said[0].text("addr"), address);
        assert!(said[0].text("error").contains("in use"), "{said:?}");
    });
}

#[test]
fn the_environment_alone_brings_a_dashboard_with_the_token_that_it_gives() {
    let name = "the_environment_alone_brings_a_dashboard_with_the_token_that_it_gives";
    let prepare = |command: &mut std::process::Command| {
        command
            .env("IO2_DASHBOARD", "127.0.0.1:0")
            .env("IO2_DASHBOARD_TOKEN", "known-to-all");
    };
    child::run_prepared(name, prepare, || {
        let observed = Observed::at_most(tracing::Level::TRACE);
        observed.run(|| {
            let ran = ExecutorConfig::new().run(async { io2::spawn_blocking(tasks).await });
            assert_eq!(ran.unwrap()["stuck"], false);
        });
        let (_, token) = place();
        assert_eq!(token, "known-to-all");
        let said = observed.named("dashboard");
        assert_eq!(said.len(), 1, "{said:?}");
        assert_eq!(said[0].text("url"), io2::observe::dashboard_url().unwrap());
    });
}

#[test]
fn executors_share_a_dashboard_and_another_address_is_refused() {
    let name = "executors_share_a_dashboard_and_another_address_is_refused";
    child::run(name, || {
        let url = || io2::observe::dashboard_url().unwrap();
        let first = config().run(async { url() }).unwrap();
        // It is there between executors, and for the next one, by either address.
        assert_eq!(config().run(async { url() }).unwrap(), first);
        let bound = place().0.to_string();
        let config = ExecutorConfig::new().dashboard(bound);
        assert_eq!(config.run(async { url() }).unwrap(), first);
        let config = ExecutorConfig::new().dashboard("127.0.0.2:0");
        let error = config.run(async { panic!("it runs") }).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains("the same address"), "{error}");
    });
}

#[test]
fn a_dashboard_does_not_show_itself() {
    let name = "a_dashboard_does_not_show_itself";
    child::run(name, || {
        beside(|| {
            let mut events = Events::open();
            let snapshot = events.until("snapshot", |_| true);
            let executors = snapshot["executors"].as_array().unwrap();
            assert_eq!(executors.len(), 1, "{snapshot}");
            assert_eq!(executors[0]["name"], "shown");
            assert_eq!(io2::observe::executors().len(), 1);
            assert_eq!(tasks()["name"], "shown");
        });
    });
}

#[test]
fn a_stuck_executor_is_shown_with_the_task_that_holds_it_while_it_does() {
    let name = "a_stuck_executor_is_shown_with_the_task_that_holds_it_while_it_does";
    child::run(name, || {
        let begin = Arc::new(AtomicBool::new(false));
        let release = Arc::new(AtomicBool::new(false));
        let (started, ended) = (begin.clone(), release.clone());
        let line = Arc::new(AtomicU64::new(0));
        let spawned = line.clone();
        let client = move || {
            // Whatever becomes of this.
            let release = Release(release);
            // What it says before it is stuck is what is told then.
            let before = tasks();
            assert_eq!(before["stuck"], false, "{before}");
            assert!(before["age_ns"].as_u64().is_some(), "{before}");
            begin.store(true, Ordering::Release);
            let line = line.load(Ordering::Acquire);
            let mut events = Events::open();
            let overrun = events.until("overrun", |it| {
                it["task_name"] == "hog" && it["ended"] == false
            });
            check_site(&overrun, line);
            let running = |it: &Value| it["executors"][0]["running"]["name"] == "hog";
            events.until("snapshot", running);
            // An answer that is fresh may be from before.
            let stuck = until_stuck();
            assert_eq!(stuck["running"]["name"], "hog", "{stuck}");
            check_site(&stuck["running"], line);
            assert_eq!(stuck["overrun"]["task_name"], "hog", "{stuck}");
            let names = names(&stuck);
            assert!(names.contains(&"hog".to_owned()), "{stuck}");
            assert!(stuck["age_ns"].as_u64().unwrap() > 0, "{stuck}");
            drop(release);
            let overrun = events.until("overrun", |it| {
                it["task_name"] == "hog" && it["ended"] == true
            });
            check_site(&overrun, line);
        };
        let ran = config().run(async move {
            let hog = Builder::new().name("hog");
            spawned.store(u64::from(line!()) + 1, Ordering::Release);
            let hog = hog.spawn(async move {
                while !started.load(Ordering::Acquire) {
                    io2::time::sleep(Duration::from_millis(1)).await;
                }
                let start = Instant::now();
                while !ended.load(Ordering::Acquire) && start.elapsed() < LONG {
                    std::hint::spin_loop();
                }
            });
            io2::spawn_blocking(client).await;
            hog.await;
            let after = io2::spawn_blocking(|| until_tasks(|it| it["stuck"] == false)).await;
            assert_eq!(after["running"], Value::Null, "{after}");
        });
        ran.unwrap();
    });
}

struct Release(Arc<AtomicBool>);

impl Drop for Release {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

fn until_tasks(wanted: impl Fn(&Value) -> bool) -> Value {
    let start = Instant::now();
    loop {
        let answer = tasks();
        if wanted(&answer) {
            return answer;
        }
        assert!(start.elapsed() < LONG, "{answer}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn until_stuck() -> Value {
    until_tasks(|answer| answer["stuck"] == true)
}

#[track_caller]
fn check_site(poll: &Value, line: u64) {
    let site = poll["site"].as_str().unwrap();
    assert!(
        site.contains(&format!("tests/dashboard.rs:{line}:")),
        "{site}, not line {line}"
    );
}

fn names(answer: &Value) -> Vec<String> {
    let tasks = answer["tasks"].as_array().unwrap().iter();
    tasks
        .filter_map(|task| Some(task["name"].as_str()?.to_owned()))
        .collect()
}

#[test]
fn names_of_tasks_come_as_they_are_whatever_is_in_them() {
    let name = "names_of_tasks_come_as_they_are_whatever_is_in_them";
    child::run(name, || {
        let wild = "</script><img src=x onerror=\"alert(1)\">\n\r\n\u{2028}data: x\\\0ä";
        let ran = config().run(async {
            let task = Builder::new()
                .name(wild)
                .spawn(std::future::pending::<()>());
            let answer = io2::spawn_blocking(tasks).await;
            assert_eq!(names(&answer), [wild]);
            task.cancel().await;
        });
        ran.unwrap();
    });
}

#[test]
fn what_a_task_waits_for_is_told() {
    let name = "what_a_task_waits_for_is_told";
    child::run(name, || {
        let ran = config().run(async {
            let (reader, _writer) = std::io::pipe().unwrap();
            let file = io2::fs::File::from_std(std::os::fd::OwnedFd::from(reader).into());
            let reading = Builder::new()
                .name("reading")
                .spawn(async move { file.read(vec![0; 16]).await });
            let sleeping = Builder::new()
                .name("sleeping")
                .spawn(io2::time::sleep(LONG * 60));
            let answer = io2::spawn_blocking(tasks).await;
            let of = |name: &str| {
                let all = answer["tasks"].as_array().unwrap();
                all.iter().find(|it| it["name"] == name).unwrap().clone()
            };
            assert_eq!(of("reading")["operation"]["name"], "read", "{answer}");
            assert_eq!(of("sleeping")["state"], "timer", "{answer}");
            assert!(of("sleeping")["due_ns"].as_u64().unwrap() > 0);
            // The closure that asks is a task, too.
            assert_eq!(answer["live"], 3);
            let reads = answer["in_flight"].as_array().unwrap();
            assert!(reads.iter().any(|it| it["name"] == "read"), "{answer}");
            reading.cancel().await;
            sleeping.cancel().await;
        });
        ran.unwrap();
    });
}

#[test]
fn a_recording_is_made_while_others_are_served_and_one_at_a_time() {
    let name = "a_recording_is_made_while_others_are_served_and_one_at_a_time";
    child::run(name, || {
        beside(|| {
            let (address, token) = place();
            let ask = |secs: &str| {
                let request =
                    format!("GET /trace?token={token}&secs={secs} HTTP/1.1\r\nHost: {address}");
                BufReader::new(send(address, &request))
            };
            for wrong in ["0", "31", "-1", "x", ""] {
                assert_eq!(head(&mut ask(wrong)).0, 400, "{wrong}");
            }
            // Of two that overlap one is refused, whichever comes later.
            let (mut one, mut other) = (ask("2"), ask("2"));
            assert_eq!(tasks()["stuck"], false);
            let replies = [head(&mut one), head(&mut other)];
            let mut kinds = replies.each_ref().map(|reply| reply.0);
            kinds.sort();
            assert_eq!(kinds, [200, 409], "{replies:?}");
            let right = if replies[0].0 == 200 {
                &mut one
            } else {
                &mut other
            };
            let mut trace = Vec::new();
            right.read_to_end(&mut trace).unwrap();
            let named = trace.windows(5).any(|part| part == b"shown");
            assert!(named, "{} bytes", trace.len());
            // A client that goes away leaves no recording behind.
            drop(ask("30"));
            let start = Instant::now();
            while head(&mut ask("1")).0 != 200 {
                assert!(start.elapsed() < LONG, "it goes on");
            }
        });
    });
}

#[test]
fn a_hundred_clients_that_never_read_keep_neither_a_fresh_one_nor_the_executor() {
    let name = "a_hundred_clients_that_never_read_keep_neither_a_fresh_one_nor_the_executor";
    child::run(name, || {
        let turns = Arc::new(AtomicU64::new(0));
        let seen = turns.clone();
        let client = move || {
            let (address, token) = place();
            let dead: Vec<_> = (0..100)
                .map(|n| {
                    // Some ask for events, some for tasks, some never end their request.
                    let line = match n % 3 {
                        0 => {
                            format!("GET /events?token={token} HTTP/1.1\r\nHost: {address}\r\n\r\n")
                        }
                        1 => {
                            format!("GET /tasks?token={token} HTTP/1.1\r\nHost: {address}\r\n\r\n")
                        }
                        _ => "GET / HTTP/1.1\r\nHost:".to_owned(),
                    };
                    let mut stream = TcpStream::connect(address).unwrap();
                    stream.write_all(line.as_bytes()).unwrap();
                    stream
                })
                .collect();
            let mut events = Events::open();
            for _ in 0..3 {
                let before = seen.load(Ordering::Relaxed);
                events.until("snapshot", |_| true);
                // The closure that asks is a task, too.
                assert_eq!(tasks()["live"], 3002);
                let start = Instant::now();
                while seen.load(Ordering::Relaxed) < before + 10 {
                    assert!(start.elapsed() < LONG, "the executor stands still");
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
            drop(dead);
        };
        let ran = config().run(async move {
            // Enough that what is said of them does not fit into the buffers of sockets.
            let mut tasks = io2::JoinSet::new();
            for _ in 0..3000 {
                tasks.spawn(std::future::pending::<()>());
            }
            let ticking = io2::spawn(async move {
                loop {
                    io2::time::sleep(Duration::from_millis(1)).await;
                    turns.fetch_add(1, Ordering::Relaxed);
                }
            });
            io2::spawn_blocking(client).await;
            ticking.cancel().await;
        });
        ran.unwrap();
    });
}

#[test]
fn connections_beyond_the_limit_are_closed_and_those_that_end_make_room() {
    let name = "connections_beyond_the_limit_are_closed_and_those_that_end_make_room";
    child::run(name, || {
        beside(|| {
            let first: Vec<_> = (0..128).map(|_| Events::open()).collect();
            let (address, _) = place();
            let mut beyond = TcpStream::connect(address).unwrap();
            beyond.set_read_timeout(Some(LONG)).unwrap();
            assert_eq!(beyond.read(&mut [0; 16]).unwrap(), 0);
            drop(first);
            let start = Instant::now();
            loop {
                let mut stream = TcpStream::connect(address).unwrap();
                stream.set_read_timeout(Some(LONG)).unwrap();
                let asked = stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
                let mut reply = [0; 12];
                if asked.is_ok() && stream.read_exact(&mut reply).is_ok() {
                    assert_eq!(&reply, b"HTTP/1.1 403");
                    break;
                }
                assert!(start.elapsed() < LONG, "the places are not given back");
                std::thread::sleep(Duration::from_millis(10));
            }
        });
    });
}

#[test]
fn a_client_that_takes_nothing_and_one_that_never_asks_are_closed_after_a_while() {
    let name = "a_client_that_takes_nothing_and_one_that_never_asks_are_closed_after_a_while";
    child::run(name, || {
        let open = || std::fs::read_dir("/proc/self/fd").unwrap().count();
        let client = move |before: usize, mut taking: TcpStream| {
            let (address, token) = place();
            let request = format!("GET /tasks?token={token} HTTP/1.1\r\nHost: {address}\r\n\r\n");
            taking.write_all(request.as_bytes()).unwrap();
            let silent = TcpStream::connect(address).unwrap();
            let start = Instant::now();
            // Of each there is one end here, and one there.
            while open() < before + 4 {
                assert!(start.elapsed() < LONG, "they are not accepted");
                std::thread::sleep(Duration::from_millis(1));
            }
            while open() > before + 2 {
                assert!(start.elapsed() < 3 * LONG, "they stay");
                std::thread::sleep(Duration::from_millis(50));
            }
            drop((taking, silent));
        };
        let ran = config().run(async move {
            let mut tasks = io2::JoinSet::new();
            // More than the buffers of both sockets take.
            for _ in 0..10_000 {
                tasks.spawn(std::future::pending::<()>());
            }
            let before = open();
            let socket = TcpSocket::new_v4().unwrap().recv_buffer_size(4096);
            let stream = socket.unwrap().connect(place().0).await.unwrap();
            let stream = stream.into_std().unwrap();
            io2::spawn_blocking(move || client(before, stream)).await;
        });
        ran.unwrap();
    });
}

#[test]
fn a_process_with_a_dashboard_ends_when_its_main_function_does() {
    let name = "a_process_with_a_dashboard_ends_when_its_main_function_does";
    child::run(name, || {
        // The process of this test is one: a client is connected when it ends.
        let events = beside(Events::open);
        std::mem::forget(events);
    });
}
