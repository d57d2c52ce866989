//! The wait for a run or job, and its report, for `run` and `job`.

use std::io::Write as _;
use std::sync::Mutex;

use tokio::time::Instant;

use crate::cli::args::WaitingArgs;
use crate::cli::clock;
use crate::cli::environment::session::Session;
use crate::cli::error::{CommandError, ExitStatus};
use crate::cli::io::{Io, Progress};
use crate::delivery::{CancelToken, PollPolicy};
use crate::job::JobKind;
use crate::render::{job_document, render_job, render_json};
use crate::run::{JobOutcome, JobReport, RunContext, WatchedJob, watch_job};

/// The inputs of a wait for a run or job.
pub(in crate::cli) fn context(
    session: &Session,
    waiting: &WaitingArgs,
    interrupt: &CancelToken,
    progress: &Progress,
) -> RunContext {
    let timeouts = session.manifest().environment.timeouts;
    RunContext {
        reader: session.reader(),
        interrupt: interrupt.clone(),
        deadline: Instant::now() + waiting.timeout.unwrap_or(timeouts.run),
        propagation: timeouts.propagation,
        poll: PollPolicy::default(),
        events: progress.run_sink(),
        now_ms: clock::now_ms,
        random: Mutex::new(fastrand::Rng::new()),
    }
}

/// Waits until the run or job ends, or until the timeout.
pub(in crate::cli) async fn wait(
    job: &WatchedJob,
    context: &RunContext,
    progress: &Progress,
    session: &Session,
) -> Result<JobReport, CommandError> {
    let watched = tokio::select! {
        watched = watch_job(job, context) => watched,
        never = progress.beat() => match never {},
    };
    progress.end();
    watched.map_err(|error| session.read_error(error))
}

/// Reports the state, and the next command if the run or job has not ended.
pub(in crate::cli) fn report(
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
    let is_unknown = matches!(report.outcome, JobOutcome::NotKnown { .. });
    if report.outcome.is_end() {
        Ok(())
    } else if is_unknown && !waiting.wait {
        // The run or job may not exist, so waiting for it is not suggested.
        let message = io.invocation.complete(
            "The server gives no answer about this job. Check the id; `solform list` and \
             `solform jobs` show the live versions and the runs.",
        );
        writeln!(io.err, "{message}")
    } else {
        writeln!(io.err, "To look again: {}", command(job, session))
    }
}

/// Returns the command that reads the state again, quoted for a shell.
fn command(job: &WatchedJob, session: &Session) -> String {
    let kind = (job.kind != JobKind::Async).then(|| job.kind.as_str());
    session
        .context
        .command("job")
        .options("--type", kind)
        .options("--output-repo", &job.output_repos)
        .argument("--wait")
        .argument("--")
        .argument(&job.id)
        .to_string()
}

/// Returns the exit status for a state. A job in progress is not a success, so that a script can
/// test if it is done.
pub(in crate::cli) fn status_of(report: &JobReport, interrupt: &CancelToken) -> ExitStatus {
    match report.outcome {
        JobOutcome::Started | JobOutcome::Done => ExitStatus::Success,
        JobOutcome::Failed { .. } => ExitStatus::Partial,
        JobOutcome::InProgress | JobOutcome::NotKnown { .. } if interrupt.is_raised() => {
            ExitStatus::Cancelled
        }
        JobOutcome::InProgress | JobOutcome::NotKnown { .. } => ExitStatus::InFlight,
    }
}
