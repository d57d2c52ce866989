//! Buckets: opening one, and the requests that a store sends to it.
//!
//! A bucket is on another computer: its lists and objects are read within limits.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::TryStreamExt as _;
use object_store::aws::{
    AmazonS3Builder, AmazonS3ConfigKey, AwsCredential, AwsCredentialProvider, S3ConditionalPut,
};
use object_store::list::{PaginatedListOptions, PaginatedListStore};
use object_store::path::Path;
use object_store::{
    ClientOptions, CredentialProvider, Error, GetResult, ObjectStore, ObjectStoreExt as _, PutMode,
    RetryConfig, UpdateVersion,
};
use url::Url;

use super::bucket_error::{BoundError, MAX_NAME_BYTES, MAX_NAMES, MAX_PAGES};
use super::connection::BucketConnector;
use super::error::StoreError;
use super::s3_settings::{BucketSettingsError, Credentials, S3Settings};
use crate::allowed_hosts::AllowedHosts;
use crate::crypto;
use crate::ident::Digest;

/// The objects of a bucket, and their names page by page.
#[derive(Clone)]
pub struct Bucket {
    objects: Arc<dyn ObjectStore>,
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

    /// Reads an object that is not longer than `limit`, if it exists.
    pub(super) async fn read(&self, path: &Path, limit: u64) -> Result<Option<Object>, Error> {
        let found = match self.objects.get(path).await {
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

    /// Writes an object, and returns its version.
    pub(super) async fn put(
        &self,
        path: &Path,
        bytes: impl Into<Bytes>,
        mode: PutMode,
    ) -> Result<UpdateVersion, Error> {
        let payload = bytes.into().into();
        let done = self.objects.put_opts(path, payload, mode.into()).await?;
        Ok(done.into())
    }

    /// Removes an object, if it exists.
    pub(super) async fn remove(&self, path: &Path) -> Result<(), Error> {
        match self.objects.delete(path).await {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// An object that was read, and its version.
pub(super) struct Object {
    pub(super) bytes: Bytes,
    pub(super) version: UpdateVersion,
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
    crypto::install_provider();
    let settings = S3Settings::read(variables).map_err(|source| StoreError::Settings {
        location: url.to_string(),
        source,
    })?;
    let failed = |error: Error| StoreError::remote("open", url.to_string(), &error);
    let connector = BucketConnector {
        connect_timeout: Duration::from_secs(10),
        timeout: Duration::from_secs(30),
        certificates: settings.certificates.clone(),
        allowed_hosts: allowed_hosts.cloned(),
    };
    let mut builder =
        configured(url, variables, &settings, connector.clone()).with_retry(RetryConfig {
            // Pauses double from 100 ms: an outage of some seconds does not end an apply.
            max_retries: 7,
            retry_timeout: Duration::from_secs(30),
            ..RetryConfig::default()
        });
    if settings.credentials == Credentials::Metadata {
        // The service is on the same machine, and is asked once.
        let connector = BucketConnector {
            connect_timeout: Duration::from_secs(1),
            timeout: Duration::from_secs(2),
            ..connector
        };
        let client = configured(url, variables, &settings, connector)
            .with_retry(RetryConfig {
                max_retries: 0,
                ..RetryConfig::default()
            })
            .build()
            .map_err(failed)?;
        builder = builder.with_credentials(Arc::new(MetadataCredentials {
            service: Arc::clone(client.credentials()),
        }));
    }
    let objects = Arc::new(builder.build().map_err(failed)?);
    let prefix =
        Path::from_url_path(url.path()).map_err(|source| failed(Error::InvalidPath { source }))?;
    Ok((Bucket::new(Arc::clone(&objects) as _, objects), prefix))
}

fn configured(
    url: &Url,
    variables: &[(String, String)],
    settings: &S3Settings,
    connector: BucketConnector,
) -> AmazonS3Builder {
    let mut builder = AmazonS3Builder::new()
        .with_url(url.as_str())
        .with_http_connector(connector);
    for (name, value) in variables {
        // A variable that the client does not know belongs to another program.
        if let Ok(key) = name.to_ascii_lowercase().parse() {
            builder = builder.with_config(key, value);
        }
    }
    if let Some(endpoint) = &settings.endpoint {
        builder = builder.with_config(AmazonS3ConfigKey::S3Endpoint, endpoint);
    }
    if let Some(endpoint) = &settings.metadata_endpoint {
        builder = builder.with_metadata_endpoint(endpoint);
    }
    builder
        .with_client_options(ClientOptions::new().with_allow_http(settings.allows_http))
        .with_conditional_put(S3ConditionalPut::ETagMatch)
        // Not every service has the call that deletes many objects.
        .with_config(AmazonS3ConfigKey::DisableBulkDelete, "true")
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
