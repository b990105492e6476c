//! TCP: connections from the first packet to the last, and what goes wrong with them.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{Ipv6Addr, SocketAddr};
use std::pin::pin;
use std::process::Command;
use std::rc::Rc;
use std::time::Duration;

use io2::ExecutorConfig;
use io2::net::{Shutdown, TcpListener, TcpSocket, TcpStream, lookup_host};
use io2_tests::sockets::{pattern, tcp_pair};
use io2_tests::{child, descriptors, polling};

/// So long a test waits for what never comes.
const LONG: Duration = Duration::from_secs(3600);

/// Runs a test's future in an executor.
fn run(future: impl Future<Output = io::Result<()>>) {
    ExecutorConfig::new()
        .run(future)
        .expect("the executor starts")
        .expect("the test's I/O works");
}

/// Lets the kernel see what was submitted, and others run.
async fn turns(count: usize) {
    for _ in 0..count {
        io2::yield_now().await;
    }
}

/// A listener whose queue is full: who connects to it waits.
async fn full_listener() -> io::Result<(TcpListener, Vec<TcpStream>)> {
    let listener = TcpSocket::new_v4()?
        .bind("127.0.0.1:0".parse().expect("an address"))?
        .listen(0)?;
    let address = listener.local_addr()?;
    let mut queued = vec![TcpStream::connect(address).await?];
    // How many fit beside the first one is the kernel's affair.
    loop {
        let connect = TcpStream::connect_timeout(address, Duration::from_millis(50));
        match connect.await {
            Ok(stream) => queued.push(stream),
            Err(error) if error.kind() == ErrorKind::TimedOut => return Ok((listener, queued)),
            Err(error) => return Err(error),
        }
    }
}

#[test]
fn both_ends_know_each_other() {
    run(async {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let near = TcpStream::connect(listener.local_addr()?).await?;
        let (far, peer) = listener.accept().await?;
        assert_eq!(peer, near.local_addr()?);
        assert_eq!(far.peer_addr()?, near.local_addr()?);
        assert_eq!(near.peer_addr()?, far.local_addr()?);

        let listener = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).await?;
        let near = TcpStream::connect(listener.local_addr()?).await?;
        let (_far, peer) = listener.accept().await?;
        assert!(peer.is_ipv6());
        assert_eq!(peer, near.local_addr()?);
        Ok(())
    });
}

#[test]
fn what_is_written_is_read_however_it_is_cut() {
    run(async {
        let (near, far) = tcp_pair().await?;
        near.write_all("one").await.0?;
        let (read, buf) = far.peek(Vec::with_capacity(2)).await;
        assert_eq!((read?, &buf[..]), (2, &b"on"[..]));
        let (read, buf) = far.read_exact(vec![0; 3]).await;
        read?;
        assert_eq!(buf, b"one");

        let (written, _) = near
            .write_vectored(["four".to_owned(), "five".to_owned()])
            .await;
        assert_eq!(written?, 8);
        let bufs = [Vec::with_capacity(3), Vec::with_capacity(9)];
        let (read, bufs) = far.read_vectored(bufs).await;
        assert_eq!(read?, 8);
        assert_eq!((&bufs[0][..], &bufs[1][..]), (&b"fou"[..], &b"rfive"[..]));

        Ok(())
    });
}

#[test]
fn an_end_before_the_buffer_is_full_is_an_error_that_gives_the_buffer_back() {
    run(async {
        let (near, far) = tcp_pair().await?;
        near.write_all("abc").await.0?;
        drop(near);
        let (read, buf) = far.read_exact(vec![0; 5]).await;
        assert_eq!(read.unwrap_err().kind(), ErrorKind::UnexpectedEof);
        assert_eq!(buf, b"abc");
        Ok(())
    });
}

#[test]
fn a_slow_reader_lets_the_writer_wait_and_loses_nothing() {
    const LEN: usize = 16 << 20;
    run(async {
        let (near, far) = tcp_pair().await?;
        let writing = io2::spawn(async move { near.write_all(pattern(LEN)).await.0 });
        turns(50).await;
        assert!(!writing.is_finished());
        let mut received = Vec::with_capacity(LEN);
        let mut buf = Vec::with_capacity(100_000);
        loop {
            let (read, filled) = far.read(buf).await;
            if read? == 0 {
                break;
            }
            received.extend_from_slice(&filled);
            buf = filled;
            turns(3).await;
        }
        writing.await?;
        assert!(received == pattern(LEN));
        Ok(())
    });
}

