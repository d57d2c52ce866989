//! The client of Google Cloud Storage.

use std::sync::Arc;

use object_store::Result;
use object_store::gcp::GoogleCloudStorageBuilder;

use super::credentials::MetadataCredentials;
use super::gcs_settings::{GcsCredentials, GcsSettings};
use super::objects::Bucket;
use super::opening::{Opening, Transport};
use super::server::own_server;
use crate::store_location::BucketService;

/// Creates the client of a bucket.
pub(super) fn open(opening: &Opening<'_>, settings: &GcsSettings) -> Result<Bucket> {
    let transport = opening.transport(&[], settings.endpoint.allows_http);
    let builder = configured(opening, settings, &transport);
    let builder = match &settings.credentials {
        GcsCredentials::Token(token) => builder.with_bearer_token(token),
        GcsCredentials::ServiceAccount(key) => builder.with_service_account_key(key),
        GcsCredentials::User(path) => builder.with_application_credentials(path),
        GcsCredentials::Metadata => {
            let client = configured(opening, settings, &transport.to_metadata()).build()?;
            let credentials = MetadataCredentials::new(BucketService::Gcs, client.credentials());
            builder.with_credentials(credentials)
        }
    };
    let objects = Arc::new(builder.build()?);
    Ok(Bucket::new(Arc::clone(&objects) as _, objects))
}

fn configured(
    opening: &Opening<'_>,
    settings: &GcsSettings,
    transport: &Transport,
) -> GoogleCloudStorageBuilder {
    let own = || own_server(opening.url, opening.variables);
    let server = settings.endpoint.url.clone().unwrap_or_else(own);
    GoogleCloudStorageBuilder::new()
        .with_http_connector(transport.connector.clone())
        .with_bucket_name(opening.url.bucket())
        // A file of credentials may name another server.
        .with_base_url(server.trim_end_matches('/'))
        .with_retry(transport.retry.clone())
        .with_client_options(transport.options.clone())
}
