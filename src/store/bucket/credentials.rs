//! Credentials from the metadata service of a cloud machine.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use object_store::{CredentialProvider, Error};

use super::service::BucketService;
use super::settings_error::BucketSettingsError;

/// Reports missing credentials if the machine does not provide any.
#[derive(Debug)]
pub(super) struct MetadataCredentials<C> {
    pub(super) of: BucketService,
    pub(super) service: Arc<dyn CredentialProvider<Credential = C>>,
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
