//! Unix sockets: paths, abstract names, streams and datagrams.

use std::io::{self, ErrorKind};
use std::os::fd::AsRawFd;
use std::os::linux::net::SocketAddrExt;
use std::path::Path;
use std::pin::pin;

use io2::ExecutorConfig;
use io2::net::{Shutdown, UnixDatagram, UnixListener, UnixSocketAddr, UnixStream};
use io2_tests::{polling, sockets, temp::TempDir};

/// The longest path that a socket is bound to with a zero at its end.
const LONGEST: usize = 107;

/// Runs a test's future in an executor.
fn run(future: impl Future<Output = io::Result<()>>) {
    ExecutorConfig::new()
        .run(future)
        .expect("the executor starts")
        .expect("the test's I/O works");
}

/// A name that nobody else has.
fn abstract_name(of: &str) -> UnixSocketAddr {
    let name = format!("io2-test-{of}-{}", std::process::id());
    UnixSocketAddr::from_abstract_name(name).expect("it is short")
}

/// Sends something one way and back.
async fn ping(near: &UnixStream, far: &UnixStream) -> io::Result<()> {
    near.write_all("ping").await.0?;
    assert_eq!(far.read(Vec::with_capacity(8)).await.1, b"ping");
    far.write_all("pong").await.0?;
    assert_eq!(near.read(Vec::with_capacity(8)).await.1, b"pong");
    Ok(())
}

#[test]
fn a_path_is_made_by_bind_and_stays() {
    run(async {
        let dir = TempDir::new();
        let path = dir.join("socket");
        let listener = UnixListener::bind(&path)?;
        assert_eq!(listener.local_addr()?.as_pathname(), Some(&*path));
        let near = UnixStream::connect(&path).await?;
        let (far, peer) = listener.accept().await?;
        assert!(peer.is_unnamed());
        assert_eq!(near.peer_addr()?.as_pathname(), Some(&*path));
        assert!(near.local_addr()?.is_unnamed());
        ping(&near, &far).await?;

        listener.close().await?;
        assert!(path.exists());
        let error = UnixListener::bind(&path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        let error = UnixStream::connect(&path).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        Ok(())
    });
}

#[test]
fn names_in_the_abstract_namespace_leave_no_path() {
    run(async {
        let name = abstract_name("stream");
        let listener = UnixListener::bind_addr(&name)?;
        let found = listener.local_addr()?;
        assert_eq!(found.as_abstract_name(), name.as_abstract_name());
        let near = UnixStream::connect_addr(&name).await?;
        let mut incoming = listener.incoming();
        let far = incoming.next().await?;
        ping(&near, &far).await?;
        drop((listener, incoming));
        io2::yield_now().await;
        io2::yield_now().await;
        // It is free again with its last socket.
        drop(UnixListener::bind_addr(&name)?);
        Ok(())
    });
}

#[test]
fn an_abstract_name_may_hold_any_bytes_of_the_full_length() {
    run(async {
        let mut name = format!("\0{}\0", std::process::id()).into_bytes();
        name.resize(LONGEST, 0xff);
        let name = UnixSocketAddr::from_abstract_name(name)?;
        let listener = UnixListener::bind_addr(&name)?;
        let near = UnixStream::connect_addr(&name).await?;
        let (far, _) = listener.accept().await?;
        assert_eq!(
            near.peer_addr()?.as_abstract_name(),
            name.as_abstract_name()
        );
        ping(&near, &far).await
    });
}

#[test]
fn paths_have_a_limit_and_no_zero_bytes() {
    run(async {
        let dir = TempDir::new();
        let room = LONGEST - dir.join("").as_os_str().len();
        let longest = dir.join("l".repeat(room));
        let listener = UnixListener::bind(&longest)?;
        let near = UnixStream::connect(&longest).await?;
        let (far, _) = listener.accept().await?;
        assert_eq!(near.peer_addr()?.as_pathname(), Some(&*longest));
        ping(&near, &far).await?;

        let too_long = dir.join("l".repeat(room + 1));
        // The kernel would take what comes before the zero, or an abstract name.
        for path in [too_long.as_path(), Path::new("a\0b"), Path::new("\0b")] {
            let refused = [
                UnixListener::bind(path).map(drop).unwrap_err(),
                UnixStream::connect(path).await.map(drop).unwrap_err(),
                UnixDatagram::bind(path).map(drop).unwrap_err(),
            ];
            for error in refused {
                assert_eq!(error.kind(), ErrorKind::InvalidInput, "{path:?}");
            }
        }
        Ok(())
    });
}

#[test]
fn a_peer_with_a_name_of_108_bytes_is_served() {
    run(async {
        let dir = TempDir::new();
        let room = LONGEST + 1 - dir.join("").as_os_str().len();
        let full = dir.join("f".repeat(room));
        let path = dir.join("socket");
        let listener = UnixListener::bind(&path)?;
        let near = sockets::bound_to_full_path(&full)?;
        let near = std::os::unix::net::UnixStream::from(near);
        sockets::connect_unix(near.as_raw_fd(), &path)?;
        let near = UnixStream::from_std(near)?;
        // The library has no word for such a name, which is no reason to fail.
        let (far, peer) = listener.accept().await?;
        assert!(peer.is_unnamed());
        assert!(far.peer_addr()?.is_unnamed());
        ping(&near, &far).await
    });
}

#[test]
fn datagrams_come_one_by_one_with_their_sender() {
    run(async {
        let dir = TempDir::new();
        let (path_a, path_b) = (dir.join("a"), dir.join("b"));
        let (a, b) = (UnixDatagram::bind(&path_a)?, UnixDatagram::bind(&path_b)?);
        assert_eq!(a.send_to("one", &path_b).await.0?, 3);
        assert_eq!(a.send_to("", &path_b).await.0?, 0);
        assert_eq!(a.send_to("three", &path_b).await.0?, 5);
        for expected in ["one", "", "three"] {
            let (received, buf) = b.recv_from(Vec::with_capacity(16)).await;
            let (count, sender) = received?;
            assert_eq!((count, &buf[..]), (expected.len(), expected.as_bytes()));
            assert_eq!(sender.as_pathname(), Some(&*path_a));
        }
        // What does not fit is lost.
        a.send_to("0123456789", &path_b).await.0?;
        a.send_to("next", &path_b).await.0?;
        assert_eq!(b.recv(Vec::with_capacity(4)).await.1, b"0123");
        assert_eq!(b.recv(Vec::with_capacity(4)).await.1, b"next");

        let unbound = UnixDatagram::unbound()?;
        let error = unbound.send("x").await.0.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotConnected);
        unbound.connect(&path_b).await?;
        assert_eq!(unbound.peer_addr()?.as_pathname(), Some(&*path_b));
        unbound.send("nameless").await.0?;
        let (received, buf) = b.recv_from(Vec::with_capacity(16)).await;
        assert!(received?.1.is_unnamed());
        assert_eq!(buf, b"nameless");
        Ok(())
    });
}

