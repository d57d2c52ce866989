//! `run`: starts a run of a solution, and waits for its end with `--wait`.

use std::io::Write as _;
use std::path::Path;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use serde_json::{Map, Value};

use super::get;
use crate::cli::args::{ManifestArgs, WaitingArgs};
use crate::cli::environment::session::{self, Session};
use crate::cli::error::{CommandError, ErrorKind, ExitStatus, Result};
use crate::cli::io::{Io, Progress};
use crate::cli::settings::Settings;
use crate::cli::workflow::cancellation::Cancellation;
use crate::cli::workflow::run_watch;
use crate::ident::{JobId, Owner, SolutionName, Version};
use crate::job::{JobKind, RunRequest, RunTarget};
use crate::regular_file;
use crate::run::{JobOutcome, JobReport, RunStartError, StartedRun, WatchedJob, start_run};

/// The maximum size of a settings file, in bytes.
const SETTINGS_LIMIT: u64 = 1024 * 1024;

/// Run a solution on a folder of input files
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  \
    solform run -e prod 'Form W-2@0.0.2' --input-dir 'acme/prod/fs/Instabase Drive/in' --wait\n  \
    solform run -e prod --name 'Form W-2' --owner IB_DEPLOYED \
        --input-dir 'acme/prod/fs/Instabase Drive/in'")]
pub(in crate::cli) struct RunArgs {
    /// Solution version to run: `Name@version`, `owner:Name@version`, or a solution id
    #[arg(
        value_name = "ADDR|ID",
        conflicts_with = "name",
        required_unless_present = "name"
    )]
    solution: Option<String>,
    #[command(flatten)]
    manifest: ManifestArgs,
    /// Name of the solution to run; without --version, the platform picks the version created last
    #[arg(long, value_name = "NAME", value_parser = SolutionName::parse)]
    name: Option<SolutionName>,
    /// Version of the solution in --name
    #[arg(long, value_name = "VERSION", value_parser = Version::parse, requires = "name")]
    version: Option<Version>,
    /// Owner of the solution in --name; the platform's default is IB_DEPLOYED
    #[arg(long, value_name = "OWNER", value_parser = Owner::parse, requires = "name")]
    owner: Option<Owner>,
    /// Folder of the input files, on the platform
    #[arg(long, value_name = "PATH", value_parser = NonEmptyStringValueParser::new())]
    input_dir: String,
    /// Folder for the results; by default, the platform creates one in the input folder
    #[arg(long, value_name = "PATH", value_parser = NonEmptyStringValueParser::new())]
    output_dir: Option<String>,
    /// Settings of the run: a JSON object, or a file with a JSON object
    #[arg(long, value_name = "FILE|JSON")]
    settings: Option<String>,
    /// Id of the run, at most 50 characters; by default, solform creates one
    #[arg(long, value_name = "ID", value_parser = JobId::chosen)]
    job_id: Option<JobId>,
    #[command(flatten)]
    waiting: WaitingArgs,
}

pub(super) async fn run(args: &RunArgs, settings: &Settings, io: &mut Io) -> Result<ExitStatus> {
    let cancel = Cancellation::new(io)?;
    let request = request(args)?;
    let opening = session::open(&args.manifest, settings, io);
    let session = cancel.or_interrupted(opening).await?;
    let target = cancel.or_interrupted(target(args, &session)).await?;
    let waiting = &args.waiting;
    let progress = Progress::of_run(&request.id, io);
    let context = run_watch::context(&session, waiting, cancel.interrupt(), &progress);
    // The id is shown before anything is sent, so that the user can find the run after any failure.
    writeln!(io.err, "Starting the run `{}`.", request.id)?;
    io.err.flush()?;
    let StartedRun { id, sent_twice } =
        start_run(&target, &request, &context)
            .await
            .map_err(|source| {
                progress.end();
                not_started(&session, source)
            })?;
    let job = WatchedJob {
        id: id.clone(),
        kind: JobKind::Flow,
        output_repos: request.output_repo().into_iter().collect(),
    };
    let mut report = if waiting.wait {
        run_watch::wait(&job, &context, &progress, &session).await?
    } else {
        JobReport::new(id, JobOutcome::Started)
    };
    progress.end();
    report.sent_twice = sent_twice;
    if let RunTarget::Id(solution) = target
        && report.solution_ids.is_empty()
    {
        report.solution_ids.push(solution);
    }
    // The run has started, so a closed output no longer changes the result.
    if let Err(error) = run_watch::report(&job, &report, waiting, &session, io) {
        tracing::warn!(%error, "the outcome could not be written");
    }
    Ok(run_watch::status_of(&report, cancel.interrupt()))
}

/// Returns the solution to run. An address is resolved, so that exactly that record runs.
async fn target(args: &RunArgs, session: &Session) -> Result<RunTarget> {
    let Some(solution) = &args.solution else {
        return Ok(RunTarget::Name {
            name: args
                .name
                .clone()
                .expect("invariant: clap asks for a solution or a name"),
            version: args.version.clone(),
            owner: args.owner.clone(),
        });
    };
    Ok(RunTarget::Id(get::single_id(session, solution).await?))
}

/// Returns the error of a run that did not start, or may not have started.
fn not_started(session: &Session, source: RunStartError) -> CommandError {
    let environment = &session.manifest().environment.name;
    let (kind, message) = match source {
        RunStartError::Interrupted => return CommandError::interrupted(),
        RunStartError::NotKnown { .. } => (
            ErrorKind::InFlight,
            format!(
                "a run may have started in environment `{environment}`; \
                 look for it before you start it again"
            ),
        ),
        RunStartError::Refused(_) | RunStartError::NotSent(_) => (
            ErrorKind::Failed,
            format!("no run has started in environment `{environment}`"),
        ),
    };
    let hint = source.help();
    let error = CommandError::new(kind, source).context(message);
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

fn request(args: &RunArgs) -> Result<RunRequest> {
    Ok(RunRequest {
        id: args.job_id.clone().unwrap_or_else(new_id),
        input_dir: args.input_dir.clone(),
        output_dir: args.output_dir.clone(),
        settings: match &args.settings {
            Some(text) => read_settings(text).map_err(|source| {
                let text: String = text.chars().take(60).collect();
                CommandError::failed(source)
                    .context(format!("`--settings {text}` cannot be used"))
                    .hint(
                        "Give a JSON object such as '{\"output_has_run_id\": true}', \
                         or the path of a file that holds one.",
                    )
            })?,
            None => Map::new(),
        },
    })
}

fn new_id() -> JobId {
    JobId::chosen(&uuid::Uuid::new_v4().to_string())
        .expect("invariant: a UUID has fewer than 50 characters")
}

/// The reason why the settings of a run are invalid.
#[derive(Debug, thiserror::Error)]
enum SettingsProblem {
    #[error("the file cannot be read")]
    File(#[source] std::io::Error),
    #[error("it is not JSON")]
    Json(#[source] serde_json::Error),
    #[error("`settings` must be a JSON object")]
    NoObject,
}

/// Reads settings from the text if it looks like JSON, else from the file that it names.
fn read_settings(text: &str) -> Result<Map<String, Value>, SettingsProblem> {
    let is_json = text.trim_start().starts_with(['{', '[', '"']);
    let json = if is_json {
        text.to_owned()
    } else {
        regular_file::read_text(Path::new(text), SETTINGS_LIMIT).map_err(SettingsProblem::File)?
    };
    match serde_json::from_str(&json).map_err(SettingsProblem::Json)? {
        Value::Object(settings) => Ok(settings),
        _ => Err(SettingsProblem::NoObject),
    }
}
