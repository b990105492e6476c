//! A web server with TLS by rustls, on all cores. The certificate is made at the start, so curl must be
//! told not to mind; HTTP/2 is agreed on where the client can.
//!
//!     cargo run --release -p io2-examples-web --example https -- 127.0.0.1:8443
//!     curl --insecure https://127.0.0.1:8443/

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use std::{env, io, thread};

use axum::{Router, routing::get};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use io2::ExecutorConfig;
use io2::compat::{self, LocalExec, LocalTimer};
use io2::net::{TcpSocket, TcpStream};
use io2::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);

fn main() -> io::Result<()> {
    let address = env::args().nth(1).unwrap_or("127.0.0.1:8443".into());
    let address = address.parse().map_err(io::Error::other)?;
    let tls = TlsAcceptor::from(Arc::new(tls_config().map_err(io::Error::other)?));
    let router = Router::new().route("/", get(async || "hello by TLS\n"));
    println!("https://{address}/");
    let workers = (0..thread::available_parallelism()?.get()).map(|core| {
        let (tls, router) = (tls.clone(), router.clone());
        let config = ExecutorConfig::new().name(format!("https-{core}"));
        thread::spawn(move || config.run(serve(address, tls, router))?)
    });
    for worker in workers.collect::<Vec<_>>() {
        worker.join().expect("a worker panicked")?;
    }
    Ok(())
}

fn tls_config() -> Result<ServerConfig, Box<dyn std::error::Error + Send + Sync>> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// Accepts on a socket of its own: the kernel spreads connections over those of one address.
async fn serve(address: SocketAddr, tls: TlsAcceptor, router: Router) -> io::Result<()> {
    let listener = TcpSocket::new_v4()?
        .reuse_address(true)?
        .reuse_port(true)?
        .bind(address)?
        .listen(1024)?;
    let mut incoming = listener.incoming();
    loop {
        let stream = incoming.next().await?;
        let (tls, router) = (tls.clone(), router.clone());
        io2::spawn(async move {
            if let Err(error) = connection(stream, tls, router).await {
                eprintln!("https: {error}");
            }
        });
    }
}

async fn connection(
    stream: TcpStream,
    tls: TlsAcceptor,
    router: Router,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    stream.set_nodelay(true)?;
    let stream = compat::Stream::new(stream);
    let stream = timeout(HANDSHAKE_LIMIT, tls.accept(stream)).await??;
    let mut server = auto::Builder::new(LocalExec);
    server.http1().timer(LocalTimer);
    server.http2().timer(LocalTimer);
    let service = TowerToHyperService::new(router);
    let stream = compat::HyperIo::new(stream);
    server.serve_connection(stream, service).await
}
