//! WebSockets of the tungstenite family over the adapter.

use futures_util::{SinkExt as _, StreamExt as _};
use io2::compat::Stream;
use io2::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{accept_async, client_async};

#[io2::test]
async fn messages_go_both_ways_until_one_side_closes() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let served = io2::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut socket = accept_async(Stream::new(stream)).await.unwrap();
        let mut echoed = 0;
        while let Some(message) = socket.next().await {
            let message = message.unwrap();
            if message.is_text() || message.is_binary() {
                socket.send(message).await.unwrap();
                echoed += 1;
            }
        }
        echoed
    });
    let stream = Stream::new(TcpStream::connect(address).await.unwrap());
    let (mut socket, _) = client_async("ws://localhost/", stream).await.unwrap();
    for len in [0, 1, 126, 70_000, 1_000_000] {
        let message = Message::binary(vec![len as u8; len]);
        socket.send(message.clone()).await.unwrap();
        assert!(socket.next().await.unwrap().unwrap() == message, "{len}");
    }
    socket.send(Message::text("hello")).await.unwrap();
    let answer = socket.next().await.unwrap().unwrap();
    assert_eq!(answer.into_text().unwrap().as_str(), "hello");
    socket.close(None).await.unwrap();
    while let Some(message) = socket.next().await {
        assert!(message.unwrap().is_close());
    }
    assert_eq!(served.await, 6);
}
