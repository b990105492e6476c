//! hyper on io2: servers and clients, HTTP/1 and HTTP/2, and a router in front of them.

use std::cell::Cell;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Json, Path};
use axum::routing::{get, post};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::service::TowerToHyperService;
use io2::compat::{LocalExec, LocalTimer, Stream, local};
use io2::net::{TcpListener, TcpStream};

/// Which version a server speaks.
#[derive(Clone, Copy, PartialEq)]
enum Http {
    One,
    Two,
}

/// Answers with what it was sent, and counts the requests, by something that is not `Send`.
async fn serve_echo(version: Http) -> (SocketAddr, Rc<Cell<u32>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let served = Rc::new(Cell::new(0));
    let count = served.clone();
    io2::spawn(async move {
        let mut incoming = listener.incoming();
        loop {
            let stream = Stream::new(incoming.next().await.unwrap());
            let count = count.clone();
            let service = service_fn(move |request: Request<Incoming>| {
                let count = count.clone();
                async move {
                    let body = request.into_body().collect().await?.to_bytes();
                    io2::time::sleep(Duration::from_millis(1)).await;
                    count.set(count.get() + 1);
                    Ok::<_, hyper::Error>(Response::new(Full::new(body)))
                }
            });
            io2::spawn(async move {
                match version {
                    Http::One => {
                        let mut server = http1::Builder::new();
                        server
                            .timer(LocalTimer)
                            .serve_connection(stream, service)
                            .await
                    }
                    Http::Two => {
                        let mut server = http2::Builder::new(LocalExec);
                        server
                            .timer(LocalTimer)
                            .serve_connection(stream, service)
                            .await
                    }
                }
            });
        }
    });
    (address, served)
}

async fn connect(address: SocketAddr) -> Stream<TcpStream> {
    Stream::new(TcpStream::connect(address).await.unwrap())
}

fn request(body: Vec<u8>) -> Request<Full<Bytes>> {
    Request::post("http://localhost/echo")
        .header("host", "localhost")
        .body(Full::new(body.into()))
        .unwrap()
}

#[io2::test]
async fn http1_serves_requests_on_a_connection_that_stays() {
    let (address, served) = serve_echo(Http::One).await;
    let (mut client, connection) = conn::http1::handshake(connect(address).await)
        .await
        .unwrap();
    let connection = io2::spawn(connection);
    for len in [0, 1, 10_000, 1_000_000] {
        let body = vec![len as u8; len];
        let response = client.send_request(request(body.clone())).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        let back = response.into_body().collect().await.unwrap().to_bytes();
        assert!(back == body, "{len}");
    }
    assert_eq!(served.get(), 4);
    drop(client);
    connection.await.unwrap();
}

#[io2::test]
async fn http2_serves_many_requests_at_once() {
    let (address, served) = serve_echo(Http::Two).await;
    let client = conn::http2::Builder::new(LocalExec)
        .timer(LocalTimer)
        .handshake(connect(address).await);
    let (client, connection) = client.await.unwrap();
    let connection = io2::spawn(connection);
    let mut requests = io2::JoinSet::new();
    for n in 0..50_usize {
        let mut client = client.clone();
        requests.spawn(async move {
            let body = vec![n as u8; n * 3000];
            let response = client.send_request(request(body.clone())).await.unwrap();
            let back = response.into_body().collect().await.unwrap().to_bytes();
            assert!(back == body, "{n}");
        });
    }
    while let Some(done) = requests.join_next().await {
        done.unwrap();
    }
    assert_eq!(served.get(), 50);
    drop((requests, client));
    connection.await.unwrap();
}

#[io2::test]
async fn a_client_that_sends_its_request_too_slowly_is_timed_out_by_the_timer() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap())
        .await
        .unwrap();
    let (stream, _) = listener.accept().await.unwrap();
    let service = service_fn(async |_: Request<Incoming>| {
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::new())))
    });
    client.write_all("GET / HT").await.0.unwrap();
    let served = http1::Builder::new()
        .timer(LocalTimer)
        .header_read_timeout(Duration::from_millis(30))
        .serve_connection(Stream::new(stream), service)
        .await;
    assert!(served.unwrap_err().is_timeout());
}

#[derive(serde::Serialize, serde::Deserialize, Debug, PartialEq)]
struct Sum {
    terms: Vec<i64>,
    total: i64,
}

async fn add(Json(mut sum): Json<Sum>) -> Json<Sum> {
    sum.total = sum.terms.iter().sum();
    Json(sum)
}

/// Files and their operations are not `Send`; a handler's future must be.
async fn zeros(Path(count): Path<usize>) -> Vec<u8> {
    local(async move {
        let file = io2::fs::File::open("/dev/zero").await.unwrap();
        let (result, buf) = file.read_exact_at(vec![1; count], 0).await;
        result.unwrap();
        buf
    })
    .await
}

#[io2::test]
async fn a_router_of_axum_is_served_by_hyper() {
    let router = Router::new()
        .route("/add", post(add))
        .route("/zeros/{count}", get(zeros));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    io2::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let service = TowerToHyperService::new(router.clone());
            io2::spawn(async move {
                let server = http1::Builder::new();
                server.serve_connection(Stream::new(stream), service).await
            });
        }
    });

    let (mut client, connection) = conn::http1::handshake(connect(address).await)
        .await
        .unwrap();
    io2::spawn(connection);
    let to_add = Request::post("/add")
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from(r#"{"terms":[1,2,39],"total":0}"#)))
        .unwrap();
    let response = client.send_request(to_add).await.unwrap();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let sum: Sum = serde_json::from_slice(&body).unwrap();
    assert_eq!(sum.total, 42);

    let get = |path| Request::get(path).body(Full::new(Bytes::new())).unwrap();
    let response = client.send_request(get("/zeros/5000")).await.unwrap();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, vec![0; 5000]);
    let response = client.send_request(get("/nothing")).await.unwrap();
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
}

#[io2::test]
async fn an_upgrade_gives_the_stream_back_with_what_came_early() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = io2::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let (upgraded, mut upgrade) = io2::sync::mpsc::unbounded_channel();
        let service = service_fn(move |request: Request<Incoming>| {
            upgraded.send(hyper::upgrade::on(request)).ok().unwrap();
            let response = Response::builder()
                .status(StatusCode::SWITCHING_PROTOCOLS)
                .header("upgrade", "echo")
                .header("connection", "upgrade")
                .body(Full::new(Bytes::new()));
            async { response }
        });
        // hyper asks for `Send` here.
        let stream = local(Stream::new(stream));
        let server = http1::Builder::new().serve_connection(stream, service);
        server.with_upgrades().await.unwrap();
        let upgraded = upgrade.recv().await.unwrap().await.unwrap();
        let parts = upgraded
            .downcast::<io2::compat::Local<Stream<TcpStream>>>()
            .unwrap();
        let stream = parts.io.into_inner().into_parts().await;
        stream.result.unwrap();
        let early = [&parts.read_buf[..], &stream.unread].concat();
        (early, stream.stream)
    });
    let client = TcpStream::connect(address).await.unwrap();
    let asked = "GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\nearly";
    client.write_all(asked).await.0.unwrap();
    let (early, stream) = server.await;
    assert_eq!(early, b"early");
    stream.write_all("after").await.0.unwrap();
    drop(stream);
    let mut answer = Vec::new();
    while let (Ok(1..), buf) = client.read(Vec::with_capacity(1000)).await {
        answer.extend(buf);
    }
    assert!(answer.starts_with(b"HTTP/1.1 101"));
    assert!(answer.ends_with(b"\r\n\r\nafter"));
}
