//! The store of an environment.

use std::path::Path;
use std::sync::Arc;

use percent_encoding::percent_decode_str;
use secrecy::SecretString;
use serde_json::Value;

use super::context::EnvironmentContext;
use crate::api::Redactor;
use crate::cli::clock;
use crate::cli::error::{CommandError, Result};
use crate::cli::settings::bucket_variables;
use crate::regular_file::{self, SECRET_LIMIT};
use crate::store::{LocalStore, RemoteStore, Store, StoreKey, open_bucket, server_of};
use crate::store_location::{BucketService, BucketUrl, StoreLocation};

impl EnvironmentContext {
    /// Returns the store of the environment: from `--store`, `SOLFORM_STORE` or the manifest, else
    /// the folder beside the manifest.
    pub(in crate::cli) fn store(
        &self,
        typed: Option<&str>,
        secrets: &Redactor,
    ) -> Result<Arc<dyn Store>> {
        // Paths in the manifest are relative to it; paths in options to the working directory.
        let folder = match self.store_location(typed)? {
            (StoreLocation::Bucket(url), _) => return self.remote_store(&url, secrets),
            (StoreLocation::Folder(path), StoreOrigin::Option) => path,
            (StoreLocation::Folder(path), StoreOrigin::Manifest) => {
                self.settings.manifest_path(&self.folder, &path)?
            }
        };
        Ok(Arc::new(LocalStore::new(&folder, self.store_key())))
    }

    /// Returns true if the store is in a bucket, so that its use sends requests.
    pub(in crate::cli) fn has_remote_store(&self, typed: Option<&str>) -> bool {
        let chosen = self.store_location(typed);
        chosen.is_ok_and(|(location, _)| location.bucket().is_some())
    }

    fn store_location(&self, typed: Option<&str>) -> Result<(StoreLocation, StoreOrigin)> {
        if let Some(text) = typed.or(self.settings.store.as_deref()) {
            return Ok((StoreLocation::parse(text)?, StoreOrigin::Option));
        }
        let declared = self.manifest.environment.store.clone();
        let location = declared.unwrap_or_else(|| StoreLocation::Folder(".solform".into()));
        Ok((location, StoreOrigin::Manifest))
    }

    fn store_key(&self) -> StoreKey<'_> {
        let environment = &self.manifest.environment;
        StoreKey {
            environment: &environment.name,
            url: environment.url.as_str(),
            context: environment.context.as_deref(),
        }
    }

    fn remote_store(&self, url: &BucketUrl, secrets: &Redactor) -> Result<Arc<dyn Store>> {
        let settings = bucket_variables(url.service());
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
            let asked = server_of(url, &settings);
            allowed.check(&asked).map_err(|refusal| {
                let host = asked.host_str().unwrap_or_default();
                let hint = refusal.help();
                CommandError::failed(refusal)
                    .context(format!(
                        "the store `{}` is at the host `{host}`, which SOLFORM_ALLOWED_HOSTS does \
                         not name",
                        url.as_str()
                    ))
                    .hint(hint)
            })?;
        }
        let (bucket, prefix) = open_bucket(url, &settings, allowed)?;
        let (key, now_ms) = (self.store_key(), Arc::new(clock::now_ms));
        let store = RemoteStore::new(bucket, &prefix, url.as_str(), key, now_ms);
        Ok(Arc::new(store))
    }
}

/// The source of a store's location.
enum StoreOrigin {
    /// `--store` or `SOLFORM_STORE`.
    Option,
    /// The manifest, or its folder.
    Manifest,
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
