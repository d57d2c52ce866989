//! What the settings of all services have in common.

use url::{Host, Url};

use super::settings_error::BucketSettingsError;

/// The variables of a bucket's client. An empty variable counts as not set, and is not here.
#[derive(Debug, Clone, Copy)]
pub(super) struct Variables<'v>(pub(super) &'v [(String, String)]);

impl<'v> Variables<'v> {
    /// Returns the value of a variable.
    pub(super) fn value(self, name: &str) -> Option<&'v str> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Returns whether a variable is set.
    pub(super) fn has(self, name: &str) -> bool {
        self.value(name).is_some()
    }

    /// Returns whether a variable is set to a word for true.
    pub(super) fn is_true(self, name: &str) -> bool {
        let words = ["1", "true", "on", "yes", "y"];
        self.value(name)
            .is_some_and(|value| words.contains(&value.to_ascii_lowercase().as_str()))
    }

    /// Returns the first of several variables that is set, and its value.
    pub(super) fn first<'n>(self, names: &[&'n str]) -> Option<(&'n str, &'v str)> {
        names
            .iter()
            .find_map(|name| Some((*name, self.value(name)?)))
    }

    /// Returns an error if one variable is set and the other is not.
    pub(super) fn require(
        self,
        set: &'static str,
        missing: &'static str,
    ) -> Result<(), BucketSettingsError> {
        if self.has(set) && !self.has(missing) {
            return Err(BucketSettingsError::HalfKey { set, missing });
        }
        Ok(())
    }
}

/// The source of the credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Credentials {
    /// The variables contain the credentials or their location.
    Given,
    /// Only the metadata service of a cloud machine may provide credentials.
    Metadata,
}

/// The endpoint of a service.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Endpoint {
    /// The URL, if it is not that of the cloud itself.
    pub(super) url: Option<String>,
    /// True if requests may be sent unencrypted.
    pub(super) allows_http: bool,
}

impl Endpoint {
    /// Reads the first of several variables. `permission` is the variable that allows plain http;
    /// on this machine, where no other machine can listen, it needs no permission.
    pub(super) fn read(
        variables: Variables<'_>,
        names: &[&'static str],
        permission: &'static str,
    ) -> Result<Self, BucketSettingsError> {
        let mut allows_http = variables.is_true(permission);
        let Some((variable, endpoint)) = variables.first(names) else {
            return Ok(Self {
                url: None,
                allows_http,
            });
        };
        let endpoint = endpoint.to_owned();
        let url = Url::parse(&endpoint)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let Some(url) = url else {
            return Err(BucketSettingsError::Endpoint { endpoint, variable });
        };
        if url.scheme() == "http" {
            allows_http |= is_loopback(&url);
            if !allows_http {
                return Err(BucketSettingsError::PlainHttp {
                    endpoint,
                    variable,
                    permission,
                });
            }
        }
        Ok(Self {
            url: Some(endpoint),
            allows_http,
        })
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
