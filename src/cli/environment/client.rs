//! The client of an environment.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use secrecy::SecretString;
use url::Url;

use super::token::token_supplier;
use crate::api::{Client, ClientSettings, SettingsError, TokenSupplier};
use crate::cli::error::CommandError;
use crate::cli::io::{Io, read_sink};
use crate::cli::settings::Settings;
use crate::manifest::{Endpoint, Environment};
use crate::regular_file::{self, SECRET_LIMIT};

/// Prepares the client, without sending a request.
pub(in crate::cli) fn client(
    environment: &Environment,
    base: Url,
    own_token: Option<SecretString>,
    folder: &Path,
    settings: &Settings,
    io: &Io,
    adjust: impl FnOnce(&mut ClientSettings),
) -> Result<Client, CommandError> {
    let restrictions = settings
        .restrictions
        .as_ref()
        .filter(|_| environment.url != Endpoint::Emulator);
    // The host is checked first: it is the most important restriction.
    if let Some(restrictions) = restrictions {
        restrictions
            .hosts
            .check(&base)
            .map_err(|refusal| settings_error(environment, refusal.into()))?;
    }
    let mut client_settings = ClientSettings::new(base, Arc::clone(&io.secrets));
    client_settings.allowed_hosts = restrictions.map(|restrictions| restrictions.hosts.clone());
    client_settings.context.clone_from(&environment.context);
    client_settings.seed = fastrand::u64(..);
    client_settings.token = match &environment.token {
        Some(source) => Some(token_supplier(source, environment, folder, settings, io)?),
        None => own_token.map(TokenSupplier::fixed),
    };
    let read = |path: &PathBuf| {
        let path = settings.manifest_path(folder, path)?;
        regular_file::read(&path, SECRET_LIMIT)
            .map_err(|source| CommandError::io("read", &path, source))
    };
    let pem = |path: &Option<PathBuf>| path.as_ref().map(read).transpose();
    client_settings.roots_pem = pem(&environment.tls.ca_bundle)?.into_iter().collect();
    let certificate = pem(&environment.tls.client_cert)?;
    let identity = certificate.zip(pem(&environment.tls.client_key)?);
    client_settings.client_identity_pem =
        identity.map(|(certificate, key)| [certificate, key].join(&b'\n'));
    client_settings.events = Some(read_sink(io));
    adjust(&mut client_settings);
    Client::new(client_settings).map_err(|source| settings_error(environment, source))
}

fn settings_error(environment: &Environment, source: SettingsError) -> CommandError {
    let hint = source.help();
    CommandError::failed(source)
        .context(format!(
            "the environment `{}` cannot be asked",
            environment.name
        ))
        .hint(hint)
}
