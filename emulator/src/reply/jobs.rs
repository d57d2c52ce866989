//! Jobs and runs on the wire.

use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::Reply;
use crate::knobs::{
    CurStatus, DeployResult, FailureForm, FirstAnswer, JobDoneWord, Knobs, PendingWord,
    ResultsForm, RunEnd,
};
use crate::state::jobs::Job;
use crate::state::work::{Run, Verdict, Work};

/// A state that is not documented. It is used for the knobs `job_first_answer` and
/// `job_pending_word`.
const UNKNOWN_WORD: &str = "SETTLING";

/// Returns the answer to a call that has started a job.
pub(crate) fn job_started(id: &str) -> Reply {
    Reply::ok(&json!({ "job_id": id }))
}

/// Returns the status of a job. The top-level `status` is that of the request, so it is `OK` for a
/// failed job too; the failure is in `results`, unless the knobs ask for another form.
pub(crate) fn job_status(job: &Job, knobs: &Knobs, now_ms: u64) -> Reply {
    let mut body = Map::new();
    let mut set = |key: &str, value: Value| body.insert(key.to_owned(), value);
    set("status", json!("OK"));
    set("job_id", json!(job.id));
    match (&job.work, knobs.job_cur_status) {
        (Work::Run(_), _) => set("cur_status", json!(flow_status(job, now_ms).to_string())),
        (_, CurStatus::EmptyObject) => set("cur_status", json!("{}")),
        (_, CurStatus::EmptyText) => set("cur_status", json!("")),
        (_, CurStatus::FreeText) => set("cur_status", json!("step 1 of 3")),
        (_, CurStatus::Missing) => None,
    };
    match job.verdict() {
        None => {
            set("msg", json!("in progress"));
            if let Some(word) = pending_word(knobs.job_pending_word) {
                set("state", json!(word));
            }
        }
        Some(verdict) => {
            let word = match knobs.job_done_word {
                JobDoneWord::Done => "DONE",
                JobDoneWord::Complete => "COMPLETE",
            };
            set("msg", json!("finished"));
            set("state", json!(word));
            match verdict {
                Verdict::Failed { message } => show_failure(&mut body, message, knobs),
                Verdict::Done { .. } | Verdict::Stopped { .. } => {
                    let result = job_result(job, verdict, knobs);
                    match knobs.job_results {
                        ResultsForm::List => set("results", json!([result])),
                        ResultsForm::Object => set("results", result),
                        ResultsForm::Empty => set("results", json!([])),
                        ResultsForm::Missing => None,
                    };
                }
            }
        }
    }
    first_answer(job, knobs.job_first_answer, body)
}

/// Replaces the first answer of a job, if the knob asks for it.
fn first_answer(job: &Job, knob: FirstAnswer, mut body: Map<String, Value>) -> Reply {
    if job.polls == 1 {
        match knob {
            FirstAnswer::Normal => {}
            FirstAnswer::EmptyBody => return Reply::empty(StatusCode::OK),
            FirstAnswer::EmptyObject => body.clear(),
            FirstAnswer::MissingState => {
                body.remove("state");
            }
            FirstAnswer::Error => {
                return super::v1_error("the job service is UNAVAILABLE");
            }
            FirstAnswer::UnknownWord => {
                body.insert("state".to_owned(), json!(UNKNOWN_WORD));
                body.remove("results");
            }
        }
    }
    Reply::ok(&body)
}

fn pending_word(knob: PendingWord) -> Option<&'static str> {
    match knob {
        PendingWord::Pending => Some("PENDING"),
        PendingWord::Running => Some("RUNNING"),
        PendingWord::Queued => Some("QUEUED"),
        PendingWord::Unknown => Some(UNKNOWN_WORD),
        PendingWord::Missing => None,
    }
}

/// Adds a failure to the status, in the form that the knob asks for.
fn show_failure(body: &mut Map<String, Value>, message: &str, knobs: &Knobs) {
    let mut set = |key: &str, value: Value| body.insert(key.to_owned(), value);
    let form = knobs.job_failure;
    if matches!(form, FailureForm::Results | FailureForm::Unavailable) {
        let cause = match form {
            FailureForm::Unavailable => "UNAVAILABLE: ",
            _ => "",
        };
        let result = json!({ "status": "ERROR", "msg": format!("{cause}{message}") });
        let results = match knobs.job_results {
            ResultsForm::Object => result,
            ResultsForm::List | ResultsForm::Empty | ResultsForm::Missing => json!([result]),
        };
        set("results", results);
        return;
    }
    set("msg", json!(message));
    if form == FailureForm::State {
        set("state", json!("FAILED"));
    } else {
        set("status", json!("ERROR"));
    }
    if form == FailureForm::TopErrorWithoutState {
        body.remove("state");
    }
}

