//! The bearer token: read at first use, and once more after a 401.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;

use crate::api::http::redact::Redactor;

/// The reason why the token could not be read, as its source describes it.
pub type TokenError = Box<dyn Error + Send + Sync>;

type Supply = dyn Fn() -> BoxFuture<'static, Result<SecretString, TokenError>> + Send + Sync;

/// A source of the token: a variable, a file or a command, read anew on every call.
#[derive(Clone)]
pub struct TokenSupplier(Arc<Supply>);

impl TokenSupplier {
    /// Creates a source from the function that reads the token.
    pub fn new<F>(supply: F) -> Self
    where
        F: Fn() -> BoxFuture<'static, Result<SecretString, TokenError>> + Send + Sync + 'static,
    {
        Self(Arc::new(supply))
    }

    /// Creates a source from a known token.
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

/// A text that is not valid in a header.
#[derive(Debug, thiserror::Error)]
#[error("the token is empty, or contains characters that no header can carry")]
struct UnusableToken;

/// A token, in the form in which it is sent.
#[derive(Clone)]
pub(in crate::api) struct Bearer {
    /// The `Authorization` header, marked as sensitive.
    pub(in crate::api) header: HeaderValue,
    /// The number of the reading that it came from.
    reading: u32,
}

/// The token of this process.
pub(in crate::api) struct Token {
    supplier: TokenSupplier,
    current: Mutex<Option<Bearer>>,
}

impl Token {
    pub(in crate::api) fn new(supplier: TokenSupplier) -> Self {
        Self {
            supplier,
            current: Mutex::new(None),
        }
    }

    /// Returns another token than the refused one, reading it unless another request has done so
    /// already. Other callers wait meanwhile, so that a command runs once.
    pub(in crate::api) async fn bearer(
        &self,
        refused: Option<&Bearer>,
        redactor: &Redactor,
    ) -> Result<Bearer, TokenError> {
        let mut current = self.current.lock().await;
        if let Some(bearer) = &*current
            && refused.is_none_or(|refused| refused.reading != bearer.reading)
        {
            return Ok(bearer.clone());
        }
        let reading = refused.map_or(0, |refused| refused.reading + 1);
        let bearer = self.supply(reading, redactor).await?;
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
