//! The documents of earlier applies, from their journals.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use super::items::{rfc3339, seconds};
use super::report::{
    JobTimes, ProvenanceItem, ReportChange, ReportDocument, VerificationItem, empty,
};
use crate::apply::Totals;
use crate::plan::{Action, ActionKind, Mode};
use crate::render::view::past;
use crate::render::view::report::{ResultWord, provenance_line};
use crate::render::words::time;
use crate::store::{PastApply, PastSending, PastStep, RecordedOutcome, Took};

/// The version of the documents of `history`.
const HISTORY_VERSION: &str = "2.0";

/// The output of `history --json`: the applies in a store.
#[derive(Debug, Serialize, JsonSchema)]
pub struct HistoryDocument {
    /// The version of this format, `MAJOR.MINOR`.
    format_version: &'static str,
    /// The name of the environment in the manifest.
    environment: String,
    /// The applies, the oldest first.
    applies: Vec<PastApplyItem>,
}

/// The output of `history show ID --json`: one apply with its steps.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PastApplyDocument {
    /// The version of this format, `MAJOR.MINOR`.
    format_version: &'static str,
    /// The name of the environment in the manifest.
    environment: String,
    /// The apply.
    apply: PastApplyItem,
    /// The steps, in the order of their start.
    steps: Vec<PastStepItem>,
}

/// An earlier apply.
#[derive(Debug, Serialize, JsonSchema)]
struct PastApplyItem {
    /// The id.
    id: String,
    /// `complete`, `incomplete`, `interrupted` or `running`.
    result: &'static str,
    /// The start, in milliseconds since 1970.
    began_at_ms: Option<u64>,
    /// The time of the last line that the apply itself wrote, in milliseconds since 1970.
    last_at_ms: Option<u64>,
    /// The duration, so far if it is running, in milliseconds; null if it was interrupted.
    took_ms: Option<u64>,
    /// The id of the plan that it executed.
    plan: Option<String>,
    /// The id of the apply that it rolls back; null if it is no roll-back.
    rollback_of: Option<String>,
    /// Who started it, and from what; null if it is not recorded.
    provenance: Option<ProvenanceItem>,
    /// The digest of its manifest.
    manifest: Option<String>,
    /// The number of planned changes.
    changes: usize,
    /// The number of completed changes.
    done: usize,
}

/// A step of an earlier apply.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::render) struct PastStepItem {
    /// The change.
    pub(in crate::render) address: String,
    /// The planned action.
    pub(in crate::render) action: Option<&'static str>,
    /// The outcome, `not sent`, or `abandoned`.
    pub(in crate::render) outcome: &'static str,
    /// The id of the record that is live, or that a failed job left.
    pub(in crate::render) id: Option<String>,
    /// The ids of its jobs.
    pub(in crate::render) jobs: Vec<String>,
    /// The times of its jobs.
    pub(in crate::render) job_times: Vec<JobTimes>,
    /// The reason why it is not done.
    pub(in crate::render) detail: Option<String>,
    /// The verification record; null if the version was not verified.
    pub(in crate::render) verification: Option<VerificationItem>,
    /// The person who revoked the verification record, as `user@host`.
    pub(in crate::render) revoked_by: Option<String>,
    /// True if a replace deleted the version, and the version is not known to be deployed again.
    pub(in crate::render) deleted: bool,
    /// The start, as RFC 3339; null if nothing was sent.
    #[serde(rename = "started_at", serialize_with = "rfc3339")]
    #[schemars(with = "Option<String>")]
    pub(in crate::render) started_at_ms: Option<u64>,
    /// The time of the outcome, as RFC 3339; null if a later apply recovered it.
    #[serde(rename = "ended_at", serialize_with = "rfc3339")]
    #[schemars(with = "Option<String>")]
    pub(in crate::render) ended_at_ms: Option<u64>,
}

/// Returns the duration of a step whose start and end are recorded.
fn took(step: &PastStep) -> Option<Duration> {
    let ms = step.ended_at_ms?.checked_sub(step.began_at_ms?)?;
    Some(Duration::from_millis(ms))
}

/// Returns the document of the applies in a store.
pub fn history_document(environment: &str, applies: &[PastApply]) -> HistoryDocument {
    HistoryDocument {
        format_version: HISTORY_VERSION,
        environment: environment.to_owned(),
        applies: applies.iter().map(past_apply_item).collect(),
    }
}

/// Returns the document of one apply.
pub fn past_apply_document(environment: &str, apply: &PastApply) -> PastApplyDocument {
    PastApplyDocument {
        format_version: HISTORY_VERSION,
        environment: environment.to_owned(),
        apply: past_apply_item(apply),
        steps: apply.steps.iter().map(past_step_item).collect(),
    }
}

