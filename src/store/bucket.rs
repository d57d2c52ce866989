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
use object_store::{
    ClientOptions, CredentialProvider, Error, GetResult, ObjectStore, ObjectStoreExt as _,
    RetryConfig, UpdateVersion,
};
use reqwest::StatusCode;
use url::Url;

use super::bucket_error::{BoundError, MAX_NAME_BYTES, MAX_NAMES, MAX_PAGES};
use super::connection::{self, CONNECT_TIMEOUT, Guard, REQUEST_TIMEOUT};
use super::error::StoreError;
use super::s3_settings::{BucketSettingsError, Credentials, S3Settings};
use crate::allowed_hosts::AllowedHosts;
use crate::ident::Digest;

/// The maximum time during which a request is repeated.
const RETRY_TIMEOUT: Duration = Duration::from_secs(30);
/// The timeout of a cloud machine's metadata service. It is short, because the service is on the
/// same machine.
const METADATA_TIMEOUT: Duration = Duration::from_secs(2);

/// The largest answer that holds no object: a page of a list has a few hundred kilobytes.
const ANSWER_LIMIT: usize = 16 * 1024 * 1024;
/// The largest object that is read.
pub(super) const OBJECT_LIMIT: u64 = 512 * 1024 * 1024;
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

/// An object that was read, and its version.
pub(super) struct Object {
    pub(super) bytes: Bytes,
    pub(super) version: UpdateVersion,
}

/// Reads an object that is not longer than `limit`, if it exists.
pub(super) async fn read_object(
    objects: &dyn ObjectStore,
    path: &Path,
    limit: u64,
) -> Result<Option<Object>, Error> {
    let found = match objects.get(path).await {
        Ok(found) => found,
        Err(Error::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let version = UpdateVersion {
        e_tag: found.meta.e_tag.clone(),
        version: found.meta.version.clone(),
    };
    let bytes = bytes_of(found, limit).await?;
    Ok(Some(Object { bytes, version }))
}

/// Removes an object, if it exists.
pub(super) async fn remove_object(objects: &dyn ObjectStore, path: &Path) -> Result<(), Error> {
    match objects.delete(path).await {
        Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

async fn bytes_of(found: GetResult, limit: u64) -> Result<Bytes, Error> {
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
        location: url.to_string(),
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
