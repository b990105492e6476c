//! Runs the examples as they were built. `cargo test -p io2-examples` builds them before it runs this.
//! With the name of a test it does not: then `cargo build -p io2-examples --examples` does.

use std::collections::BTreeMap;
use std::env;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

/// A built example, beside the directory of this test binary.
fn example(name: &str) -> Command {
    let test = env::current_exe().expect("the test binary is known");
    let profile: PathBuf = test.ancestors().skip(2).take(1).collect();
    let program = profile.join("examples").join(name);
    assert!(
        program.exists(),
        "{} is not there: cargo build -p io2-examples --examples",
        program.display()
    );
    Command::new(program)
}

/// A program that runs, and is killed when the test fails.
struct Running(Child);

impl Running {
    fn start(command: &mut Command) -> Running {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        command.stderr(Stdio::piped());
        Running(command.spawn().expect("the example starts"))
    }

    /// The next line of its standard output.
    fn line(&mut self) -> String {
        let stdout = self.0.stdout.as_mut().expect("it is a pipe");
        let (mut line, mut byte) = (Vec::new(), [0]);
        // Byte by byte: what follows the line is for whoever reads next.
        while stdout.read(&mut byte).expect("the pipe can be read") == 1 && byte != [b'\n'] {
            line.push(byte[0]);
        }
        String::from_utf8(line).expect("it is text")
    }

    fn interrupt(&self) {
        let kill = format!("kill -INT {}", self.0.id());
        let status = Command::new("sh").args(["-c", &kill]).status();
        assert!(status.expect("sh starts").success());
    }

