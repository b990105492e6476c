//! Runs commands, several at once and each with a time limit. What they write comes out line by line,
//! each with the number of its command in front: `3: ` what the third wrote to its standard output,
//! `3! ` what it wrote to its standard error. Ctrl-C goes on to the commands that run.
//!
//!     printf 'date\necho oh >&2; exit 3\nsleep 60\n' | cargo run --release --example child -- -j 2 -t 5

use std::cell::RefCell;
use std::collections::HashSet;
use std::os::unix::process::CommandExt;
use std::pin::pin;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;
use std::{env, io};

use futures_lite::future::or;
use io2::op::{Op, Read};
use io2::pipe::PipeReader;
use io2::process::{Command, ExitStatus, Stdio};
use io2::signal::{Signal, SignalKind, signal};
use io2::stdio::{self, Output};
use io2::sync::{CancellationToken, Mutex};
use io2::time::timeout;
use io2::{JoinHandle, JoinSet};
use rustix::process::{Pid, Signal as Kill, kill_process_group};

/// Longer lines are broken.
const LONGEST_LINE: usize = 64 << 10;

/// How long to read on after a command was killed.
const GRACE: Duration = Duration::from_secs(1);

/// The process groups of the commands that run.
type Running = Rc<RefCell<HashSet<Pid>>>;

struct Options {
    at_once: usize,
    limit: Duration,
}

#[io2::main(name = "child")]
async fn main() -> ExitCode {
    let Some(options) = options() else {
        eprintln!("usage: child [-j AT-ONCE] [-t SECONDS] < COMMANDS");
        return ExitCode::from(2);
    };
    match run_all(options).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("child: {error}");
            ExitCode::FAILURE
        }
    }
}

fn options() -> Option<Options> {
    let mut options = Options {
        at_once: std::thread::available_parallelism().map_or(1, usize::from),
        limit: Duration::from_secs(3600),
    };
    let mut arguments = env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let value = arguments.next()?;
        match argument.as_str() {
            "-j" => options.at_once = value.parse().ok().filter(|&count| count > 0)?,
            "-t" => options.limit = Duration::try_from_secs_f64(value.parse().ok()?).ok()?,
            _ => return None,
        }
    }
    Some(options)
}

