//! The meaning of the Job API's answers (docs/platform.md, "Jobs").
//!
//! A job has failed in three cases only: a terminal state of failure, an error among its results,
//! or an error at the top level together with a terminal state. An answer without information about
//! the job itself (an error without a state, 404, an empty body, an unknown word) is not an answer:
//! the caller polls until its deadline.

use std::borrow::Cow;

use crate::api::http::answer::{ANSWER_LIMIT, Answer};
use crate::api::http::error::{ApiError, ApiErrorKind};
use crate::api::http::excerpt::message;
use crate::api::http::redact::Redactor;
use crate::api::http::send::Call;
use crate::api::reader::Reader;
use crate::api::wire::bodies::{FlowStatusBody, JobReply, JobResultBody};
use crate::api::wire::loose::{Loose, Many};
use crate::ident::{JobId, SolutionId};
use crate::job::{FlowStatus, JobKind, JobResult, JobState, JobStatus, NoAnswer, RunState};

impl Reader {
    /// Reads the state of a job from the Job API (docs/platform.md, "Jobs").
    pub async fn job(&self, id: &JobId) -> Result<JobState, ApiError> {
        self.read_job(id, JobKind::Async, state).await
    }

    /// Reads everything that the Job API reports about a job or a run (docs/platform.md, "Jobs").
    pub async fn job_status(&self, id: &JobId, kind: JobKind) -> Result<JobStatus, ApiError> {
        self.read_job(id, kind, status).await
    }

    async fn read_job<T>(
        &self,
        id: &JobId,
        kind: JobKind,
        understand: impl Fn(&Answer, &Redactor) -> Result<T, ApiErrorKind>,
    ) -> Result<T, ApiError> {
        let call = Call::new(self.client.0.routes.job(id, kind), ANSWER_LIMIT);
        let secrets = &self.client.0.secrets;
        self.client
            .read(&call, |answer| understand(answer, secrets))
            .await
    }
}

/// The class of a state word.
enum Word {
    InProgress,
    Over,
    Bad,
    Unknown,
}

/// Reads an answer. Statuses that concern the caller, and failures of the server, stay errors.
fn state(answer: &Answer, redactor: &Redactor) -> Result<JobState, ApiErrorKind> {
    Ok(match reply(answer, redactor)? {
        Ok(reply) => meaning(reply, redactor),
        Err(nothing) => JobState::NoAnswer(nothing),
    })
}

/// Reads all fields of an answer, including the state of a run in `cur_status`: at the top level, a
/// cancelled run looks like any other run that is over.
pub(super) fn status(answer: &Answer, redactor: &Redactor) -> Result<JobStatus, ApiErrorKind> {
    let mut reply = match reply(answer, redactor)? {
        Ok(reply) => reply,
        Err(nothing) => {
            return Ok(JobStatus {
                state: JobState::NoAnswer(nothing),
                message: None,
                flow: None,
                output_folder: None,
            });
        }
    };
    let redacted = |text: Cow<'_, str>| message(&text, redactor);
    let flow = flow(std::mem::take(&mut reply.current), redactor);
    let server_message = reply.message.clone().word().map(redacted);
    let output_folder = match &mut reply.results {
        Many::Are(results) => results
            .iter_mut()
            .find_map(|result| std::mem::take(&mut result.output_folder).word())
            .map(redacted),
        Many::Missing => None,
    };
    let state = match (meaning(reply, redactor), &flow) {
        (JobState::Finished(JobResult::Done { .. }), Some(flow))
            if flow.state.is_end() && flow.state != RunState::Complete =>
        {
            JobState::Finished(JobResult::Failed(flow.state.as_str().to_owned()))
        }
        (JobState::NoAnswer(NoAnswer::NoState), Some(flow)) if flow.state == RunState::Running => {
            JobState::Pending(flow.state.as_str().to_owned())
        }
        (state, _) => state,
    };
    Ok(JobStatus {
        state,
        message: server_message,
        flow,
        output_folder,
    })
}

/// Returns the body of an answer about a job, or the reason why the answer has no information.
fn reply<'a>(
    answer: &'a Answer,
    redactor: &Redactor,
) -> Result<Result<JobReply<'a>, NoAnswer>, ApiErrorKind> {
    let status = answer.status.as_u16();
    match status {
        404 | 410 => return Ok(Err(NoAnswer::UnknownJob)),
        401 | 403 | 408 | 429 => return Err(ApiErrorKind::Status),
        400..=499 => {
            let server_message =
                answer_message(answer, redactor).unwrap_or_else(|| format!("status {status}"));
            return Ok(Err(NoAnswer::Refused(server_message)));
        }
        _ => {}
    }
    match answer.decode::<JobReply<'_>>() {
        Ok(reply) => Ok(Ok(reply)),
        // Seen for valid ids (docs/platform.md, "Jobs").
        Err(ApiErrorKind::EmptyBody) => Ok(Err(NoAnswer::NoState)),
        Err(kind) => Err(kind),
    }
}

