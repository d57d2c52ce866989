//! Posts a JSON body to a webhook. The URL of a webhook is a secret: no error contains it.

use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use secrecy::SecretString;
use serde_json::Value;
use url::Url;

use crate::api::{Redactor, is_loopback};
use crate::crypto;

/// The maximum time of a post, from the connection to the status of the answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The minimum length of a path that is a secret, in bytes.
const SECRET_LENGTH: usize = 8;

/// A webhook.
pub struct Webhook {
    http: reqwest::Client,
    url: Url,
}

/// The reason why a webhook cannot be used, or has not accepted a post.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// The text is not a URL of a server.
    #[error("the webhook has no valid http or https URL")]
    NoUrl,
    /// The URL has user information.
    #[error("the URL of the webhook carries a user or a password")]
    UserInfo,
    /// Others on the network could read the URL and the posts.
    #[error("the webhook would be called over plain http")]
    Insecure,
    /// The HTTP client cannot be prepared.
    #[error("the connection to the webhook cannot be prepared")]
    Build(#[source] reqwest::Error),
    /// The webhook did not answer in time.
    #[error("the webhook did not answer within {} s", TIMEOUT.as_secs())]
    Slow,
    /// The webhook refused the post.
    #[error("the webhook answered with the status {0}")]
    Refused(u16),
    /// The webhook could not be reached.
    #[error("the webhook could not be reached")]
    Unreachable(#[source] reqwest::Error),
}

impl WebhookError {
    /// Returns the fix, as a sentence.
    pub fn help(&self) -> &'static str {
        match self {
            Self::NoUrl => "Give the URL as the service shows it, such as `https://HOST/PATH`.",
            Self::UserInfo => "Use a URL whose path or query is the secret.",
            Self::Insecure => {
                "Use an https URL. Plain http is accepted only for a server on this machine."
            }
            Self::Build(_) => "Check the proxy settings and the certificates of this machine.",
            Self::Slow | Self::Refused(_) | Self::Unreachable(_) => {
                "Check that the service still accepts posts to this URL."
            }
        }
    }
}

impl Webhook {
    /// Checks a URL, and registers its secret part. No request is sent.
    pub fn new(url: &str, secrets: &Redactor) -> Result<Self, WebhookError> {
        let url = Url::parse(url.trim()).map_err(|_| WebhookError::NoUrl)?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(WebhookError::NoUrl);
        }
        // The host is no secret, and other URLs begin with the same text. A short path is no secret
        // either, and may be a part of any other path.
        let path = &url[url::Position::BeforePath..];
        if path.len() >= SECRET_LENGTH {
            secrets.add(&SecretString::from(path));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(WebhookError::UserInfo);
        }
        let is_local = is_loopback(&url);
        if url.scheme() == "http" && !is_local {
            return Err(WebhookError::Insecure);
        }
        crypto::install_provider();
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("solform/", env!("CARGO_PKG_VERSION")))
            // Another server must not get what is meant for this one.
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            // Posts are rare: an idle connection would be closed when the next one needs it.
            .pool_max_idle_per_host(0)
            .timeout(TIMEOUT);
        if url.scheme() == "http" {
            builder = builder.no_proxy().tls_certs_only([]);
        }
        let http = builder.build().map_err(WebhookError::Build)?;
        Ok(Self { http, url })
    }

    /// Posts a body once. Any status below 300 counts as delivered.
    pub async fn post(&self, body: &Value) -> Result<(), WebhookError> {
        let request = self
            .http
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .body(body.to_string());
        let answer = request.send().await.map_err(|error| {
            if error.is_timeout() {
                WebhookError::Slow
            } else {
                WebhookError::Unreachable(error.without_url())
            }
        })?;
        let status = answer.status();
        if status.is_success() {
            Ok(())
        } else {
            Err(WebhookError::Refused(status.as_u16()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsafe_urls_are_refused_without_showing_them() {
        for (url, expected) in [
            ("https://hooks.example/services/T0/B0/hush", "ok"),
            ("http://127.0.0.1:9/hush-hush", "ok"),
            ("http://[::1]:9/hush-hush", "ok"),
            ("http://hooks.example/hush-hush", "plain http"),
            ("https://u:hush@hooks.example/", "a user or a password"),
            ("ftp://hooks.example/hush-hush", "no valid"),
            ("hooks.example/hush-hush", "no valid"),
            ("", "no valid"),
        ] {
            match Webhook::new(url, &Redactor::new()) {
                Ok(_) => assert_eq!(expected, "ok", "{url}"),
                Err(error) => {
                    let text = error.to_string();
                    assert!(text.contains(expected), "{url}: {text}");
                    assert!(!format!("{error:?} {text}").contains("hush"), "{text}");
                }
            }
        }
    }

    #[test]
    fn only_the_path_of_a_url_is_secret() {
        let secrets = Redactor::new();
        let _ = Webhook::new("http://127.0.0.1:9/services/T0/hush", &secrets).unwrap();
        assert_eq!(
            secrets.redact("see http://127.0.0.1:9/services/T0/hush"),
            "see http://127.0.0.1:9[redacted]"
        );
        assert_eq!(
            secrets.redact("http://127.0.0.1:9/api"),
            "http://127.0.0.1:9/api"
        );
    }
}
