//! The HTTP server of the metrics, on a loopback address.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::metrics::Metrics;

/// The maximum time for the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);

/// The maximum number of connections at the same time.
const CONNECTIONS: usize = 16;

/// The pause after a connection that could not be accepted, such as without a free descriptor.
const PAUSE: Duration = Duration::from_secs(1);

/// The format of the text.
const FORMAT: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

/// A running server; it stops when it is dropped.
#[derive(Debug)]
pub struct MetricsServer {
    address: SocketAddr,
    serving: JoinHandle<Infallible>,
}

/// The reason why the metrics cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum MetricsServerError {
    /// Others on the network could read the metrics.
    #[error("`{address}` is not a loopback address, and metrics are served on this machine only")]
    NotLoopback {
        /// The address.
        address: SocketAddr,
    },
    /// The address cannot be used.
    #[error("failed to listen on `{address}`")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
}

impl MetricsServer {
    /// Starts a server. Port 0 selects a free port.
    pub async fn start(address: SocketAddr, metrics: Metrics) -> Result<Self, MetricsServerError> {
        if !address.ip().to_canonical().is_loopback() {
            return Err(MetricsServerError::NotLoopback { address });
        }
        let failed = |source| MetricsServerError::Bind { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let serving = tokio::spawn(serve(listener, metrics));
        Ok(Self { address, serving })
    }

    /// Returns the URL of the metrics.
    pub fn url(&self) -> String {
        format!("http://{}/metrics", self.address)
    }
}

impl Drop for MetricsServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(listener: TcpListener, metrics: Metrics) -> Infallible {
    let free = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let permit = Arc::clone(&free).acquire_owned().await;
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let metrics = metrics.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| {
                std::future::ready(Ok::<_, Infallible>(answer(&request, &metrics)))
            });
            // A connection serves one request, so that idle ones hold no permit.
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_TIMEOUT)
                .keep_alive(false)
                .serve_connection(TokioIo::new(stream), service);
            // The other side has left; nothing is lost.
            let _ = connection.await;
            drop(permit);
        });
    }
}

fn answer(request: &Request<Incoming>, metrics: &Metrics) -> Response<Full<Bytes>> {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let mut response = Response::new(Full::default());
    if request.uri().path() != "/metrics" {
        *response.status_mut() = StatusCode::NOT_FOUND;
    } else if is_read {
        response.headers_mut().insert(CONTENT_TYPE, FORMAT);
        *response.body_mut() = Full::from(metrics.text());
    } else {
        let allowed = HeaderValue::from_static("GET, HEAD");
        *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
        response.headers_mut().insert(ALLOW, allowed);
    }
    response
}
