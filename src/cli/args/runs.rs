//! What was typed behind `run`, `jobs` and `job`.

use std::time::Duration;

use clap::{Args, ValueEnum};

use super::{ManifestArgs, parse_duration};
use crate::ident::{JobId, Owner, SolutionId, SolutionName, Version};
use crate::job::JobKind;

/// Arguments of `run`.
#[derive(Debug, Args)]
pub(in crate::cli) struct RunArgs {
    /// What to run: `Name@version`, `owner:Name@version`, or a solution id
    #[arg(
        value_name = "ADDR|ID",
        conflicts_with = "name",
        required_unless_present = "name"
    )]
    pub(in crate::cli) solution: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) manifest: ManifestArgs,
    /// What to run, by its name alone: the platform picks the version created last
    #[arg(long, value_name = "NAME", value_parser = SolutionName::parse)]
    pub(in crate::cli) name: Option<SolutionName>,
    /// The version, beside --name
    #[arg(long, value_name = "VERSION", value_parser = Version::parse, requires = "name")]
    pub(in crate::cli) version: Option<Version>,
    /// The owner, beside --name; the platform takes IB_DEPLOYED without it
    #[arg(long, value_name = "OWNER", value_parser = Owner::parse, requires = "name")]
    pub(in crate::cli) owner: Option<Owner>,
    /// The folder of the input files, on the platform
    #[arg(long, value_name = "PATH", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(in crate::cli) input_dir: String,
    /// The folder for the results; without it the platform makes one within the input folder
    #[arg(long, value_name = "PATH", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(in crate::cli) output_dir: Option<String>,
    /// Settings of the run: a JSON object, or a file that holds one
    #[arg(long, value_name = "FILE|JSON")]
    pub(in crate::cli) settings: Option<String>,
    /// The run's id, at most 50 characters; without it solform makes one
    #[arg(long, value_name = "ID", value_parser = JobId::chosen)]
    pub(in crate::cli) job_id: Option<JobId>,
    #[command(flatten)]
    pub(in crate::cli) waiting: WaitingArgs,
}

/// Options of the commands that can wait for a run or job.
#[derive(Debug, Args)]
pub(in crate::cli) struct WaitingArgs {
    /// Wait until it ends
    #[arg(long)]
    pub(in crate::cli) wait: bool,
    /// Wait so long at most; without it as long as the environment's `timeouts.run`
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, requires = "wait")]
    pub(in crate::cli) timeout: Option<Duration>,
    /// Print a JSON document
    #[arg(long)]
    pub(in crate::cli) json: bool,
    /// Tell more by the exit code: 5 failed, 6 in flight or not known, 8 cancelled
    #[arg(long)]
    pub(in crate::cli) detailed_exitcode: bool,
}

/// Arguments of `jobs`.
#[derive(Debug, Args)]
pub(in crate::cli) struct JobsArgs {
    /// Only runs of this solution: `Name@version`, `owner:Name@version`, or a solution id
    #[arg(value_name = "ADDR|ID", conflicts_with_all = ["solution_id", "owner", "name"])]
    pub(in crate::cli) solution: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) manifest: ManifestArgs,
    /// Only runs of the solution with this id; repeatable
    #[arg(long, value_name = "ID", value_parser = SolutionId::parse)]
    pub(in crate::cli) solution_id: Vec<SolutionId>,
    /// Only runs of solutions of this name; repeatable
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) name: Vec<String>,
    /// Only runs of solutions of this owner; repeatable
    #[arg(long, value_name = "OWNER")]
    pub(in crate::cli) owner: Vec<String>,
    /// Only runs that this user started; repeatable
    #[arg(long, value_name = "USER")]
    pub(in crate::cli) user: Vec<String>,
    /// Only the run with this id; repeatable
    #[arg(long, value_name = "ID", value_parser = JobId::parse)]
    pub(in crate::cli) job_id: Vec<JobId>,
    /// Only runs in this state; repeatable
    #[arg(long, value_name = "STATE", value_enum, ignore_case = true)]
    pub(in crate::cli) state: Vec<RunStateWord>,
    /// Only runs whose results go to this space, OWNER/SPACE; repeatable. Without it the platform
    /// shows the spaces that the token's user owns
    #[arg(long, value_name = "SPACE", value_parser = parse_space)]
    pub(in crate::cli) output_repo: Vec<String>,
    /// Show so many at most; without it all
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(in crate::cli) limit: Option<u64>,
    /// Pass over so many
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(in crate::cli) offset: u64,
    /// What to sort by; the platform takes startTimeNs without it
    #[arg(long, value_name = "KEY", value_enum, ignore_case = true)]
    pub(in crate::cli) sort_by: Option<SortKey>,
    /// Which way; the platform takes DESCENDING without it
    #[arg(long, value_name = "ORDER", value_enum, ignore_case = true)]
    pub(in crate::cli) order: Option<SortOrder>,
    /// Print a JSON document
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

/// Arguments of `job`.
#[derive(Debug, Args)]
pub(in crate::cli) struct JobArgs {
    /// The id of a deploy job, a delete job, a run, or any other job
    #[arg(value_name = "ID", value_parser = JobId::parse)]
    pub(in crate::cli) id: JobId,
    #[command(flatten)]
    pub(in crate::cli) manifest: ManifestArgs,
    /// What kind of job it is: async is a deploy or delete, flow a run; without it both are tried
    #[arg(long = "type", value_name = "TYPE", value_enum)]
    pub(in crate::cli) kind: Option<JobKindWord>,
    /// A space that a run's results may go to, OWNER/SPACE; repeatable
    #[arg(long, value_name = "SPACE", value_parser = parse_space)]
    pub(in crate::cli) output_repo: Vec<String>,
    #[command(flatten)]
    pub(in crate::cli) waiting: WaitingArgs,
}

/// The states that a list of runs can be asked for: the documented ones, and those that the Job API
/// knows besides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "SCREAMING_SNAKE_CASE")]
pub(in crate::cli) enum RunStateWord {
    /// At work.
    Running,
    /// Ended well.
    Complete,
    /// Ended badly.
    Failed,
    /// Somebody ended it.
    Cancelled,
    /// Waits for a human.
    StoppedAtCheckpoint,
    /// Not begun.
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

/// What a list of runs can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "camelCase")]
pub(in crate::cli) enum SortKey {
    /// When it started.
    StartTimeNs,
    /// The solution's name.
    Name,
    /// The solution's version.
    Version,
    /// Who started it.
    Username,
    /// How long it worked.
    TimeTakenNs,
    /// Its state.
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

/// Which way a list of runs is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "SCREAMING_SNAKE_CASE")]
pub(in crate::cli) enum SortOrder {
    /// The least first.
    Ascending,
    /// The greatest first.
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