/// Reads the progress of a run from `cur_status`. Other jobs have other texts there, or none
/// (docs/platform.md, "Jobs"): only an object with the words of a run counts.
fn flow(current: Loose<'_>, redactor: &Redactor) -> Option<FlowStatus> {
    let text = current.word()?;
    let body: FlowStatusBody<'_> = serde_json::from_str(&text).ok()?;
    if body.progress.is_absent() {
        return None;
    }
    let word = body.status.word()?;
    Some(FlowStatus {
        state: RunState::new(&message(&word, redactor)),
        progress: body.progress.number().map(|share| share.clamp(0.0, 1.0)),
    })
}

fn answer_message(answer: &Answer, redactor: &Redactor) -> Option<String> {
    let reply: JobReply<'_> = serde_json::from_slice(&answer.body).ok()?;
    Some(message(&reply.message.word()?, redactor))
}

fn meaning(reply: JobReply<'_>, redactor: &Redactor) -> JobState {
    let is_error = reply.status.is_error();
    let server_message = reply.message.word().map(|text| message(&text, redactor));
    let word = reply.state.word();
    let mut ids = Vec::new();
    let mut failure = None;
    for result in reply.results.into_vec() {
        let failed = read_result(result, redactor, &mut ids);
        failure = failure.or(failed);
    }
    let failed = |message: String| JobState::Finished(JobResult::Failed(message));
    if let Some(failure) = failure {
        return failed(
            failure
                .or(server_message)
                .unwrap_or_else(|| "one of its results is an error".to_owned()),
        );
    }
    let Some(word) = word else {
        return JobState::NoAnswer(if is_error {
            NoAnswer::Refused(server_message.unwrap_or_else(|| "no message".to_owned()))
        } else {
            NoAnswer::NoState
        });
    };
    match classify(&word) {
        Word::InProgress => JobState::Pending(message(&word, redactor)),
        Word::Over if is_error => {
            failed(server_message.unwrap_or_else(|| "its status is ERROR".to_owned()))
        }
        Word::Over => JobState::Finished(JobResult::Done { solution_ids: ids }),
        Word::Bad => failed(server_message.unwrap_or_else(|| message(&word, redactor))),
        Word::Unknown => JobState::NoAnswer(NoAnswer::UnknownWord(message(&word, redactor))),
    }
}

/// Collects the ids of a result. Returns `Some` if it is an error, with its message if it has one.
#[expect(
    clippy::option_option,
    reason = "an error without a message is not the same as no error"
)]
fn read_result(
    result: JobResultBody<'_>,
    redactor: &Redactor,
    ids: &mut Vec<SolutionId>,
) -> Option<Option<String>> {
    let server_message = result.message.word().map(|text| message(&text, redactor));
    let status = result
        .status
        .word()
        .map(|word| word.trim().to_ascii_uppercase());
    let is_error = match status.as_deref() {
        Some("ERROR" | "FAILED") => true,
        // A message together with anything but a plain success is an error.
        Some("OK" | "SUCCESS" | "DONE" | "COMPLETE") | None => false,
        Some(_) => server_message.is_some(),
    };
    if is_error {
        return Some(server_message);
    }
    let named = [result.deployed_solution_id, result.solution_id, result.id];
    for id in named.into_iter().filter_map(Loose::word) {
        if let Ok(id) = SolutionId::parse(&id)
            && !ids.contains(&id)
        {
            ids.push(id);
        }
    }
    None
}

