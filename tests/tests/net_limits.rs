//! Limits of the process: descriptors that run out, and many connections.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::process::Command;
use std::time::Duration;

use io2::net::{TcpListener, TcpStream};
use io2::{ExecutorConfig, JoinSet, Preempt};
use io2_tests::child;
use io2_tests::observed::Observed;

/// As many files as the process may have, all open.
fn exhaust_descriptors() -> Vec<File> {
    let mut files = Vec::new();
    loop {
        match File::open("/dev/null") {
            Ok(file) => files.push(file),
            Err(error) => {
                assert_eq!(error.raw_os_error(), Some(libc::EMFILE));
                return files;
            }
        }
    }
}

#[test]
fn without_descriptors_connections_wait_and_the_accepting_goes_on() {
    let test = "without_descriptors_connections_wait_and_the_accepting_goes_on";
    child::run_with_files(test, 64, || {
        let observed = Observed::default();
        observed.run(|| {
            ExecutorConfig::new()
                .run(async {
                    let listener = TcpListener::bind("127.0.0.1:0").await?;
                    let mut near = Vec::new();
                    for _ in 0..4 {
                        near.push(TcpStream::connect(listener.local_addr()?).await?);
                    }
                    let files = exhaust_descriptors();
                    let mut incoming = listener.incoming();
                    let accepting = io2::spawn(async move {
                        let mut far = Vec::new();
                        while far.len() < 4 {
                            far.push(incoming.next().await?);
                        }
                        io::Result::Ok(far)
                    });
                    io2::time::sleep(Duration::from_millis(250)).await;
                    assert!(!accepting.is_finished());
                    // A single accept says so instead.
                    let error = listener.accept().await.unwrap_err();
                    assert_eq!(error.raw_os_error(), Some(libc::EMFILE));
                    drop(files);
                    let far = accepting.await?;
                    for (far, near) in far.iter().zip(&near) {
                        assert_eq!(far.peer_addr()?, near.local_addr()?);
                    }
                    io::Result::Ok(())
                })
                .expect("the executor starts")
                .expect("the test's I/O works");
        });
        let mut said = observed.named("rt.advice");
        said.retain(|advice| advice.text("message").contains("RLIMIT_NOFILE"));
        assert_eq!(said.len(), 1, "{said:?}");
        let mut accepts = observed.named("submit");
        accepts.retain(|submit| submit.text("op.code") == "accept");
        assert!(accepts.len() < 100, "it asked {} times", accepts.len());
    });
}

#[test]
fn without_descriptors_sockets_and_pipes_are_errors() {
    let test = "without_descriptors_sockets_and_pipes_are_errors";
    child::run_with_files(test, 64, || {
        ExecutorConfig::new()
            .run(async {
                let listener = TcpListener::bind("127.0.0.1:0").await?;
                let near = TcpStream::connect(listener.local_addr()?).await?;
                let file = io2::fs::File::open("/proc/self/exe").await?;
                let files = exhaust_descriptors();
                let full = |error: io::Error| assert_eq!(error.raw_os_error(), Some(libc::EMFILE));
                full(
                    TcpStream::connect(listener.local_addr()?)
                        .await
                        .unwrap_err(),
                );
                full(TcpListener::bind("127.0.0.1:0").await.unwrap_err());
                full(io2::net::UnixStream::pair().unwrap_err());
                full(near.send_file(&file, 0, 10).await.unwrap_err());
                drop(files);
                assert_eq!(near.send_file(&file, 0, 10).await?, 10);
                io::Result::Ok(())
            })
            .expect("the executor starts")
            .expect("the test's I/O works");
    });
}

#[test]
fn ten_thousand_idle_connections_and_a_thousand_busy_ones_are_served_at_once() {
    const IDLE: usize = 10_000;
    const BUSY: usize = 1_000;
    const ROUNDS: usize = 5;
    let test = "ten_thousand_idle_connections_and_a_thousand_busy_ones_are_served_at_once";
    child::run_with_files(test, 12_000, || {
        // More busy connections than buffers.
        let config = ExecutorConfig::new().recv_pool(128, 256);
        config
            .preempt(Preempt::Off)
            .run(async {
                let listener = TcpListener::bind("127.0.0.1:0").await?;
                let address = listener.local_addr()?.to_string();
                let numbers = [IDLE, BUSY, ROUNDS].map(|number| number.to_string());
                let mut peers = Command::new(env!("CARGO_BIN_EXE_net_peers"))
                    .arg(address)
                    .args(numbers)
                    .spawn()?;
                let mut incoming = listener.incoming();
                let mut tasks = JoinSet::new();
                for _ in 0..IDLE + BUSY {
                    let stream = incoming.next().await?;
                    tasks.spawn(async move {
                        let mut received = stream.recv_pooled();
                        let mut count = 0;
                        loop {
                            match received.next().await {
                                Ok(Some(buf)) => {
                                    count += buf.len();
                                    stream.write_all(buf).await.0?;
                                }
                                Ok(None) => return io::Result::Ok(count),
                                // How the peers leave is their business.
                                Err(error) if error.kind() == ErrorKind::ConnectionReset => {
                                    return Ok(count);
                                }
                                Err(error) => return Err(error),
                            }
                        }
                    });
                }
                let mut silent = 0;
                while let Some(served) = tasks.join_next().await {
                    silent += usize::from(served.expect("no panic")? == 0);
                }
                assert_eq!(silent, 0);
                assert!(io2::spawn_blocking(move || peers.wait()).await?.success());
                io::Result::Ok(())
            })
            .expect("the executor starts")
            .expect("the test's I/O works");
    });
}