async fn run_all(Options { at_once, limit }: Options) -> io::Result<ExitCode> {
    let running = Running::default();
    let interrupted = CancellationToken::new();
    let interrupts = signal(SignalKind::INTERRUPT)?;
    io2::spawn(forward(interrupts, running.clone(), interrupted.clone()));

    let (input, output) = (stdio::stdin()?, Rc::new(Mutex::new(stdio::stdout()?)));
    let (mut tasks, mut summary) = (JoinSet::new(), Summary::default());
    let mut started = 0;
    let commands = lines(
        |buf| input.read(buf),
        async |line| {
            if line.trim_ascii().is_empty() {
                return Ok(());
            }
            if tasks.len() == at_once {
                summary.count(tasks.join_next().await.expect("there are tasks")?);
            }
            started += 1;
            let command = String::from_utf8_lossy(line).into_owned();
            tasks.spawn(run(
                started,
                command,
                limit,
                output.clone(),
                running.clone(),
            ));
            Ok(())
        },
    );
    // After a Ctrl-C no more are started, and those that run may end.
    let read = or(commands, async {
        interrupted.cancelled().await;
        Ok(())
    });
    let read = read.await;
    while let Some(ending) = tasks.join_next().await {
        summary.count(ending?);
    }
    eprintln!(
        "{started} commands: {} succeeded, {} failed, {} took longer than {limit:?}",
        summary.succeeded, summary.failed, summary.late
    );
    read?;
    Ok(match interrupted.is_cancelled() {
        true => ExitCode::from(130),
        false if summary.succeeded == started => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

/// The commands are in process groups of their own, so a terminal sends them nothing by itself.
async fn forward(mut interrupts: Signal, running: Running, interrupted: CancellationToken) {
    while interrupts.recv().await.is_ok() {
        interrupted.cancel();
        for &group in running.borrow().iter() {
            // Its processes may have ended just now.
            let _ = kill_process_group(group, Kill::INT);
        }
    }
}

enum Ending {
    Status(ExitStatus),
    Late,
    Error(io::Error),
}

#[derive(Default)]
struct Summary {
    succeeded: usize,
    failed: usize,
    late: usize,
}

impl Summary {
    fn count(&mut self, (number, command, ending): (usize, String, Ending)) {
        match ending {
            Ending::Status(status) if status.success() => self.succeeded += 1,
            Ending::Status(status) => {
                self.failed += 1;
                eprintln!("child: {number}: {command}: {status}");
            }
            Ending::Late => {
                self.late += 1;
                eprintln!("child: {number}: {command}: killed, it took too long");
            }
            Ending::Error(error) => {
                self.failed += 1;
                eprintln!("child: {number}: {command}: {error}");
            }
        }
    }
}

async fn run(
    number: usize,
    command: String,
    limit: Duration,
    output: Rc<Mutex<Output>>,
    running: Running,
) -> (usize, String, Ending) {
    let ending = match started(number, &command, limit, output, running).await {
        Ok(Some(status)) => Ending::Status(status),
        Ok(None) => Ending::Late,
        Err(error) => Ending::Error(error),
    };
    (number, command, ending)
}

/// How a command ended; `None` says that it was killed.
async fn started(
    number: usize,
    command: &str,
    limit: Duration,
    output: Rc<Mutex<Output>>,
    running: Running,
) -> io::Result<Option<ExitStatus>> {
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).stdin(Stdio::null());
    shell.stdout(Stdio::piped()).stderr(Stdio::piped());
    // What the command itself starts is in the group too, and is killed with it.
    shell.as_std_mut().process_group(0);
    let mut child = shell.spawn()?;
    let group = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
    let group = group.expect("it has not been waited for");
    running.borrow_mut().insert(group);

    let stdout = child.stdout.take().expect("it is a pipe");
    let stderr = child.stderr.take().expect("it is a pipe");
    let stdout = copy(stdout, format!("{number}: "), output.clone());
    let stderr = copy(stderr, format!("{number}! "), output);
    let mut ending = pin!(async {
        let copied = (stdout.await, stderr.await);
        // Waited for last: until then nobody else gets the number of the group.
        let status = child.wait().await;
        copied.0.and(copied.1).and(status)
    });
    let outcome = timeout(limit, ending.as_mut()).await;
    if outcome.is_err() {
        let _ = kill_process_group(group, Kill::KILL);
        // Who has left the group may keep the pipes open, and is not waited for.
        let _ = timeout(GRACE, ending).await;
    }
    running.borrow_mut().remove(&group);
    outcome.ok().transpose()
}

/// Copies lines, with something in front.
fn copy(from: PipeReader, prefix: String, to: Rc<Mutex<Output>>) -> JoinHandle<io::Result<()>> {
    io2::spawn(async move {
        let each = async |line: &[u8]| {
            let line = [prefix.as_bytes(), line, b"\n"].concat();
            // Several tasks write: each a whole line.
            to.lock().await.write_all(line).await.0
        };
        lines(|buf| from.read(buf), each).await
    })
}

/// Reads lines, and gives each without its end.
async fn lines(
    read: impl Fn(Vec<u8>) -> Op<Read<Vec<u8>>>,
    mut each: impl AsyncFnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let (mut buf, mut line) = (Vec::with_capacity(16 << 10), Vec::new());
    loop {
        let result;
        (result, buf) = read(buf).await;
        if result? == 0 {
            break;
        }
        for piece in buf.split_inclusive(|&byte| byte == b'\n') {
            line.extend_from_slice(piece);
            if line.ends_with(b"\n") || line.len() >= LONGEST_LINE {
                each(line.strip_suffix(b"\n").unwrap_or(&line)).await?;
                line.clear();
            }
        }
    }
    // The last one may have no end.
    match line.is_empty() {
        true => Ok(()),
        false => each(&line).await,
    }
}
