//! Errors of commands: message, cause, hint and exit status.

use std::error::Error;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::base::BaseError;
use super::exit::ExitStatus;
use super::session::Session;
use crate::allowed_hosts::HostRefusal;
use crate::api::{ApiError, ReadError, SettingsError};
use crate::apply::RunStartError;
use crate::ident::{Address, SolutionId};
use crate::manifest::Problems;
use crate::plan::{DiffError, SavedPlanError, did_you_mean};
use crate::render::Diagnostic;
use crate::store::{JournalError, StoreError};
use solform_emulator::{EmulatorError, KnobError, SeedError};

/// The error that ends a command.
#[derive(Debug, thiserror::Error)]
pub(super) enum CommandError {
    /// A file or folder could not be used.
    #[error("failed to {action} `{}`", path.display())]
    Io {
        action: &'static str,
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// The manifest has problems; each is shown with its location.
    #[error("the manifest has problems")]
    Manifest(Problems),
    /// A manifest of a review has problems; each is shown with its location.
    #[error("{what} has problems")]
    Reviewed {
        /// The manifest, as the message names it.
        what: String,
        problems: Problems,
        /// Variables that were not replaced by their values.
        variables: Vec<String>,
    },
    /// The base of a review could not be read.
    #[error("failed to read the base `{base}`")]
    Base {
        base: String,
        #[source]
        source: BaseError,
    },
    /// Neither of the two manifests of a review declares the environment.
    #[error("neither manifest declares an environment `{name}`")]
    NoEnvironment { name: String, known: Vec<String> },
    /// The manifest file does not exist.
    #[error("there is no manifest `{}`", path.display())]
    NoManifest { path: PathBuf },
    /// `SOLFORM_CLI_ARGS` has an open quote.
    #[error("SOLFORM_CLI_ARGS has a quote that is not closed")]
    CliArgs,
    /// The runtime could not be started.
    #[error("failed to start the runtime")]
    Runtime {
        #[source]
        source: std::io::Error,
    },
    /// The client's settings are invalid.
    #[error("the environment `{environment}` cannot be asked")]
    Settings {
        environment: String,
        #[source]
        source: SettingsError,
    },
    /// The live state could not be read.
    #[error("failed to read the live state of environment `{environment}`")]
    Read {
        environment: String,
        #[source]
        source: ReadError,
    },
    /// The plan could not be made.
    #[error("{}", joined(.0))]
    Diff(Vec<DiffError>),
    /// Limits, protection or an unconfirmed listing block the plan; they are shown with the plan.
    #[error("the plan cannot be applied")]
    Blocked {
        is_unproven: bool,
        /// Each refusal, with its location.
        refusals: Vec<Diagnostic>,
    },
    /// Checks of `doctor` failed.
    #[error("{failed} of {checks} checks failed")]
    Unhealthy {
        /// The number of failed checks.
        failed: usize,
        /// The number of all checks.
        checks: usize,
    },
    /// An output file would overwrite the manifest.
    #[error("the output `{}` is the manifest, which must not be overwritten", path.display())]
    OverManifest { path: PathBuf },
    /// Two outputs have the same file.
    #[error("two outputs have the same file `{}`", path.display())]
    TwoOutputs { path: PathBuf },
    /// `--replace` was used with a plan that destroys.
    #[error("--replace cannot be combined with a plan that destroys")]
    ReplaceWithDestroy,
    /// Approval is needed, but an event stream has no prompt.
    #[error("--json needs --auto-approve or a saved plan")]
    NotApproved,
    /// A saved plan is refused as a whole.
    #[error("the plan file `{}` is refused", path.display())]
    SavedPlan {
        path: PathBuf,
        #[source]
        source: SavedPlanError,
        /// The command that executes it, if another command was used.
        command: Option<String>,
    },
    /// A planning option was combined with a saved plan.
    #[error("`{option}` cannot be combined with a saved plan")]
    OptionWithPlan { option: &'static str },
    /// Standard input is not a terminal, so the plan cannot be approved.
    #[error("standard input is not a terminal, so the plan cannot be approved")]
    NobodyToAsk,
    /// The answer was not `yes`.
    #[error("cancelled: nothing was changed")]
    Declined,
    /// An interrupt came before anything was sent.
    #[error("interrupted: nothing was changed")]
    Interrupted,
    /// The store could not be used.
    #[error("the store cannot be used")]
    Store(#[source] StoreError),
    /// Another process holds the lock.
    #[error("the lock of environment `{environment}` is held by {holder}")]
    Locked {
        environment: String,
        holder: String,
        unlock: String,
    },
    /// The store's URL is not supported.
    #[error("unsupported store URL `{text}`")]
    StoreKind { text: String },
    /// The store's host is not allowed.
    #[error(
        "the store `{text}` is at the host `{host}`, which SOLFORM_ALLOWED_HOSTS does not name"
    )]
    StoreHost {
        text: String,
        host: String,
        #[source]
        source: HostRefusal,
    },
    /// The command of a manual page does not exist.
    #[error("there is no command `{name}`")]
    NoCommand { name: String },
    /// The store has no apply with that id.
    #[error("the store has no apply `{run}`")]
    NoRun { run: String },
    /// The apply has no change of the address.
    #[error("apply `{apply}` has no change of `{address}`")]
    NoSuchStep {
        apply: String,
        address: String,
        left: Vec<String>,
    },
    /// The change waits for no job and left no record, so it cannot be abandoned.
    #[error("{}", nothing_to_abandon(.apply, .address, *.is_abandoned))]
    NothingToAbandon {
        apply: String,
        address: String,
        is_abandoned: bool,
    },
    /// Several applies have an id that begins with the text.
    #[error("the ids of {count} applies begin with `{run}`")]
    SeveralRuns { run: String, count: usize },
    /// The lock does not have that id.
    #[error("the lock is not held under the id `{id}`")]
    NotLocked { id: String, holder: Option<String> },
    /// The plan of an earlier apply was not kept.
    #[error("the plan of the apply `{run}` was not kept")]
    NothingToResume { run: String },
    /// The journal could not be written.
    #[error("the journal cannot be written, so nothing was sent")]
    Journal(#[source] JournalError),
    /// Another process holds the emulator's data folder.
    #[error("the emulator's data folder `{}` is in use by {}", path.display(), holder.as_deref().unwrap_or("another solform"))]
    EmulatorInUse {
        path: PathBuf,
        /// The user, start time and command of the holder, if known.
        holder: Option<String>,
    },
    /// The emulator did not start.
    #[error("the emulator did not start")]
    Emulator(#[source] EmulatorError),
    /// The token is empty.
    #[error("the emulator's token is empty")]
    EmptyToken,
    /// A path or a name in the manifest contains a secret.
    #[error(
        "the path or the name of `{address}` holds a token, and plan files and journals would record it"
    )]
    SecretDeployed {
        /// The address of the entry.
        address: Address,
    },
    /// The emulator's seed cannot be used.
    #[error("the seed `{}` cannot be used", path.display())]
    Seed {
        path: PathBuf,
        #[source]
        source: SeedError,
    },
    /// A knob of the emulator does not exist, or does not accept the value.
    #[error("`--knob {text}` cannot be used")]
    Knob {
        text: String,
        #[source]
        source: KnobError,
    },
    /// The token command is not allowed while hosts are restricted.
    #[error(
        "the token command of environment `{environment}` is not run while SOLFORM_ALLOWED_HOSTS is set"
    )]
    TokenCommand { environment: String },
    /// The token is in a variable that the manifest may not read.
    #[error(
        "the token variable `{name}` of environment `{environment}` is not in SOLFORM_ALLOWED_ENV"
    )]
    TokenVariable { environment: String, name: String },
    /// The manifest names a file that is not allowed.
    #[error(
        "`{}` is outside of the working tree, and SOLFORM_ALLOWED_PATHS does not name it",
        path.display()
    )]
    PathNotAllowed { path: PathBuf },
    /// No live version has that address or id.
    #[error("no live version matches `{text}`")]
    NotLive {
        text: String,
        /// Similar addresses.
        near: Vec<String>,
    },
    /// Several live records match.
    #[error("{} live records are `{text}`: {}", .found.len(), described(.found))]
    SeveralLive {
        text: String,
        found: Vec<(Address, SolutionId)>,
    },
    /// The settings of a run are invalid.
    #[error("`--settings {text}` cannot be used")]
    RunSettings {
        text: String,
        #[source]
        source: SettingsProblem,
    },
    /// A run did not start.
    #[error("no run has started in environment `{environment}`")]
    Run {
        environment: String,
        #[source]
        source: RunStartError,
    },
    /// A run may have started.
    #[error(
        "a run may have started in environment `{environment}`; look for it before you start it again"
    )]
    RunNotKnown {
        environment: String,
        #[source]
        source: RunStartError,
    },
    /// The output was closed before anything was sent.
    #[error("the output was closed before anything was sent, so nothing was changed")]
    ClosedBefore,
    /// A plan would overwrite a file that is not a plan.
    #[error("`{}` exists and is not a plan file", path.display())]
    NotAPlan { path: PathBuf },
    /// An output file exists.
    #[error("`{}` already exists", path.display())]
    OutExists { path: PathBuf },
    /// An exported manifest does not match the live versions.
    #[error(
        "internal error: the manifest would not be right, and is not written: {why}; please report it"
    )]
    ExportUnsound { why: String },
    /// The output was closed.
    #[error("the output was closed")]
    Closed,
}

