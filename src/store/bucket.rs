//! Buckets: opening one, and the limits of what it may send.
//!
//! A bucket is on another computer: its lists, objects and errors are read within limits.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::TryStreamExt as _;
use http_body_util::{BodyExt as _, Limited};
use object_store::aws::{
    AmazonS3Builder, AmazonS3ConfigKey, AwsCredential, AwsCredentialProvider, S3ConditionalPut,
};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse,
    HttpResponseBody, HttpService, ReqwestConnector,
};
use object_store::list::{PaginatedListOptions, PaginatedListStore};
use object_store::path::Path;
use object_store::{ClientOptions, CredentialProvider, Error, GetResult, ObjectStore, RetryConfig};
use reqwest::StatusCode;
use url::Url;

use super::backend::StoreError;
use super::connection::{self, Guard};
use super::s3_settings::{BucketSettingsError, Credentials, S3Settings};
use crate::allowed_hosts::AllowedHosts;
use crate::ident::Digest;

pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
pub(super) const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// The maximum time during which a request is repeated.
const RETRY_TIMEOUT: Duration = Duration::from_secs(30);
/// The timeout of a cloud machine's metadata service. It is short, because the service is on the
/// same machine.
const METADATA_TIMEOUT: Duration = Duration::from_secs(2);

/// The largest answer that holds no object: a page of a list has a few hundred kilobytes.
const ANSWER_LIMIT: usize = 16 * 1024 * 1024;
/// The largest object that is read.
pub(super) const OBJECT_LIMIT: u64 = 512 * 1024 * 1024;
/// The most pages of one list.
const MAX_PAGES: usize = 1_000;
/// The most names of one list, and the most bytes that they have together.
const MAX_NAMES: usize = 100_000;
const MAX_NAME_BYTES: usize = 64 * 1024 * 1024;

/// The objects of a bucket, and their names page by page.
#[derive(Clone)]
pub struct Bucket {
    pub(super) objects: Arc<dyn ObjectStore>,
    pages: Arc<dyn PaginatedListStore>,
}

/// The names below a folder.
#[derive(Debug, Default)]
pub(super) struct Names {
    pub(super) objects: Vec<Path>,
    pub(super) folders: Vec<Path>,
}

/// A bucket that sends more than the limits allow.
#[derive(Debug, thiserror::Error)]
enum BoundError {
    #[error("the bucket lists more than {MAX_NAMES} names, or names that are too long, in `{0}`")]
    Names(Path),
    #[error("the bucket answers with more than {MAX_PAGES} pages for the list of `{0}`")]
    Pages(Path),
    #[error("the bucket repeats a continuation token, so that the list of `{0}` has no end")]
    Token(Path),
    #[error("the object `{path}` has more than {limit} bytes")]
    Object { path: Path, limit: u64 },
}

impl From<BoundError> for Error {
    fn from(error: BoundError) -> Self {
        Self::Generic {
            store: "bucket",
            source: Box::new(error),
        }
    }
}

impl Bucket {
    /// A bucket of any kind.
    pub fn new(objects: Arc<dyn ObjectStore>, pages: Arc<dyn PaginatedListStore>) -> Self {
        Self { objects, pages }
    }

    /// Lists the objects right below a folder, and the folders there.
    pub(super) async fn list(&self, folder: &Path) -> Result<Names, Error> {
        let prefix = format!("{folder}/");
        let mut names = Names::default();
        let mut name_bytes = 0;
        let mut tokens = BTreeSet::new();
        let mut page_token = None;
        loop {
            let options = PaginatedListOptions {
                delimiter: Some("/".into()),
                page_token,
                ..PaginatedListOptions::default()
            };
            let page = self.pages.list_paginated(Some(&prefix), options).await?;
            let objects = page.result.objects.into_iter();
            let objects: Vec<Path> = objects.map(|object| object.location).collect();
            let folders = page.result.common_prefixes;
            name_bytes += objects
                .iter()
                .chain(&folders)
                .map(|name| name.as_ref().len())
                .sum::<usize>();
            names.objects.extend(objects);
            names.folders.extend(folders);
            if names.objects.len() + names.folders.len() > MAX_NAMES || name_bytes > MAX_NAME_BYTES
            {
                return Err(BoundError::Names(folder.clone()).into());
            }
            let Some(token) = page.page_token.filter(|token| !token.is_empty()) else {
                return Ok(names);
            };
            if !tokens.insert(Digest::of(token.as_bytes()).as_str().to_owned()) {
                return Err(BoundError::Token(folder.clone()).into());
            }
            if tokens.len() >= MAX_PAGES {
                return Err(BoundError::Pages(folder.clone()).into());
            }
            page_token = Some(token);
        }
    }
}