#[test]
fn half_of_a_connection_ends_and_the_other_half_goes_on() {
    run(async {
        let (near, far) = tcp_pair().await?;
        near.shutdown(Shutdown::Write).await?;
        assert_eq!(far.read(vec![0; 8]).await.0?, 0);
        far.write_all("still here").await.0?;
        assert_eq!(near.read(Vec::with_capacity(16)).await.1, b"still here");
        let error = near.write("x").await.0.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        Ok(())
    });
}

#[test]
fn halves_work_in_two_tasks_and_come_together_again() {
    run(async {
        let (near, far) = tcp_pair().await?;
        let address = near.local_addr()?;
        let (reader, writer) = near.into_split();
        let reading = io2::spawn(async move {
            let buf = reader.read_exact(vec![0; 3]).await.1;
            (reader, buf)
        });
        let writing = io2::spawn(async move {
            writer.write_all("out").await.0?;
            io::Result::Ok(writer)
        });
        far.write_all("in!").await.0?;
        let (reader, buf) = reading.await;
        let writer = writing.await?;
        assert_eq!(buf, b"in!");

        let (other, _) = tcp_pair().await?;
        let (other_reader, other_writer) = other.into_split();
        let Err((reader, other_writer)) = reader.reunite(other_writer) else {
            panic!("halves of two connections")
        };
        assert!(other_reader.reunite(other_writer).is_ok());

        let near = reader.reunite(writer).expect("halves of one connection");
        assert_eq!(near.local_addr()?, address);
        // The direction has not ended, and nothing else holds the descriptor.
        near.write_all(" more").await.0?;
        assert_eq!(far.read_exact(vec![0; 8]).await.1, b"out more");
        assert!(near.into_std().is_ok());
        Ok(())
    });
}

#[test]
fn dropping_the_writing_half_ends_its_direction_and_forgetting_it_does_not() {
    run(async {
        let (near, far) = tcp_pair().await?;
        let (reader, writer) = near.into_split();
        drop(writer);
        assert_eq!(far.read(vec![0; 8]).await.0?, 0);
        far.write_all("back").await.0?;
        assert_eq!(reader.read(Vec::with_capacity(8)).await.1, b"back");

        let (near, far) = tcp_pair().await?;
        let (reader, writer) = near.into_split();
        writer.forget();
        let (read, buf) = far
            .read(vec![0; 8])
            .timeout(Duration::from_millis(20))
            .await;
        assert_eq!(read.unwrap_err().kind(), ErrorKind::TimedOut);
        reader.stream().write_all("whole").await.0?;
        assert_eq!(far.read(buf).await.1, b"whole");
        Ok(())
    });
}

#[test]
fn a_stream_in_use_is_not_given_to_std() {
    run(async {
        let (near, far) = tcp_pair().await?;
        let mut read = far.read(Vec::with_capacity(8));
        assert!(polling::once(&mut read).await.is_none());
        let far = far.into_std().expect_err("a read is in flight");
        near.write_all("hello").await.0?;
        assert_eq!(read.await.1, b"hello");

        let mut read = far.read(Vec::with_capacity(8));
        assert!(polling::once(&mut read).await.is_none());
        let far = far.into_std().expect_err("a read is in flight");
        let (read, _) = read.cancel().await;
        assert_eq!(read.unwrap_err().kind(), ErrorKind::Interrupted);
        let mut far = far.into_std().expect("nothing is in flight");
        near.write_all("std").await.0?;
        let mut buf = [0; 3];
        far.read_exact(&mut buf)?;
        assert_eq!(&buf, b"std");
        Ok(())
    });
}