/// Returns the result of a job that has not failed.
fn job_result(job: &Job, verdict: &Verdict, knobs: &Knobs) -> Value {
    let solution = match verdict {
        Verdict::Done { solution } => solution.as_deref(),
        Verdict::Failed { .. } | Verdict::Stopped { .. } => None,
    };
    let key = match knobs.deploy_result {
        DeployResult::DeployedSolutionId => Some("deployed_solution_id"),
        DeployResult::SolutionId => Some("solution_id"),
        DeployResult::Id => Some("id"),
        DeployResult::Nothing => None,
    };
    match (&job.work, solution, key) {
        (Work::Deploy(_), Some(id), Some(key)) => json!({ "status": "OK", key: id }),
        (Work::Run(run), _, _) => json!({ "status": "OK", "output_folder": run.output }),
        (Work::Task(task), _, _) => {
            let mut result = task.result.clone();
            result.insert("status".to_owned(), json!("OK"));
            Value::Object(result)
        }
        (Work::Deploy(_) | Work::Delete { .. }, _, _) => json!({ "status": "OK" }),
    }
}

/// Returns the status of a flow, which the Job API has as JSON in a string.
fn flow_status(job: &Job, now_ms: u64) -> Value {
    let mut status = json!({
        "status": job.run_state(),
        "curProgress": job.share_done(now_ms),
        "reviewer": "",
        "review_state": "NONE",
        "run_summary": {
            "recordsWithMsg": 0, "numRecords": 0,
            "numRuntimeErrors": u8::from(job.run_state() == RunEnd::Failed.word()), "numFiles": 0,
        },
    });
    if job.verdict().is_some() {
        status["finish_timestamp"] = json!(job.ended_ms / 1_000);
    }
    status
}

/// A run in a list. Numbers are strings here; what is not known yet is absent.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Run")]
pub(crate) struct RunReply<'a> {
    /// STATED.
    id: &'a str,
    /// STATED: the private id of the user who ran the job.
    account_id: String,
    /// STATED: FLOW.
    job_type: &'static str,
    /// STATED: nanoseconds since 1970.
    start_time_ns: String,
    /// STATED.
    modified_time_ns: String,
    /// STATED. INFERRED: absent while the run goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    completion_time_ns: Option<String>,
    /// STATED: RUNNING, COMPLETE, FAILED, CANCELLED or `STOPPED_AT_CHECKPOINT`.
    state: &'static str,
    /// STATED in the schema, but in no example: JSON in a text. UNKNOWN: its keys.
    metadata: String,
    /// STATED.
    last_start_time_ns: String,
    /// STATED as a timestamp; the example shows a duration. INFERRED: absent while the run goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    time_taken_ns: Option<String>,
    /// STATED by the example.
    message: String,
    /// STATED.
    deployed_solution_id: &'a str,
    /// STATED.
    output_folder: &'a str,
}

/// Returns the answer to a list of runs, which has no paging keys.
pub(crate) fn run_list<'a>(runs: impl Iterator<Item = (&'a Job, &'a Run)>) -> Reply {
    let jobs: Vec<_> = runs.map(|(job, run)| run_reply(job, run)).collect();
    Reply::ok(&json!({ "jobs": jobs }))
}

fn run_reply<'a>(job: &'a Job, run: &'a Run) -> RunReply<'a> {
    let is_over = job.verdict().is_some();
    RunReply {
        id: &job.id,
        account_id: account_id(&job.started_by),
        job_type: "FLOW",
        start_time_ns: job.started_ns().to_string(),
        // The end is 0 until the run ends.
        modified_time_ns: job.started_ns().max(job.ended_ns()).to_string(),
        completion_time_ns: is_over.then(|| job.ended_ns().to_string()),
        state: job.run_state(),
        metadata: json!({ "name": run.name, "version": run.version }).to_string(),
        last_start_time_ns: job.started_ns().to_string(),
        time_taken_ns: is_over.then(|| job.time_taken_ns().to_string()),
        message: match job.verdict() {
            None => "Running single_flow".to_owned(),
            Some(Verdict::Done { .. }) => "Completed single_flow".to_owned(),
            Some(Verdict::Failed { message }) => message.clone(),
            Some(Verdict::Stopped { end }) => format!("The run ended as {}", end.word()),
        },
        deployed_solution_id: &run.solution,
        output_folder: &run.output,
    }
}

/// Returns the private id of a user, which is stable and does not contain the name.
fn account_id(user: &str) -> String {
    let hash = format!("{:x}", Sha256::digest(user.as_bytes()));
    format!("u{}", &hash[..16])
}