/// Reads an object that is not longer than `limit`.
pub(super) async fn bytes_of(found: GetResult, limit: u64) -> Result<Bytes, Error> {
    let path = found.meta.location.clone();
    let too_large = || Error::from(BoundError::Object { path, limit });
    if found.meta.size > limit {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    let mut pieces = found.into_stream();
    while let Some(piece) = pieces.try_next().await? {
        bytes.extend_from_slice(&piece);
        if bytes.len() as u64 > limit {
            return Err(too_large());
        }
    }
    Ok(bytes.into())
}

/// An error of a bucket, in one message: the bucket's client wraps errors in up to eight others.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub struct BucketError {
    text: String,
    pub(super) kind: BucketErrorKind,
}

/// The kinds of errors, each with a fix of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BucketErrorKind {
    /// Credentials are missing, unknown to the server, or without the needed permission.
    Denied,
    /// The bucket does not exist.
    NotFound,
    /// A limit of this program is exceeded.
    Bound,
    /// Any other error, mostly one of the network.
    Other,
}

impl BucketError {
    /// Reads an error of the bucket's client.
    pub(super) fn of(error: &Error) -> Self {
        let mut innermost: &(dyn std::error::Error + 'static) = error;
        let mut kind = match error {
            Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => {
                BucketErrorKind::Denied
            }
            Error::NotFound { .. } => BucketErrorKind::NotFound,
            _ => BucketErrorKind::Other,
        };
        while let Some(source) = innermost.source() {
            innermost = source;
        }
        if innermost.is::<BoundError>() {
            kind = BucketErrorKind::Bound;
        }
        Self {
            text: readable(&innermost.to_string()),
            kind,
        }
    }

    /// Returns the fix, as a sentence.
    pub(super) fn help(&self) -> &'static str {
        match self.kind {
            BucketErrorKind::Denied => {
                "Check the credentials in the AWS_* variables, and the rights that they give: to list, read, write and delete."
            }
            BucketErrorKind::NotFound => "Check the bucket's name, and AWS_REGION.",
            BucketErrorKind::Bound => {
                "Check the contents of the bucket, or name another bucket or prefix."
            }
            BucketErrorKind::Other => {
                "Check the bucket's name, AWS_REGION and AWS_ENDPOINT_URL, the network and the proxy."
            }
        }
    }
}

/// Returns the message of an S3 error without its XML, on one line of limited length.
fn readable(text: &str) -> String {
    const LONGEST: usize = 300;
    let text = text.replace(
        "Server returned non-2xx status code: ",
        "the server answered ",
    );
    let part = |name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        let (part, _) = rest.split_once(&format!("</{name}>"))?;
        Some(part.to_owned())
    };
    let head = text.split('<').next().unwrap_or_default();
    let head = head.trim_end_matches([':', ' ']).to_owned();
    let parts: Vec<String> = [Some(head), part("Code"), part("Message")]
        .into_iter()
        .flatten()
        .map(|part| part.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|part| !part.is_empty())
        .collect();
    let line = parts.join(": ");
    if line.chars().count() > LONGEST {
        let cut: String = line.chars().take(LONGEST).collect();
        format!("{cut}...")
    } else {
        line
    }
}

/// Opens `s3://BUCKET/PREFIX`. Credentials, region and endpoint come from `variables`, which hold
/// the `AWS_*` variables.
pub fn open_s3(
    url: &Url,
    variables: &[(String, String)],
    allowed_hosts: Option<&AllowedHosts>,
) -> Result<(Bucket, Path), StoreError> {
    // Another part of the process may have installed a provider; any provider works.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut settings = S3Settings::read(variables).map_err(|source| StoreError::Settings {
        place: url.to_string(),
        source,
    })?;
    settings.allowed_hosts = allowed_hosts.cloned();
    let failed = |error: Error| StoreError::remote("open", url.to_string(), &error);
    let mut builder = configured(url, variables, &settings)
        .with_client_options(client_options(&settings, REQUEST_TIMEOUT))
        .with_retry(RetryConfig {
            // Pauses double from 100 ms: an outage of some seconds does not end an apply.
            max_retries: 7,
            retry_timeout: RETRY_TIMEOUT,
            ..RetryConfig::default()
        });
    if settings.credentials == Credentials::Metadata {
        builder = builder.with_credentials(Arc::new(MetadataCredentials {
            service: metadata_service(url, variables, &settings).map_err(failed)?,
        }));
    }
    let objects = Arc::new(builder.build().map_err(failed)?);
    let prefix =
        Path::from_url_path(url.path()).map_err(|source| failed(Error::InvalidPath { source }))?;
    Ok((Bucket::new(Arc::clone(&objects) as _, objects), prefix))
}

