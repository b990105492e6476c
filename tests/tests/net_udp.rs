//! UDP.

use std::io::{self, ErrorKind};
use std::time::Duration;

use io2::ExecutorConfig;
use io2::net::UdpSocket;
use io2_tests::polling;

/// Runs a test's future in an executor.
fn run(future: impl Future<Output = io::Result<()>>) {
    ExecutorConfig::new()
        .run(future)
        .expect("the executor starts")
        .expect("the test's I/O works");
}

async fn socket() -> io::Result<UdpSocket> {
    UdpSocket::bind("127.0.0.1:0").await
}

#[test]
fn datagrams_come_with_their_sender_and_what_does_not_fit_is_lost() {
    run(async {
        let (a, b) = (socket().await?, socket().await?);
        let (from, to) = (a.local_addr()?, b.local_addr()?);
        assert_eq!(a.send_to("0123456789", to).await.0?, 10);
        assert_eq!(a.send_to("", to).await.0?, 0);
        let (received, buf) = b.peek_from(Vec::with_capacity(3)).await;
        assert_eq!((received?, &buf[..]), ((3, from), &b"012"[..]));
        let (received, buf) = b.recv_from(buf).await;
        assert_eq!((received?, &buf[..]), ((3, from), &b"012"[..]));
        let (received, buf) = b.recv_from(buf).await;
        assert_eq!((received?, &buf[..]), ((0, from), &b""[..]));
        Ok(())
    });
    run(async {
        let (a, b) = (
            UdpSocket::bind("[::1]:0").await?,
            UdpSocket::bind("[::1]:0").await?,
        );
        a.send_to("six", b.local_addr()?).await.0?;
        let (received, buf) = b.recv_from(Vec::with_capacity(8)).await;
        assert_eq!((received?, &buf[..]), ((3, a.local_addr()?), &b"six"[..]));
        Ok(())
    });
}

#[test]
fn a_connected_socket_hears_its_peer_alone() {
    run(async {
        let (a, b, stranger) = (socket().await?, socket().await?, socket().await?);
        assert_eq!(b.peer_addr().unwrap_err().kind(), ErrorKind::NotConnected);
        b.connect(a.local_addr()?).await?;
        assert_eq!(b.peer_addr()?, a.local_addr()?);
        stranger.send_to("not me", b.local_addr()?).await.0?;
        a.send_to("me", b.local_addr()?).await.0?;
        assert_eq!(b.peek(Vec::with_capacity(8)).await.1, b"me");
        assert_eq!(b.recv(Vec::with_capacity(8)).await.1, b"me");
        b.send("and me").await.0?;
        assert_eq!(a.recv_from(Vec::with_capacity(8)).await.1, b"and me");
        Ok(())
    });
}

#[test]
fn a_datagram_that_nobody_receives_is_an_error_of_the_next_call() {
    run(async {
        let (a, gone) = (socket().await?, socket().await?);
        a.connect(gone.local_addr()?).await?;
        gone.close().await?;
        a.send("x").await.0?;
        let error = a.recv(vec![0; 8]).await.0.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        Ok(())
    });
}

#[test]
fn a_datagram_that_is_too_long_is_an_error_that_gives_the_buffer_back() {
    run(async {
        let (a, b) = (socket().await?, socket().await?);
        let (sent, buf) = a.send_to(vec![7; 70_000], b.local_addr()?).await;
        assert_eq!(sent.unwrap_err().raw_os_error(), Some(libc::EMSGSIZE));
        assert_eq!(buf, vec![7; 70_000]);
        Ok(())
    });
}

#[test]
fn a_receive_with_a_limit_gives_its_buffer_back() {
    run(async {
        let a = socket().await?;
        let limit = Duration::from_millis(5);
        let (received, buf) = a.recv_from(Vec::with_capacity(77)).timeout(limit).await;
        assert_eq!(received.unwrap_err().kind(), ErrorKind::TimedOut);
        assert_eq!(buf.capacity(), 77);
        Ok(())
    });
}

#[test]
fn a_socket_in_use_is_not_given_to_std_and_one_of_std_is_adopted() {
    run(async {
        let a = socket().await?;
        let mut receiving = a.recv_from(Vec::with_capacity(8));
        assert!(polling::once(&mut receiving).await.is_none());
        let a = a.into_std().expect_err("a receive is in flight");
        let _ = receiving.cancel().await;
        let a = a.into_std().expect("nothing is in flight");
        a.set_nonblocking(true)?;
        let a = UdpSocket::from_std(a)?;
        a.set_broadcast(true)?;
        let mut receiving = a.recv(Vec::with_capacity(8));
        assert!(polling::once(&mut receiving).await.is_none());
        socket().await?.send_to("later", a.local_addr()?).await.0?;
        assert_eq!(receiving.await.1, b"later");
        Ok(())
    });
}
