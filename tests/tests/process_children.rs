//! Children: how they end, what they say, and that none is left behind.

use std::cell::Cell;
use std::io::{self, ErrorKind};
use std::os::unix::process::ExitStatusExt;
use std::rc::Rc;
use std::time::Duration;

use io2::process::{Child, Command, Stdio};
use io2::{ExecutorConfig, JoinSet};
use io2_tests::temp::TempDir;
use io2_tests::{child, children, descriptors, polling};

/// Runs a test's future in an executor.
fn run<T>(future: impl Future<Output = io::Result<T>>) -> T {
    ExecutorConfig::new()
        .run(future)
        .expect("the executor starts")
        .expect("the test's I/O works")
}

fn sh(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

/// A process that ends when its input does.
fn cat() -> Command {
    let mut command = Command::new("cat");
    command.stdin(Stdio::piped()).stdout(Stdio::null());
    command
}

#[test]
fn the_status_is_the_exit_code_or_the_signal() {
    run(async {
        for code in [0, 1, 7, 255] {
            let status = sh(&format!("exit {code}")).status().await?;
            assert_eq!((status.code(), status.signal()), (Some(code), None));
        }
        for signal in [libc::SIGTERM, libc::SIGKILL] {
            let status = sh(&format!("kill -{signal} $$")).status().await?;
            assert_eq!((status.code(), status.signal()), (None, Some(signal)));
        }
        Ok(())
    });
}

#[test]
fn arguments_environment_and_directory_reach_the_program() {
    run(async {
        let dir = TempDir::new();
        let output = sh(r#"echo "$1|$A|$B|$HOME|$(pwd -P)""#)
            .arg("name")
            .arg("an argument")
            .env("A", "1")
            .envs([("B", "2")])
            .env_remove("HOME")
            .current_dir(dir.path())
            .output()
            .await?;
        let expected = format!(
            "an argument|1|2||{}\n",
            dir.path().canonicalize()?.display()
        );
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
        let output = sh("echo $A").env("A", "1").env_clear().output().await?;
        assert_eq!(output.stdout, b"\n");
        Ok(())
    });
}

#[test]
fn output_captures_both_streams_gives_no_input_and_keeps_what_was_set() {
    run(async {
        let dir = TempDir::new();
        let mut command = sh("cat; echo out; echo err >&2; exit 3");
        for _ in 0..2 {
            let output = command.output().await?;
            assert_eq!(output.status.code(), Some(3));
            assert_eq!(output.stdout, b"out\n");
            assert_eq!(output.stderr, b"err\n");
        }
        let file = std::fs::File::create_new(dir.join("err"))?;
        command.stdin(std::fs::File::open(dir.file("in", "in "))?);
        command.stderr(file);
        let output = command.output().await?;
        assert_eq!(
            (&output.stdout[..], &output.stderr[..]),
            (&b"in out\n"[..], &b""[..])
        );
        assert_eq!(std::fs::read(dir.join("err"))?, b"err\n");
        Ok(())
    });
}

#[test]
fn what_output_sets_is_undone() {
    child::run("what_output_sets_is_undone", || {
        run(async {
            let mut command = Command::new("true");
            command.output().await?;
            let mut child = command.spawn()?;
            assert!(child.stdin.is_none() && child.stdout.is_none() && child.stderr.is_none());
            child.wait().await
        });
    });
}

#[test]
fn a_program_that_is_not_there_is_an_error() {
    child::run("a_program_that_is_not_there_is_an_error", || {
        let before = descriptors::open();
        run(async {
            for _ in 0..10 {
                let mut command = Command::new("/nonexistent/program");
                command.stdin(Stdio::piped()).stdout(Stdio::piped());
                assert_eq!(command.spawn().unwrap_err().kind(), ErrorKind::NotFound);
                let error = command.output().await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::NotFound);
            }
            Ok(())
        });
        assert!(children::all().is_empty());
        assert_eq!(descriptors::open(), before);
    });
}

#[test]
fn ten_mebibytes_go_in_and_out_on_all_three_pipes() {
    run(async {
        let input: Vec<u8> = (0..(10_u32 << 20) / 4).flat_map(u32::to_le_bytes).collect();
        let mut child = Command::new("tee")
            .arg("/proc/self/fd/2")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let stdin = child.stdin.take().expect("it is a pipe");
        let sent = input.clone();
        let write = io2::spawn(async move { stdin.write_all(sent).await.0 });
        let output = child.wait_with_output().await?;
        write.await?;
        assert!(output.status.success());
        assert!(output.stdout == input);
        assert!(output.stderr == input);
        Ok(())
    });
}

#[test]
fn the_status_is_not_lost_when_wait_is_dropped_at_any_time() {
    run(async {
        for round in 0..30 {
            let mut child = cat().spawn()?;
            let stdin = child.stdin.take();
            assert_eq!(child.try_wait()?, None);
            {
                let mut wait = Box::pin(child.wait());
                assert!(polling::once(&mut wait).await.is_none());
            }
            drop(stdin);
            // Dropped while the process ends, or when the end was told already.
            for _ in 0..round {
                let mut wait = Box::pin(child.wait());
                if polling::once(&mut wait).await.is_some() {
                    break;
                }
            }
            let status = child.wait().await?;
            assert_eq!(status.code(), Some(0));
            assert_eq!(child.wait().await?, status);
            assert_eq!(child.try_wait()?, Some(status));
        }
        Ok(())
    });
}

#[test]
fn waiting_ends_the_input_first() {
    run(async {
        let mut child = cat().spawn()?;
        assert!(child.wait().await?.success());
        assert!(child.stdin.is_none());
        let child = cat().stdout(Stdio::piped()).spawn()?;
        assert_eq!(child.wait_with_output().await?.stdout, b"");
        Ok(())
    });
}

#[test]
fn other_tasks_run_while_a_process_is_waited_for() {
    run(async {
        let turns = Rc::new(Cell::new(0));
        let count = turns.clone();
        let ticker = io2::spawn(async move {
            loop {
                io2::time::sleep(Duration::from_millis(1)).await;
                count.set(count.get() + 1);
            }
        });
        let mut child = cat().spawn()?;
        let stdin = child.stdin.take();
        let seen = turns.clone();
        let ender = io2::spawn(async move {
            // The process lives at least as long as the other task takes for ten turns.
            while seen.get() < 10 {
                io2::yield_now().await;
            }
            drop(stdin);
        });
        assert!(child.wait().await?.success());
        assert!(turns.get() >= 10);
        ender.await;
        ticker.cancel().await;
        Ok(())
    });
}

#[test]
fn a_process_is_killed_and_has_no_number_afterwards() {
    run(async {
        let mut child = Command::new("sleep").arg("60").spawn()?;
        let id = child.id().expect("it runs");
        assert!(std::fs::exists(format!("/proc/{id}/stat"))?);
        let status = child.kill().await?;
        assert_eq!(status.signal(), Some(libc::SIGKILL));
        assert_eq!(child.id(), None);
        // Again, that is no error.
        child.start_kill()?;
        assert_eq!(child.kill().await?, status);

        let mut child = sh("exit 4").spawn()?;
        while child.try_wait()?.is_none() {
            io2::yield_now().await;
        }
        assert_eq!(child.kill().await?.code(), Some(4));
        Ok(())
    });
}

#[test]
fn a_process_is_asked_to_end_and_may_answer() {
    use io2::signal::SignalKind;

    run(async {
        let mut child = sh("trap 'exit 9' TERM; echo ready; while :; do sleep 0.01; done")
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = child.stdout.take().expect("it is a pipe");
        assert_eq!(stdout.read(Vec::with_capacity(16)).await.1, b"ready\n");
        let error = child.send_signal(SignalKind::from_raw(-1)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        child.send_signal(SignalKind::TERMINATE)?;
        assert_eq!(child.wait().await?.code(), Some(9));
        child.send_signal(SignalKind::TERMINATE)
    });
}

#[test]
fn a_process_of_std_is_taken_over_with_its_pipes() {
    run(async {
        let started = std::process::Command::new("cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut child = Child::from_std(started)?;
        let stdin = child.stdin.take().expect("it is a pipe");
        stdin.write_all("abc").await.0?;
        drop(stdin);
        assert_eq!(child.wait_with_output().await?.stdout, b"abc");
        Ok(())
    });
}

#[test]
fn children_that_are_dropped_are_reaped_when_they_end() {
    child::run("children_that_are_dropped_are_reaped_when_they_end", || {
        let before = descriptors::open();
        run(async {
            let mut inputs = Vec::new();
            for _ in 0..20 {
                let mut child = cat().spawn()?;
                inputs.push(child.stdin.take());
                drop(child);
                // The future of a wait, too.
                drop(Command::new("true").spawn()?);
                let mut status = Command::new("true");
                polling::once(&mut Box::pin(status.status())).await;
            }
            // Those that go on do so.
            children::until(|all| all.len() == 20).await;
            assert!(children::all().values().all(|&state| state != 'Z'));
            drop(inputs);
            children::until(|all| all.is_empty()).await;
            Ok(())
        });
        assert_eq!(descriptors::open(), before);
    });
}

#[test]
fn kill_on_drop_ends_what_is_dropped() {
    child::run("kill_on_drop_ends_what_is_dropped", || {
        run(async {
            let mut command = Command::new("sleep");
            command.arg("60").kill_on_drop(true);
            drop(command.spawn()?);
            polling::once(&mut Box::pin(command.status())).await;
            polling::once(&mut Box::pin(command.output())).await;
            polling::once(&mut Box::pin(command.spawn()?.wait_with_output())).await;
            children::until(|all| all.is_empty()).await;
            Ok(())
        });
    });
}

#[test]
fn children_that_outlive_their_executor_are_reaped_by_the_next_start() {
    let test = "children_that_outlive_their_executor_are_reaped_by_the_next_start";
    child::run(test, || {
        let mut inputs = Vec::new();
        let dropped_later = run(async {
            // Dropped before the end, at the end with a task, and after the end.
            let mut first = cat().spawn()?;
            let mut second = cat().spawn()?;
            let mut third = cat().spawn()?;
            inputs.push(first.stdin.take());
            inputs.push(second.stdin.take());
            inputs.push(third.stdin.take());
            drop(first);
            io2::spawn(async move { second.wait().await });
            io2::yield_now().await;
            Ok(third)
        });
        drop(dropped_later);
        assert_eq!(children::all().len(), 3);
        drop(inputs);
        run(async {
            children::until(|all| all.values().all(|&state| state == 'Z')).await;
            assert_eq!(children::all().len(), 3);
            Command::new("true").status().await?;
            assert!(children::all().is_empty());
            Ok(())
        });
    });
}

#[test]
fn many_children_at_once_are_told_apart() {
    child::run("many_children_at_once_are_told_apart", || {
        let before = descriptors::open();
        run(async {
            let mut tasks = JoinSet::new();
            for code in 0..60 {
                tasks.spawn(async move {
                    let output = sh(&format!("echo {code}; exit {code}")).output().await?;
                    assert_eq!(output.stdout, format!("{code}\n").into_bytes());
                    assert_eq!(output.status.code(), Some(code));
                    io::Result::Ok(())
                });
            }
            while let Some(result) = tasks.join_next().await {
                result.expect("no task panics")?;
            }
            Ok(())
        });
        assert!(children::all().is_empty());
        assert_eq!(descriptors::open(), before);
    });
}

#[test]
fn without_descriptors_nothing_is_started_and_nothing_leaks() {
    let test = "without_descriptors_nothing_is_started_and_nothing_leaks";
    child::run_with_files(test, 64, || {
        let before = descriptors::open();
        run(async {
            let dir = TempDir::new();
            let marks = dir.join("marks");
            let script = format!("echo x >> {}", marks.display());
            let mut fillers = Vec::new();
            while let Ok(file) = std::fs::File::open("/dev/null") {
                fillers.push(file);
            }
            let mut started = 0;
            // With no descriptor left, with one, with two, and so on.
            for _ in 0..12 {
                let mut command = sh(&script);
                command.stdin(Stdio::piped()).stdout(Stdio::piped());
                for piped in [true, false] {
                    if !piped {
                        command.stdin(Stdio::inherit()).stdout(Stdio::inherit());
                    }
                    match command.spawn() {
                        Ok(mut child) => {
                            started += 1;
                            assert!(child.wait().await?.success());
                        }
                        Err(error) => assert_eq!(error.raw_os_error(), Some(libc::EMFILE)),
                    }
                    // What was dropped is closed through the ring.
                    for _ in 0..3 {
                        io2::op::nop().await?;
                    }
                }
                fillers.pop();
            }
            assert!((2..24).contains(&started), "{started}");
            let marks = std::fs::read(&marks)?;
            assert_eq!(marks.len(), 2 * started, "what is refused does not run");
            Ok(())
        });
        assert!(children::all().is_empty());
        assert_eq!(descriptors::open(), before);
    });
}
