//! The connection of a bucket's client, if only some hosts are allowed.
//!
//! The client sends requests not only to the bucket: it gets credentials from the metadata service,
//! from a container's endpoint or from STS, each named by a variable, and a bucket can redirect.
//! All these requests pass through this module.

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use object_store::client::{
    HttpClient, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
};
use object_store::{ClientConfigKey, ClientOptions, Error};
use reqwest::redirect::Policy;
use url::Url;

use crate::allowed_hosts::AllowedHosts;
use crate::regular_file::{self, SECRET_LIMIT};

pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
pub(super) const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// The maximum number of redirects that are followed, all of them to allowed hosts.
const REDIRECTS: usize = 5;

/// The state of a guarded connection.
#[derive(Debug)]
pub(super) struct Guard {
    pub(super) allowed: AllowedHosts,
    /// The file of `AWS_CA_BUNDLE`.
    pub(super) bundle: Option<PathBuf>,
}

/// Creates a client that sends requests to allowed hosts only.
pub(super) fn guarded(guard: &Guard, options: &ClientOptions) -> Result<HttpClient, Error> {
    let failed = |source: Box<dyn std::error::Error + Send + Sync>| Error::Generic {
        store: "S3",
        source,
    };
    let allowed = guard.allowed.clone();
    let redirects = Policy::custom(move |attempt| {
        if attempt.previous().len() > REDIRECTS {
            return attempt.error("too many redirects");
        }
        match allowed.check(attempt.url()) {
            Ok(()) => attempt.follow(),
            Err(refusal) => attempt.error(refusal),
        }
    });
    let certificates = match &guard.bundle {
        Some(path) => {
            let pem =
                regular_file::read(path, SECRET_LIMIT).map_err(|error| failed(error.into()))?;
            reqwest::Certificate::from_pem_bundle(&pem).map_err(|error| failed(error.into()))?
        }
        None => Vec::new(),
    };
    let allows_http = options.get_config_value(&ClientConfigKey::AllowHttp);
    let client = reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(REQUEST_TIMEOUT)
        .tls_certs_merge(certificates)
        .https_only(allows_http.as_deref() != Some("true"))
        .redirect(redirects)
        .build()
        .map_err(|error| failed(error.into()))?;
    Ok(HttpClient::new(GuardedService {
        inner: HttpClient::new(client),
        allowed: guard.allowed.clone(),
    }))
}

#[derive(Debug)]
struct GuardedService {
    inner: HttpClient,
    allowed: AllowedHosts,
}

#[async_trait]
impl HttpService for GuardedService {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let url = Url::parse(&request.uri().to_string())
            .map_err(|error| HttpError::new(HttpErrorKind::Unknown, error))?;
        // `Unknown` errors are not retried.
        self.allowed
            .check(&url)
            .map_err(|refusal| HttpError::new(HttpErrorKind::Unknown, refusal))?;
        self.inner.execute(request).await
    }
}
