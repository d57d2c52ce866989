//! Watches a run or job, once or until it ends.

use tokio::time::Instant;

use super::report::{JobOutcome, JobReport, RunEvent};
use super::start::RunContext;
use crate::api::ReadError;
use crate::delivery::{Pauses, pause};
use crate::ident::JobId;
use crate::job::{
    JobKind, JobResult, JobState, JobStatus, NoAnswer, RunFilter, RunRecord, RunState,
};

/// The number of reads for the record of a run that has ended: the lists may lag.
const RECORD_READS: u32 = 4;

/// The run or job to watch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchedJob {
    /// The id.
    pub id: JobId,
    /// The kind of the job.
    pub kind: JobKind,
    /// The spaces that may hold its results. Without them, lists of runs show only the caller's own
    /// runs.
    pub output_repos: Vec<String>,
}

/// Polls until the job ends, the deadline is reached, or an interrupt arrives. A time-out is
/// neither success nor failure: the last report is returned.
pub async fn watch_job(job: &WatchedJob, context: &RunContext) -> Result<JobReport, ReadError> {
    let mut pauses = Pauses::new(context.poll, &context.random);
    let mut last = None;
    loop {
        let look = look_at_job(job, context);
        let looked = tokio::select! {
            looked = look => looked,
            () = context.interrupt.raised() => {
                return Ok(last.unwrap_or_else(|| interrupted(job)));
            }
        };
        let report = match looked {
            Ok(report) if report.outcome.is_end() => return Ok(report),
            Ok(report) => report,
            // A retryable error of the server proves nothing about the job.
            Err(ReadError::Api(error)) if error.is_retryable() => JobReport::new(
                job.id.clone(),
                JobOutcome::NotKnown {
                    detail: error.to_string(),
                },
            ),
            Err(error) => return Err(error),
        };
        let event = answered(&report);
        if last.as_ref().map(answered).as_ref() != Some(&event) {
            (context.events)(&event);
        }
        last = Some(report);
        let ended = pause(pauses.next(), context.deadline, &context.interrupt).await;
        if ended.is_err() || Instant::now() >= context.deadline {
            return Ok(last.unwrap_or_else(|| interrupted(job)));
        }
    }
}

fn interrupted(job: &WatchedJob) -> JobReport {
    let detail = "it was not polled".to_owned();
    JobReport::new(job.id.clone(), JobOutcome::NotKnown { detail })
}

fn answered(report: &JobReport) -> RunEvent {
    let word = match &report.outcome {
        JobOutcome::NotKnown { detail } => detail.clone(),
        outcome => report
            .state
            .clone()
            .unwrap_or_else(|| outcome.word().to_owned()),
    };
    RunEvent::Answered {
        word,
        progress: report.progress,
    }
}

/// Reads the status once. The lists of runs complete what the Job API does not return about a run.
pub async fn look_at_job(job: &WatchedJob, context: &RunContext) -> Result<JobReport, ReadError> {
    let status = context.reader.job_status(&job.id, job.kind).await?;
    // A Job API may report a job that it does not know as in progress, for ever (docs/platform.md,
    // U3). If it also reports the progress of the run, it knows the run.
    let knows_run = status.flow.is_some();
    let mut report = report_of(&job.id, status);
    if job.kind != JobKind::Flow || (report.outcome == JobOutcome::InProgress && knows_run) {
        return Ok(report);
    }
    let mut pauses = Pauses::new(context.poll, &context.random);
    for look in 1..=RECORD_READS {
        // The Job API has answered, so an unreadable list is not an error.
        let record = record_of(job, context).await.unwrap_or_default();
        let is_last = look == RECORD_READS || !report.outcome.is_end();
        match record {
            Some(record) if is_last || record.state.as_ref().is_some_and(RunState::is_end) => {
                complete(&mut report, record);
                break;
            }
            _ if is_last => break,
            _ => {}
        }
        if pause(pauses.next(), context.deadline, &context.interrupt)
            .await
            .is_err()
        {
            break;
        }
    }
    Ok(report)
}

async fn record_of(job: &WatchedJob, context: &RunContext) -> Result<Option<RunRecord>, ReadError> {
    let filter = RunFilter {
        ids: vec![job.id.clone()],
        output_repos: job.output_repos.clone(),
        ..RunFilter::default()
    };
    Ok(context.reader.runs(&filter).await?.runs.into_iter().next())
}

/// Converts one answer of the Job API into a report.
fn report_of(id: &JobId, status: JobStatus) -> JobReport {
    let mut solution_ids = Vec::new();
    let (outcome, word) = match status.state {
        JobState::Pending(word) => (JobOutcome::InProgress, Some(word)),
        JobState::Finished(JobResult::Done { solution_ids: ids }) => {
            solution_ids = ids;
            (JobOutcome::Done, None)
        }
        JobState::Finished(JobResult::Failed(message)) => (JobOutcome::Failed { message }, None),
        JobState::NoAnswer(why) => {
            let detail = why.to_string();
            let word = match why {
                NoAnswer::UnknownWord(word) => Some(word),
                NoAnswer::UnknownJob | NoAnswer::NoState | NoAnswer::Refused(_) => None,
            };
            (JobOutcome::NotKnown { detail }, word)
        }
    };
    let progress = status.flow.as_ref().and_then(|flow| flow.progress);
    let state = status.flow.map(|flow| flow.state.as_str().to_owned());
    JobReport {
        state: state.or(word),
        progress,
        message: status.message,
        output_folder: status.output_folder,
        solution_ids,
        ..JobReport::new(id.clone(), outcome)
    }
}

/// Adds the fields of a run's record. The state of the record has precedence for the end of the
/// run.
fn complete(report: &mut JobReport, record: RunRecord) {
    if let Some(state) = record.state {
        report.outcome = match (&state, &report.outcome) {
            (RunState::Complete, _) => JobOutcome::Done,
            (state, failed @ JobOutcome::Failed { .. }) if state.is_end() => failed.clone(),
            (state, _) if state.is_end() => JobOutcome::Failed {
                message: record
                    .message
                    .clone()
                    .unwrap_or_else(|| format!("it ended as {}", state.as_str())),
            },
            // A list that lags does not override the end of the job.
            (_, outcome) if outcome.is_end() => outcome.clone(),
            _ => JobOutcome::InProgress,
        };
        if state.is_end() || !report.outcome.is_end() {
            report.state = Some(state.as_str().to_owned());
        }
    }
    report.solution_ids.extend(record.solution_id);
    report.started_at_ms = record.started_at_ms;
    report.time_taken_ms = record
        .time_taken_ms
        .or_else(|| Some(record.completed_at_ms? - record.started_at_ms?));
    report.message = record.message.or(report.message.take());
    report.output_folder = record.output_folder.or(report.output_folder.take());
}