fn configured(url: &Url, variables: &[(String, String)], settings: &S3Settings) -> AmazonS3Builder {
    let guard = settings.allowed_hosts.clone().map(|allowed| Guard {
        allowed,
        bundle: variables
            .iter()
            .find(|(name, _)| name == "AWS_CA_BUNDLE")
            .map(|(_, path)| path.into()),
    });
    let mut builder = AmazonS3Builder::new()
        .with_url(url.as_str())
        .with_http_connector(BoundedConnector { guard });
    for (name, value) in variables {
        // A variable that the client does not know belongs to another program.
        if let Ok(key) = name.to_ascii_lowercase().parse() {
            builder = builder.with_config(key, value);
        }
    }
    if let Some(endpoint) = &settings.endpoint {
        builder = builder
            .with_config(AmazonS3ConfigKey::S3Endpoint, endpoint)
            .with_allow_http(settings.allows_http);
    }
    if let Some(endpoint) = &settings.metadata_endpoint {
        builder = builder.with_metadata_endpoint(endpoint);
    }
    builder
        .with_conditional_put(S3ConditionalPut::ETagMatch)
        // Not every service has the call that deletes many objects.
        .with_config(AmazonS3ConfigKey::DisableBulkDelete, "true")
}

fn client_options(settings: &S3Settings, timeout: Duration) -> ClientOptions {
    let options = ClientOptions::new()
        .with_connect_timeout(CONNECT_TIMEOUT)
        .with_timeout(timeout)
        .with_allow_http(settings.allows_http);
    settings
        .certificates
        .iter()
        .cloned()
        .fold(options, ClientOptions::with_root_certificate)
}

/// The credentials that a cloud machine provides by itself, requested once.
fn metadata_service(
    url: &Url,
    variables: &[(String, String)],
    settings: &S3Settings,
) -> Result<AwsCredentialProvider, Error> {
    let client = configured(url, variables, settings)
        .with_client_options(client_options(settings, METADATA_TIMEOUT))
        .with_retry(RetryConfig {
            max_retries: 0,
            retry_timeout: METADATA_TIMEOUT,
            ..RetryConfig::default()
        })
        .build()?;
    Ok(Arc::clone(client.credentials()))
}

/// Reports missing credentials if the machine does not provide any.
#[derive(Debug)]
struct MetadataCredentials {
    service: AwsCredentialProvider,
}

#[async_trait]
impl CredentialProvider for MetadataCredentials {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> Result<Arc<AwsCredential>, Error> {
        self.service.get_credential().await.map_err(|error| {
            tracing::debug!(%error, "the metadata service returned no credentials");
            Error::Unauthenticated {
                path: String::new(),
                source: Box::new(BucketSettingsError::NoCredentials),
            }
        })
    }
}

/// A connector for clients that read bounded answers.
#[derive(Debug)]
struct BoundedConnector {
    /// The allowed hosts, if hosts are restricted.
    guard: Option<Guard>,
}

impl HttpConnector for BoundedConnector {
    fn connect(&self, options: &ClientOptions) -> Result<HttpClient, Error> {
        let client = match &self.guard {
            Some(guard) => connection::guarded(guard, options)?,
            None => ReqwestConnector::default().connect(options)?,
        };
        Ok(HttpClient::new(BoundedClient(client)))
    }
}

#[derive(Debug)]
struct BoundedClient(HttpClient);

#[async_trait]
impl HttpService for BoundedClient {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let is_list = request
            .uri()
            .query()
            .is_some_and(|query| query.contains("list-type=2"));
        let is_get = request.method().as_str() == "GET";
        let mut response = self.0.execute(request).await?;
        let limit = if is_get && !is_list && response.status().is_success() {
            usize::try_from(OBJECT_LIMIT).unwrap_or(usize::MAX)
        } else {
            ANSWER_LIMIT
        };
        // A service that does not implement a request will not implement it a second later: a
        // server error would be repeated.
        if response.status().as_u16() == 501 {
            *response.status_mut() = StatusCode::BAD_REQUEST;
        }
        Ok(response.map(|body| {
            let body = Limited::new(body, limit);
            HttpResponseBody::new(
                body.map_err(|source| HttpError::new_boxed(HttpErrorKind::Decode, source)),
            )
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_messages_become_one_short_line() {
        for (text, expected) in [
            (
                "Server returned non-2xx status code: 403 Forbidden: <?xml version=\"1.0\"?>\n<Error><Code>SignatureDoesNotMatch</Code><Message>The signature\n differs</Message></Error>",
                "the server answered 403 Forbidden: SignatureDoesNotMatch: The signature differs",
            ),
            (
                "Server returned non-2xx status code: 500 Internal Server Error: ",
                "the server answered 500 Internal Server Error",
            ),
            (
                "Connection refused (os error 111)",
                "Connection refused (os error 111)",
            ),
            ("<Code>A</Code>", "A"),
        ] {
            assert_eq!(readable(text), expected);
        }
        assert_eq!(readable(&"x".repeat(9_000)).len(), 303);
    }
}