    /// How it ended, and the rest of what it wrote.
    fn end(mut self) -> (ExitStatus, String, String) {
        drop(self.0.stdin.take());
        let mut stdout = self.0.stdout.take().expect("it is a pipe");
        let mut stderr = self.0.stderr.take().expect("it is a pipe");
        let reading = thread::spawn(move || {
            let mut text = String::new();
            stderr.read_to_string(&mut text).map(|_| text)
        });
        let mut text = String::new();
        stdout.read_to_string(&mut text).expect("it is text");
        let errors = reading.join().expect("it does not panic");
        let status = self.0.wait().expect("it can be waited for");
        (status, text, errors.expect("it is text"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Fails if it has been waited for.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs `child` on these commands: its exit code, and the lines of its two outputs, sorted.
fn run_commands(arguments: &[&str], commands: &str) -> (Option<i32>, Vec<String>, Vec<String>) {
    let mut program = Running::start(example("child").args(arguments));
    let mut stdin = program.0.stdin.take().expect("it is a pipe");
    stdin.write_all(commands.as_bytes()).expect("it reads");
    drop(stdin);
    let (status, stdout, stderr) = program.end();
    let sorted = |text: String| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    (status.code(), sorted(stdout), sorted(stderr))
}

#[test]
fn child_marks_each_line_with_its_command_and_tells_how_all_ended() {
    let commands = "echo one; echo two >&2\nprintf 'no end'\nexit 3";
    let (code, stdout, stderr) = run_commands(&["-j", "2"], commands);
    assert_eq!(stdout, ["1! two", "1: one", "2: no end"]);
    assert_eq!(
        stderr,
        [
            "3 commands: 2 succeeded, 1 failed, 0 took longer than 3600s",
            "child: 3: exit 3: exit status: 3",
        ]
    );
    assert_eq!(code, Some(1));

    let (code, stdout, stderr) = run_commands(&[], "true\n \n");
    assert_eq!(
        stderr,
        ["1 commands: 1 succeeded, 0 failed, 0 took longer than 3600s"]
    );
    assert!(stdout.is_empty());
    assert_eq!(code, Some(0));
}

#[test]
fn child_runs_as_many_commands_at_once_as_asked_for_and_no_more() {
    let dir = env::temp_dir().join(format!("io2-child-{}", std::process::id()));
    std::fs::create_dir(&dir).expect("a new directory");
    // The first two wait for each other, and neither ends before the first has looked who is there.
    let commands = "\
        : > one; until [ -e two ]; do sleep 0.01; done; sleep 0.2; ls; : > seen\n\
        : > two; until [ -e seen ]; do sleep 0.01; done\n\
        : > three\n";
    let mut program = example("child");
    let mut program = Running::start(program.args(["-j", "2"]).current_dir(&dir));
    let mut stdin = program.0.stdin.take().expect("it is a pipe");
    stdin.write_all(commands.as_bytes()).expect("it reads");
    drop(stdin);
    let (status, stdout, stderr) = program.end();
    let third = dir.join("three").exists();
    std::fs::remove_dir_all(dir).expect("it can be removed");
    assert_eq!(stdout, "1: one\n1: two\n");
    assert!(status.success(), "{stderr}");
    assert!(third);
}

#[test]
fn child_kills_what_takes_too_long_with_all_that_it_has_started() {
    // The sleep is a child of the shell. The limit leaves a busy machine the time to start both.
    let (code, stdout, stderr) = run_commands(&["-t", "3"], "sleep 1000 & echo $!; wait\n");
    assert_eq!(
        stderr,
        [
            "1 commands: 0 succeeded, 0 failed, 1 took longer than 3s",
            "child: 1: sleep 1000 & echo $!; wait: killed, it took too long",
        ]
    );
    assert_eq!(code, Some(1));
    let [line] = &stdout[..] else {
        panic!("{stdout:?}");
    };
    let sleep = line.strip_prefix("1: ").expect("the number of the command");
    let alive = || {
        let status = std::fs::read_to_string(format!("/proc/{sleep}/status")).unwrap_or_default();
        let state = status.lines().find_map(|line| line.strip_prefix("State:"));
        // Whoever it belongs to now may not have asked how it ended.
        state.is_some_and(|state| !state.trim().starts_with(['Z', 'X']))
    };
    // Once killed, it may be on its way for a moment.
    for _ in 0..500 {
        if !alive() {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("the sleep goes on");
}

#[test]
fn child_hands_an_interruption_on_and_starts_nothing_more() {
    let mut program = Running::start(example("child").args(["-j", "1"]));
    let mut stdin = program.0.stdin.take().expect("it is a pipe");
    let command = "trap 'echo interrupted; exit 9' INT; echo ready; while :; do sleep 0.05; done";
    writeln!(stdin, "{command}\necho never").expect("it reads");
    assert_eq!(program.line(), "1: ready");
    program.interrupt();
    // It ends, though its input does not.
    let (status, stdout, stderr) = program.end();
    drop(stdin);
    assert_eq!(stdout, "1: interrupted\n");
    assert!(stderr.contains("exit status: 9\n1 commands:"), "{stderr}");
    assert_eq!(status.code(), Some(130));
}

/// A core that is served from: what it has answered, as connections and lines.
type Answered = BTreeMap<String, (u64, u64)>;

/// Starts `per_core`, connects so often and says so many lines on each connection, and interrupts it.
fn serve_on_cores(arguments: &[&str], connections: usize) -> (Answered, Answered) {
    let mut program = Running::start(example("per_core").args(arguments).arg("127.0.0.1:0"));
    let line = program.line();
    let address = line
        .strip_prefix("listening on ")
        .and_then(|line| line.split(',').next())
        .unwrap_or_else(|| panic!("no address in {line:?}"));
    let mut answered = Answered::new();
    for number in 0..connections {
        let mut stream = TcpStream::connect(address).expect("it listens");
        // The last one comes in two pieces.
        let said = format!("first of {number}\nsecond\n{}", "long ".repeat(10_000));
        stream.write_all(said.as_bytes()).expect("it reads");
        stream.write_all(b"end\n").expect("it reads");
        stream.shutdown(Shutdown::Write).expect("it is connected");
        let mut heard = String::new();
        stream.read_to_string(&mut heard).expect("it answers");
        let core = heard
            .split(':')
            .next()
            .expect("there is a first")
            .to_owned();
        let expected: String = said
            .lines()
            .map(|line| format!("{core}: {line}\n"))
            .collect();
        assert!(heard == expected.trim_end_matches('\n').to_owned() + "end\n");
        let counts = answered.entry(core).or_default();
        *counts = (counts.0 + 1, counts.1 + 3);
    }
    program.interrupt();
    let (status, stdout, stderr) = program.end();
    assert!(status.success(), "{status}: {stderr}");
    let told = stdout.lines().map(|line| {
        let words: Vec<&str> = line.split([' ', ':']).collect();
        let [
            "core",
            core,
            "",
            connections,
            "connections,",
            lines,
            "lines",
        ] = words[..]
        else {
            panic!("{line:?}");
        };
        let number = |text: &str| text.parse().expect("a number");
        (core.to_owned(), (number(connections), number(lines)))
    });
    (answered, told.collect())
}

#[test]
fn per_core_answers_on_all_cores_and_counts_what_each_did() {
    let (answered, mut told) = serve_on_cores(&[], 64);
    told.retain(|_, &mut (connections, _)| connections > 0);
    assert_eq!(told, answered);
}

#[test]
fn per_core_hands_connections_over_in_turn() {
    let (answered, told) = serve_on_cores(&["--hand-over"], 12);
    let cores = told.len();
    if cores == 1 {
        // Nobody to hand them to.
        assert_eq!(told, answered);
        return;
    }
    // The one that accepts serves none.
    assert_eq!(answered.len(), (cores - 1).min(12));
    let (most, least) = (answered.values().max(), answered.values().min());
    assert!(most.unwrap().0 - least.unwrap().0 <= 1, "{answered:?}");
    for (core, counts) in &answered {
        assert_eq!(told.get(core), Some(counts));
    }
    assert_eq!(
        told.values().filter(|counts| counts.0 > 0).count(),
        answered.len()
    );
}

#[test]
fn quickstart_checks_its_file_catches_the_hog_and_fetches_its_page() {
    let (status, stdout, stderr) = Running::start(&mut example("quickstart")).end();
    assert!(status.success(), "{status}: {stderr}");
    for wanted in [
        "read, checked: 64 MiB",
        "hog task     : counted 78498 primes",
        "`hog`, spawned at examples/quickstart.rs:",
        "fetched      : HTTP/1.1 200 OK: \"hello from io2\"",
    ] {
        assert!(stdout.contains(wanted), "no {wanted:?} in {stdout}");
    }
}

#[test]
fn quickstart_shows_its_dashboard_to_who_has_the_token_and_stays_until_it_is_interrupted() {
    let mut program = Running::start(example("quickstart").arg("--stay"));
    let line = program.line();
    let url = line.strip_prefix("dashboard    : http://");
    let (address, path) = url.and_then(|url| url.split_once('/')).expect("an address");
    let (_, token) = path.split_once("?token=").expect("a token");
    // When it has done what it does otherwise.
    while !program.line().starts_with("The dashboard is open") {}
    let ask = |path: &str| {
        let mut stream = TcpStream::connect(address).expect("it listens");
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n").expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        answer
    };
    let page = ask(&format!("/?token={token}"));
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    assert!(page.contains("<title>"), "{page}");
    let tasks = ask(&format!("/tasks?token={token}"));
    assert!(tasks.contains("\"quickstart\""), "{tasks}");
    assert!(ask("/").starts_with("HTTP/1.1 403"));
    program.interrupt();
    let (status, _, stderr) = program.end();
    assert!(status.success(), "{status}: {stderr}");
    assert_eq!(stderr, "");
}

#[test]
fn proxy_passes_on_both_directions_and_the_end_of_each_by_itself() {
    proxied(&[]);
    proxied(&["--copy"]);
}

fn proxied(option: &[&str]) {
    let target = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let behind = target.local_addr().expect("it is bound").to_string();
    let mut program = Running::start(example("proxy").args(option).args(["127.0.0.1:0", &behind]));
    let line = program.line();
    let address = line.split(' ').next().expect("an address");
    let said: Vec<u8> = (0..3 << 20).map(|n: u32| (n / 7) as u8).collect();

    let mut near = TcpStream::connect(address).expect("it listens");
    let (mut far, _) = target.accept().expect("it connects");
    // Something small, and back, while both directions are open.
    near.write_all(b"hello").expect("it reads");
    let mut five = [0; 5];
    far.read_exact(&mut five).expect("it passes it on");
    far.write_all(&five).expect("it reads");
    near.read_exact(&mut five).expect("it passes it on");
    assert_eq!(&five, b"hello");

    // The far end hears the end, and goes on talking after it.
    let talking = {
        let (mut near, said) = (near.try_clone().expect("it can be cloned"), said.clone());
        thread::spawn(move || {
            near.write_all(&said).expect("it reads");
            near.shutdown(Shutdown::Write).expect("it is connected");
        })
    };
    let mut heard = Vec::new();
    far.read_to_end(&mut heard).expect("the end comes");
    talking.join().expect("it does not panic");
    assert!(heard == said);
    let answering = thread::spawn(move || far.write_all(&said).map(|()| said));
    let mut heard = Vec::new();
    near.read_to_end(&mut heard).expect("the end comes");
    let said = answering.join().expect("it does not panic");
    assert!(heard == said.expect("it reads"));
}
