//! The bearer token: asked for at first use, and once more after a 401.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;

use crate::api::redact::Redactor;

/// Why no token was to be had, in the words of whoever supplies it.
pub type TokenError = Box<dyn Error + Send + Sync>;

type Supply = dyn Fn() -> BoxFuture<'static, Result<SecretString, TokenError>> + Send + Sync;

/// Where the token comes from: a variable, a file or a command, read anew on every call.
#[derive(Clone)]
pub struct TokenSupplier(Arc<Supply>);

impl TokenSupplier {
    /// Takes the function that reads the token.
    pub fn new<F>(supply: F) -> Self
    where
        F: Fn() -> BoxFuture<'static, Result<SecretString, TokenError>> + Send + Sync + 'static,
    {
        Self(Arc::new(supply))
    }

    /// A token that is already known.
    pub fn fixed(token: SecretString) -> Self {
        Self::new(move || {
            let token = token.clone();
            Box::pin(async move { Ok(token) })
        })
    }
}

impl fmt::Debug for TokenSupplier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenSupplier")
    }
}

/// A text that cannot stand in a header.
#[derive(Debug, thiserror::Error)]
#[error("the token is empty, or contains characters that no header can carry")]
struct UnusableToken;

/// One token, in the form in which it is sent.
#[derive(Clone)]
pub(super) struct Bearer {
    /// The `Authorization` header, marked as sensitive.
    pub(super) header: HeaderValue,
    /// Which reading it came from.
    reading: u32,
}

/// The token of this run.
pub(super) struct Token {
    supplier: TokenSupplier,
    current: Mutex<Option<Bearer>>,
}

impl Token {
    pub(super) fn new(supplier: TokenSupplier) -> Self {
        Self {
            supplier,
            current: Mutex::new(None),
        }
    }

    /// The token, read at the first call. Others wait meanwhile, so that a command runs once.
    pub(super) async fn bearer(&self, redactor: &Redactor) -> Result<Bearer, TokenError> {
        let mut current = self.current.lock().await;
        if let Some(bearer) = &*current {
            return Ok(bearer.clone());
        }
        let bearer = self.supply(0, redactor).await?;
        *current = Some(bearer.clone());
        Ok(bearer)
    }

    /// Another token than the refused one: read anew, unless another request has done so already.
    pub(super) async fn after_refusal(
        &self,
        refused: &Bearer,
        redactor: &Redactor,
    ) -> Result<Bearer, TokenError> {
        let mut current = self.current.lock().await;
        if let Some(bearer) = &*current
            && bearer.reading != refused.reading
        {
            return Ok(bearer.clone());
        }
        let bearer = self.supply(refused.reading + 1, redactor).await?;
        *current = Some(bearer.clone());
        Ok(bearer)
    }

    async fn supply(&self, reading: u32, redactor: &Redactor) -> Result<Bearer, TokenError> {
        let secret = (self.supplier.0)().await?;
        redactor.add(&secret);
        let plain = secret.expose_secret().trim();
        if plain.is_empty() {
            return Err(Box::new(UnusableToken));
        }
        let mut header = HeaderValue::from_str(&format!("Bearer {plain}"))
            .map_err(|_| Box::new(UnusableToken))?;
        header.set_sensitive(true);
        Ok(Bearer { header, reading })
    }
}