/// The reason why the settings of a run are invalid.
#[derive(Debug, thiserror::Error)]
pub(super) enum SettingsProblem {
    #[error("the file cannot be read")]
    File(#[source] std::io::Error),
    #[error("it is not JSON")]
    Json(#[source] serde_json::Error),
    #[error("`settings` must be a JSON object")]
    NoObject,
}

impl CommandError {
    /// Returns the error of a run that did not start, or may not have started.
    pub(super) fn run(session: &Session, source: RunStartError) -> Self {
        let environment = session.manifest().environment.name.clone();
        match source {
            RunStartError::Interrupted => Self::Interrupted,
            RunStartError::NotKnown { .. } => Self::RunNotKnown {
                environment,
                source,
            },
            RunStartError::Refused(_) | RunStartError::NotSent(_) => Self::Run {
                environment,
                source,
            },
        }
    }

    pub(super) fn io(action: &'static str, path: &Path, source: std::io::Error) -> Self {
        Self::Io {
            action,
            path: path.to_owned(),
            source,
        }
    }

    /// Returns the exit status.
    pub(super) fn exit_status(&self) -> ExitStatus {
        match self {
            Self::Blocked {
                is_unproven: false, ..
            } => ExitStatus::Blocked,
            Self::SavedPlan { .. } => ExitStatus::Stale,
            Self::Declined | Self::Interrupted => ExitStatus::Cancelled,
            Self::Closed => ExitStatus::Success,
            Self::RunNotKnown { .. } => ExitStatus::InFlight,
            Self::Locked { .. } | Self::EmulatorInUse { .. } => ExitStatus::Locked,
            Self::Io { .. }
            | Self::Manifest(_)
            | Self::Reviewed { .. }
            | Self::Base { .. }
            | Self::NoEnvironment { .. }
            | Self::NoManifest { .. }
            | Self::CliArgs
            | Self::Runtime { .. }
            | Self::Settings { .. }
            | Self::Read { .. }
            | Self::Diff(_)
            | Self::Blocked {
                is_unproven: true, ..
            }
            | Self::Unhealthy { .. }
            | Self::OverManifest { .. }
            | Self::TwoOutputs { .. }
            | Self::ReplaceWithDestroy
            | Self::NotApproved
            | Self::OptionWithPlan { .. }
            | Self::NobodyToAsk
            | Self::Store(_)
            | Self::StoreKind { .. }
            | Self::StoreHost { .. }
            | Self::NoRun { .. }
            | Self::NoSuchStep { .. }
            | Self::NothingToAbandon { .. }
            | Self::NoCommand { .. }
            | Self::SeveralRuns { .. }
            | Self::NotLocked { .. }
            | Self::NothingToResume { .. }
            | Self::Journal(_)
            | Self::Emulator(_)
            | Self::EmptyToken
            | Self::SecretDeployed { .. }
            | Self::Seed { .. }
            | Self::Knob { .. }
            | Self::TokenCommand { .. }
            | Self::TokenVariable { .. }
            | Self::PathNotAllowed { .. }
            | Self::NotLive { .. }
            | Self::SeveralLive { .. }
            | Self::RunSettings { .. }
            | Self::Run { .. }
            | Self::NotAPlan { .. }
            | Self::OutExists { .. }
            | Self::ExportUnsound { .. }
            | Self::ClosedBefore => ExitStatus::Error,
        }
    }

    /// Returns the hint, as a sentence.
    pub(super) fn help(&self) -> Option<String> {
        let help = match self {
            Self::NoManifest { .. } => {
                "Run `solform init` to write one, or name it with --file.".to_owned()
            }
            Self::Reviewed { variables, .. } => reviewed_help(variables),
            Self::Base { source, .. } => source.help().to_owned(),
            Self::NoEnvironment { known, .. } => format!("Declared are: {}.", known.join(", ")),
            Self::Settings { source, .. } => source.help().to_owned(),
            Self::Read {
                source: ReadError::Api(error),
                ..
            } => error.help().into_owned(),
            Self::Read {
                source: ReadError::Unproven { .. } | ReadError::UnprovenWhole(_),
                ..
            } => "Run the command again; if it stays, look at the server.".to_owned(),
            Self::SavedPlan {
                command: Some(command),
                ..
            } => format!("Run `{command}`, or make and review a new plan."),
            Self::SavedPlan { source, .. } => source.help().to_owned(),
            Self::OptionWithPlan { .. } => {
                "Leave it out, or make and review a new plan with it: a saved plan knows what it selects.".to_owned()
            }
            Self::OverManifest { .. } | Self::TwoOutputs { .. } | Self::NotAPlan { .. } => {
                "Name another file.".to_owned()
            }
            Self::ReplaceWithDestroy => {
                "Use --target to destroy some of the declared versions only.".to_owned()
            }
            Self::Unhealthy { .. } => "Each failed check has a hint.".to_owned(),
            Self::NobodyToAsk | Self::NotApproved => {
                "Pass --auto-approve, or a plan that `solform plan --out FILE` kept.".to_owned()
            }
            Self::Store(source) => source.help(),
            Self::Locked { unlock, .. } => format!(
                "Wait for it with --lock-timeout 10m. If its process no longer exists, run `{unlock}`."
            ),
            Self::StoreKind { .. } => {
                "Give a folder, or `s3://BUCKET/PREFIX`.".to_owned()
            }
            Self::StoreHost { source, .. } => source.help().to_owned(),
            Self::NoCommand { .. } => "Run `solform --help` to see the commands.".to_owned(),
            Self::NoRun { .. } => "Run `solform history` to list the applies in the store.".to_owned(),
            Self::NoSuchStep { left, apply, .. } => no_such_step_help(left, apply),
            Self::NothingToAbandon { apply, .. } => no_such_step_help(&[], apply),
            Self::SeveralRuns { .. } => "Give more characters of the id.".to_owned(),
            Self::NotLocked { holder, .. } => not_locked_help(holder.as_deref()),
            Self::NothingToResume { .. } => {
                "Run `solform apply`: it plans the remaining changes.".to_owned()
            }
            Self::Journal(_) => {
                "Make the folder `.solform` beside the manifest writable.".to_owned()
            }
            Self::TokenCommand { .. } => {
                "Give the token by `env` or `file` in pipelines that restrict hosts.".to_owned()
            }
            Self::TokenVariable { name, .. } => format!(
                "Add `{name}` to SOLFORM_ALLOWED_ENV, or give --env {name}, if the manifest may read it."
            ),
            Self::PathNotAllowed { .. } => {
                "Add the file or its folder to SOLFORM_ALLOWED_PATHS if the manifest may use it."
                    .to_owned()
            }
            Self::NotLive { near, .. } if !near.is_empty() => did_you_mean(near),
            Self::NotLive { .. } => "Run `solform list` to list the live versions.".to_owned(),
            Self::SeveralLive { .. } => {
                "Put the owner in front, `owner:Name@version`, or give the id of one.".to_owned()
            }
            Self::RunSettings { .. } => {
                "Give a JSON object such as '{\"output_has_run_id\": true}', or the path of a file that holds one."
                    .to_owned()
            }
            Self::Run { source, .. } => return source.api().map(run_help),
            Self::RunNotKnown { source, .. } => run_not_known_help(source),
            Self::CliArgs => "Close the quote.".to_owned(),
            Self::OutExists { .. } => "Name another file, or add --force to overwrite it.".to_owned(),
            Self::Diff(errors) => joined_helps(errors),
            Self::Io { source, .. } => io_help(source.kind()).to_owned(),
            Self::EmulatorInUse { .. } => {
                "Wait until that command has ended, then run this one again.".to_owned()
            }
            Self::Emulator(source) => source.help().to_owned(),
            Self::EmptyToken => "Write the token into the file, or leave the option out.".to_owned(),
            Self::SecretDeployed { .. } => "Remove the token from the manifest.".to_owned(),
            Self::Seed { .. } => {
                "Correct the file; `docs/emulator.md` shows the form of a seed.".to_owned()
            }
            Self::Manifest(_)
            | Self::Runtime { .. }
            | Self::Blocked { .. }
            | Self::Declined
            | Self::Interrupted
            | Self::Knob { .. }
            | Self::ExportUnsound { .. }
            | Self::Closed
            | Self::ClosedBefore => return None,
        };
        Some(help)
    }

    /// Returns the causes, outermost first.
    pub(super) fn causes(&self) -> Vec<String> {
        let mut causes = Vec::new();
        let mut source = self.source();
        while let Some(cause) = source {
            causes.push(cause.to_string());
            source = cause.source();
        }
        causes
    }
}

fn not_locked_help(holder: Option<&str>) -> String {
    holder.map_or_else(
        || "No command holds it.".to_owned(),
        |holder| format!("It is held by {holder}."),
    )
}

fn no_such_step_help(left: &[String], apply: &str) -> String {
    if left.is_empty() {
        format!("Run `solform history show {apply}` to see its changes and their jobs.")
    } else {
        let left = left.join(", ");
        format!("Name one of its changes that can be abandoned: {left}.")
    }
}

impl From<std::io::Error> for CommandError {
    /// Converts an error of standard output. [`CommandError::io`] adds the path to errors of files.
    fn from(source: std::io::Error) -> Self {
        if source.kind() == ErrorKind::BrokenPipe {
            Self::Closed
        } else {
            Self::io("write", Path::new("standard output"), source)
        }
    }
}

fn io_help(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::StorageFull => "Make room on the disk.",
        ErrorKind::AlreadyExists => "It is left as it is: move it away, or work in another folder.",
        _ => "Check the path, and the permissions on it.",
    }
}

fn run_not_known_help(source: &RunStartError) -> String {
    match source {
        RunStartError::NotKnown {
            perhaps: Some(other),
            ..
        } => format!(
            "The run `{other}` of the same solution began at that time, and may be it, under an id of the server's. Run `solform job ID --type flow --wait` with that id."
        ),
        _ => "Run `solform job ID --type flow --wait` with the id above.".to_owned(),
    }
}

fn reviewed_help(variables: &[String]) -> String {
    if variables.is_empty() {
        return "Correct it; a base that cannot be corrected is left out by naming a later one."
            .to_owned();
    }
    let options: Vec<String> = variables
        .iter()
        .map(|name| format!("--env {name}"))
        .collect();
    format!(
        "A review reads no environment variables: `${{env:NAME}}` is not replaced. If it needs a value, allow the variable: {}.",
        options.join(" ")
    )
}

/// A 404 means the solution here, and not the URL.
fn run_help(api: &ApiError) -> String {
    if api.status() == Some(404) {
        return "No version that can run has that name: `solform list` lists the live versions. A version that is \
                INACTIVE may be hidden, and by name the owner is IB_DEPLOYED unless --owner names another."
            .to_owned();
    }
    api.help().into_owned()
}

fn described(found: &[(Address, SolutionId)]) -> String {
    let texts: Vec<String> = found
        .iter()
        .map(|(address, id)| format!("`{address}` with the id `{id}`"))
        .collect();
    texts.join(", ")
}

fn nothing_to_abandon(apply: &str, address: &str, is_abandoned: bool) -> String {
    if is_abandoned {
        format!("`{address}` of apply `{apply}` is abandoned already")
    } else {
        format!("`{address}` of apply `{apply}` waits for no job and left no record")
    }
}

fn joined(errors: &[DiffError]) -> String {
    let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
    texts.join("; ")
}

fn joined_helps(errors: &[DiffError]) -> String {
    let mut helps: Vec<String> = Vec::new();
    for help in errors.iter().map(DiffError::help) {
        if !helps.contains(&help) {
            helps.push(help);
        }
    }
    helps.join(" ")
}
