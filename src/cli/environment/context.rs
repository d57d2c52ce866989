//! The manifest and everything else that is known of an environment without sending a request.

use std::path::{Path, PathBuf};

use crate::cli::args::ManifestArgs;
use crate::cli::error::CommandError;
use crate::cli::files::{is_standard_input, manifest_folder, read_standard_input};
use crate::cli::invocation::PrintedCommand;
use crate::cli::io::Io;
use crate::cli::settings::Settings;
use crate::manifest::{self, Checked, CheckedEach, Manifest, Problems, Selection, SourceFile};
use crate::regular_file;

/// An environment, with everything that is known without sending a request.
pub(in crate::cli) struct EnvironmentContext {
    pub(in crate::cli) source: SourceFile,
    pub(in crate::cli) manifest: Manifest,
    /// The number of warnings that were shown.
    pub(in crate::cli) warnings: usize,
    /// The file of the manifest, as it was given.
    pub(in crate::cli) file: PathBuf,
    /// The folder that relative paths start from.
    pub(in crate::cli) folder: PathBuf,
    /// The settings, with the manifest and the environment that printed commands repeat.
    pub(in crate::cli) settings: Settings,
}

/// Reads a manifest from its file, or from standard input for `-`, up to the maximum size of a
/// manifest.
pub(in crate::cli) fn read_source(path: &Path) -> Result<SourceFile, CommandError> {
    let limit = manifest::MAX_BYTES as u64;
    if is_standard_input(path) {
        let bytes = read_standard_input(limit);
        let bytes = bytes.map_err(|source| CommandError::io("read", path, source))?;
        return Ok(SourceFile::from_bytes(SourceFile::STANDARD_INPUT, bytes)?);
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

/// Returns the chosen environment; an error if several are given.
pub(in crate::cli) fn selection<'s>(
    args: &'s ManifestArgs,
    settings: &'s Settings,
) -> Result<Selection<'s>, CommandError> {
    let environment = match args.environment.split_first() {
        None => settings.environment.as_deref(),
        Some((first, rest)) if rest.iter().all(|other| other == first) => Some(first.as_str()),
        Some(_) => return Err(several_environments(&args.environments().join(", "))),
    };
    Ok(Selection { environment })
}

/// Returns the error of a command that works on one environment, and was given several.
pub(in crate::cli) fn several_environments(given: &str) -> CommandError {
    let message = format!("this command works on one environment, and several are given: {given}");
    CommandError::failed(message).hint(
        "Run it once for each of them, with `-e NAME`. Only `plan`, `apply`, `list` and `review` \
         take several environments.",
    )
}

/// Reads the manifest for the chosen environment, without sending a request.
pub(in crate::cli) fn read_context(
    args: &ManifestArgs,
    settings: &Settings,
    io: &mut Io,
) -> Result<EnvironmentContext, CommandError> {
    context_of(read_source(&args.file)?, args, settings, io)
}

/// Does the same as [`read_context`] for a file that was already read. Shows the warnings.
pub(in crate::cli) fn context_of(
    source: SourceFile,
    args: &ManifestArgs,
    settings: &Settings,
    io: &mut Io,
) -> Result<EnvironmentContext, CommandError> {
    let selection = selection(args, settings)?;
    let variable = |name: &str| settings.manifest_variable(name);
    let Checked { manifest, warnings } =
        manifest::read(&source, &selection, &variable).map_err(|problems| {
            settings.hide_tokens(&source, &io.secrets);
            settings.problems(problems)
        })?;
    if !warnings.is_empty() {
        settings.hide_tokens(&source, &io.secrets);
        io.warn_of(&warnings)?;
    }
    let warnings = warnings.len();
    Ok(EnvironmentContext::new(
        source, manifest, warnings, &args.file, settings,
    ))
}

/// Does the same as [`context_of`] for two different environments. An error of one is an error of
/// both. A warning that both have is shown once.
pub(in crate::cli) fn two_contexts(
    source: &SourceFile,
    file: &Path,
    names: [&str; 2],
    settings: &Settings,
    io: &mut Io,
) -> Result<[EnvironmentContext; 2], CommandError> {
    let variable = |name: &str| settings.manifest_variable(name);
    let refused = |problems: Problems| {
        settings.hide_tokens(source, &io.secrets);
        settings.problems(problems)
    };
    let wanted = names.map(str::to_owned);
    let CheckedEach {
        mut environments,
        problems,
    } = manifest::read_each(source, Some(&wanted), &variable).map_err(refused)?;
    if let Some(problems) = Problems::from_errors(problems.clone()) {
        return Err(refused(problems).into());
    }
    if !problems.is_empty() {
        settings.hide_tokens(source, &io.secrets);
        io.warn_of(&problems)?;
    }
    // The environments have the order of the file.
    environments.sort_by_key(|(name, _)| name != names[0]);
    let manifests: Vec<Manifest> = environments
        .into_iter()
        .filter_map(|(_, manifest)| manifest)
        .collect();
    let manifests = <[Manifest; 2]>::try_from(manifests)
        .expect("invariant: a manifest is missing only after an error");
    let warnings = problems.len();
    Ok(manifests.map(|manifest| {
        EnvironmentContext::new(source.clone(), manifest, warnings, file, settings)
    }))
}

impl EnvironmentContext {
    /// Creates the context of a manifest that was read from a file. `warnings` is the number of
    /// shown warnings.
    pub(in crate::cli) fn new(
        source: SourceFile,
        manifest: Manifest,
        warnings: usize,
        file: &Path,
        settings: &Settings,
    ) -> Self {
        let environment = &manifest.environment.name;
        let invocation = settings.invocation.resolved(file, environment);
        Self {
            source,
            manifest,
            warnings,
            file: file.to_owned(),
            folder: manifest_folder(file).to_owned(),
            settings: Settings {
                invocation,
                ..settings.clone()
            },
        }
    }

    /// Returns the other environments of the manifest, in its order; one is `None` if it cannot be
    /// resolved here.
    pub(in crate::cli) fn others(&self) -> Vec<(String, Option<Self>)> {
        let variable = |name: &str| self.settings.manifest_variable(name);
        let checked = manifest::read_each(&self.source, None, &variable);
        let environments = checked.map(|checked| checked.environments);
        let others = environments.unwrap_or_default().into_iter();
        let others = others.filter(|(name, _)| *name != self.manifest.environment.name);
        let context =
            |manifest| Self::new(self.source.clone(), manifest, 0, &self.file, &self.settings);
        others
            .map(|(name, manifest)| (name, manifest.map(context)))
            .collect()
    }

    /// Starts a command for this environment, for printing.
    pub(in crate::cli) fn command(&self, verb: &str) -> PrintedCommand {
        self.settings.invocation.command(verb)
    }
}
