//! Credentials from the metadata service of a cloud machine.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use object_store::{CredentialProvider, Error};

use super::settings_error::BucketSettingsError;
use crate::store_location::BucketService;

/// Reports missing credentials if the machine does not provide any.
#[derive(Debug)]
pub(super) struct MetadataCredentials<C> {
    of: BucketService,
    service: Arc<dyn CredentialProvider<Credential = C>>,
}

impl<C> MetadataCredentials<C> {
    /// Returns the credentials that the client of the metadata service gets.
    pub(super) fn new(
        of: BucketService,
        service: &Arc<dyn CredentialProvider<Credential = C>>,
    ) -> Arc<Self> {
        let service = Arc::clone(service);
        Arc::new(Self { of, service })
    }
}

#[async_trait]
impl<C: fmt::Debug + Send + Sync + 'static> CredentialProvider for MetadataCredentials<C> {
    type Credential = C;

    async fn get_credential(&self) -> Result<Arc<C>, Error> {
        self.service.get_credential().await.map_err(|error| {
            tracing::debug!(%error, "the metadata service returned no credentials");
            Error::Unauthenticated {
                path: String::new(),
                source: Box::new(BucketSettingsError::NoCredentials(self.of)),
            }
        })
    }
}
