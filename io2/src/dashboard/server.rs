//! Connections: one request each, so many at a time, and none for ever.

use std::cell::Cell;
use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use socket2::SockRef;

use super::patience::{Noted, Progress};
use super::routes::{self, Site, State};
use crate::compat::{LocalTimer, Stream};
use crate::net::{TcpListener, TcpStream};
use crate::time::sleep;

/// Connections beyond are closed at once.
const CONNECTIONS_MAX: usize = 128;

/// A client has so long to send its request.
const HEADER_LIMIT: Duration = Duration::from_secs(10);
const HEADERS_MAX: usize = 64;
const HEADER_BYTES_MAX: usize = 16 << 10;

/// What the kernel keeps for a client that does not read.
const SEND_BUFFER: usize = 128 << 10;

/// While descriptors or memory are short.
const SHORTAGE_PAUSE: Duration = Duration::from_millis(100);

/// Serves until the process ends.
pub(super) async fn serve(listener: TcpListener, site: Site) -> io::Result<()> {
    let state = Rc::new(State::new(site));
    let connections = Rc::new(Cell::new(0));
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            sleep(SHORTAGE_PAUSE).await;
            continue;
        };
        if connections.get() >= CONNECTIONS_MAX {
            continue;
        }
        let place = Place::take(&connections);
        let state = state.clone();
        crate::spawn(async move {
            connection(stream, &state).await;
            drop(place);
        });
    }
}

/// One of the connections.
struct Place(Rc<Cell<usize>>);

impl Place {
    fn take(taken: &Rc<Cell<usize>>) -> Place {
        taken.set(taken.get() + 1);
        Place(taken.clone())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

async fn connection(stream: TcpStream, state: &Rc<State>) {
    // Both only make it better.
    let _ = SockRef::from(&stream).set_send_buffer_size(SEND_BUFFER);
    let _ = stream.set_nodelay(true);
    let progress = Progress::new();
    let service = service_fn(|request: Request<Incoming>| {
        let (state, progress) = (state.clone(), progress.clone());
        async move { Ok::<_, Infallible>(routes::answer(&request, &state, &progress).await) }
    });
    let mut server = http1::Builder::new();
    server
        .timer(LocalTimer)
        .header_read_timeout(HEADER_LIMIT)
        .keep_alive(false)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEADER_BYTES_MAX);
    let noted = Noted {
        stream: Stream::new(stream),
        progress: progress.clone(),
    };
    let mut connection = pin!(server.serve_connection(noted, service));
    let mut over = pin!(progress.over());
    poll_fn(|cx| {
        // A client that breaks off is no error.
        match connection.as_mut().poll(cx) {
            Poll::Ready(_) => Poll::Ready(()),
            Poll::Pending => over.as_mut().poll(cx),
        }
    })
    .await;
}
