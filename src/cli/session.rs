//! Everything that a command needs to send requests: manifest, token, client, emulator.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use super::args::ManifestArgs;
use super::embedded::{self, Embedded, Holder};
use super::error::CommandError;
use super::files::{is_standard_input, manifest_folder};
use super::invocation::{Invocation, PrintedCommand};
use super::io::Io;
use super::process::{ProcessError, output_of};
use super::restrictions::Restrictions;
use super::settings::{Settings, aws_variables, variable};
use super::status;
use crate::api::{
    Client, ClientSettings, Files, Probe, ReadError, Reader, Redactor, SettingsError, TokenError,
    TokenSupplier, Writer,
};
use crate::manifest::{self, Endpoint, Environment, Manifest, Selection, SourceFile, TokenSource};
use crate::regular_file::{self, SECRET_LIMIT, SEED_LIMIT};
use crate::store::{LocalStore, RemoteStore, Store, StoreKey, open_s3};
use solform_emulator::{Seed, SeedError};

/// The timeout of a token command.
const TOKEN_COMMAND_TIMEOUT: Duration = Duration::from_secs(30);

/// A manifest that was read and checked for one environment.
pub(super) struct Loaded {
    pub(super) source: SourceFile,
    pub(super) manifest: Manifest,
    /// The number of warnings that were shown.
    pub(super) warnings: usize,
    /// The folder that relative paths start from.
    pub(super) folder: PathBuf,
    pub(super) file: PathBuf,
}

/// An environment, with everything that is known without sending a request.
pub(super) struct EnvironmentContext {
    pub(super) loaded: Loaded,
    /// The options that printed commands repeat.
    invocation: Invocation,
    /// `SOLFORM_STORE`.
    store_wish: Option<String>,
    /// The restrictions of the manifest, if `SOLFORM_ALLOWED_HOSTS` is set.
    restrictions: Option<Restrictions>,
    /// True if this is a pipeline's runner.
    pub(super) is_ci: bool,
    /// `user@host`.
    pub(super) who: String,
    /// The command line, for the error of other processes that cannot acquire the lock.
    pub(super) typed: String,
}

/// An environment with a client.
pub(super) struct Session {
    pub(super) place: EnvironmentContext,
    reader: Reader,
    /// The embedded emulator; it stops when the session ends.
    _emulator: Option<Embedded>,
}

/// Reads a manifest from its file, or from standard input for `-`, up to the maximum size of a
/// manifest.
pub(super) fn read_source(path: &Path) -> Result<SourceFile, CommandError> {
    let limit = manifest::MAX_BYTES as u64;
    if is_standard_input(path) {
        let mut bytes = Vec::new();
        // One byte more than the limit, so that a text that is too long is detected.
        std::io::stdin()
            .lock()
            .take(limit + 1)
            .read_to_end(&mut bytes)
            .map_err(|source| CommandError::io("read", path, source))?;
        return Ok(SourceFile::from_bytes("standard input", bytes)?);
    }
    let bytes = regular_file::read_named(path, limit).map_err(|source| {
        if source.kind() == std::io::ErrorKind::NotFound {
            CommandError::failed(format!("there is no manifest `{}`", path.display()))
                .hint("Run `solform init` to write one, or name it with --file.")
        } else {
            CommandError::io("read", path, source)
        }
    })?;
    Ok(SourceFile::from_bytes(&path.display().to_string(), bytes)?)
}

/// Checks the manifest for the chosen environment, and shows the warnings.
fn load(
    source: SourceFile,
    args: &ManifestArgs,
    settings: &Settings,
    io: &mut Io,
) -> Result<Loaded, CommandError> {
    let selection = selection(args, settings);
    let variable = |name: &str| settings.manifest_variable(name);
    let checked = manifest::read(&source, &selection, &variable)
        .map_err(|problems| settings.problems(problems))?;
    io.warn_of(&checked.warnings)?;
    Ok(Loaded {
        source,
        manifest: checked.manifest,
        warnings: checked.warnings.len(),
        folder: manifest_folder(&args.file).to_owned(),
        file: args.file.clone(),
    })
}

/// Returns the chosen environment.
pub(super) fn selection<'s>(args: &'s ManifestArgs, settings: &'s Settings) -> Selection<'s> {
    Selection {
        environment: args
            .environment
            .as_deref()
            .or(settings.environment.as_deref()),
    }
}

/// Reads the manifest for the chosen environment, without sending a request.
pub(super) fn place(
    args: &ManifestArgs,
    settings: &Settings,
    io: &mut Io,
) -> Result<EnvironmentContext, CommandError> {
    place_of(read_source(&args.file)?, args, settings, io)
}

