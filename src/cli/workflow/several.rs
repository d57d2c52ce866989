//! Several environments of one manifest: they are read at the same time, one client for each, and
//! the error of one does not hide the others.

use std::io::Write as _;

use futures_util::StreamExt as _;

use crate::cli::args::ManifestArgs;
use crate::cli::environment::context::{EnvironmentContext, read_source};
use crate::cli::environment::session::{Session, connect};
use crate::cli::error::{CommandError, ErrorKind, diagnostics_of};
use crate::cli::io::Io;
use crate::cli::settings::Settings;
use crate::manifest::{self, CheckedEach, Manifest, Problem, Problems, Severity, SourceFile};
use crate::render::EnvironmentResult;

/// The maximum number of environments that are read at the same time.
const AT_ONCE: usize = 8;

/// One of several environments, before it is read.
pub(in crate::cli) struct OpenedEnvironment {
    name: String,
    /// The URL in the manifest; `None` if the manifest has an error in this environment.
    url: Option<String>,
    session: Result<Session, CommandError>,
    /// The output, which holds the warnings.
    io: Io,
}

/// One of several environments, with the result of its read.
pub(in crate::cli) struct ReadEnvironment<T> {
    pub(in crate::cli) name: String,
    url: Option<String>,
    pub(in crate::cli) result: Result<(Session, T), CommandError>,
}

impl<T> ReadEnvironment<T> {
    /// Returns the value of the environment, if it could be read.
    pub(in crate::cli) fn value(&self) -> Option<&T> {
        let (_, value) = self.result.as_ref().ok()?;
        Some(value)
    }

    /// Returns the environment for output, and its session or its error.
    pub(in crate::cli) fn into_parts<U>(
        self,
        io: &Io,
        convert: impl FnOnce(&Session, T) -> U,
    ) -> (EnvironmentResult<U>, Result<Session, CommandError>) {
        let (result, rest) = match self.result {
            Ok((session, value)) => (Ok(convert(&session, value)), Ok(session)),
            Err(error) => (Err(diagnostics_of(&error, &io.invocation)), Err(error)),
        };
        let (name, url) = (self.name, self.url);
        (EnvironmentResult { name, url, result }, rest)
    }
}

/// Reads the manifest for the environments that are named, or for all, and prepares a client for
/// each. An error only if no environment is left.
pub(in crate::cli) async fn open(
    args: &ManifestArgs,
    settings: &Settings,
    io: &mut Io,
) -> Result<Vec<OpenedEnvironment>, CommandError> {
    let path = args.file.clone();
    // Reading blocks its thread; signals must still be handled.
    let source = tokio::task::spawn_blocking(move || read_source(&path)).await;
    let source = source.map_err(|error| CommandError::runtime(std::io::Error::other(error)))??;
    let names = args.environments();
    let wanted = (!names.is_empty()).then_some(names.as_slice());
    let variable = |name: &str| settings.manifest_variable(name);
    let checked = manifest::read_each(&source, wanted, &variable).map_err(|problems| {
        settings.hide_tokens(&source, &io.secrets);
        settings.problems(problems)
    })?;
    let CheckedEach {
        environments,
        problems,
    } = checked;
    let (errors, warnings): (Vec<Problem>, Vec<Problem>) = problems
        .into_iter()
        .partition(|problem| problem.severity() == Severity::Error);
    if !(errors.is_empty() && warnings.is_empty()) {
        settings.hide_tokens(&source, &io.secrets);
        io.warn_of(&warnings)?;
    }
    let mut opened = Vec::with_capacity(environments.len());
    for (name, manifest) in environments {
        let environment = match manifest {
            Some(manifest) => connected(&source, manifest, args, settings, io).await,
            None => OpenedEnvironment {
                session: Err(error_of(&name, &errors, settings)),
                io: io.branch(&name, &io.invocation),
                url: None,
                name,
            },
        };
        opened.push(environment);
    }
    Ok(opened)
}

/// Prepares the client of an environment.
async fn connected(
    source: &SourceFile,
    manifest: Manifest,
    args: &ManifestArgs,
    settings: &Settings,
    io: &Io,
) -> OpenedEnvironment {
    let name = manifest.environment.name.clone();
    let url = manifest.environment.url.as_str().to_owned();
    // The warnings of the manifest were counted for all environments.
    let context = EnvironmentContext::new(source.clone(), manifest, 0, &args.file, settings);
    let mut io = io.branch(&name, &context.settings.invocation);
    let session = connect(context, settings, &mut io, |_| {}).await;
    OpenedEnvironment {
        name,
        url: Some(url),
        session,
        io,
    }
}

/// Returns the error of an environment in which the manifest has errors.
fn error_of(name: &str, errors: &[Problem], settings: &Settings) -> CommandError {
    let is_own = |problem: &&Problem| {
        let environments = &problem.environments;
        environments.is_empty() || environments.iter().any(|other| other == name)
    };
    let own = errors.iter().filter(is_own).cloned().collect();
    match Problems::from_errors(own) {
        Some(problems) => settings.problems(problems.in_environment(name)).into(),
        None => CommandError::failed("the manifest has problems"),
    }
}

/// Reads the environments at the same time, and shows their warnings in the order of the manifest.
/// `failure` ends the message of an error, such as `cannot be planned`.
pub(in crate::cli) async fn read<T>(
    opened: Vec<OpenedEnvironment>,
    failure: &str,
    io: &mut Io,
    read: impl AsyncFn(&Session, &mut Io) -> Result<T, CommandError>,
) -> Result<Vec<ReadEnvironment<T>>, CommandError> {
    let read = &read;
    let read_one = |environment: OpenedEnvironment| async move {
        let OpenedEnvironment {
            name,
            url,
            session,
            mut io,
        } = environment;
        let result = match session {
            Ok(session) => match read(&session, &mut io).await {
                Ok(value) => Ok((session, value)),
                Err(error) => Err(error),
            },
            Err(error) => Err(error),
        };
        let result = result.map_err(|error| named(error, &name, failure));
        (ReadEnvironment { name, url, result }, io)
    };
    let done: Vec<_> = futures_util::stream::iter(opened)
        .map(read_one)
        .buffered(AT_ONCE)
        .collect()
        .await;
    let (read, branches): (Vec<_>, Vec<Io>) = done.into_iter().unzip();
    io.release(branches)?;
    // A closed output ends the command.
    let mut all = Vec::with_capacity(read.len());
    for environment in read {
        match environment.result {
            Err(error) if error.is_closed() => return Err(error),
            result => all.push(ReadEnvironment {
                result,
                ..environment
            }),
        }
    }
    Ok(all)
}

/// Returns the error with the name of the environment.
fn named(error: CommandError, name: &str, failure: &str) -> CommandError {
    match error.kind {
        ErrorKind::Manifest(problems) => problems.in_environment(name).into(),
        ErrorKind::Closed => error,
        _ => error.context(format!("environment `{name}` {failure}")),
    }
}

/// Shows the error of an environment.
pub(in crate::cli) fn report(
    environment: &str,
    error: &CommandError,
    io: &mut Io,
) -> Result<(), CommandError> {
    io.out.flush()?;
    Ok(io.report_in(environment, error)?)
}