#[test]
fn sockets_that_do_not_block_are_adopted() {
    run(async {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let address = listener.local_addr()?;
        let accepting = io2::spawn(async move { listener.accept().await });
        turns(5).await;
        let near = std::net::TcpStream::connect(address)?;
        near.set_nonblocking(true)?;
        let mut shared = near.try_clone()?;
        let near = TcpStream::from_std(near)?;
        let (far, _) = accepting.await?;

        let reading = io2::spawn(async move { near.read(Vec::with_capacity(8)).await });
        turns(5).await;
        far.write_all("later").await.0?;
        assert_eq!(reading.await.1, b"later");

        // It blocks now, for all who share it.
        let read = io2::spawn_blocking(move || {
            let mut buf = [0; 4];
            shared.read_exact(&mut buf).map(|()| buf)
        });
        io2::time::sleep(Duration::from_millis(5)).await;
        far.write_all("last").await.0?;
        assert_eq!(&read.await?, b"last");
        Ok(())
    });
}

#[test]
fn options_are_those_of_the_socket() {
    run(async {
        let listener = TcpSocket::new_v4()?
            .reuse_address(true)?
            .reuse_port(true)?
            .recv_buffer_size(20_000)?
            .bind("127.0.0.1:0".parse().expect("an address"))?
            .listen(16)?;
        let address = listener.local_addr()?;
        // Another one at the same address, since both said so.
        let _second = TcpSocket::new_v4()?.reuse_port(true)?.bind(address)?;
        let refused = TcpSocket::new_v4()?.bind(address).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::AddrInUse);

        let near = TcpSocket::new_v4()?
            .nodelay(true)?
            .keepalive(Duration::from_secs(60))?
            .send_buffer_size(20_000)?
            .connect(address)
            .await?;
        assert!(near.nodelay()?);
        near.set_nodelay(false)?;
        assert!(!near.nodelay()?);
        near.set_ttl(17)?;
        assert_eq!(near.ttl()?, 17);
        near.set_keepalive(None)?;
        near.set_keepalive(Some(Duration::from_secs(30)))?;
        assert!(near.take_error()?.is_none());

        let only_v6 = TcpSocket::new_v6()?
            .only_v6(true)?
            .bind("[::]:0".parse().expect("an address"))?
            .listen(1)?;
        let port = only_v6.local_addr()?.port();
        let refused = TcpStream::connect(("127.0.0.1", port)).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        Ok(())
    });
}

#[test]
fn connecting_tries_one_address_after_the_other() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let unused = TcpListener::bind("127.0.0.1:0").await?;
        let nobody = unused.local_addr()?;
        unused.close().await?;
        let both = [nobody, listener.local_addr()?];
        let stream = TcpStream::connect(&both[..]).await?;
        assert_eq!(stream.peer_addr()?, both[1]);

        let refused = TcpStream::connect(nobody).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        let none: &[SocketAddr] = &[];
        let error = TcpStream::connect(none).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);

        let port = listener.local_addr()?.port();
        let found = lookup_host(("localhost", port)).await?;
        assert!(found.contains(&SocketAddr::from(([127, 0, 0, 1], port))));
        assert!(lookup_host("no port").await.is_err());
        Ok(())
    });
}

#[test]
fn a_connect_that_nobody_answers_times_out() {
    run(async {
        let (listener, _queued) = full_listener().await?;
        let limit = Duration::from_millis(30);
        let error = TcpStream::connect_timeout(listener.local_addr()?, limit)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        Ok(())
    });
}

#[test]
fn accepts_and_connects_that_are_dropped_leave_no_descriptor() {
    let test = "accepts_and_connects_that_are_dropped_leave_no_descriptor";
    child::run(test, || {
        let before = descriptors::open();
        run(async {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            let address = listener.local_addr()?;
            for round in 0..100 {
                // Dropped before, while and after a connection comes.
                let mut accept = Box::pin(listener.accept());
                polling::once(&mut accept).await;
                turns(round % 3).await;
                let mut connect = Box::pin(TcpStream::connect(address));
                polling::once(&mut connect).await;
                turns(round % 4).await;
                drop(accept);
                turns(round % 2).await;
                drop(connect);
            }
            for round in 0..20 {
                let mut incoming = listener.incoming();
                polling::once(&mut pin!(incoming.next())).await;
                turns(round % 3).await;
                let _near = TcpStream::connect(address).await?;
                let _too = TcpStream::connect(address).await?;
                turns(round % 3).await;
                drop(incoming);
            }
            let (full, _queued) = full_listener().await?;
            for round in 0..20 {
                let mut connect = Box::pin(TcpStream::connect(full.local_addr()?));
                assert!(polling::once(&mut connect).await.is_none());
                turns(round % 4).await;
            }
            // Nor do those in flight at the end.
            let address = full.local_addr()?;
            io2::spawn(async move { TcpStream::connect(address).await.map(drop) });
            io2::spawn(async move { listener.accept().await.map(drop) });
            turns(3).await;
            Ok(())
        });
        assert_eq!(descriptors::open(), before);
    });
}

