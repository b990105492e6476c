//! The adapter over sockets and pipes: what is read, what is written, what is lost when.

use std::future::poll_fn;
use std::io::{ErrorKind, IoSlice};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use futures_util::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _};
use io2::compat::Stream;
use io2::net::{Shutdown, TcpListener, TcpStream, UnixStream};
use io2::pipe::pipe;
use io2_tests::child;
use io2_tests::observed::observe;
use io2_tests::polling::once;

const SOON: Duration = Duration::from_millis(20);

/// Bytes of which none is like its neighbours.
fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 7 + at / 251) as u8).collect()
}

fn pair() -> (Stream<UnixStream>, UnixStream) {
    let (a, b) = UnixStream::pair().unwrap();
    (Stream::new(a), b)
}

async fn tcp_pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let a = TcpStream::connect(listener.local_addr().unwrap())
        .await
        .unwrap();
    let (b, _) = listener.accept().await.unwrap();
    (a, b)
}

async fn read_all(stream: &UnixStream, len: usize) -> Vec<u8> {
    let (result, buf) = stream.read_exact(vec![0; len]).await;
    result.unwrap();
    buf
}

#[io2::test]
async fn a_read_gives_what_there_is_and_keeps_the_rest() {
    let (mut stream, peer) = pair();
    peer.write_all("0123456789").await.0.unwrap();
    let mut buf = [0; 4];
    assert_eq!(stream.read(&mut buf).await.unwrap(), 4);
    assert_eq!(&buf, b"0123");
    assert_eq!(stream.read(&mut []).await.unwrap(), 0);
    let mut large = [0; 100];
    assert_eq!(stream.read(&mut large).await.unwrap(), 6);
    assert_eq!(&large[..6], b"456789");
    drop(peer);
    assert_eq!(stream.read(&mut buf).await.unwrap(), 0);
}

#[io2::test]
async fn a_read_that_is_given_up_loses_nothing() {
    let (mut stream, peer) = pair();
    let mut buf = [0; 8];
    assert!(once(&mut stream.read(&mut buf)).await.is_none());
    peer.write_all("hello").await.0.unwrap();
    // The bytes go to the read that was given up: it is still there.
    io2::time::sleep(SOON).await;
    assert_eq!(stream.read(&mut buf).await.unwrap(), 5);
    assert_eq!(&buf[..5], b"hello");
}

#[io2::test]
async fn lines_are_read_without_a_buffer_around_it() {
    let (mut stream, peer) = pair();
    peer.write_all("one\ntwo\nthr").await.0.unwrap();
    let mut line = String::new();
    stream.read_line(&mut line).await.unwrap();
    stream.read_line(&mut line).await.unwrap();
    assert_eq!(line, "one\ntwo\n");
    peer.write_all("ee\n").await.0.unwrap();
    line.clear();
    stream.read_line(&mut line).await.unwrap();
    assert_eq!(line, "three\n");
}

/// Writes more than the socket holds: what it holds at once, and the rest, which is on its way then.
async fn overfill(stream: &mut (impl futures_util::AsyncWrite + Unpin), data: &[u8]) {
    let held = stream.write(data).await.unwrap();
    assert!(held < data.len(), "the socket holds {held}");
    let rest = stream.write(&data[held..]).await.unwrap();
    assert_eq!(held + rest, data.len());
}

#[io2::test]
async fn what_was_accepted_arrives_without_a_flush() {
    let (mut stream, peer) = pair();
    stream.write_all(b"no flush").await.unwrap();
    assert_eq!(read_all(&peer, 8).await, b"no flush");

    let (reader, writer) = pipe().unwrap();
    let mut stream = Stream::new(writer);
    stream.write_all(b"no flush").await.unwrap();
    let (result, buf) = reader.read_exact(vec![0; 8]).await;
    result.unwrap();
    assert_eq!(buf, b"no flush");
}

