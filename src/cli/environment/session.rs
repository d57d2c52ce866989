//! An environment with its client, and with its embedded emulator if it has one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use secrecy::SecretString;
use solform_emulator::{Seed, SeedError};
use url::Url;

use super::context::{EnvironmentContext, context_of, read_source};
use super::embedded_emulator;
use super::token::token_supplier;
use crate::api::{
    Client, ClientSettings, Files, Probe, ReadError, Reader, SettingsError, TokenSupplier,
};
use crate::apply::{SourceReader, SourceReaders};
use crate::cli::args::ManifestArgs;
use crate::cli::emulators::RunningEmulator;
use crate::cli::error::CommandError;
use crate::cli::io::{Io, read_sink};
use crate::cli::settings::Settings;
use crate::manifest::{Endpoint, Environment, Manifest};
use crate::regular_file::{self, SECRET_LIMIT, SEED_LIMIT};

/// An environment with a client.
pub(in crate::cli) struct Session {
    pub(in crate::cli) context: EnvironmentContext,
    reader: Reader,
    /// The embedded emulator, if the environment has one; it stops with its last session.
    _emulator: Option<Arc<RunningEmulator>>,
    /// The clients of the environments whose packages are transferred, which open on demand.
    sources: Mutex<Sources>,
}

/// The open clients of source environments.
#[derive(Default)]
struct Sources {
    readers: SourceReaders,
    /// The embedded emulators of those that have one.
    emulators: Vec<Arc<RunningEmulator>>,
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
    let folder = &context.folder;
    let (client, emulator) = open_client(environment, folder, settings, io, adjust).await?;
    Ok(Session {
        context,
        reader: Reader::new(client),
        _emulator: emulator,
        sources: Mutex::default(),
    })
}

/// Prepares the client of an environment, with its own URL, token and TLS settings, and returns its
/// embedded emulator if it has one.
async fn open_client(
    environment: &Environment,
    folder: &Path,
    settings: &Settings,
    io: &mut Io,
    adjust: impl FnOnce(&mut ClientSettings),
) -> Result<(Client, Option<Arc<RunningEmulator>>), CommandError> {
    let (base, emulator) = match &environment.url {
        Endpoint::Url(url) => (url.clone(), None),
        Endpoint::Emulator => {
            let running = start_emulator(environment, folder, settings, io).await?;
            (running.url.clone(), Some(running))
        }
    };
    let own_token = emulator.as_ref().map(|running| running.token.clone());
    let client = client(environment, base, own_token, folder, settings, io, adjust)?;
    Ok((client, emulator))
}

/// Starts the embedded emulator of an environment.
async fn start_emulator(
    environment: &Environment,
    folder: &Path,
    settings: &Settings,
    io: &mut Io,
) -> Result<Arc<RunningEmulator>, CommandError> {
    let root = settings.manifest_path(folder, Path::new(".solform"))?;
    let name = &environment.name;
    let mut emulators = settings.emulators.lock().await;
    if let Some(running) = emulators.get(&root, name) {
        return Ok(running);
    }
    let seed = environment.emulator.seed.as_ref();
    let seed = seed.map(|path| {
        let path = settings.manifest_path(folder, path)?;
        read_seed(&path).map(|seed| (path, seed))
    });
    let seed = seed.transpose()?;
    // Other users of the machine can reach its port, so it needs a token.
    let token = uuid::Uuid::new_v4().to_string();
    let embedded = embedded_emulator::start_in(&root, name, seed, &token, settings, io).await?;
    let url =
        Url::parse(&embedded.emulator.url()).expect("invariant: the emulator's address is a URL");
    let running = Arc::new(RunningEmulator {
        url,
        token: SecretString::from(token),
        _embedded: embedded,
    });
    emulators.add(&root, name, &running);
    Ok(running)
}

impl Session {
    /// Creates a session from a reader that was already prepared for this environment.
    pub(in crate::cli) fn with(context: EnvironmentContext, reader: Reader) -> Self {
        Self {
            context,
            reader,
            _emulator: None,
            sources: Mutex::default(),
        }
    }

    pub(in crate::cli) fn manifest(&self) -> &Manifest {
        &self.context.manifest
    }

    /// Returns the number of declared names.
    pub(in crate::cli) fn count_names(&self) -> usize {
        self.manifest().by_name().count()
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

    /// Opens the clients of the environments whose packages are transferred, each with its own
    /// URL, token and TLS settings. Returns the errors by environment.
    pub(in crate::cli) async fn open_sources(
        &self,
        names: BTreeSet<&str>,
        io: &mut Io,
        adjust: impl Fn(&mut ClientSettings),
    ) -> Result<BTreeMap<String, CommandError>, CommandError> {
        let mut errors = BTreeMap::new();
        for name in names {
            if self.sources().get(name).is_some() {
                continue;
            }
            let environments = &self.manifest().source_environments;
            let Some(environment) = environments.iter().find(|it| it.name == name) else {
                continue;
            };
            let EnvironmentContext {
                folder, settings, ..
            } = &self.context;
            // The progress of its reads names the environment.
            let mut branch = io.branch(name, &settings.invocation);
            let opened = open_client(environment, folder, settings, &mut branch, &adjust);
            let opened = opened.await;
            io.release(vec![branch])?;
            match opened {
                Ok((client, emulator)) => {
                    let mut sources = self.locked();
                    sources.readers.add(SourceReader::new(name, client));
                    sources.emulators.extend(emulator);
                }
                Err(error) => {
                    errors.insert(name.to_owned(), error);
                }
            }
        }
        Ok(errors)
    }

    /// Returns the readers of the source environments that are open.
    pub(in crate::cli) fn sources(&self) -> SourceReaders {
        self.locked().readers.clone()
    }

    fn locked(&self) -> MutexGuard<'_, Sources> {
        let sources = self.sources.lock();
        sources.expect("invariant: no thread panics while it holds the sources")
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
    client_settings.events = (!io.is_quiet).then(|| read_sink(io));
    client_settings.requests.clone_from(&settings.requests);
    client_settings.limiters.clone_from(&settings.limiters);
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
