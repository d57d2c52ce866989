//! The store of an environment.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use percent_encoding::percent_decode_str;
use secrecy::SecretString;
use serde_json::Value;
use url::Url;

use super::context::EnvironmentContext;
use crate::api::Redactor;
use crate::cli::clock;
use crate::cli::error::CommandError;
use crate::cli::settings::bucket_variables;
use crate::regular_file::{self, SECRET_LIMIT};
use crate::store::{
    BucketService, LocalStore, RemoteStore, Store, StoreKey, open_bucket, server_of,
};

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
            (Some(text), _) | (None, Some(text)) if is_remote(text) => {
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

    /// Returns true if the store is in a bucket, so that its use sends requests.
    pub(in crate::cli) fn has_remote_store(&self, typed: Option<&str>) -> bool {
        let chosen = typed.or(self.settings.store.as_deref());
        let chosen = chosen.or(self.manifest.environment.store.as_deref());
        chosen.is_some_and(is_remote)
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
        let url = Url::parse(text).ok();
        let known = url.and_then(|url| Some((BucketService::of_url(&url)?, url)));
        let Some((service, url)) = known else {
            let message = format!("unsupported store URL `{}`", without_credentials(text));
            return Err(CommandError::failed(message).hint(
                "Give a folder, `s3://BUCKET/PREFIX`, `az://CONTAINER/PREFIX` or \
                 `gs://BUCKET/PREFIX`.",
            ));
        };
        let settings = bucket_variables(service);
        for (name, value) in &settings {
            if BucketService::is_secret(name) {
                add_secret(value, secrets);
            } else if BucketService::is_secret_file(name) {
                // The bucket's client reads the whole file.
                let path = Path::new(value);
                let text = regular_file::read_text(path, SECRET_LIMIT).map_err(|source| {
                    let action = format!("read the {name}");
                    CommandError::io(&action, path, source)
                })?;
                add_secret(&text, secrets);
            }
        }
        let allowed = self.settings.restrictions.as_ref().map(|all| &all.hosts);
        // A manifest of an untrusted branch must not choose its store.
        if let Some(allowed) = allowed {
            let asked = server_of(service, &url, &settings);
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
        let (bucket, prefix) = open_bucket(service, &url, &settings, allowed)?;
        let (key, now_ms) = (self.store_key(), Arc::new(clock::now_ms));
        let store = RemoteStore::new(bucket, &prefix, text, key, now_ms);
        Ok(Arc::new(store))
    }
}

fn is_remote(store: &str) -> bool {
    store.contains("://")
}

/// Adds a secret of a bucket's client, and those inside it: the texts of a file of Google
/// credentials, and the signature of a shared access signature.
fn add_secret(value: &str, secrets: &Redactor) {
    let add = |secret: &str| secrets.add(&SecretString::from(secret));
    add(value);
    let keys = ["private_key", "client_secret", "refresh_token"];
    if let Ok(Value::Object(fields)) = serde_json::from_str(value) {
        let texts = keys.iter().filter_map(|key| fields.get(*key)?.as_str());
        texts.for_each(add);
    }
    let signature = value
        .split(['?', '&'])
        .find_map(|pair| pair.strip_prefix("sig="));
    if let Some(signature) = signature {
        add(&percent_decode_str(signature).decode_utf8_lossy());
    }
}

/// Returns a URL without the user, the password, the query and the fragment.
fn without_credentials(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (server, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let (_, server) = server.rsplit_once('@').unwrap_or(("", server));
    format!("{scheme}://{server}{path}")
}
