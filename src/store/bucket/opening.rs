//! What the clients of all services have in common when they are created.

use std::time::Duration;

use object_store::{ClientOptions, RetryConfig};
use reqwest::Certificate;

use super::connection::BucketConnector;
use super::settings::Variables;
use crate::allowed_hosts::AllowedHosts;
use crate::store_location::BucketUrl;

/// The parameters of a new client.
#[derive(Clone, Copy)]
pub(super) struct Opening<'o> {
    pub(super) url: &'o BucketUrl,
    pub(super) variables: Variables<'o>,
    pub(super) allowed_hosts: Option<&'o AllowedHosts>,
}

/// The connections of a client, and the repetition of its requests.
#[derive(Debug, Clone)]
pub(super) struct Transport {
    pub(super) connector: BucketConnector,
    pub(super) retry: RetryConfig,
    pub(super) options: ClientOptions,
}

impl Opening<'_> {
    /// Returns the transport of requests to the bucket, and to the service that issues tokens.
    pub(super) fn transport(&self, certificates: &[Certificate], allows_http: bool) -> Transport {
        Transport {
            connector: BucketConnector {
                connect_timeout: Duration::from_secs(10),
                timeout: Duration::from_secs(30),
                certificates: certificates.to_vec(),
                allowed_hosts: self.allowed_hosts.cloned(),
            },
            retry: RetryConfig {
                // Pauses double from 100 ms: an outage of some seconds does not end an apply.
                max_retries: 7,
                retry_timeout: Duration::from_secs(30),
                ..RetryConfig::default()
            },
            options: ClientOptions::new().with_allow_http(allows_http),
        }
    }
}

impl Transport {
    /// Returns the transport of requests to the metadata service, which is on the same machine and
    /// is asked once.
    pub(super) fn to_metadata(&self) -> Self {
        Self {
            connector: BucketConnector {
                connect_timeout: Duration::from_secs(1),
                timeout: Duration::from_secs(2),
                ..self.connector.clone()
            },
            retry: RetryConfig {
                max_retries: 0,
                ..RetryConfig::default()
            },
            options: self.options.clone(),
        }
    }
}