#[io2::test]
async fn what_was_accepted_arrives_though_nobody_polls_and_the_kernel_takes_it_in_parts() {
    let (a, peer) = UnixStream::pair().unwrap();
    let (mut stream, data) = (Stream::with_limits(a, 1, 1 << 20), bytes(1 << 20));
    overfill(&mut stream, &data).await;
    assert_eq!(read_all(&peer, data.len()).await, data);

    let (reader, writer) = pipe().unwrap();
    let mut stream = Stream::with_limits(writer, 1, 1 << 20);
    assert_eq!(stream.write(&data).await.unwrap(), data.len());
    let (result, buf) = reader.read_exact(vec![0; data.len()]).await;
    result.unwrap();
    assert_eq!(buf, data);
    stream.flush().await.unwrap();
}

#[io2::test]
async fn a_peer_that_does_not_read_is_felt() {
    let (mut stream, peer) = pair();
    let chunk = vec![7; 64 * 1024];
    let mut accepted = 0;
    while let Some(result) = {
        io2::time::sleep(Duration::from_millis(2)).await;
        once(&mut stream.write(&chunk)).await
    } {
        accepted += result.unwrap();
        assert!(accepted < 64 << 20, "it accepts without end");
    }
    assert!(once(&mut stream.flush()).await.is_none());
    assert_eq!(read_all(&peer, accepted).await, vec![7; accepted]);
    stream.flush().await.unwrap();
}

#[io2::test]
async fn flush_waits_for_the_write_in_flight() {
    let (mut stream, peer) = pair();
    let chunk = vec![7; 64 * 1024];
    let mut accepted = 0;
    while once(&mut stream.flush()).await.is_some() {
        accepted += stream.write(&chunk).await.unwrap();
        io2::time::sleep(Duration::from_millis(2)).await;
    }
    let reader = io2::spawn(async move { read_all(&peer, accepted).await.len() });
    stream.flush().await.unwrap();
    assert_eq!(reader.await, accepted);
}

#[io2::test]
async fn shutdown_ends_one_direction_after_all_that_was_written() {
    let (a, peer) = tcp_pair().await;
    let (mut stream, data) = (Stream::new(a), bytes(300_000));
    let half = data.clone();
    let writer = io2::spawn(async move {
        stream.write_all(&half).await.unwrap();
        stream.close().await.unwrap();
        // A second time changes nothing.
        stream.close().await.unwrap();
        // The other direction goes on.
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    });
    let (result, buf) = peer.read_exact(vec![0; data.len()]).await;
    result.unwrap();
    assert!(buf == data);
    assert_eq!(peer.read(vec![0; 8]).await.0.unwrap(), 0);
    peer.write_all("still here").await.0.unwrap();
    peer.shutdown(Shutdown::Write).await.unwrap();
    assert_eq!(writer.await, "still here");
}

#[io2::test]
async fn an_error_of_a_write_that_was_accepted_comes_back_once() {
    for late in ["write", "flush", "close"] {
        let (reader, writer) = pipe().unwrap();
        let mut stream = Stream::new(writer);
        drop(reader);
        io2::time::sleep(SOON).await;
        assert_eq!(stream.write(b"lost").await.unwrap(), 4);
        let error = match late {
            "write" => stream.write(b"more").await.map(drop),
            "flush" => stream.flush().await,
            _ => stream.close().await,
        };
        assert_eq!(error.unwrap_err().kind(), ErrorKind::BrokenPipe, "{late}");
        stream.flush().await.unwrap();
    }
}

#[io2::test]
async fn what_a_socket_cannot_take_comes_back_from_the_write_itself() {
    let (mut stream, peer) = pair();
    drop(peer);
    io2::time::sleep(SOON).await;
    let error = stream.write(b"lost").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BrokenPipe);
}

