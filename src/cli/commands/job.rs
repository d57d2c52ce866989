//! `job`: shows the state of a job or a run.

use clap::Args;
use clap::builder::TypedValueParser;

use crate::cli::args::{ManifestArgs, WaitingArgs, Word, parse_space, word_parser};
use crate::cli::environment::session;
use crate::cli::error::{ExitStatus, Result};
use crate::cli::io::{Io, Progress};
use crate::cli::settings::Settings;
use crate::cli::workflow::cancellation::Cancellation;
use crate::cli::workflow::run_watch;
use crate::ident::JobId;
use crate::job::JobKind;
use crate::run::{JobOutcome, WatchedJob, look_at_job};

/// Show the state of a job or a run
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  \
    solform job -e prod 5f0c1a52 --wait\n  \
    solform job -e prod my-run --type flow --json")]
pub(in crate::cli) struct JobArgs {
    /// Id of a deploy job, a delete job, a run, or any other job
    #[arg(value_name = "ID", value_parser = JobId::parse)]
    id: JobId,
    #[command(flatten)]
    manifest: ManifestArgs,
    /// Type of the job: async is a deploy or delete, flow is a run; by default, both are tried
    #[arg(long = "type", value_name = "TYPE", value_parser = kind_parser())]
    kind: Option<JobKind>,
    /// Space that may hold the run's results, OWNER/SPACE; repeatable
    #[arg(long, value_name = "SPACE", value_parser = parse_space)]
    output_repo: Vec<String>,
    #[command(flatten)]
    waiting: WaitingArgs,
}

/// The kinds of jobs, in the platform's words.
const KINDS: [Word; 5] = [
    ("async", "A deploy or delete"),
    ("flow", "A run"),
    ("refiner", "A refiner program"),
    ("job", "A job of the deprecated file calls"),
    ("group", "A group of jobs"),
];

/// Returns the parser of a kind.
fn kind_parser() -> impl TypedValueParser<Value = JobKind> {
    word_parser(&KINDS).map(|word| {
        let kind = JobKind::ALL.into_iter().find(|kind| kind.as_str() == word);
        kind.expect("invariant: each word is the word of a kind")
    })
}

pub(super) async fn run(args: &JobArgs, settings: &Settings, io: &mut Io) -> Result<ExitStatus> {
    let cancel = Cancellation::new(io)?;
    let opening = session::open(&args.manifest, settings, io);
    let session = cancel.or_interrupted(opening).await?;
    let progress = Progress::of_run(&args.id, io);
    let context = run_watch::context(&session, &args.waiting, cancel.interrupt(), &progress);
    let mut job = WatchedJob {
        id: args.id.clone(),
        kind: args.kind.unwrap_or(JobKind::Async),
        output_repos: args.output_repo.clone(),
    };
    let look = session.read(look_at_job(&job, &context));
    let mut report = cancel.or_interrupted(look).await?;
    // An id does not show the type of the job. If a run is read as another type, the server may not
    // know it, and returns less.
    if args.kind.is_none()
        && (report.progress.is_some() || matches!(report.outcome, JobOutcome::NotKnown { .. }))
    {
        let run = WatchedJob {
            kind: JobKind::Flow,
            ..job.clone()
        };
        let look = session.read(look_at_job(&run, &context));
        let retried = cancel.or_interrupted(look).await?;
        if !matches!(retried.outcome, JobOutcome::NotKnown { .. }) {
            report = retried;
            job = run;
        }
    }
    let waiting = &args.waiting;
    if waiting.wait && !report.outcome.is_end() {
        report = run_watch::wait(&job, &context, &progress, &session).await?;
    }
    progress.end();
    run_watch::report(&job, &report, waiting, &session, io)?;
    Ok(run_watch::status_of(&report, cancel.interrupt()))
}
