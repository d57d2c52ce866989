//! The store of an environment.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use secrecy::SecretString;
use url::Url;

use super::context::EnvironmentContext;
use crate::api::Redactor;
use crate::cli::clock;
use crate::cli::error::CommandError;
use crate::cli::settings::aws_variables;
use crate::regular_file::{self, SECRET_LIMIT};
use crate::store::{LocalStore, RemoteStore, Store, StoreKey, open_s3, server_of};

/// The variables of the bucket's client that name files with tokens.
const TOKEN_FILES: [&str; 2] = [
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
];

impl EnvironmentContext {
    /// Returns the store of the environment: from `--store`, `SOLFORM_STORE` or the manifest, else
    /// the folder beside the manifest.
    pub(in crate::cli) fn store(
        &self,
        typed: Option<&str>,
        secrets: &Redactor,
    ) -> Result<Arc<dyn Store>, CommandError> {
        let environment = &self.manifest.environment;
        let chosen = typed.or(self.settings.store.as_deref());
        // Paths in the manifest are relative to it; paths in options to the working directory.
        let folder = match (chosen, environment.store.as_deref()) {
            (Some(text), _) | (None, Some(text)) if text.contains("://") => {
                return self.remote_store(text, secrets);
            }
            (Some(text), _) => PathBuf::from(text),
            (None, text) => {
                let path = Path::new(text.unwrap_or(".solform"));
                self.settings.manifest_path(&self.folder, path)?
            }
        };
        Ok(Arc::new(LocalStore::new(&folder, self.store_key())))
    }

    fn store_key(&self) -> StoreKey<'_> {
        let environment = &self.manifest.environment;
        StoreKey {
            environment: &environment.name,
            url: environment.url.as_str(),
            context: environment.context.as_deref(),
        }
    }

    fn remote_store(&self, text: &str, secrets: &Redactor) -> Result<Arc<dyn Store>, CommandError> {
        let url = Url::parse(text)
            .ok()
            .filter(|url| url.scheme() == "s3" && url.host_str().is_some());
        let Some(url) = url else {
            let message = format!("unsupported store URL `{text}`");
            return Err(
                CommandError::failed(message).hint("Give a folder, or `s3://BUCKET/PREFIX`.")
            );
        };
        let settings = aws_variables();
        for (name, value) in &settings {
            if holds_secret(name) {
                secrets.add(&SecretString::from(value.as_str()));
            } else if TOKEN_FILES.contains(&name.as_str()) {
                // The bucket's client reads the whole file.
                let path = Path::new(value);
                let token = regular_file::read_text(path, SECRET_LIMIT).map_err(|source| {
                    let action = format!("read the {name}");
                    CommandError::io(&action, path, source)
                })?;
                secrets.add(&SecretString::from(token));
            }
        }
        let allowed = self.settings.restrictions.as_ref().map(|all| &all.hosts);
        // A manifest of an untrusted branch must not choose its store.
        if let Some(allowed) = allowed {
            let asked = server_of(&url, &settings);
            allowed.check(&asked).map_err(|refusal| {
                let host = asked.host_str().unwrap_or_default();
                let hint = refusal.help();
                CommandError::failed(refusal)
                    .context(format!(
                        "the store `{text}` is at the host `{host}`, which SOLFORM_ALLOWED_HOSTS \
                         does not name"
                    ))
                    .hint(hint)
            })?;
        }
        let (bucket, prefix) = open_s3(&url, &settings, allowed)?;
        let (key, now_ms) = (self.store_key(), Arc::new(clock::now_ms));
        let store = RemoteStore::new(bucket, &prefix, text, key, now_ms);
        Ok(Arc::new(store))
    }
}

/// Returns true if the value of a variable of the bucket's client is a secret. A variable that ends
/// with `_FILE` contains the path of a secret.
fn holds_secret(name: &str) -> bool {
    (name.contains("SECRET") || name.contains("TOKEN")) && !name.ends_with("_FILE")
}