#[test]
fn writes_that_never_wait_give_way_when_the_slice_is_over() {
    let config = io2::ExecutorConfig::new().preempt_duration(Duration::from_micros(1));
    let run = config.preempt(io2::Preempt::Off).run(async {
        let (a, _peer) = tcp_pair().await;
        let mut stream = Stream::new(a);
        let mut written = 0;
        while once(&mut stream.write(b"x")).await.is_some() {
            written += 1;
            // The socket holds far more.
            assert!(written < 1000, "they go on and on");
        }
        assert!(written > 0);
    });
    run.unwrap();
}

#[test]
fn what_the_kernel_takes_at_once_needs_no_request() {
    // Alone: tests beside it that trace for the first time may keep events from it.
    child::run("what_the_kernel_takes_at_once_needs_no_request", || {
        let (received, observed) = observe(async {
            let (mut stream, peer) = pair();
            let pieces = [IoSlice::new(b"head"), IoSlice::new(b"body")];
            let written = stream.write_vectored(&pieces).await;
            assert_eq!(written.unwrap(), 8);
            read_all(&peer, 8).await
        });
        assert_eq!(received, b"headbody");
        let mut submits = observed.named("submit");
        submits.retain(|submit| submit.text("op.code").starts_with("send"));
        assert!(submits.is_empty());
    });
}

#[test]
fn the_pieces_of_a_vectored_write_are_one_request() {
    // Alone: tests beside it that trace for the first time may keep events from it.
    child::run("the_pieces_of_a_vectored_write_are_one_request", || {
        let (received, observed) = observe(async {
            let (reader, writer) = pipe().unwrap();
            let mut stream = Stream::new(writer);
            let pieces = [
                IoSlice::new(b"head"),
                IoSlice::new(b""),
                IoSlice::new(b"body"),
            ];
            let write = poll_fn(|cx| {
                futures_util::AsyncWrite::poll_write_vectored(Pin::new(&mut stream), cx, &pieces)
            });
            assert_eq!(write.await.unwrap(), 8);
            let (result, buf) = reader.read_exact(vec![0; 8]).await;
            result.map(|()| buf).unwrap()
        });
        assert_eq!(received, b"headbody");
        let mut writes = observed.named("submit");
        writes.retain(|submit| submit.text("op.code").starts_with("write"));
        assert_eq!(writes.len(), 1);
        assert_eq!(writes[0].number("len"), 8);
    });
}

#[io2::test]
async fn a_vectored_write_accepts_pieces_up_to_its_limit() {
    let (reader, writer) = pipe().unwrap();
    let mut stream = Stream::with_limits(writer, 16, 6);
    let pieces = [
        IoSlice::new(b"0123"),
        IoSlice::new(b"4567"),
        IoSlice::new(b"89"),
    ];
    assert_eq!(stream.write_vectored(&pieces).await.unwrap(), 6);
    let (result, buf) = reader.read_exact(vec![0; 6]).await;
    result.unwrap();
    assert_eq!(buf, b"012345");
}

#[io2::test]
async fn a_drop_with_a_read_in_flight_leaks_nothing() {
    let (mut stream, peer) = pair();
    assert!(once(&mut stream.read(&mut [0; 8])).await.is_none());
    drop(stream);
    // The read was cancelled, so the descriptor is closed.
    assert_eq!(peer.read(vec![0; 8]).await.0.unwrap(), 0);
}

#[io2::test]
async fn what_was_accepted_is_written_after_a_drop_and_then_the_stream_is_closed() {
    let data = bytes(1 << 20);
    let (a, peer) = UnixStream::pair().unwrap();
    let mut stream = Stream::with_limits(a, 1, 1 << 20);
    overfill(&mut stream, &data).await;
    drop(stream);
    assert_eq!(read_all(&peer, data.len()).await, data);
    assert_eq!(peer.read(vec![0; 8]).await.0.unwrap(), 0);

    // A half that is dropped ends its direction, but not before that.
    let (a, peer) = UnixStream::pair().unwrap();
    let (_reader, writer) = a.into_split();
    let mut stream = Stream::with_limits(writer, 1, 1 << 20);
    overfill(&mut stream, &data).await;
    drop(stream);
    assert_eq!(read_all(&peer, data.len()).await, data);
    assert_eq!(peer.read(vec![0; 8]).await.0.unwrap(), 0);
}

