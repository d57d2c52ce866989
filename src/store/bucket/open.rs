//! The opening of a bucket.

use object_store::Error;
use object_store::path::Path;

#[cfg(feature = "azure")]
use super::azure;
#[cfg(feature = "azure")]
use super::azure_settings::AzureSettings;
#[cfg(feature = "gcp")]
use super::gcs;
#[cfg(feature = "gcp")]
use super::gcs_settings::GcsSettings;
use super::objects::Bucket;
use super::opening::Opening;
use super::s3;
use super::s3_settings::S3Settings;
use super::settings::Variables;
use super::settings_error::BucketSettingsError;
use crate::allowed_hosts::AllowedHosts;
use crate::crypto;
use crate::store_location::{BucketService, BucketUrl};

/// The reason why a bucket could not be opened.
pub(in crate::store) enum OpenError {
    /// The variables are not usable.
    Settings(BucketSettingsError),
    /// The client refuses its parameters.
    Client(Error),
}

impl From<BucketSettingsError> for OpenError {
    fn from(error: BucketSettingsError) -> Self {
        Self::Settings(error)
    }
}

impl From<Error> for OpenError {
    fn from(error: Error) -> Self {
        Self::Client(error)
    }
}

/// Opens the bucket of a URL, and returns the prefix in it. Credentials and endpoint come from
/// `variables`, which hold those that [`BucketService::has_variable`] selects.
pub(in crate::store) fn open(
    url: &BucketUrl,
    variables: &[(String, String)],
    allowed_hosts: Option<&AllowedHosts>,
) -> Result<(Bucket, Path), OpenError> {
    crypto::install_provider();
    let variables = Variables(variables);
    let opening = Opening {
        url,
        variables,
        allowed_hosts,
    };
    let bucket = match url.service() {
        BucketService::S3 => s3::open(&opening, &S3Settings::read(variables)?)?,
        #[cfg(feature = "azure")]
        BucketService::Azure => azure::open(&opening, &AzureSettings::read(variables)?)?,
        #[cfg(not(feature = "azure"))]
        BucketService::Azure => return Err(BucketSettingsError::Feature("azure").into()),
        #[cfg(feature = "gcp")]
        BucketService::Gcs => gcs::open(&opening, &GcsSettings::read(variables)?)?,
        #[cfg(not(feature = "gcp"))]
        BucketService::Gcs => return Err(BucketSettingsError::Feature("gcp").into()),
    };
    let prefix = Path::parse(url.prefix()).map_err(|source| Error::InvalidPath { source })?;
    Ok((bucket, prefix))
}
