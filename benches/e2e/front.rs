//! The front of the emulator for the loads with TLS: TLS, HTTP/2 and gzip, as the proxies in front
//! of real servers have it. The emulator behind it answers, with its latency. A test uses it too.

use std::error::Error;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{
    ACCEPT_ENCODING, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, HOST, HeaderValue,
    TRANSFER_ENCODING,
};
use hyper::http::uri::{Authority, Scheme};
use hyper::service::service_fn;
use hyper::{Request, Response, Uri, Version};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::PrivateKeyDer;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// An error with a message for people.
pub(crate) type Failure = Box<dyn Error + Send + Sync>;

/// The maximum number of requests at a time in a connection, which is nginx's default.
const STREAMS: u32 = 128;

/// The length from which nginx compresses a body.
const COMPRESSED_FROM: usize = 20;

type Forwarder = Client<HttpConnector, Incoming>;

/// Starts the front of a server, and writes its certificate to this file. Returns its address, and
/// the number of its connections so far.
pub(crate) async fn start(
    server: SocketAddr,
    certificate: &Path,
) -> Result<(SocketAddr, Arc<AtomicUsize>), Failure> {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["127.0.0.1".to_owned()])?;
    std::fs::write(certificate, cert.pem())?;
    let key = PrivateKeyDer::try_from(signing_key.serialize_der())?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let forwarder = Client::builder(TokioExecutor::new()).build(connector);
    let server: Authority = server.to_string().parse()?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let connections = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counter.fetch_add(1, Ordering::Relaxed);
            let (acceptor, forwarder) = (acceptor.clone(), forwarder.clone());
            let server = server.clone();
            tokio::spawn(async move {
                stream.set_nodelay(true)?;
                let stream = TokioIo::new(acceptor.accept(stream).await?);
                let service =
                    service_fn(move |request| forward(forwarder.clone(), server.clone(), request));
                let mut builder = auto::Builder::new(TokioExecutor::new());
                builder.http2().max_concurrent_streams(STREAMS);
                builder.serve_connection(stream, service).await
            });
        }
    });
    Ok((address, connections))
}

async fn forward(
    forwarder: Forwarder,
    server: Authority,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Failure> {
    let (mut parts, body) = request.into_parts();
    let mut uri = parts.uri.into_parts();
    (uri.scheme, uri.authority) = (Some(Scheme::HTTP), Some(server));
    parts.uri = Uri::from_parts(uri)?;
    parts.version = Version::HTTP_11;
    parts.headers.remove(HOST);
    let encodings = parts.headers.remove(ACCEPT_ENCODING);
    let takes_gzip = encodings
        .as_ref()
        .and_then(|encodings| encodings.to_str().ok())
        .is_some_and(|encodings| encodings.contains("gzip"));
    let answer = forwarder.request(Request::from_parts(parts, body)).await?;
    let (mut parts, body) = answer.into_parts();
    let mut body = body.collect().await?.to_bytes();
    for header in [CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING] {
        parts.headers.remove(header);
    }
    parts.version = Version::default();
    if takes_gzip && body.len() >= COMPRESSED_FROM {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&body)?;
        body = encoder.finish()?.into();
        let gzip = HeaderValue::from_static("gzip");
        parts.headers.insert(CONTENT_ENCODING, gzip);
    }
    Ok(Response::from_parts(parts, Full::new(body)))
}
