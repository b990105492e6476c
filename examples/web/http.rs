//! A web server: routes of axum, JSON, and a directory read past the page cache. HTTP/1 and HTTP/2.
//!
//!     cargo run --release -p io2-examples-web --example http -- 127.0.0.1:8080 .
//!     curl 127.0.0.1:8080/hello/you
//!     curl 127.0.0.1:8080/add -H 'content-type: application/json' -d '[1, 2, 39]'
//!     curl 127.0.0.1:8080/files/Cargo.toml
//!
//! Ctrl-C lets the requests at hand end.

use std::path::{Component, Path, PathBuf};
use std::{env, io, sync::Arc, time::Duration};

use axum::body::Body;
use axum::extract::{Path as UrlPath, State};
use axum::http::{StatusCode, header::CONTENT_LENGTH};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bytes::Bytes;
use futures_lite::{future, stream};
use hyper_util::server::{conn::auto, graceful::GracefulShutdown};
use hyper_util::service::TowerToHyperService;
use io2::buf::AlignedBuf;
use io2::compat::{LocalExec, LocalTimer, Stream, local};
use io2::fs::DioFile;
use io2::net::TcpListener;
use io2::{signal, time};
use serde_json::{Value, json};

const CHUNK: usize = 256 << 10;

#[io2::main(name = "http")]
async fn main() -> io::Result<()> {
    let mut arguments = env::args().skip(1);
    let address = arguments.next().unwrap_or("127.0.0.1:8080".into());
    let root: Arc<Path> = PathBuf::from(arguments.next().unwrap_or(".".into())).into();
    let router = Router::new()
        .route("/hello/{name}", get(hello))
        .route("/add", post(add))
        .route("/files/{*path}", get(file))
        .with_state(root);

    let listener = TcpListener::bind(address.as_str()).await?;
    println!("http://{}/hello/you", listener.local_addr()?);
    let connections = GracefulShutdown::new();
    // This is what `axum::serve` does elsewhere: a connection a task, hyper on it, the router behind.
    let accept = async {
        let mut server = auto::Builder::new(LocalExec);
        server.http1().timer(LocalTimer);
        server.http2().timer(LocalTimer);
        let mut incoming = listener.incoming();
        loop {
            let stream = incoming.next().await?;
            let _ = stream.set_nodelay(true);
            let service = TowerToHyperService::new(router.clone());
            let connection = server.serve_connection(Stream::new(stream), service);
            io2::spawn(connections.watch(connection.into_owned()));
        }
    };
    future::or(accept, signal::ctrl_c()).await?;
    println!("ending");
    Ok(time::timeout(Duration::from_secs(10), connections.shutdown()).await?)
}

async fn hello(UrlPath(name): UrlPath<String>) -> String {
    format!("hello, {name}\n")
}

async fn add(Json(terms): Json<Vec<f64>>) -> Json<Value> {
    Json(json!({ "terms": terms.len(), "sum": terms.iter().sum::<f64>() }))
}

/// Sends a file piece by piece. Its operations stay on this thread, which `local` vouches for.
async fn file(
    State(root): State<Arc<Path>>,
    UrlPath(path): UrlPath<PathBuf>,
) -> Result<Response, StatusCode> {
    // No way leads out of the directory, but for symbolic links.
    let inside = |part| matches!(part, Component::Normal(_));
    if !path.components().all(inside) {
        return Err(StatusCode::NOT_FOUND);
    }
    let mut options = DioFile::options();
    options.read(true).direct_or_buffered(true);
    let response = local(async move {
        let file = options.open(root.join(path)).await?;
        let size = file.size().await?;
        let pieces = stream::try_unfold((file, 0), async |(file, offset)| {
            let buf = AlignedBuf::new(CHUNK, file.alignment().memory());
            let (read, buf) = file.read_at(buf, offset).await;
            let read = read? as u64;
            io::Result::Ok((read > 0).then(|| (Bytes::from_owner(buf), (file, offset + read))))
        });
        let body = Body::from_stream(local(pieces));
        io::Result::Ok(([(CONTENT_LENGTH, size)], body).into_response())
    });
    response.await.map_err(|_| StatusCode::NOT_FOUND)
}
