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
            connection(stream, &state, &Progress::new()).await;
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

async fn connection(stream: TcpStream, state: &Rc<State>, progress: &Progress) {
    // Both only make it better.
    let _ = SockRef::from(&stream).set_send_buffer_size(SEND_BUFFER);
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request: Request<Incoming>| {
        let (state, progress) = (state.clone(), progress.clone());
        async move {
            let answer = routes::answer(&request, &state).await;
            progress.is_answered();
            Ok::<_, Infallible>(answer)
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ExecutorConfig;
    use crate::dashboard::patience::LOOK;
    use crate::dashboard::token::Token;

    /// More than the buffers of both ends take.
    const PAGE: usize = 32 << 20;

    #[test]
    fn a_download_goes_on_while_it_is_taken_however_long_it_takes() {
        let ran = ExecutorConfig::new().run(async {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            let address = listener.local_addr()?;
            let token = Token::new()?;
            let request = format!(
                "GET /?token={} HTTP/1.1\r\nHost: {address}\r\n\r\n",
                token.as_str()
            );
            let site = Site::new(token, address).with_page(vec![b'x'; PAGE].into());
            let state = Rc::new(State::new(site));
            let client = TcpStream::connect(address).await?;
            let (stream, _) = listener.accept().await?;
            let progress = Progress::new();
            let all = progress.clone();
            let server = crate::spawn(async move { connection(stream, &state, &all).await });

            client.write_all(request).await.0?;
            let (mut taken, mut buf) = (0, Vec::with_capacity(1 << 20));
            for round in 0.. {
                let (read, filled) = client.read(buf).await;
                if read? == 0 {
                    break;
                }
                taken += filled.len();
                buf = filled;
                if round == 0 {
                    assert!(buf.starts_with(b"HTTP/1.1 200"));
                    progress.make_old();
                }
                // So it is looked at several times meanwhile.
                if round < 8 {
                    sleep(LOOK / 2).await;
                }
            }
            server.await;
            assert!(taken > PAGE, "{taken} bytes");
            io::Result::Ok(())
        });
        ran.unwrap().unwrap();
    }
}
