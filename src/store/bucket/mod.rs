//! Buckets: the services that have them, their settings in variables, the opening of one, and the
//! requests that a store sends to it.

#[cfg(feature = "azure")]
mod azure;
#[cfg(feature = "azure")]
mod azure_settings;
mod connection;
mod credentials;
mod error;
#[cfg(feature = "gcp")]
mod gcs;
#[cfg(feature = "gcp")]
mod gcs_settings;
mod objects;
mod open;
mod opening;
mod s3;
mod s3_settings;
mod server;
mod service;
mod settings;
mod settings_error;

pub(super) use connection::OBJECT_LIMIT;
pub use error::BucketError;
pub(super) use error::BucketErrorKind;
pub use objects::Bucket;
pub(super) use objects::{Names, Object};
pub(super) use open::{OpenError, open};
pub use server::server_of;
pub use settings_error::BucketSettingsError;