fn past_apply_item(apply: &PastApply) -> PastApplyItem {
    PastApplyItem {
        id: apply.id.clone(),
        result: past::result(apply),
        began_at_ms: apply.began_at_ms,
        last_at_ms: apply.last_at_ms,
        took_ms: match apply.took() {
            Took::Exactly(ms) => Some(ms),
            Took::AtLeast(_) | Took::Unknown => None,
        },
        plan: apply.plan.clone(),
        rollback_of: apply.rollback_of.clone(),
        provenance: apply.provenance.as_ref().map(ProvenanceItem::of),
        manifest: apply
            .subject
            .as_ref()
            .map(|subject| subject.manifest.to_string()),
        changes: apply.changes,
        done: past::count_done(apply),
    }
}

/// Returns the item of a step.
pub(in crate::render) fn past_step_item(step: &PastStep) -> PastStepItem {
    let outcome = step.outcome.as_ref();
    let jobs = step.sendings.iter().filter_map(|sent| sent.job.as_ref());
    PastStepItem {
        address: step.address().to_string(),
        action: step.action.as_ref().map(|action| action.kind().as_str()),
        outcome: past::word_of(step),
        id: outcome.and_then(|outcome| outcome.id.as_ref().map(ToString::to_string)),
        jobs: jobs.map(ToString::to_string).collect(),
        job_times: step
            .sendings
            .iter()
            .filter_map(|sent| job_times(sent, outcome))
            .collect(),
        started_at_ms: step.began_at_ms,
        ended_at_ms: step.ended_at_ms,
        detail: outcome.and_then(|outcome| outcome.detail.clone()),
        verification: step.verified.as_ref().map(VerificationItem::of),
        revoked_by: step.revoked_by.clone(),
        deleted: outcome.is_some_and(|outcome| outcome.deleted),
    }
}

fn job_times(sent: &PastSending, outcome: Option<&RecordedOutcome>) -> Option<JobTimes> {
    let job = sent.job.as_ref()?;
    Some(JobTimes {
        job: job.to_string(),
        write: sent.call.as_str(),
        started_at_ms: Some(sent.at_ms),
        ended_at_ms: outcome.and_then(|outcome| outcome.job_ends.get(job).copied()),
    })
}

/// Returns the report document of an earlier apply, from its journal.
pub(in crate::render) fn past_report_document(apply: &PastApply) -> ReportDocument {
    let change = |step: &PastStep| {
        let item = past_step_item(step);
        ReportChange {
            address: item.address,
            action: item.action,
            outcome: item.outcome,
            id: item.id,
            jobs: item.jobs,
            job_times: item.job_times,
            detail: item.detail,
            verification: item.verification,
            deleted: item.deleted,
            started_at_ms: item.started_at_ms,
            took_seconds: took(step).map(seconds),
            ..ReportChange::default()
        }
    };
    let changes: Vec<ReportChange> = apply.steps.iter().map(change).collect();
    let mut outcomes = BTreeMap::new();
    for change in &changes {
        *outcomes.entry(change.outcome).or_insert(0) += 1;
    }
    let subject = apply.subject.as_ref();
    ReportDocument {
        environment: subject.map(|subject| subject.environment.clone()),
        url: subject.map(|subject| subject.url.clone()),
        run: Some(apply.id.clone()),
        provenance: apply.provenance.as_ref().map(ProvenanceItem::of),
        provenance_line: apply.provenance.as_ref().and_then(provenance_line),
        started_at: apply.began_at_ms.and_then(time),
        ended_at: apply.last_at_ms.and_then(time),
        result: if apply.complete == Some(true) {
            ResultWord::Complete
        } else {
            ResultWord::Incomplete
        },
        interrupted: apply.complete.is_none(),
        totals: past_totals(apply),
        outcomes,
        changes,
        rollback_of: apply.rollback_of.clone(),
        ..empty(match apply.rollback_of {
            Some(_) => Mode::Rollback,
            None => Mode::Converge,
        })
    }
}

/// Returns the totals of an earlier apply. A step without a write changed nothing, so it is not
/// counted.
fn past_totals(apply: &PastApply) -> Totals {
    let mut totals = Totals::default();
    for step in &apply.steps {
        let is_replace = matches!(step.action, Some(Action::Replace { .. }));
        let mut outcome = step.outcome.iter();
        if is_replace && outcome.any(|outcome| outcome.deleted) {
            totals.add(ActionKind::Delete);
        }
        let is_done = step.outcome.as_ref().is_some_and(RecordedOutcome::is_done);
        if is_done && !step.sendings.is_empty() {
            step.action
                .iter()
                .for_each(|action| totals.add(action.kind()));
        }
    }
    totals
}