#[test]
fn datagrams_are_answered_at_the_address_that_they_came_from() {
    run(async {
        let (name_a, name_b) = (abstract_name("a"), abstract_name("b"));
        let a = UnixDatagram::bind_addr(&name_a)?;
        let b = UnixDatagram::bind_addr(&name_b)?;
        a.connect_addr(&name_b).await?;
        a.send("ping").await.0?;
        let (received, buf) = b.recv_from(Vec::with_capacity(16)).await;
        let (_, sender) = received?;
        b.send_to_addr(buf, &sender).await.0?;
        assert_eq!(a.recv(Vec::with_capacity(16)).await.1, b"ping");
        assert_eq!(
            a.local_addr()?.as_abstract_name(),
            name_a.as_abstract_name()
        );
        Ok(())
    });
}

#[test]
fn a_pair_goes_to_std_and_comes_back() {
    run(async {
        let (a, b) = UnixStream::pair()?;
        let mut read = b.read(Vec::with_capacity(8));
        assert!(polling::once(&mut read).await.is_none());
        let b = b.into_std().expect_err("a read is in flight");
        drop(read);
        io2::yield_now().await;
        io2::yield_now().await;
        let b = b.into_std().expect("the read has ended");
        b.set_nonblocking(true)?;
        let b = UnixStream::from_std(b)?;
        let mut reading = Box::pin(b.read(Vec::with_capacity(8)));
        assert!(polling::once(&mut pin!(&mut reading)).await.is_none());
        a.write_all("later").await.0?;
        assert_eq!(reading.await.1, b"later");

        let (reader, writer) = b.into_split();
        writer
            .write_vectored(["by ".to_owned(), "both".to_owned()])
            .await
            .0?;
        assert_eq!(a.read(Vec::with_capacity(8)).await.1, b"by both");
        writer.shutdown().await?;
        assert_eq!(a.read(vec![0; 8]).await.0?, 0);
        let b = reader.reunite(writer).expect("halves of one");
        a.shutdown(Shutdown::Both).await?;
        assert_eq!(b.read(vec![0; 8]).await.0?, 0);
        b.close().await
    });
}

#[test]
fn after_all_was_taken_a_read_waits_for_more_and_for_the_end() {
    run(async {
        let (near, far) = UnixStream::pair()?;
        ping(&near, &far).await?;
        let mut waits = pin!(far.read(Vec::with_capacity(8)));
        assert!(polling::once(&mut waits).await.is_none());
        near.write_all("more").await.0?;
        assert_eq!(waits.await.1, b"more");
        // What had come before it was asked for is there, too, and so is the end.
        near.write_all("last").await.0?;
        drop(near);
        assert_eq!(far.read(Vec::with_capacity(8)).await.1, b"last");
        assert_eq!(far.read(Vec::with_capacity(8)).await.0?, 0);
        Ok(())
    });
}