#[test]
fn a_drop_outside_an_executor_or_at_its_end_is_harmless() {
    let config = io2::ExecutorConfig::new;
    let (stream, peer) = config()
        .run(async {
            let (mut stream, peer) = pair();
            assert_eq!(stream.write(b"x").await.unwrap(), 1);
            // In a task that the end of the executor drops.
            let (mut second, second_peer) = pair();
            io2::spawn(async move {
                let chunk = vec![7; 64 * 1024];
                while second.write(&chunk).await.is_ok() {}
                drop(second_peer);
            });
            io2::time::sleep(SOON).await;
            (stream, peer)
        })
        .unwrap();
    drop(stream);
    drop(peer);
}

#[io2::test]
async fn taken_apart_it_gives_what_was_read_and_not_taken() {
    let (mut stream, peer) = pair();
    peer.write_all("0123456789").await.0.unwrap();
    stream.read_exact(&mut [0; 3]).await.unwrap();
    let parts = stream.into_parts().await;
    parts.result.unwrap();
    assert_eq!(parts.unread, b"3456789");
}

#[io2::test]
async fn taken_apart_with_a_read_in_flight_it_loses_nothing() {
    // Stopped before anything came: the stream goes on.
    let (mut stream, peer) = pair();
    assert!(once(&mut stream.read(&mut [0; 8])).await.is_none());
    let parts = stream.into_parts().await;
    parts.result.unwrap();
    assert_eq!(parts.unread, b"");
    peer.write_all("later").await.0.unwrap();
    assert_eq!(read_all(&parts.stream, 5).await, b"later");

    // And after something came that nobody has asked for yet.
    let mut stream = Stream::new(parts.stream);
    assert!(once(&mut stream.read(&mut [0; 8])).await.is_none());
    peer.write_all("sooner").await.0.unwrap();
    io2::time::sleep(SOON).await;
    let parts = stream.into_parts().await;
    parts.result.unwrap();
    assert_eq!(parts.unread, b"sooner");
    // Nothing uses it any more.
    assert!(parts.stream.into_std().is_ok());
}

#[io2::test]
async fn taken_apart_with_a_write_in_flight_it_waits_for_it_and_says_what_became_of_it() {
    let data = bytes(1 << 20);
    let (a, peer) = UnixStream::pair().unwrap();
    let mut stream = Stream::with_limits(a, 1, 1 << 20);
    overfill(&mut stream, &data).await;
    let len = data.len();
    let reader = io2::spawn(async move { read_all(&peer, len).await });
    let parts = stream.into_parts().await;
    parts.result.unwrap();
    assert!(reader.await == data);

    let (reader, writer) = pipe().unwrap();
    drop(reader);
    let mut stream = Stream::new(writer);
    assert_eq!(stream.write(b"lost").await.unwrap(), 4);
    let error = stream.into_parts().await.result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BrokenPipe);
}

#[io2::test]
async fn halves_and_pipes_have_the_traits_of_their_direction() {
    let (a, b) = UnixStream::pair().unwrap();
    let (reader, writer) = b.into_split();
    let (mut reader, mut writer) = (Stream::new(reader), Stream::new(writer));
    let mut a = Stream::new(a);
    a.write_all(b"there").await.unwrap();
    let mut buf = [0; 5];
    reader.read_exact(&mut buf).await.unwrap();
    writer.write_all(&buf).await.unwrap();
    drop(writer);
    let mut back = String::new();
    a.read_to_string(&mut back).await.unwrap();
    assert_eq!(back, "there");

    let (reader, writer) = pipe().unwrap();
    let (mut reader, mut writer) = (Stream::new(reader), Stream::new(writer));
    writer.write_all(b"through a pipe").await.unwrap();
    writer.close().await.unwrap();
    drop(writer);
    let mut text = String::new();
    reader.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "through a pipe");
}

