//! An environment with its client, and with its embedded emulator if it has one.

use std::path::{Path, PathBuf};

use secrecy::SecretString;
use solform_emulator::{Seed, SeedError};
use url::Url;

use super::context::{EnvironmentContext, context_of, read_source};
use super::embedded_emulator::{self, Embedded};
use super::token::token_supplier;
use crate::api::{
    Client, ClientSettings, Files, Probe, ReadError, Reader, SettingsError, TokenSupplier,
};
use crate::cli::args::ManifestArgs;
use crate::cli::error::CommandError;
use crate::cli::io::{Io, read_sink};
use crate::cli::settings::Settings;
use crate::manifest::{Endpoint, Environment, Manifest};
use crate::regular_file::{self, SECRET_LIMIT, SEED_LIMIT};

/// An environment with a client.
pub(in crate::cli) struct Session {
    pub(in crate::cli) context: EnvironmentContext,
    reader: Reader,
    /// The embedded emulator, if the environment has one; it stops with the session.
    _emulator: Option<Embedded>,
}

/// Reads the manifest, starts the embedded emulator if it is used, and prepares the client.
pub(in crate::cli) async fn open(
    args: &ManifestArgs,
    settings: &Settings,
    io: &mut Io,
) -> Result<Session, CommandError> {
    let path = args.file.clone();
    // Reading blocks its thread; signals must still be handled.
    let source = tokio::task::spawn_blocking(move || read_source(&path)).await;
    let source = source.map_err(|error| CommandError::runtime(std::io::Error::other(error)))??;
    let context = context_of(source, args, settings, io)?;
    connect(context, settings, io, |_| {}).await
}

/// Starts the embedded emulator if it is used, and prepares the client with the given settings.
pub(in crate::cli) async fn connect(
    context: EnvironmentContext,
    settings: &Settings,
    io: &mut Io,
    adjust: impl FnOnce(&mut ClientSettings),
) -> Result<Session, CommandError> {
    let environment = &context.manifest.environment;
    let (base, own_token, emulator) = match &environment.url {
        Endpoint::Url(url) => (url.clone(), None, None),
        Endpoint::Emulator => {
            // Other users of the machine can reach its port, so it needs a token.
            let token = uuid::Uuid::new_v4().to_string();
            let emulator = start_emulator(&context, &token, settings, io).await?;
            let url = Url::parse(&emulator.emulator.url())
                .expect("invariant: the emulator's address is a URL");
            (url, Some(SecretString::from(token)), Some(emulator))
        }
    };
    let client = client(
        environment,
        base,
        own_token,
        &context.folder,
        settings,
        io,
        adjust,
    )?;
    Ok(Session {
        context,
        reader: Reader::new(client),
        _emulator: emulator,
    })
}

/// Starts the embedded emulator of an environment.
async fn start_emulator(
    context: &EnvironmentContext,
    token: &str,
    settings: &Settings,
    io: &mut Io,
) -> Result<Embedded, CommandError> {
    let environment = &context.manifest.environment;
    let seed = environment.emulator.seed.as_ref();
    let seed = seed.map(|path| {
        let path = settings.manifest_path(&context.folder, path)?;
        read_seed(&path).map(|seed| (path, seed))
    });
    let root = settings.manifest_path(&context.folder, Path::new(".solform"))?;
    let seed = seed.transpose()?;
    embedded_emulator::start_in(&root, &environment.name, seed, token, settings, io).await
}

impl Session {
    /// Creates a session from a reader that was already prepared for this environment.
    pub(in crate::cli) fn with(context: EnvironmentContext, reader: Reader) -> Self {
        Self {
            context,
            reader,
            _emulator: None,
        }
    }

    pub(in crate::cli) fn manifest(&self) -> &Manifest {
        &self.context.manifest
    }

    pub(in crate::cli) fn reader(&self) -> Reader {
        self.reader.clone()
    }

    pub(in crate::cli) fn probe(&self) -> Probe {
        Probe::new(self.reader.client())
    }

    pub(in crate::cli) fn files(&self) -> Files {
        Files::new(self.reader.client())
    }

    /// Waits for a read, and converts its error.
    pub(in crate::cli) async fn read<T, E: Into<ReadError>>(
        &self,
        reading: impl Future<Output = Result<T, E>>,
    ) -> Result<T, CommandError> {
        reading.await.map_err(|error| self.read_error(error))
    }

    pub(in crate::cli) fn read_error(&self, source: impl Into<ReadError>) -> CommandError {
        let source = source.into();
        let hint = source.help().into_owned();
        let environment = &self.manifest().environment.name;
        CommandError::failed(source)
            .context(format!(
                "failed to read the live state of environment `{environment}`"
            ))
            .hint(hint)
    }
}

/// Prepares the client, without sending a request.
pub(super) fn client(
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
    let mut client_settings = ClientSettings::new(base, std::sync::Arc::clone(&io.secrets));
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

/// Reads the seed of a new world.
pub(in crate::cli) fn read_seed(path: &Path) -> Result<Seed, CommandError> {
    let text = regular_file::read_text(path, SEED_LIMIT)
        .map_err(|source| CommandError::io("read", path, source))?;
    Seed::parse(&text).map_err(|source| seed_error(path, source))
}

/// Returns the error of a seed that cannot be used.
pub(in crate::cli) fn seed_error(path: &Path, source: SeedError) -> CommandError {
    CommandError::failed(source)
        .context(format!("the seed `{}` cannot be used", path.display()))
        .hint("Correct the file; `docs/emulator.md` shows the form of a seed.")
}
