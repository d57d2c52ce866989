//! The arguments of `run`, `jobs` and `job`.

use std::time::Duration;

use clap::{Args, ValueEnum};

use super::{ManifestArgs, parse_duration};
use crate::cli::error::{ExitStatus, detailed_help};
use crate::ident::{JobId, Owner, SolutionId, SolutionName, Version};
use crate::job::JobKind;

/// Arguments of `run`.
#[derive(Debug, Args)]
pub(in crate::cli) struct RunArgs {
    /// Solution version to run: `Name@version`, `owner:Name@version`, or a solution id
    #[arg(
        value_name = "ADDR|ID",
        conflicts_with = "name",
        required_unless_present = "name"
    )]
    pub(in crate::cli) solution: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) manifest: ManifestArgs,
    /// Name of the solution to run; without --version, the platform picks the version created last
    #[arg(long, value_name = "NAME", value_parser = SolutionName::parse)]
    pub(in crate::cli) name: Option<SolutionName>,
    /// Version of the solution in --name
    #[arg(long, value_name = "VERSION", value_parser = Version::parse, requires = "name")]
    pub(in crate::cli) version: Option<Version>,
    /// Owner of the solution in --name; the platform's default is IB_DEPLOYED
    #[arg(long, value_name = "OWNER", value_parser = Owner::parse, requires = "name")]
    pub(in crate::cli) owner: Option<Owner>,
    /// Folder of the input files, on the platform
    #[arg(long, value_name = "PATH", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(in crate::cli) input_dir: String,
    /// Folder for the results; by default, the platform creates one in the input folder
    #[arg(long, value_name = "PATH", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(in crate::cli) output_dir: Option<String>,
    /// Settings of the run: a JSON object, or a file with a JSON object
    #[arg(long, value_name = "FILE|JSON")]
    pub(in crate::cli) settings: Option<String>,
    /// Id of the run, at most 50 characters; by default, solform creates one
    #[arg(long, value_name = "ID", value_parser = JobId::chosen)]
    pub(in crate::cli) job_id: Option<JobId>,
    #[command(flatten)]
    pub(in crate::cli) waiting: WaitingArgs,
}

/// The options of the commands that can wait for a run or job.
#[derive(Debug, Args)]
pub(in crate::cli) struct WaitingArgs {
    /// Wait until the run or job ends
    #[arg(long)]
    pub(in crate::cli) wait: bool,
    /// Maximum time to wait; the default is the environment's `timeouts.run`
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, requires = "wait")]
    pub(in crate::cli) timeout: Option<Duration>,
    /// Print a JSON document
    #[arg(long)]
    pub(in crate::cli) json: bool,
    #[arg(long, help = detailed_help(is_of_runs))]
    pub(in crate::cli) detailed_exitcode: bool,
}

/// Returns true if a command about a run or job can end with the status.
fn is_of_runs(status: ExitStatus) -> bool {
    use ExitStatus::{Cancelled, InFlight, Partial};
    matches!(status, Partial | InFlight | Cancelled)
}

/// Arguments of `jobs`.
#[derive(Debug, Args)]
pub(in crate::cli) struct JobsArgs {
    /// List only runs of this solution: `Name@version`, `owner:Name@version`, or a solution id
    #[arg(value_name = "ADDR|ID", conflicts_with_all = ["solution_id", "owner", "name"])]
    pub(in crate::cli) solution: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) manifest: ManifestArgs,
    /// List only runs of the solution with this id; repeatable
    #[arg(long, value_name = "ID", value_parser = SolutionId::parse)]
    pub(in crate::cli) solution_id: Vec<SolutionId>,
    /// List only runs of solutions with this name; repeatable
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) name: Vec<String>,
    /// List only runs of solutions of this owner; repeatable
    #[arg(long, value_name = "OWNER")]
    pub(in crate::cli) owner: Vec<String>,
    /// List only runs that this user started; repeatable
    #[arg(long, value_name = "USER")]
    pub(in crate::cli) user: Vec<String>,
    /// List only the run with this id; repeatable
    #[arg(long, value_name = "ID", value_parser = JobId::parse)]
    pub(in crate::cli) job_id: Vec<JobId>,
    /// List only runs in this state; repeatable
    #[arg(long, value_name = "STATE", value_enum, ignore_case = true)]
    pub(in crate::cli) state: Vec<RunStateWord>,
    /// List only runs whose results go to this space, OWNER/SPACE; repeatable. By default, the
    /// platform lists the spaces that the token's user owns
    #[arg(long, value_name = "SPACE", value_parser = parse_space)]
    pub(in crate::cli) output_repo: Vec<String>,
    /// Maximum number of results; by default, all are shown
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(in crate::cli) limit: Option<u64>,
    /// Number of results to skip
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(in crate::cli) offset: u64,
    /// Sort by this key; the platform's default is startTimeNs
    #[arg(long, value_name = "KEY", value_enum, ignore_case = true)]
    pub(in crate::cli) sort_by: Option<SortKey>,
    /// Sort in this order; the platform's default is DESCENDING
    #[arg(long, value_name = "ORDER", value_enum, ignore_case = true)]
    pub(in crate::cli) order: Option<SortOrder>,
    /// Print a JSON document
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