#[io2::test]
async fn futures_copy_moves_everything() {
    let data = bytes(3 << 20);
    let ((mut near, far), (out, sink)) = (pair(), pair());
    let (sent, mut far, mut out) = (data.clone(), Stream::new(far), out);
    let writer = io2::spawn(async move {
        near.write_all(&sent).await.unwrap();
        near.close().await.unwrap();
    });
    let copier = io2::spawn(async move {
        let copied = futures_util::io::copy(&mut far, &mut out).await.unwrap();
        out.close().await.unwrap();
        copied
    });
    assert!(read_all(&sink, data.len()).await == data);
    assert_eq!(sink.read(vec![0; 1]).await.0.unwrap(), 0);
    writer.await;
    assert_eq!(copier.await, data.len() as u64);
}

#[io2::test]
async fn tokio_copies_both_ways_and_passes_each_end_on() {
    let (client, near) = tcp_pair().await;
    let (far, server) = tcp_pair().await;
    let proxy = io2::spawn(async move {
        let (mut near, mut far) = (Stream::new(near), Stream::new(far));
        tokio::io::copy_bidirectional(&mut near, &mut far).await
    });
    let request = bytes(700_000);
    let (sent, len) = (request.clone(), request.len());
    let served = io2::spawn(async move {
        let (result, buf) = server.read_exact(vec![0; len]).await;
        result.unwrap();
        // The client has ended its direction, and the proxy has passed that on.
        assert_eq!(server.read(vec![0; 1]).await.0.unwrap(), 0);
        server.write_all("the answer").await.0.unwrap();
        buf
    });
    client.write_all(sent).await.0.unwrap();
    client.shutdown(Shutdown::Write).await.unwrap();
    assert!(served.await == request);
    let (result, answer) = client.read_exact(vec![0; 10]).await;
    result.unwrap();
    assert_eq!(answer, b"the answer");
    assert_eq!(client.read(vec![0; 1]).await.0.unwrap(), 0);
    assert_eq!(proxy.await.unwrap(), (len as u64, 10));
}

#[io2::test]
async fn a_write_that_nobody_waits_for_wakes_nobody() {
    let (mut stream, peer) = pair();
    let mut polls = 0;
    let mut written = false;
    poll_fn(|cx| {
        polls += 1;
        if !written {
            written = true;
            let write = futures_util::AsyncWrite::poll_write(Pin::new(&mut stream), cx, b"x");
            assert!(matches!(write, Poll::Ready(Ok(1))));
            let waker = cx.waker().clone();
            io2::spawn(async move {
                io2::time::sleep(SOON).await;
                waker.wake();
            });
            return Poll::Pending;
        }
        Poll::Ready(())
    })
    .await;
    assert_eq!(polls, 2);
    assert_eq!(read_all(&peer, 1).await, b"x");
}

mod tokio_traits {
    use io2::compat::Stream;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::{bytes, tcp_pair};

    #[io2::test]
    async fn tokio_halves_read_and_write_in_two_tasks() {
        let (a, b) = tcp_pair().await;
        let (mut reader, mut writer) = tokio::io::split(Stream::new(a));
        let echo = io2::spawn(async move {
            let mut b = Stream::new(b);
            let mut buf = [0; 1000];
            loop {
                let count = b.read(&mut buf).await.unwrap();
                if count == 0 {
                    return;
                }
                b.write_all(&buf[..count]).await.unwrap();
            }
        });
        let data = bytes(500_000);
        let sent = data.clone();
        let write = io2::spawn(async move {
            writer.write_all(&sent).await.unwrap();
            writer.shutdown().await.unwrap();
        });
        let mut back = Vec::new();
        reader.read_to_end(&mut back).await.unwrap();
        assert!(back == data);
        write.await;
        echo.await;
    }
}
