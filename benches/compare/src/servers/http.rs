//! What the servers answer by HTTP: the same handler, in the same hyper, for all of them.

use std::convert::Infallible;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::rt::{Read, Timer, Write};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};

/// What can be asked for.
pub const HELLO: (&str, &[u8]) = ("/hello", b"Hello, world!");
pub const BODY: (&str, &[u8]) = ("/body", &PATTERN);

static PATTERN: [u8; 64 * 1024] = {
    let mut pattern = [0; 64 * 1024];
    let mut at = 0;
    while at < pattern.len() {
        pattern[at] = (at * 31 + at / 251) as u8;
        at += 1;
    }
    pattern
};

async fn respond(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path();
    let found = [HELLO, BODY].into_iter().find(|(name, _)| *name == path);
    let mut response = Response::new(Full::from(found.map_or(&b""[..], |(_, body)| body)));
    if found.is_none() {
        *response.status_mut() = StatusCode::NOT_FOUND;
    }
    Ok(response)
}

/// Serves a connection to its end.
pub async fn serve<S: Read + Write + Unpin>(
    stream: S,
    timer: impl Timer + Send + Sync + 'static,
) -> hyper::Result<()> {
    let mut server = http1::Builder::new();
    server.timer(timer);
    let connection = server.serve_connection(stream, service_fn(respond));
    connection.await
}