/// Does the same as [`place`] for a file that was already read.
pub(super) fn place_of(
    source: SourceFile,
    args: &ManifestArgs,
    settings: &Settings,
    io: &mut Io,
) -> Result<EnvironmentContext, CommandError> {
    let loaded = load(source, args, settings, io)?;
    let invocation = settings
        .invocation
        .resolved(&loaded.file, &loaded.manifest.environment.name);
    Ok(EnvironmentContext {
        loaded,
        invocation,
        store_wish: settings.store.clone(),
        restrictions: settings.restrictions.clone(),
        is_ci: settings.is_ci,
        who: settings.who.clone(),
        typed: settings.typed.clone(),
    })
}

/// Reads the manifest, starts the embedded emulator if it is used, and prepares the client.
pub(super) async fn open(
    args: &ManifestArgs,
    settings: &Settings,
    io: &mut Io,
) -> Result<Session, CommandError> {
    let path = args.file.clone();
    // Reading blocks its thread; signals must still be handled.
    let source = tokio::task::spawn_blocking(move || read_source(&path)).await;
    let source = source.map_err(|error| CommandError::runtime(std::io::Error::other(error)))??;
    let place = place_of(source, args, settings, io)?;
    connect(place, settings, io, |_| {}).await
}

/// Starts the embedded emulator if it is used, and prepares the client with the given settings.
pub(super) async fn connect(
    place: EnvironmentContext,
    settings: &Settings,
    io: &mut Io,
    adjust: impl FnOnce(&mut ClientSettings),
) -> Result<Session, CommandError> {
    let loaded = &place.loaded;
    let environment = &loaded.manifest.environment;
    let (base, own_token, emulator) = match &environment.url {
        Endpoint::Url(url) => (url.clone(), None, None),
        Endpoint::Emulator => {
            // Other users of the machine can reach the port of the embedded emulator, so it needs a
            // token.
            let token = uuid::Uuid::new_v4().to_string();
            let seed = match &environment.emulator.seed {
                Some(path) => {
                    let path = settings.manifest_path(&loaded.folder, path)?;
                    let seed = read_seed(&path)?;
                    Some((path, seed))
                }
                None => None,
            };
            let root = settings.manifest_path(&loaded.folder, Path::new(".solform"))?;
            let holder = Holder {
                who: &place.who,
                command: &io.secrets.redact(&place.typed),
            };
            let embedded = embedded::start_in(&root, seed, &token, holder, io).await?;
            let url = Url::parse(&embedded.emulator.url())
                .expect("invariant: the emulator's address is a URL");
            (url, Some(SecretString::from(token)), Some(embedded))
        }
    };
    let client = client(
        environment,
        base,
        own_token,
        &loaded.folder,
        settings,
        io,
        adjust,
    )?;
    Ok(Session {
        place,
        reader: Reader::new(client),
        _emulator: emulator,
    })
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
    let mut client_settings = ClientSettings::new(base, Arc::clone(&io.secrets));
    client_settings.allowed_hosts = restrictions.map(|restrictions| restrictions.hosts.clone());
    client_settings.context.clone_from(&environment.context);
    client_settings.seed = fastrand::u64(..);
    client_settings.token = match &environment.token {
        Some(source) => Some(token_supplier(source, environment, folder, settings, io)?),
        None => own_token.map(TokenSupplier::fixed),
    };
    let pem = |path: &Option<PathBuf>| {
        path.as_ref()
            .map(|path| {
                let path = settings.manifest_path(folder, path)?;
                regular_file::read(&path, SECRET_LIMIT)
                    .map_err(|source| CommandError::io("read", &path, source))
            })
            .transpose()
    };
    client_settings.roots_pem = pem(&environment.tls.ca_bundle)?.into_iter().collect();
    client_settings.client_identity_pem = match (
        pem(&environment.tls.client_cert)?,
        pem(&environment.tls.client_key)?,
    ) {
        (Some(mut certificate), Some(key)) => {
            certificate.push(b'\n');
            certificate.extend(key);
            Some(certificate)
        }
        _ => None,
    };
    client_settings.events = Some(status::start(io));
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

impl EnvironmentContext {
    /// Returns the store of the environment: from `--store`, `SOLFORM_STORE` or the manifest, else
    /// the folder beside the manifest.
    pub(super) fn store(
        &self,
        typed: Option<&str>,
        secrets: &Redactor,
    ) -> Result<Arc<dyn Store>, CommandError> {
        let environment = &self.loaded.manifest.environment;
        let adjust = typed.or(self.store_wish.as_deref());
        // Paths in the manifest are relative to it; paths in options to the working directory.
        let folder = match (adjust, environment.store.as_deref()) {
            (Some(text), _) | (None, Some(text)) if text.contains("://") => {
                return self.remote_store(text, secrets);
            }
            (Some(text), _) => PathBuf::from(text),
            (None, Some(text)) => self.manifest_path(text)?,
            (None, None) => self.manifest_path(".solform")?,
        };
        Ok(Arc::new(LocalStore::new(
            &folder,
            &environment.name,
            environment.url.as_str(),
            environment.context.as_deref(),
        )))
    }
}

impl EnvironmentContext {
    /// Starts a command for this environment, for printing.
    pub(super) fn command(&self, verb: &str) -> PrintedCommand {
        self.invocation.command(verb)
    }

    /// Returns the path of a folder that the manifest names.
    fn manifest_path(&self, text: &str) -> Result<PathBuf, CommandError> {
        let (folder, path) = (&self.loaded.folder, Path::new(text));
        match &self.restrictions {
            Some(restrictions) => restrictions.check_path(folder, path),
            None => Ok(folder.join(path)),
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
            if name.contains("SECRET") || name.contains("TOKEN") {
                secrets.add(&SecretString::from(value.as_str()));
            }
        }
        for (name, path) in &settings {
            if !TOKEN_FILES.contains(&name.as_str()) {
                continue;
            }
            // The bucket's client reads the whole file.
            let path = Path::new(path);
            let token = regular_file::read_text(path, SECRET_LIMIT)
                .map_err(|source| CommandError::io("read", path, source))?;
            secrets.add(&SecretString::from(token));
        }
        let allowed = self.restrictions.as_ref().map(|all| &all.hosts);
        // A manifest of an untrusted branch must not choose its store.
        if let Some(allowed) = allowed {
            let asked = store_url(&url, &settings);
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
        let environment = &self.loaded.manifest.environment;
        let key = StoreKey {
            environment: &environment.name,
            url: environment.url.as_str(),
            context: environment.context.as_deref(),
        };
        let now_ms = Arc::new(super::clock::now_ms);
        Ok(Arc::new(RemoteStore::new(
            bucket, &prefix, text, key, now_ms,
        )))
    }
}

/// The variables of the bucket's client that name files with tokens.
const TOKEN_FILES: [&str; 2] = [
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
];

/// The variables that set the endpoint of a bucket's client, in order of precedence.
fn store_url(bucket: &Url, settings: &[(String, String)]) -> Url {
    let value = |wanted: &str| {
        let found = settings.iter().find(|(name, _)| name == wanted);
        found.map(|(_, value)| value.as_str())
    };
    let endpoint = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"]
        .into_iter()
        .find_map(value)
        .and_then(|text| Url::parse(text).ok());
    if let Some(endpoint) = endpoint {
        return endpoint;
    }
    let region = value("AWS_REGION").or_else(|| value("AWS_DEFAULT_REGION"));
    let region = region.unwrap_or("us-east-1");
    let is_virtual = value("AWS_VIRTUAL_HOSTED_STYLE_REQUEST") == Some("true");
    let name = match bucket.host_str().filter(|_| is_virtual) {
        Some(name) => format!("{name}."),
        None => String::new(),
    };
    Url::parse(&format!("https://{name}s3.{region}.amazonaws.com"))
        .unwrap_or_else(|_| bucket.clone())
}

impl Session {
    /// Creates a session from a reader that was already prepared for this environment.
    pub(super) fn with(place: EnvironmentContext, reader: Reader) -> Self {
        Self {
            place,
            reader,
            _emulator: None,
        }
    }

    pub(super) fn manifest(&self) -> &Manifest {
        &self.place.loaded.manifest
    }

    pub(super) fn reader(&self) -> Reader {
        self.reader.clone()
    }

    pub(super) fn probe(&self) -> Probe {
        Probe::new(self.reader.client())
    }

    pub(super) fn files(&self) -> Files {
        Files::new(self.reader.client())
    }

    /// Returns the writer. No other function does, and only the commands that write call it.
    pub(super) fn writer(&self) -> Writer {
        Writer::new(&self.reader)
    }

    pub(super) fn read_error(&self, source: impl Into<ReadError>) -> CommandError {
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

/// Reads the seed of a new world.
pub(super) fn read_seed(path: &Path) -> Result<Seed, CommandError> {
    let text = regular_file::read_text(path, SEED_LIMIT)
        .map_err(|source| CommandError::io("read", path, source))?;
    Seed::parse(&text).map_err(|source| seed_error(path, source))
}

/// Returns the error of a seed that cannot be used.
pub(super) fn seed_error(path: &Path, source: SeedError) -> CommandError {
    CommandError::failed(source)
        .context(format!("the seed `{}` cannot be used", path.display()))
        .hint("Correct the file; `docs/emulator.md` shows the form of a seed.")
}

/// The refusal of a token command while hosts are restricted.
#[derive(Debug, thiserror::Error)]
#[error(
    "the token command of environment `{environment}` is not run while SOLFORM_ALLOWED_HOSTS is set"
)]
pub(super) struct TokenCommandRefused {
    environment: String,
}

/// The reason why no token could be read. Never contains the text that was read.
#[derive(Debug, thiserror::Error)]
enum NoToken {
    #[error("the environment variable `{name}` is not set, or is empty")]
    NoVariable { name: String },
    #[error("failed to read the token file `{}`", path.display())]
    File {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("failed to run the token command `{program}`")]
    Command {
        program: String,
        #[source]
        source: std::io::Error,
    },
    #[error("the token command `{program}` did not end within 30 s")]
    Slow { program: String },
    #[error("the token command `{program}` ended with {status}: {said}")]
    Status {
        program: String,
        status: std::process::ExitStatus,
        said: String,
    },
    #[error("the token command `{program}` wrote more than {SECRET_LIMIT} bytes")]
    TooMuch { program: String },
    #[error("the token command `{program}` wrote no text")]
    NotText { program: String },
}

fn token_supplier(
    source: &TokenSource,
    environment: &Environment,
    folder: &Path,
    settings: &Settings,
    io: &Io,
) -> Result<TokenSupplier, CommandError> {
    Ok(match source {
        TokenSource::Env(name)
            if (settings.restrictions.as_ref())
                .is_some_and(|restrictions| !restrictions.allows_variable(name)) =>
        {
            return Err(CommandError::failed(format!(
                "the token variable `{name}` of environment `{}` is not in SOLFORM_ALLOWED_ENV",
                environment.name
            ))
            .hint(format!(
                "Add `{name}` to SOLFORM_ALLOWED_ENV, or give --env {name}, \
                 if the manifest may read it."
            )));
        }
        TokenSource::Env(name) => {
            let name = name.clone();
            TokenSupplier::new(move || {
                let token = variable(&name).ok_or_else(|| -> TokenError {
                    Box::new(NoToken::NoVariable { name: name.clone() })
                });
                Box::pin(async move { token.map(SecretString::from) })
            })
        }
        TokenSource::File(path) => {
            let path = settings.manifest_path(folder, path)?;
            TokenSupplier::new(move || {
                let token = regular_file::read_text(&path, SECRET_LIMIT);
                let token = token.map_err(|source| -> TokenError {
                    Box::new(NoToken::File {
                        path: path.clone(),
                        source,
                    })
                });
                Box::pin(async move { token.map(SecretString::from) })
            })
        }
        // A manifest of an untrusted branch must not choose a program to run.
        TokenSource::Command(_) if settings.restrictions.is_some() => {
            let environment = environment.name.clone();
            return Err(CommandError::failed(TokenCommandRefused { environment })
                .hint("Give the token by `env` or `file` in pipelines that restrict hosts."));
        }
        TokenSource::Command(command) => {
            let command = command.clone();
            let folder = folder.to_owned();
            let secrets = Arc::clone(&io.secrets);
            TokenSupplier::new(move || {
                let command = command.clone();
                let folder = folder.clone();
                let secrets = Arc::clone(&secrets);
                Box::pin(async move {
                    run_token_command(&command, &folder, &secrets)
                        .await
                        .map_err(|error| -> TokenError { Box::new(error) })
                })
            })
        }
    })
}

async fn run_token_command(
    command: &[String],
    folder: &Path,
    secrets: &Redactor,
) -> Result<SecretString, NoToken> {
    let program = command.first().cloned().unwrap_or_default();
    let mut process = tokio::process::Command::new(&program);
    process
        .args(command.get(1..).unwrap_or_default())
        .current_dir(folder);
    let output = match output_of(process, TOKEN_COMMAND_TIMEOUT, SECRET_LIMIT).await {
        Ok(output) => output,
        Err(ProcessError::Io(source)) => return Err(NoToken::Command { program, source }),
        Err(ProcessError::Slow) => return Err(NoToken::Slow { program }),
    };
    // The output may be a token even if the command failed, and its error may repeat the token.
    let written = SecretString::from(String::from_utf8_lossy(&output.out).into_owned());
    if output.is_cut {
        secrets.add(&written);
        return Err(NoToken::TooMuch { program });
    }
    if !output.status.success() {
        secrets.add(&written);
        let error = String::from_utf8_lossy(&output.err);
        let said = secrets.redact(error.trim()).chars().take(200).collect();
        return Err(NoToken::Status {
            program,
            status: output.status,
            said,
        });
    }
    match String::from_utf8(output.out) {
        Ok(token) => Ok(SecretString::from(token)),
        Err(_) => Err(NoToken::NotText { program }),
    }
}