fn classify(word: &str) -> Word {
    match word.trim().to_ascii_uppercase().as_str() {
        "PENDING" | "RUNNING" | "QUEUED" => Word::InProgress,
        "DONE" | "COMPLETE" => Word::Over,
        // PAUSED and STOPPED_AT_CHECKPOINT wait for a person, but a deploy is not attended.
        "FAILED" | "CANCELLED" | "CANCELED" | "ERROR" | "STOPPED_AT_CHECKPOINT" | "PAUSED" => {
            Word::Bad
        }
        _ => Word::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use reqwest::StatusCode;
    use reqwest::header::HeaderMap;

    fn read(status: u16, body: &str) -> Result<JobState, ApiErrorKind> {
        let answer = Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
            body: Bytes::copy_from_slice(body.as_bytes()),
        };
        state(&answer, &Redactor::new())
    }

    fn describe(state: &Result<JobState, ApiErrorKind>) -> String {
        match state {
            Ok(JobState::Pending(word)) => format!("pending {word}"),
            Ok(JobState::Finished(JobResult::Done { solution_ids })) => {
                format!("done {solution_ids:?}")
            }
            Ok(JobState::Finished(JobResult::Failed(message))) => format!("failed {message}"),
            Ok(JobState::NoAnswer(reason)) => format!("none: {reason}"),
            Err(kind) => format!("error {kind:?}"),
        }
    }

    #[expect(clippy::too_many_lines, reason = "a table")]
    #[test]
    fn each_answer_of_the_job_api() {
        for (status, body, expected) in [
            // Running, and finished with success.
            (
                200,
                r#"{"status":"OK","state":"PENDING","msg":"","cur_status":"{}"}"#,
                "pending PENDING",
            ),
            (200, r#"{"state":"RUNNING"}"#, "pending RUNNING"),
            (200, r#"{"state":"queued"}"#, "pending queued"),
            (
                200,
                r#"{"status":"ERROR","state":"PENDING","msg":"slow"}"#,
                "pending PENDING",
            ),
            (
                200,
                r#"{"status":"OK","state":"DONE","results":[{"status":"OK"}]}"#,
                "done []",
            ),
            (200, r#"{"status":"OK","state":"COMPLETE"}"#, "done []"),
            (
                200,
                r#"{"status":"OK","state":"DONE","results":[]}"#,
                "done []",
            ),
            (
                200,
                r#"{"status":"OK","state":"DONE","results":null}"#,
                "done []",
            ),
            (
                200,
                r#"{"state":"DONE","results":[{"deployed_solution_id":"d1"}]}"#,
                "done [\"d1\"]",
            ),
            (
                200,
                r#"{"state":"DONE","results":{"solution_id":"s1","status":"OK"}}"#,
                "done [\"s1\"]",
            ),
            (
                200,
                r#"{"state":"DONE","results":[{"id":"i1"},{"id":7}]}"#,
                "done [\"i1\", \"7\"]",
            ),
            (
                200,
                r#"{"state":"DONE",
                    "results":[{"deployed_solution_id":"d","solution_id":"d","id":""}]}"#,
                "done [\"d\"]",
            ),
            (
                200,
                r#"{"state":"DONE","results":[{"msg":"Created"}]}"#,
                "done []",
            ),
            // Finished with an error.
            (
                200,
                r#"{"status":"OK","state":"DONE",
                    "results":[{"status":"ERROR","msg":"no such file"}]}"#,
                "failed no such file",
            ),
            (
                200,
                r#"{"status":"OK","state":"DONE","results":{"status":"error","msg":"x"}}"#,
                "failed x",
            ),
            (
                200,
                r#"{"status":"OK","state":"DONE","results":[{"status":"OK"},{"status":"FAILED"}]}"#,
                "failed one of its results is an error",
            ),
            (
                200,
                r#"{"status":"OK","msg":"top","state":"DONE","results":[{"status":"ERROR"}]}"#,
                "failed top",
            ),
            (
                200,
                r#"{"status":"OK","state":"DONE","results":[{"status":"PARTIAL","msg":"half"}]}"#,
                "failed half",
            ),
            (
                200,
                r#"{"status":"OK","results":[{"status":"ERROR","msg":"UNAVAILABLE: io"}]}"#,
                "failed UNAVAILABLE: io",
            ),
            (
                200,
                r#"{"status":"ERROR","state":"DONE","msg":"bad package"}"#,
                "failed bad package",
            ),
            (
                200,
                r#"{"status":"ERROR","state":"COMPLETE"}"#,
                "failed its status is ERROR",
            ),
            (
                200,
                r#"{"status":"OK","state":"FAILED","msg":"why"}"#,
                "failed why",
            ),
            (
                200,
                r#"{"status":"OK","state":"CANCELLED"}"#,
                "failed CANCELLED",
            ),
            (200, r#"{"state":"PAUSED"}"#, "failed PAUSED"),
            (
                200,
                r#"{"state":"STOPPED_AT_CHECKPOINT"}"#,
                "failed STOPPED_AT_CHECKPOINT",
            ),
            (200, r#"{"state":"ERROR"}"#, "failed ERROR"),
            // No answer.
            (
                404,
                r#"{"message":"no such job"}"#,
                "none: the server does not know the job",
            ),
            (404, "<html>", "none: the server does not know the job"),
            (200, "", "none: the answer has no state"),
            (200, "{}", "none: the answer has no state"),
            (200, "[]", "none: the answer has no state"),
            (200, "null", "none: the answer has no state"),
            (200, r#"{"status":"OK"}"#, "none: the answer has no state"),
            (
                200,
                r#"{"status":"OK","state":null}"#,
                "none: the answer has no state",
            ),
            (
                200,
                r#"{"status":"OK","state":""}"#,
                "none: the answer has no state",
            ),
            (
                200,
                r#"{"status":"ERROR","msg":"job not found"}"#,
                "none: the status request was refused: job not found",
            ),
            (
                200,
                r#"{"status":"ERROR"}"#,
                "none: the status request was refused: no message",
            ),
            (
                400,
                r#"{"message":"bad id"}"#,
                "none: the status request was refused: bad id",
            ),
            (
                200,
                r#"{"status":"OK","state":"REVIEWING"}"#,
                "none: the state `REVIEWING` is not known",
            ),
            // An answer that does not describe the job.
            (401, "{}", "error Status"),
            (403, "{}", "error Status"),
            (500, "{}", "error Status"),
            (200, "<html>", "error NotJson { html: true }"),
            (200, "{\"state\":", "error Truncated"),
        ] {
            assert_eq!(describe(&read(status, body)), expected, "{status} {body}");
        }
    }
}
