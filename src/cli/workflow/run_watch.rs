//! What `run` and `job` share: waiting for a run or job, and telling how it stands.

use std::io::Write as _;
use std::sync::{Arc, Mutex};

use tokio::time::Instant;

use crate::apply::{
    CancelToken, JobOutcome, JobReport, PollPolicy, RunExecution, WatchedJob, watch_job,
};
use crate::cli::args::WaitingArgs;
use crate::cli::clock;
use crate::cli::error::CommandError;
use crate::cli::exit::ExitStatus;
use crate::cli::io::Io;
use crate::cli::run_progress::RunProgress;
use crate::cli::session::Session;
use crate::job::JobKind;
use crate::render::{job_document, render_job, render_json};

/// What a run or job is watched with.
pub(in crate::cli) fn execution(
    session: &Session,
    waiting: &WaitingArgs,
    interrupt: &CancelToken,
    progress: &RunProgress,
) -> RunExecution {
    let timeouts = session.manifest().environment.timeouts;
    RunExecution {
        reader: session.reader(),
        interrupt: interrupt.clone(),
        deadline: Instant::now() + waiting.timeout.unwrap_or(timeouts.run),
        propagation: timeouts.propagation,
        poll: PollPolicy::default(),
        events: progress.sink(),
        now_ms: Arc::new(clock::now_ms),
        random: Mutex::new(fastrand::Rng::new()),
    }
}

/// Waits until it ends, or as long as it may.
pub(in crate::cli) async fn wait(
    job: &WatchedJob,
    execution: &RunExecution,
    progress: &RunProgress,
    session: &Session,
) -> Result<JobReport, CommandError> {
    let watched = tokio::select! {
        watched = watch_job(job, execution) => watched,
        never = progress.beat() => match never {},
    };
    progress.end();
    watched.map_err(|error| session.read_error(error))
}

/// Tells how it stands, and what to do where it has not ended.
pub(in crate::cli) fn tell(
    job: &WatchedJob,
    report: &JobReport,
    waiting: &WaitingArgs,
    session: &Session,
    io: &mut Io,
) -> std::io::Result<()> {
    if waiting.json {
        let environment = &session.manifest().environment.name;
        render_json(&job_document(environment, report), io.document())?;
    } else {
        render_job(report, &mut io.out)?;
    }
    match &report.outcome {
        JobOutcome::Done | JobOutcome::Failed { .. } => {}
        // A wait would be one for something that may not exist.
        JobOutcome::NotKnown { .. } if !waiting.wait => writeln!(
            io.err,
            "{}",
            io.invocation.complete(
                "The server gives no answer about this job. Check the id; `solform list` and `solform jobs` \
                 show the live versions and the runs."
            )
        )?,
        JobOutcome::Started | JobOutcome::AtWork | JobOutcome::NotKnown { .. } => {
            writeln!(io.err, "To look again: {}", command(job, session))?;
        }
    }
    Ok(())
}

/// The command that looks again, as a shell takes it.
fn command(job: &WatchedJob, session: &Session) -> String {
    let kind = (job.kind != JobKind::Async).then(|| job.kind.as_str());
    session
        .place
        .command("job")
        .options("--type", kind)
        .options("--output-repo", &job.output_repos)
        .argument("--wait")
        .argument("--")
        .argument(&job.id)
        .to_string()
}

/// The exit status of how it stands. One that is at work is no success: whoever asks in a script
/// wants to know whether it is done.
pub(in crate::cli) fn status_of(report: &JobReport, interrupt: &CancelToken) -> ExitStatus {
    match report.outcome {
        JobOutcome::Started | JobOutcome::Done => ExitStatus::Success,
        JobOutcome::Failed { .. } => ExitStatus::Partial,
        JobOutcome::AtWork | JobOutcome::NotKnown { .. } if interrupt.is_raised() => {
            ExitStatus::Cancelled
        }
        JobOutcome::AtWork | JobOutcome::NotKnown { .. } => ExitStatus::InFlight,
    }
}
