//! The HTTP client: plain HTTP/1.1 with a pool of connections, or one connection with TLS and
//! HTTP/2, in which answers are compressed.

use std::io::Read as _;
use std::sync::Arc;

use bytes::Bytes;
use flate2::read::GzDecoder;
use http_body_util::{BodyExt as _, Full};
use hyper::header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING};
use hyper::{Method, Request};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

use crate::Failure;

/// A client of one server.
#[derive(Clone)]
pub(super) struct Client {
    client: legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    url: String,
}

impl Client {
    /// Creates a client. The file of the certificate is empty for plain HTTP.
    pub(super) fn new(url: &str, certificate: &str) -> Result<Self, Failure> {
        let mut roots = RootCertStore::empty();
        if !certificate.is_empty() {
            roots.add(CertificateDer::from_pem_file(certificate)?)?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(config)
            .https_or_http()
            .enable_http1()
            .enable_http2()
            .wrap_connector(tcp);
        Ok(Self {
            client: legacy::Client::builder(TokioExecutor::new()).build(connector),
            url: url.to_owned(),
        })
    }

    /// Sends a request and returns the body of the answer. Fails if the status is not a success.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<Bytes, Failure> {
        let request = Request::builder()
            .method(&method)
            .uri(format!("{}{path}", self.url))
            .header(AUTHORIZATION, "Bearer bench")
            .header(ACCEPT_ENCODING, "gzip")
            .body(Full::new(body))?;
        let answer = self.client.request(request).await?;
        if !answer.status().is_success() {
            return Err(format!("{method} {path}: {}", answer.status()).into());
        }
        let is_gzip = answer.headers().get(CONTENT_ENCODING).is_some();
        let body = answer.into_body().collect().await?.to_bytes();
        if !is_gzip {
            return Ok(body);
        }
        let mut plain = Vec::new();
        GzDecoder::new(&*body).read_to_end(&mut plain)?;
        Ok(plain.into())
    }

    pub(super) async fn get(&self, path: &str) -> Result<Bytes, Failure> {
        self.send(Method::GET, path, Bytes::new()).await
    }
}
