//! Opens the bucket that a store's URL names.

use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, S3ConditionalPut};
use object_store::path::Path;
use object_store::{ClientOptions, ObjectStore, RetryConfig};
use url::Url;

use super::backend::StoreError;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a request may be repeated.
const RETRY_TIMEOUT: Duration = Duration::from_secs(30);

/// Opens `s3://BUCKET/PREFIX`. Credentials, region and endpoint come from `settings`, which hold
/// the `AWS_*` variables.
pub fn open_s3(
    url: &Url,
    settings: &[(String, String)],
) -> Result<(Arc<dyn ObjectStore>, Path), StoreError> {
    // Another part of the process may have installed a provider; any will do.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let failed = |source: object_store::Error| StoreError::Remote {
        action: "open",
        place: url.to_string(),
        source: Box::new(source),
    };
    let mut builder = AmazonS3Builder::new()
        .with_url(url.as_str())
        .with_conditional_put(S3ConditionalPut::ETagMatch)
        .with_client_options(
            ClientOptions::new()
                .with_connect_timeout(CONNECT_TIMEOUT)
                .with_timeout(REQUEST_TIMEOUT),
        )
        .with_retry(RetryConfig {
            // Pauses double from 100 ms: a store that is away for some seconds ends no apply.
            max_retries: 7,
            retry_timeout: RETRY_TIMEOUT,
            ..RetryConfig::default()
        });
    for (name, value) in settings {
        // A variable that the client does not know is meant for another program.
        if let Ok(key) = name.to_ascii_lowercase().parse() {
            builder = builder.with_config(key, value);
        }
    }
    let objects = builder.build().map_err(failed)?;
    let prefix = Path::from_url_path(url.path()).map_err(|source| StoreError::Remote {
        action: "open",
        place: url.to_string(),
        source: Box::new(source),
    })?;
    Ok((Arc::new(objects), prefix))
}
