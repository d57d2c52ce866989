//! The settings of a client, and the checks before the first request.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use url::{Host, Url};

use crate::allowed_hosts::{AllowedHosts, HostRefusal};
use crate::api::http::bounds::ListBounds;
use crate::api::http::events::{ReadSink, RequestSink};
use crate::api::http::limiter::HostLimiters;
use crate::api::http::redact::Redactor;
use crate::api::http::retry::RetryPolicy;
use crate::api::http::token::TokenSupplier;

/// The connection settings of an environment.
#[derive(Clone)]
pub struct ClientSettings {
    /// The platform's root URL; a path prefix is kept.
    pub base: Url,
    /// The source of the token. `None` for a server that needs no token.
    pub token: Option<TokenSupplier>,
    /// The value of `IB-Context`: the account that the calls are for (docs/platform.md,
    /// "Conventions").
    pub context: Option<String>,
    /// The value of `User-Agent`.
    pub user_agent: String,
    /// The certificates of additional authorities, PEM.
    pub roots_pem: Vec<Vec<u8>>,
    /// A client certificate with its key, PEM.
    pub client_identity_pem: Option<Vec<u8>>,
    /// The limiters of concurrent reads. The first client of a host creates its limiter, and the
    /// next ones share it.
    pub limiters: HostLimiters,
    /// The number of concurrent reads with which a command begins.
    pub reads_at_once: usize,
    /// The maximum number of concurrent reads, while answers come as fast as before. If it is not
    /// above `reads_at_once`, the number is fixed.
    pub most_reads: usize,
    /// The timeout for establishing a connection.
    pub connect_timeout: Duration,
    /// The timeout of a request; file transfers have more time.
    pub request_timeout: Duration,
    /// The limits of lists.
    pub list_bounds: ListBounds,
    /// The sink for the events of reads.
    pub events: Option<ReadSink>,
    /// The sink for the requests that were sent.
    pub requests: Option<RequestSink>,
    /// The limits for retries of reads.
    pub retry: RetryPolicy,
    /// The seed of the jitter of pauses.
    pub seed: u64,
    /// The redactor with every secret of this process.
    pub secrets: Arc<Redactor>,
    /// The allowed hosts, if they are restricted.
    pub allowed_hosts: Option<AllowedHosts>,
    /// The wall clock. Needed only for a `Retry-After` date in an answer without `Date`.
    pub wall_clock: fn() -> SystemTime,
}

impl ClientSettings {
    /// Returns the default settings for a server at `base`.
    pub fn new(base: Url, secrets: Arc<Redactor>) -> Self {
        Self {
            base,
            token: None,
            context: None,
            user_agent: concat!("solform/", env!("CARGO_PKG_VERSION")).to_owned(),
            roots_pem: Vec::new(),
            client_identity_pem: None,
            limiters: HostLimiters::default(),
            reads_at_once: 10,
            most_reads: 64,
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(30),
            list_bounds: ListBounds::default(),
            events: None,
            requests: None,
            retry: RetryPolicy::default(),
            seed: 0,
            secrets,
            allowed_hosts: None,
            wall_clock: system_time,
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "an edge; used only to measure a date that a server gave"
)]
fn system_time() -> SystemTime {
    SystemTime::now()
}

impl fmt::Debug for ClientSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientSettings")
            .field("base", &self.base.host_str())
            .finish_non_exhaustive()
    }
}