#[test]
fn dropping_a_stream_and_its_pending_receive_closes_the_connection() {
    let test = "dropping_a_stream_and_its_pending_receive_closes_the_connection";
    child::run(test, || {
        let before = descriptors::open();
        run(async {
            let (near, far) = tcp_pair().await?;
            let mut read = near.read(vec![0; 8]);
            assert!(polling::once(&mut read).await.is_none());
            // The receive keeps the connection open.
            drop(near);
            let (ended, buf) = far
                .read(vec![0; 8])
                .timeout(Duration::from_millis(20))
                .await;
            assert_eq!(ended.unwrap_err().kind(), ErrorKind::TimedOut);
            drop(read);
            assert_eq!(far.read(buf).await.0?, 0);

            // The same if a task owned both.
            let (near, far) = tcp_pair().await?;
            let task = io2::spawn(async move { near.read(vec![0; 8]).await });
            turns(3).await;
            assert!(task.cancel().await.is_none());
            assert_eq!(far.read(vec![0; 8]).await.0?, 0);
            Ok(())
        });
        assert_eq!(descriptors::open(), before);
    });
}

#[test]
fn close_waits_for_the_operations_in_flight() {
    run(async {
        let (near, far) = tcp_pair().await?;
        let near = Rc::new(near);
        let reading = near.read(Vec::with_capacity(8));
        let reading = io2::spawn(reading);
        turns(3).await;
        let near = Rc::try_unwrap(near).expect("the operation does not hold the stream");
        let closing = io2::spawn(near.close());
        turns(5).await;
        assert!(!closing.is_finished());
        far.write_all("last").await.0?;
        assert_eq!(reading.await.1, b"last");
        closing.await?;
        assert_eq!(far.read(vec![0; 8]).await.0?, 0);
        Ok(())
    });
}

#[test]
fn a_connection_that_is_reset_is_an_error_for_both_directions() {
    run(async {
        let (near, far) = tcp_pair().await?;
        near.set_zero_linger()?;
        let reading = far.read(vec![0; 8]);
        near.close().await?;
        assert_eq!(
            reading.await.0.unwrap_err().kind(),
            ErrorKind::ConnectionReset
        );
        let error = far.write("x").await.0.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        assert_eq!(far.peer_addr().unwrap_err().kind(), ErrorKind::NotConnected);
        Ok(())
    });
}

#[test]
fn a_peer_that_dies_ends_the_connection() {
    run(async {
        for unread in [false, true] {
            let (near, far) = tcp_pair().await?;
            let stdin = std::os::fd::OwnedFd::from(near.into_std().expect("it is not in use"));
            let mut peer = Command::new("sleep").arg("1000").stdin(stdin).spawn()?;
            if unread {
                far.write_all("what it never reads").await.0?;
            }
            let mut reading = far.read(vec![0; 8]);
            assert!(polling::once(&mut reading).await.is_none());
            turns(3).await;
            peer.kill()?;
            peer.wait()?;
            match reading.await.0 {
                Ok(read) => assert_eq!((read, unread), (0, false)),
                Err(error) => {
                    assert_eq!((error.kind(), unread), (ErrorKind::ConnectionReset, true));
                }
            }
        }
        Ok(())
    });
}

