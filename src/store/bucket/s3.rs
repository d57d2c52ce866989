//! The client of Amazon S3.

use std::sync::Arc;

use object_store::Error;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, S3ConditionalPut};

use super::credentials::MetadataCredentials;
use super::objects::Bucket;
use super::opening::{Opening, Transport};
use super::s3_settings::S3Settings;
use super::settings::Credentials;
use crate::store_location::BucketService;

/// Creates the client of a bucket.
pub(super) fn open(opening: &Opening<'_>, settings: &S3Settings) -> Result<Bucket, Error> {
    let transport = opening.transport(&settings.certificates, settings.endpoint.allows_http);
    let mut builder = configured(opening, settings, &transport);
    if settings.credentials == Credentials::Metadata {
        let client = configured(opening, settings, &transport.to_metadata()).build()?;
        let credentials = MetadataCredentials::new(BucketService::S3, client.credentials());
        builder = builder.with_credentials(credentials);
    }
    let objects = Arc::new(builder.build()?);
    Ok(Bucket::new(Arc::clone(&objects) as _, objects))
}

fn configured(
    opening: &Opening<'_>,
    settings: &S3Settings,
    transport: &Transport,
) -> AmazonS3Builder {
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(opening.url.bucket())
        .with_http_connector(transport.connector.clone());
    for (name, value) in opening.variables.0 {
        // A variable that the client does not know belongs to another program.
        if let Ok(key) = name.to_ascii_lowercase().parse() {
            builder = builder.with_config(key, value);
        }
    }
    if let Some(endpoint) = &settings.endpoint.url {
        builder = builder.with_config(AmazonS3ConfigKey::S3Endpoint, endpoint);
    }
    if let Some(endpoint) = &settings.metadata_endpoint {
        builder = builder.with_metadata_endpoint(endpoint);
    }
    builder
        .with_retry(transport.retry.clone())
        .with_client_options(transport.options.clone())
        .with_conditional_put(S3ConditionalPut::ETagMatch)
        // Not every service has the call that deletes many objects.
        .with_config(AmazonS3ConfigKey::DisableBulkDelete, "true")
}