/// An error in the settings; no request may be sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// The scheme is neither http nor https.
    #[error("the URL `{0}` is not an http or https URL")]
    Scheme(String),
    /// User information in the URL of this host.
    #[error("the URL of `{0}` carries a user or a password")]
    UserInfo(String),
    /// The token would be sent to this host without encryption, where others on the network could
    /// read it.
    #[error("the token would be sent to `{0}` over plain http")]
    InsecureToken(String),
    /// The allowed hosts do not include the host.
    #[error(transparent)]
    HostNotAllowed(#[from] HostRefusal),
    /// A setting that cannot be sent in a header.
    #[error("the {0} contains characters that no header can carry")]
    Header(&'static str),
    /// The certificates of `ca_bundle` cannot be read.
    #[error("the certificate bundle cannot be read")]
    Roots(#[source] Option<reqwest::Error>),
    /// The client certificate cannot be read.
    #[error("the client certificate with its key cannot be read")]
    ClientIdentity(#[source] reqwest::Error),
    /// The HTTP client refuses the settings.
    #[error("the connection settings are not usable")]
    Build(#[source] reqwest::Error),
}

impl SettingsError {
    /// Returns whether the error concerns certificates.
    pub fn is_about_tls(&self) -> bool {
        matches!(self, Self::Roots(_) | Self::ClientIdentity(_))
    }

    /// Returns the fix, as a sentence.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Scheme(_) => {
                "Write the platform's root URL, such as `https://instabase.example.com`."
            }
            Self::UserInfo(_) => {
                "Take the user and the password out of the URL, and give the token by `token`."
            }
            Self::InsecureToken(_) => {
                "Use an https URL. Plain http is accepted only for a server on this machine."
            }
            Self::HostNotAllowed(refusal) => refusal.help(),
            Self::Header(_) => "Remove line breaks and other control characters from it.",
            Self::Roots(_) => "Give a file of PEM certificates (`-----BEGIN CERTIFICATE-----`).",
            Self::ClientIdentity(_) => {
                "Give a PEM file that holds the certificate and its private key."
            }
            Self::Build(_) => "Check the certificates and the proxy settings.",
        }
    }
}

/// Checks the settings as far as possible without a request.
pub(in crate::api) fn check(settings: &ClientSettings) -> Result<(), SettingsError> {
    let base = &settings.base;
    let host = base.host_str().unwrap_or_default().to_owned();
    if !matches!(base.scheme(), "http" | "https") || base.cannot_be_a_base() || host.is_empty() {
        return Err(SettingsError::Scheme(base.scheme().to_owned() + ":"));
    }
    if !base.username().is_empty() || base.password().is_some() {
        return Err(SettingsError::UserInfo(host));
    }
    if let Some(allowed) = &settings.allowed_hosts {
        allowed.check(base)?;
    }
    if base.scheme() == "http" && settings.token.is_some() && !is_loopback(base) {
        return Err(SettingsError::InsecureToken(host));
    }
    Ok(())
}

/// Returns whether the URL points to this machine.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(address)) => Ipv4Addr::is_loopback(&address),
        Some(Host::Ipv6(address)) => Ipv6Addr::is_loopback(&address),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsafe_settings_are_refused_before_any_request() {
        let token = || Some(TokenSupplier::fixed(secrecy::SecretString::from("t")));
        for (url, with_token, allowed, expected) in [
            ("https://a.example", true, None, "ok"),
            ("http://a.example", false, None, "ok"),
            ("http://a.example", true, None, "insecure"),
            ("http://127.0.0.1:80", true, None, "ok"),
            ("http://127.9.9.9:80", true, None, "ok"),
            ("http://[::1]:80", true, None, "ok"),
            ("http://localhost:1", true, None, "ok"),
            ("http://127.0.0.1.evil.example", true, None, "insecure"),
            ("https://u:p@a.example", true, None, "userinfo"),
            ("ftp://a.example", true, None, "scheme"),
            ("emulator:", true, None, "scheme"),
            ("https://a.example", true, Some("b.example"), "host"),
            ("https://a.example", true, Some("A.example"), "ok"),
            ("https://a.example", true, Some("a.example:443"), "ok"),
            (
                "https://a.example:8443",
                true,
                Some("a.example:443"),
                "host",
            ),
        ] {
            let mut settings = ClientSettings::new(Url::parse(url).unwrap(), Arc::default());
            settings.token = with_token.then(token).flatten();
            settings.allowed_hosts =
                allowed.map(|hosts: &str| AllowedHosts::new(hosts, Arc::new(|_| None)));
            let found = match check(&settings) {
                Ok(()) => "ok",
                Err(SettingsError::InsecureToken(_)) => "insecure",
                Err(SettingsError::UserInfo(_)) => "userinfo",
                Err(SettingsError::Scheme(_)) => "scheme",
                Err(SettingsError::HostNotAllowed(_)) => "host",
                Err(other) => panic!("{other}"),
            };
            assert_eq!(found, expected, "{url}");
        }
    }
}