/// Arguments of `job`.
#[derive(Debug, Args)]
pub(in crate::cli) struct JobArgs {
    /// Id of a deploy job, a delete job, a run, or any other job
    #[arg(value_name = "ID", value_parser = JobId::parse)]
    pub(in crate::cli) id: JobId,
    #[command(flatten)]
    pub(in crate::cli) manifest: ManifestArgs,
    /// Type of the job: async is a deploy or delete, flow is a run; by default, both are tried
    #[arg(long = "type", value_name = "TYPE", value_enum)]
    pub(in crate::cli) kind: Option<JobKindWord>,
    /// Space that may hold the run's results, OWNER/SPACE; repeatable
    #[arg(long, value_name = "SPACE", value_parser = parse_space)]
    pub(in crate::cli) output_repo: Vec<String>,
    #[command(flatten)]
    pub(in crate::cli) waiting: WaitingArgs,
}

/// The states that filter a list of runs: the documented ones, and the additional ones of the Job
/// API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "SCREAMING_SNAKE_CASE")]
pub(in crate::cli) enum RunStateWord {
    /// In progress.
    Running,
    /// Succeeded.
    Complete,
    /// Failed.
    Failed,
    /// Cancelled by a user.
    Cancelled,
    /// Waits for a human.
    StoppedAtCheckpoint,
    /// Not started.
    Pending,
    /// Waits for a human.
    Paused,
}

impl RunStateWord {
    /// The platform's word.
    pub(in crate::cli) fn as_str(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Complete => "COMPLETE",
            Self::Failed => "FAILED",
            Self::Cancelled => "CANCELLED",
            Self::StoppedAtCheckpoint => "STOPPED_AT_CHECKPOINT",
            Self::Pending => "PENDING",
            Self::Paused => "PAUSED",
        }
    }
}

/// The sort keys of a list of runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "camelCase")]
pub(in crate::cli) enum SortKey {
    /// The start time.
    StartTimeNs,
    /// The solution's name.
    Name,
    /// The solution's version.
    Version,
    /// The user who started it.
    Username,
    /// The duration.
    TimeTakenNs,
    /// The state.
    State,
}

impl SortKey {
    /// The platform's word.
    pub(in crate::cli) fn as_str(self) -> &'static str {
        match self {
            Self::StartTimeNs => "startTimeNs",
            Self::Name => "name",
            Self::Version => "version",
            Self::Username => "username",
            Self::TimeTakenNs => "timeTakenNs",
            Self::State => "state",
        }
    }
}

/// The sort order of a list of runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "SCREAMING_SNAKE_CASE")]
pub(in crate::cli) enum SortOrder {
    /// Lowest first.
    Ascending,
    /// Highest first.
    Descending,
}

impl SortOrder {
    /// The platform's word.
    pub(in crate::cli) fn as_str(self) -> &'static str {
        match self {
            Self::Ascending => "ASCENDING",
            Self::Descending => "DESCENDING",
        }
    }
}

/// The kinds of jobs, in the platform's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum JobKindWord {
    /// A deploy or delete.
    Async,
    /// A run.
    Flow,
    /// A refiner program.
    Refiner,
    /// A job of the deprecated file calls.
    Job,
    /// A group of jobs.
    Group,
}

impl From<JobKindWord> for JobKind {
    fn from(word: JobKindWord) -> Self {
        match word {
            JobKindWord::Async => Self::Async,
            JobKindWord::Flow => Self::Flow,
            JobKindWord::Refiner => Self::Refiner,
            JobKindWord::Job => Self::Job,
            JobKindWord::Group => Self::Group,
        }
    }
}

fn parse_space(text: &str) -> Result<String, String> {
    match text.split_once('/') {
        Some((owner, space)) if !owner.is_empty() && !space.is_empty() && !space.contains('/') => {
            Ok(text.to_owned())
        }
        _ => Err("a space is written OWNER/SPACE".to_owned()),
    }
}
