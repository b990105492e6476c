//! TLS by rustls over the adapter, with the traits of tokio and of futures.

use std::sync::Arc;

use futures_rustls::rustls;
use io2::compat::Stream;
use io2::net::{TcpListener, TcpStream};
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};

/// A server's and a client's side of a certificate that nobody else trusts.
fn configs() -> (Arc<ServerConfig>, Arc<ClientConfig>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let server = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let client = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (Arc::new(server), Arc::new(client))
}

fn localhost() -> ServerName<'static> {
    ServerName::try_from("localhost").unwrap()
}

async fn pair() -> (Stream<TcpStream>, Stream<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let client = TcpStream::connect(address).await.unwrap();
    let (server, _) = listener.accept().await.unwrap();
    (Stream::new(client), Stream::new(server))
}

fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 7 + at / 251) as u8).collect()
}

mod futures_traits {
    use futures_rustls::{TlsAcceptor, TlsConnector};
    use futures_util::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[io2::test]
    async fn both_sides_talk_and_each_ends_its_direction() {
        let (server_config, client_config) = configs();
        let (client, server) = pair().await;
        let data = bytes(500_000);
        let expected = data.clone();
        let served = io2::spawn(async move {
            let mut tls = TlsAcceptor::from(server_config)
                .accept(server)
                .await
                .unwrap();
            let mut all = Vec::new();
            // The end is the peer's close notify; without one this is an error.
            tls.read_to_end(&mut all).await.unwrap();
            assert!(all == expected);
            tls.write_all(b"got it").await.unwrap();
            tls.close().await.unwrap();
        });
        let connector = TlsConnector::from(client_config);
        let mut tls = connector.connect(localhost(), client).await.unwrap();
        tls.write_all(&data).await.unwrap();
        tls.close().await.unwrap();
        let mut answer = String::new();
        tls.read_to_string(&mut answer).await.unwrap();
        assert_eq!(answer, "got it");
        served.await;
    }
}

mod tokio_traits {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio_rustls::{TlsAcceptor, TlsConnector};

    use super::*;

    #[io2::test]
    async fn both_sides_talk_and_each_ends_its_direction() {
        let (server_config, client_config) = configs();
        let (client, server) = pair().await;
        let data = bytes(500_000);
        let expected = data.clone();
        let served = io2::spawn(async move {
            let mut tls = TlsAcceptor::from(server_config)
                .accept(server)
                .await
                .unwrap();
            let mut all = Vec::new();
            tls.read_to_end(&mut all).await.unwrap();
            assert!(all == expected);
            tls.write_all(b"got it").await.unwrap();
            tls.shutdown().await.unwrap();
        });
        let connector = TlsConnector::from(client_config);
        let mut tls = connector.connect(localhost(), client).await.unwrap();
        tls.write_all(&data).await.unwrap();
        tls.shutdown().await.unwrap();
        let mut answer = String::new();
        tls.read_to_string(&mut answer).await.unwrap();
        assert_eq!(answer, "got it");
        served.await;
    }

    #[io2::test]
    async fn hyper_speaks_through_tls() {
        use bytes::Bytes;
        use http_body_util::{BodyExt as _, Full};
        use hyper::{Request, Response, body::Incoming, client, server, service::service_fn};
        use io2::compat::HyperIo;

        let (server_config, client_config) = configs();
        let (client, server) = pair().await;
        io2::spawn(async move {
            let tls = TlsAcceptor::from(server_config)
                .accept(server)
                .await
                .unwrap();
            let service = service_fn(async |request: Request<Incoming>| {
                let body = request.into_body().collect().await?.to_bytes();
                Ok::<_, hyper::Error>(Response::new(Full::new(body)))
            });
            let http = server::conn::http1::Builder::new();
            http.serve_connection(HyperIo::new(tls), service).await
        });
        let connector = TlsConnector::from(client_config);
        let tls = connector.connect(localhost(), client).await.unwrap();
        let handshake = client::conn::http1::handshake(HyperIo::new(tls));
        let (mut client, connection) = handshake.await.unwrap();
        io2::spawn(connection);
        let body = Bytes::from(bytes(200_000));
        let request = Request::post("/").body(Full::new(body.clone())).unwrap();
        let response = client.send_request(request).await.unwrap();
        let back = response.into_body().collect().await.unwrap().to_bytes();
        assert!(back == body);
    }

    #[io2::test]
    async fn a_certificate_that_is_not_trusted_is_refused_on_both_sides() {
        let (server_config, _) = configs();
        let (_, client_config) = configs();
        let (client, server) = pair().await;
        let served = io2::spawn(async move {
            let accept = TlsAcceptor::from(server_config).accept(server);
            accept.await.map(drop).unwrap_err()
        });
        let connector = TlsConnector::from(client_config);
        let error = connector.connect(localhost(), client).await.unwrap_err();
        assert!(error.to_string().contains("certificate"), "{error}");
        // The alert has arrived, though the client has dropped its side.
        let error = served.await;
        assert!(error.to_string().contains("alert"), "{error}");
    }
}
