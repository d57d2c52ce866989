//! The control routes: actions of a test on the server that no client of the platform has.
//!
//! All of them are under `/__emulator/`. They are neither logged nor delayed, and need the token
//! only if the emulator was started with one.
//!
//! * `GET /__emulator/jobs`: lists all jobs with `id`, `kind`, `started_by`, `started_ms`,
//!   `pending` and `message`, the error message of a failed job.
//! * `POST /__emulator/jobs/<id>/finish`: ends a pending job. The body `{"error": TEXT}` makes it
//!   fail, `{"state": "CANCELLED"}` ends a run with this state.
//! * `POST /__emulator/jobs/finish`: ends all pending jobs, in the order of their start.
//! * `GET /__emulator/requests`: returns the request log with `method`, `path`, `query`,
//!   `operation` (null if no route matches) and `status`.
//! * `DELETE /__emulator/requests`: clears the request log.
//! * `GET /__emulator/knobs`: returns the knobs.
//! * `PATCH /__emulator/knobs`: sets the knobs in the body, a JSON object of names and values.
//! * `GET /__emulator/faults`: returns the fault rules with `id`, `rule`, `matched` and `hits`.
//! * `POST /__emulator/faults`: adds a rule, a JSON object of its settings, and returns its `id`.
//! * `DELETE /__emulator/faults`: removes all rules.
//! * `DELETE /__emulator/faults/<id>`: removes one rule.
//! * `POST /__emulator/clock`: moves a logical clock forward, `{"advance_ms": N}`.

use std::time::Duration;

use axum::http::Method;
use serde_json::{Value, json};

use crate::call::{Call, text_field};
use crate::faults::{Fault, FaultRules};
use crate::knobs::RunEnd;
use crate::log::RequestLog;
use crate::operation::operations;
use crate::refusal::Refusal;
use crate::reply::{Answer, Reply};
use crate::state::jobs::Job;
use crate::state::work::Ending;
use crate::state::world::World;

operations! {
    /// A control route.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) enum ControlOperation {
        ListJobs: GET "/__emulator/jobs",
        FinishJob: POST "/__emulator/jobs/{id}/finish",
        FinishAllJobs: POST "/__emulator/jobs/finish",
        ListRequests: GET "/__emulator/requests",
        ClearRequests: DELETE "/__emulator/requests",
        GetKnobs: GET "/__emulator/knobs",
        ChangeKnobs: PATCH "/__emulator/knobs",
        ListFaults: GET "/__emulator/faults",
        AddFault: POST "/__emulator/faults",
        ClearFaults: DELETE "/__emulator/faults",
        RemoveFault: DELETE "/__emulator/faults/{id}",
        MoveClock: POST "/__emulator/clock",
    }
}

impl ControlOperation {
    pub(crate) fn perform(
        self,
        world: &mut World,
        log: &RequestLog,
        faults: &FaultRules,
        call: &Call,
    ) -> Answer {
        let body = match self {
            Self::ListJobs => {
                let jobs: Vec<Value> = world.jobs.items.values().map(describe).collect();
                json!({ "jobs": jobs })
            }
            Self::FinishJob => {
                let ending = ending(call)?;
                let job = world.finish_job(&call.parameter, ending.as_ref())?;
                describe(job)
            }
            Self::FinishAllJobs => {
                let ids = world.jobs.pending_ids();
                for id in &ids {
                    world.finish_job(id, None)?;
                }
                json!({ "finished": ids })
            }
            Self::ListRequests => json!({ "requests": log.records() }),
            Self::ClearRequests => {
                log.clear();
                json!({})
            }
            Self::GetKnobs => json!(world.knobs),
            Self::ChangeKnobs => {
                // A setting that is not valid changes no knob.
                let mut knobs = world.knobs.clone();
                for (name, value) in settings(call)? {
                    knobs.set(&name, &value)?;
                }
                world.knobs = knobs;
                json!(world.knobs)
            }
            Self::ListFaults => json!({ "faults": faults.statuses() }),
            Self::AddFault => {
                let fault = Fault::from_settings(settings(call)?)?;
                json!({ "id": faults.add(fault) })
            }
            Self::ClearFaults => {
                faults.clear();
                json!({})
            }
            Self::RemoveFault => {
                let id = &call.parameter;
                if !id.parse().is_ok_and(|id| faults.remove(id)) {
                    return Err(Refusal::NoSuchFault(id.clone()));
                }
                json!({})
            }
            Self::MoveClock => {
                let fields = call.object()?;
                let by = fields.get("advance_ms").and_then(Value::as_u64);
                let by = by.ok_or(Refusal::BadField(
                    "advance_ms",
                    "a whole number of milliseconds",
                ))?;
                world.advance(Duration::from_millis(by));
                json!({ "now_ms": world.time.now_ms() })
            }
        };
        Ok(Reply::ok(&body))
    }
}

/// Returns the end of a job that the body of a call asks for.
fn ending(call: &Call) -> Result<Option<Ending>, Refusal> {
    if call.body.is_empty() {
        return Ok(None);
    }
    let fields = call.object()?;
    if let Some(message) = text_field(&fields, "error")? {
        return Ok(Some(Ending::Failed(message)));
    }
    let Some(word) = text_field(&fields, "state")? else {
        return Ok(None);
    };
    let end = RunEnd::of_word(&word).ok_or(Refusal::BadField(
        "state",
        "COMPLETE, FAILED, CANCELLED or STOPPED_AT_CHECKPOINT",
    ))?;
    Ok(Some(Ending::Run(end)))
}

/// Returns the settings in a JSON body, each as text like on a command line.
fn settings(call: &Call) -> Result<Vec<(String, String)>, Refusal> {
    let settings = call.object()?.into_iter().map(|(name, value)| match value {
        Value::String(text) => (name, text),
        value => (name, value.to_string()),
    });
    Ok(settings.collect())
}

fn describe(job: &Job) -> Value {
    json!({
        "id": job.id,
        "kind": job.work.kind(),
        "started_by": job.started_by,
        "started_ms": job.started_ms,
        "pending": job.verdict().is_none(),
        "message": job.failure(),
    })
}