#[test]
fn incoming_yields_every_connection_once_in_order() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let mut incoming = listener.incoming();
        let mut next = Box::pin(incoming.next());
        assert!(polling::once(&mut next).await.is_none());
        let mut near = Vec::new();
        for _ in 0..20 {
            near.push(TcpStream::connect(address).await?);
        }
        let first = next.await?;
        assert_eq!(first.peer_addr()?, near[0].local_addr()?);
        for near in &near[1..] {
            // Futures that are dropped lose none.
            drop(incoming.next());
            polling::once(&mut pin!(listener.accept())).await;
            let far = incoming.next().await?;
            assert_eq!(far.peer_addr()?, near.local_addr()?);
        }
        Ok(())
    });
}

#[test]
fn connections_that_nobody_takes_are_left_in_the_queue() {
    let test = "connections_that_nobody_takes_are_left_in_the_queue";
    child::run(test, || {
        run(async {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            let address = listener.local_addr()?;
            let mut incoming = listener.incoming();
            let mut next = Box::pin(incoming.next());
            assert!(polling::once(&mut next).await.is_none());
            drop(next);
            let mut near = Vec::new();
            let count = |near: &[TcpStream]| descriptors::open().len() - near.len();
            let before = count(&near);
            for _ in 0..400 {
                near.push(TcpStream::connect(address).await?);
            }
            turns(20).await;
            let accepted = count(&near) - before;
            assert!((256..320).contains(&accepted), "{accepted}");
            for near in &near {
                let far = incoming.next().await?;
                assert_eq!(far.peer_addr()?, near.local_addr()?);
            }
            Ok(())
        });
    });
}

#[test]
fn a_socket_that_does_not_listen_is_an_error_and_not_a_loop() {
    run(async {
        let (near, _far) = tcp_pair().await?;
        let near = near.into_std().expect("it is not in use");
        let listener = std::net::TcpListener::from(std::os::fd::OwnedFd::from(near));
        let listener = TcpListener::from_std(listener)?;
        assert_eq!(
            listener.accept().await.unwrap_err().kind(),
            ErrorKind::InvalidInput
        );
        let mut incoming = listener.incoming();
        for _ in 0..3 {
            let error = incoming.next().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
        }
        Ok(())
    });
}

#[test]
fn a_stream_serves_a_peer_that_blocks() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let peer = std::thread::spawn(move || {
            let mut stream = std::net::TcpStream::connect(address)?;
            stream.write_all(b"ping")?;
            let mut buf = Vec::new();
            stream.read_to_end(&mut buf)?;
            io::Result::Ok(buf)
        });
        let (stream, _) = listener.accept().await?;
        assert_eq!(stream.read_exact(vec![0; 4]).await.1, b"ping");
        stream.write_all("pong").await.0?;
        drop(stream);
        let joined = io2::spawn_blocking(move || peer.join()).await;
        assert_eq!(joined.expect("no panic")?, b"pong");
        Ok(())
    });
}

#[test]
fn a_write_to_a_peer_that_is_gone_is_an_error_and_no_signal() {
    let test = "a_write_to_a_peer_that_is_gone_is_an_error_and_no_signal";
    child::run(test, || {
        io2_tests::signals::by_default(libc::SIGPIPE);
        run(async {
            let (near, far) = tcp_pair().await?;
            far.set_zero_linger()?;
            far.close().await?;
            let file = io2::fs::File::open("/proc/self/exe").await?;
            // The first one may be told of the reset.
            let _ = near.write("x").await.0;
            let broken = |error: io::Error| assert_eq!(error.kind(), ErrorKind::BrokenPipe);
            broken(near.write("x").await.0.unwrap_err());
            broken(near.write_all("x").await.0.unwrap_err());
            broken(near.write_vectored(["x".to_owned()]).await.0.unwrap_err());
            broken(near.write_zero_copy("x").await.0.unwrap_err());
            broken(near.send_file(&file, 0, 100).await.unwrap_err());
            Ok(())
        });
    });
}

#[test]
fn a_receive_without_end_does_not_keep_the_executor_from_ending() {
    run(async {
        let (near, far) = tcp_pair().await?;
        io2::spawn(async move { near.read(vec![0; 8]).timeout(LONG).await.0 });
        let mut incoming = far.recv_pooled();
        io2::spawn(async move { incoming.next().await.map(drop) });
        turns(3).await;
        Ok(())
    });
}
