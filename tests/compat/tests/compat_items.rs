//! `futures_core::Stream` for what yields one thing after another.

use std::time::Duration;

use futures_util::{Stream as _, StreamExt};
use io2::JoinSet;
use io2::net::{TcpListener, TcpStream, UnixStream};
use io2::sync::mpsc;
use io2::time::interval;
use io2_tests::polling::once;

#[io2::test]
async fn connections_come_one_after_the_other() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let clients = io2::spawn(async move {
        let mut clients = Vec::new();
        for _ in 0..3 {
            clients.push(TcpStream::connect(address).await.unwrap());
        }
        clients
    });
    let accepted: Vec<_> = listener.incoming().take(3).collect().await;
    let peers: Vec<_> = accepted
        .iter()
        .map(|stream| stream.as_ref().unwrap().peer_addr().unwrap())
        .collect();
    let clients = clients.await;
    let locals: Vec<_> = clients.iter().map(|c| c.local_addr().unwrap()).collect();
    assert_eq!(peers, locals);
}

#[io2::test]
async fn an_interval_ticks() {
    let period = Duration::from_millis(1);
    let ticks: Vec<_> = interval(period).take(3).collect().await;
    assert_eq!(ticks[2] - ticks[0], period * 2);
}

#[io2::test]
async fn a_set_of_tasks_gives_outputs_as_they_come_and_ends_when_it_is_empty() {
    let mut set = JoinSet::new();
    for n in [3_u64, 1, 2] {
        set.spawn(async move {
            io2::time::sleep(Duration::from_millis(n * 10)).await;
            n
        });
    }
    assert_eq!(set.size_hint(), (3, None));
    assert!(once(&mut StreamExt::next(&mut set)).await.is_none());
    let outputs: Vec<_> = set.by_ref().map(|output| output.unwrap()).collect().await;
    assert_eq!(outputs, [1, 2, 3]);
    set.spawn(async { 4 });
    assert_eq!(StreamExt::next(&mut set).await.unwrap().unwrap(), 4);
    assert!(StreamExt::next(&mut set).await.is_none());
}

#[io2::test]
async fn buffers_of_the_pool_come_until_the_peer_ends() {
    let (a, b) = UnixStream::pair().unwrap();
    let mut received = b.recv_pooled();
    a.write_all("hello ").await.0.unwrap();
    a.write_all("there").await.0.unwrap();
    drop(a);
    let mut text = Vec::new();
    while let Some(buf) = StreamExt::next(&mut received).await {
        text.extend_from_slice(&buf.unwrap());
    }
    assert_eq!(text, b"hello there");
}

#[io2::test]
async fn channels_give_their_values_until_the_senders_are_gone() {
    let (sender, receiver) = mpsc::channel(2);
    let (unbounded, second) = mpsc::unbounded_channel();
    io2::spawn(async move {
        for n in 0..5 {
            sender.send(n).await.unwrap();
            unbounded.send(n).unwrap();
        }
    });
    assert_eq!(receiver.collect::<Vec<_>>().await, [0, 1, 2, 3, 4]);
    assert_eq!(second.collect::<Vec<_>>().await, [0, 1, 2, 3, 4]);
}

/// A reader that puts a buffer of its own in the place of the one that it is to fill.
struct Swaps;

impl tokio::io::AsyncRead for Swaps {
    fn poll_read(
        self: std::pin::Pin<&mut Self>,
        _cx: &mut std::task::Context<'_>,
        buf: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        *buf = tokio::io::ReadBuf::new(Box::leak(vec![0; 4096].into_boxed_slice()));
        buf.set_filled(4096);
        std::task::Poll::Ready(Ok(()))
    }
}

#[test]
#[should_panic(expected = "another buffer")]
fn a_reader_cannot_pass_off_its_own_buffer_as_the_one_to_fill() {
    let mut room = [0; 16];
    let mut buf = hyper::rt::ReadBuf::new(&mut room);
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    let reader = std::pin::pin!(io2::compat::HyperIo::new(Swaps));
    let _ = hyper::rt::Read::poll_read(reader, &mut cx, buf.unfilled());
}
