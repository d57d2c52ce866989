//! The HTTP client of an environment: connections, token and limits.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use reqwest::header::{ACCEPT, HeaderMap, HeaderName, HeaderValue};

use crate::api::http::limiter::Limiter;
use crate::api::http::redact::Redactor;
use crate::api::http::retry::Backoff;
use crate::api::http::routes::Routes;
use crate::api::http::settings::{self, ClientSettings, SettingsError};
use crate::api::http::token::Token;
use crate::crypto;

/// The header of the account that the calls are for (docs/platform.md, "Conventions").
const CONTEXT: HeaderName = HeaderName::from_static("ib-context");

/// The idle time after which a connection is dropped: the server often closes such a connection
/// just when a write needs it.
const IDLE: Duration = Duration::from_secs(20);

/// A connection to one environment. Cheap to clone; all clones share limits, token and connections.
#[derive(Clone)]
pub struct Client(pub(in crate::api) Arc<Shared>);

/// The state that all clones share.
pub(in crate::api) struct Shared {
    pub(in crate::api) http: reqwest::Client,
    pub(in crate::api) routes: Routes,
    pub(in crate::api) token: Option<Token>,
    pub(in crate::api) limiter: Arc<Limiter>,
    pub(in crate::api) backoff: Backoff,
    pub(in crate::api) secrets: Arc<Redactor>,
    pub(in crate::api) settings: ClientSettings,
    /// True if the server has answered once in this process.
    pub(in crate::api) has_answered: AtomicBool,
    /// True if an answer was not in the coding that it names: none is requested any more.
    pub(in crate::api) wants_plain: AtomicBool,
}

impl Client {
    /// Checks the settings and prepares the client. No request is sent, and no token is read.
    pub fn new(settings: ClientSettings) -> Result<Self, SettingsError> {
        settings::check(&settings)?;
        let http = build(&settings)?;
        let new_limiter = || Limiter::new(settings.reads_at_once, settings.most_reads);
        Ok(Self(Arc::new(Shared {
            http,
            routes: Routes::new(settings.base.clone()),
            token: settings.token.clone().map(Token::new),
            limiter: settings.limiters.get(&settings.base, new_limiter),
            backoff: Backoff::new(settings.seed),
            secrets: Arc::clone(&settings.secrets),
            settings,
            has_answered: AtomicBool::new(false),
            wants_plain: AtomicBool::new(false),
        })))
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Client").field(&self.0.settings).finish()
    }
}

fn build(settings: &ClientSettings) -> Result<reqwest::Client, SettingsError> {
    crypto::install_provider();
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    if let Some(context) = &settings.context {
        let value = HeaderValue::from_str(context)
            .map_err(|_| SettingsError::Header("context (IB-Context)"))?;
        headers.insert(CONTEXT, value);
    }
    let agent = HeaderValue::from_str(&settings.user_agent)
        .map_err(|_| SettingsError::Header("user agent"))?;
    let mut builder = reqwest::Client::builder()
        .user_agent(agent)
        .default_headers(headers)
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .connect_timeout(settings.connect_timeout)
        .pool_idle_timeout(IDLE);
    if settings.base.scheme() == "http" && settings::is_loopback(&settings.base) {
        // A proxy would read the token, and must not be used for this machine. Without TLS, loading
        // the system's certificates would take time for nothing.
        builder = builder.no_proxy().tls_certs_only([]);
    } else {
        for pem in &settings.roots_pem {
            let certificates = reqwest::Certificate::from_pem_bundle(pem)
                .map_err(|source| SettingsError::Roots(Some(source)))?;
            if certificates.is_empty() {
                return Err(SettingsError::Roots(None));
            }
            builder = builder.tls_certs_merge(certificates);
        }
        if let Some(pem) = &settings.client_identity_pem {
            let identity =
                reqwest::Identity::from_pem(pem).map_err(SettingsError::ClientIdentity)?;
            builder = builder.identity(identity);
        }
    }
    builder.build().map_err(SettingsError::Build)
}
