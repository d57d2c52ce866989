//! The hosts that may receive requests, if `SOLFORM_ALLOWED_HOSTS` names them.
//!
//! A pipeline may plan the manifest of an untrusted branch, with a token at hand. No other host
//! gets a request, regardless of the manifest.

use std::fmt;
use std::sync::Arc;

use url::{Host, Url};

/// Returns the proxy for requests to a URL.
pub type ProxyOf = dyn Fn(&Url) -> Option<Url> + Send + Sync;

/// The allowed hosts.
#[derive(Clone)]
pub struct AllowedHosts {
    entries: Arc<[Entry]>,
    proxy_of: Arc<ProxyOf>,
}

/// `host`, or `host:port`.
#[derive(Debug, PartialEq, Eq)]
struct Entry {
    host: String,
    port: Option<u16>,
}

/// A host that is not allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostRefusal {
    /// The host is not named.
    #[error("the host `{host}` is not in SOLFORM_ALLOWED_HOSTS, which allows {allowed}")]
    NotNamed {
        /// The host.
        host: String,
        /// The allowed hosts.
        allowed: String,
    },
    /// The host is reached through a proxy, which is not named.
    #[error(
        "`{host}` is reached through the proxy `{proxy}`, which is not in SOLFORM_ALLOWED_HOSTS"
    )]
    Proxy {
        /// The host.
        host: String,
        /// The proxy.
        proxy: String,
    },
}

impl HostRefusal {
    /// Returns the fix, as a sentence.
    pub fn help(&self) -> &'static str {
        match self {
            Self::NotNamed { .. } => {
                "If requests to this host are allowed, add it to SOLFORM_ALLOWED_HOSTS."
            }
            Self::Proxy { .. } => {
                "Add the proxy to SOLFORM_ALLOWED_HOSTS, or name the host in NO_PROXY."
            }
        }
    }
}

impl AllowedHosts {
    /// Parses the hosts, separated by commas. There are no wildcards: a host matches only itself.
    pub fn new(text: &str, proxy_of: Arc<ProxyOf>) -> Self {
        let entries = text
            .split(',')
            .map(str::trim)
            .filter(|entry| !entry.is_empty())
            .map(Entry::parse)
            .collect();
        Self { entries, proxy_of }
    }

    /// Returns whether no host is allowed.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns an error if a URL is not allowed.
    pub fn check(&self, url: &Url) -> Result<(), HostRefusal> {
        let host = url.host_str().unwrap_or_default().to_owned();
        if !self.names(url) {
            return Err(HostRefusal::NotNamed {
                host,
                allowed: self.to_string(),
            });
        }
        match (self.proxy_of)(url) {
            Some(proxy) if !self.names(&proxy) => Err(HostRefusal::Proxy {
                host,
                proxy: proxy.host_str().unwrap_or_default().to_owned(),
            }),
            Some(_) | None => Ok(()),
        }
    }

    fn names(&self, url: &Url) -> bool {
        let Some(host) = url.host_str() else {
            return false;
        };
        self.entries.iter().any(|entry| {
            entry.host.eq_ignore_ascii_case(host)
                && entry
                    .port
                    .is_none_or(|port| url.port_or_known_default() == Some(port))
        })
    }
}

/// Returns the hosts as text: `no host`, or a list.
impl fmt::Display for AllowedHosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.entries.is_empty() {
            return f.write_str("no host, because it is empty");
        }
        let entries = self.entries.iter().map(|Entry { host, port }| match port {
            Some(port) => format!("`{host}:{port}`"),
            None => format!("`{host}`"),
        });
        f.write_str(&entries.collect::<Vec<_>>().join(", "))
    }
}

impl fmt::Debug for AllowedHosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AllowedHosts").field(&self.entries).finish()
    }
}

impl Entry {
    fn parse(text: &str) -> Self {
        let whole = |host: &str| Self {
            host: host.to_owned(),
            port: None,
        };
        // URLs write an IPv6 address in brackets.
        let bracketed = format!("[{text}]");
        if Host::parse(&bracketed).is_ok() {
            return whole(&bracketed);
        }
        let is_ipv6 = |host: &str| host.contains(':') && !host.starts_with('[');
        match text
            .rsplit_once(':')
            .map(|(host, port)| (host, port.parse()))
        {
            Some((host, Ok(port))) if !is_ipv6(host) => Self {
                port: Some(port),
                ..whole(host)
            },
            _ => whole(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(allowed: &str, url: &str, proxy: Option<&str>) -> String {
        let proxy = proxy.map(|proxy| Url::parse(proxy).unwrap());
        let hosts = AllowedHosts::new(allowed, Arc::new(move |_| proxy.clone()));
        match hosts.check(&Url::parse(url).unwrap()) {
            Ok(()) => "ok".to_owned(),
            Err(HostRefusal::NotNamed { .. }) => "host".to_owned(),
            Err(HostRefusal::Proxy { proxy, .. }) => format!("proxy {proxy}"),
        }
    }

    #[test]
    fn only_named_hosts_are_allowed() {
        for (allowed, url, expected) in [
            ("", "https://a.example", "host"),
            (" , ,", "https://a.example", "host"),
            ("b.example", "https://a.example", "host"),
            ("b.example, A.example ", "https://a.EXAMPLE/x", "ok"),
            ("a.example", "https://a.example:8443", "ok"),
            ("a.example:443", "https://a.example", "ok"),
            ("a.example:443", "https://a.example:8443", "host"),
            ("a.example:80", "http://a.example", "ok"),
            ("*.example", "https://a.example", "host"),
            ("*", "https://a.example", "host"),
            ("example", "https://a.example", "host"),
            (".example", "https://a.example", "host"),
            ("a.example", "https://x.a.example", "host"),
            ("a.example", "https://a.example.evil.test", "host"),
            ("a.example", "https://a.example@evil.test", "host"),
            ("a.example", "https://evil.test/a.example", "host"),
            ("a.example", "https://a.example.", "host"),
            ("https://a.example", "https://a.example", "host"),
            ("a.example:x", "https://a.example", "host"),
            ("::1", "http://[::1]:80", "ok"),
            ("[::1]", "http://[::1]:80", "ok"),
            ("[::1]:81", "http://[::1]:80", "host"),
            ("[::1]:81", "http://[::1]:81", "ok"),
            ("127.0.0.1", "http://2130706433", "ok"),
            ("127.0.0.1", "http://127.0.0.2", "host"),
        ] {
            assert_eq!(check(allowed, url, None), expected, "{allowed} {url}");
        }
    }

    #[test]
    fn a_proxy_is_a_host_too() {
        let proxy = Some("http://proxy.example:3128");
        let url = "https://a.example";
        assert_eq!(check("a.example", url, proxy), "proxy proxy.example");
        assert_eq!(check("a.example,proxy.example", url, proxy), "ok");
        assert_eq!(
            check("a.example,proxy.example:80", url, proxy),
            "proxy proxy.example"
        );
    }

    #[test]
    fn no_host_is_said_to_be_none() {
        let hosts = AllowedHosts::new("", Arc::new(|_| None));
        let error = hosts.check(&Url::parse("https://a.example").unwrap());
        assert_eq!(
            error.unwrap_err().to_string(),
            "the host `a.example` is not in SOLFORM_ALLOWED_HOSTS, which allows no host, because \
             it is empty"
        );
    }
}
