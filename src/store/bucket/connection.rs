//! The connection of a bucket's client: bounded answers, and requests to allowed hosts only.
//!
//! The client sends requests not only to the bucket: it gets credentials from the metadata service,
//! from a container's endpoint, from STS or from an OAuth server, most of them named by a variable,
//! and a bucket can redirect. All these requests pass through this module.

use std::time::Duration;

use async_trait::async_trait;
use http_body_util::{BodyExt as _, Limited};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse,
    HttpResponseBody, HttpService,
};
use object_store::{ClientConfigKey, ClientOptions, Error};
use reqwest::redirect::Policy;
use reqwest::{Certificate, StatusCode};
use url::Url;

use super::error::Refused;
use crate::allowed_hosts::AllowedHosts;

/// The largest object that is read.
pub(in crate::store) const OBJECT_LIMIT: u64 = 512 * 1024 * 1024;
/// The largest answer that holds no object: a page of a list has a few hundred kilobytes.
const ANSWER_LIMIT: usize = 16 * 1024 * 1024;

/// The maximum number of redirects that are followed.
const REDIRECTS: usize = 10;

/// The connector of a bucket's clients.
#[derive(Debug, Clone)]
pub(in crate::store) struct BucketConnector {
    pub(in crate::store) connect_timeout: Duration,
    pub(in crate::store) timeout: Duration,
    /// The trusted certificates, in addition to those of the system.
    pub(in crate::store) certificates: Vec<Certificate>,
    /// The allowed hosts, if they are restricted.
    pub(in crate::store) allowed_hosts: Option<AllowedHosts>,
}

impl HttpConnector for BucketConnector {
    fn connect(&self, options: &ClientOptions) -> Result<HttpClient, Error> {
        let allowed_hosts = self.allowed_hosts.clone();
        let redirects = Policy::custom(move |attempt| {
            if attempt.previous().len() > REDIRECTS {
                return attempt.error("too many redirects");
            }
            match allowed_hosts.as_ref().map(|all| all.check(attempt.url())) {
                Some(Err(refusal)) => attempt.error(refusal),
                Some(Ok(())) | None => attempt.follow(),
            }
        });
        let allows_http = options.get_config_value(&ClientConfigKey::AllowHttp);
        let client = reqwest::Client::builder()
            .user_agent(concat!("solform/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(self.connect_timeout)
            .timeout(self.timeout)
            .tls_certs_merge(self.certificates.iter().cloned())
            // A store has few requests at once, which HTTP/2 makes slower.
            .http1_only()
            .https_only(allows_http.as_deref() != Some("true"))
            .redirect(redirects)
            .build()
            .map_err(|error| Error::Generic {
                store: "bucket",
                source: error.into(),
            })?;
        Ok(HttpClient::new(BucketClient {
            client,
            allowed_hosts: self.allowed_hosts.clone(),
        }))
    }
}

#[derive(Debug)]
struct BucketClient {
    client: reqwest::Client,
    allowed_hosts: Option<AllowedHosts>,
}

#[async_trait]
impl HttpService for BucketClient {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        // `Unknown` errors are not retried.
        if let Some(allowed_hosts) = &self.allowed_hosts {
            let url = Url::parse(&request.uri().to_string())
                .map_err(|error| HttpError::new(HttpErrorKind::Unknown, error))?;
            allowed_hosts
                .check(&url)
                .map_err(|refusal| HttpError::new(HttpErrorKind::Unknown, refusal))?;
        }
        let is_list = request
            .uri()
            .query()
            .is_some_and(|query| query.contains("list-type=2") || query.contains("comp=list"));
        let is_get = request.method().as_str() == "GET";
        let mut response = self.client.call(request).await?;
        let limit = if is_get && !is_list && response.status().is_success() {
            usize::try_from(OBJECT_LIMIT).unwrap_or(usize::MAX)
        } else {
            ANSWER_LIMIT
        };
        // Only some clients report that a list was refused.
        if is_list && matches!(response.status().as_u16(), 401 | 403 | 404) {
            let refused = Refused::read(bounded(response, ANSWER_LIMIT)).await?;
            return Err(HttpError::new(HttpErrorKind::Unknown, refused));
        }
        // A service that does not implement a request will not implement it a second later: a
        // server error would be repeated.
        if response.status().as_u16() == 501 {
            *response.status_mut() = StatusCode::BAD_REQUEST;
        }
        Ok(bounded(response, limit))
    }
}

/// Returns an answer whose body ends with an error at a limit.
fn bounded(response: HttpResponse, limit: usize) -> HttpResponse {
    response.map(|body| {
        let body = Limited::new(body, limit);
        HttpResponseBody::new(
            body.map_err(|source| HttpError::new_boxed(HttpErrorKind::Decode, source)),
        )
    })
}
