//! The parts that several documents share: positions, unfinished writes, modes and times.

use schemars::JsonSchema;
use serde::Serialize;

use crate::plan::{InFlight, Origin, OrphanedRecord, Plan};

/// A position in the manifest.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(in crate::render) struct PositionItem {
    /// The file.
    pub(in crate::render) file: String,
    /// The line, from 1.
    pub(in crate::render) line: usize,
    /// The column, from 1.
    pub(in crate::render) column: usize,
}

impl PositionItem {
    pub(super) fn of(origin: &Origin) -> Self {
        Self {
            file: origin.file.to_string(),
            line: origin.line,
            column: origin.column,
        }
    }
}

/// A write of an earlier apply whose outcome is not known.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(in crate::render) struct InFlightItem {
    /// The version that it is for.
    pub(in crate::render) address: String,
    /// The write: `deploy`, `patch` or `delete`.
    write: &'static str,
    /// The job; null if the server returned none.
    pub(in crate::render) job: Option<String>,
    /// The id of the apply that sent it.
    apply: String,
    /// The time when it was sent, as RFC 3339.
    sent_at: Option<String>,
}

impl InFlightItem {
    pub(super) fn all(plan: &Plan, writes: &[InFlight]) -> Vec<Self> {
        let item = |write: &InFlight| Self {
            address: plan.address_of(&write.identity).to_string(),
            write: write.write.as_str(),
            job: write.job.as_ref().map(ToString::to_string),
            apply: write.apply.clone(),
            sent_at: time(write.sent_at_ms),
        };
        writes.iter().map(item).collect()
    }
}

/// A live record that a failed deploy left.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(in crate::render) struct OrphanedItem {
    /// The version that the deploy was for.
    pub(in crate::render) address: String,
    /// The address of the record, if it is not that version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::render) made: Option<String>,
    /// The id of the record.
    pub(in crate::render) id: String,
    /// The id of the apply whose deploy failed.
    apply: String,
}

impl OrphanedItem {
    pub(super) fn all(plan: &Plan) -> Vec<Self> {
        let item = |record: &OrphanedRecord| Self {
            address: plan.address_of(&record.identity).to_string(),
            made: record
                .made
                .as_ref()
                .map(|made| plan.address_of(made).to_string()),
            id: record.id.to_string(),
            apply: record.apply.clone(),
        };
        plan.orphaned.iter().map(item).collect()
    }
}

/// Returns a duration in seconds, rounded to milliseconds.
pub(super) fn seconds(took: std::time::Duration) -> f64 {
    (took.as_secs_f64() * 1000.0).round() / 1000.0
}

/// Returns a time as RFC 3339; `None` outside of the calendar.
pub(super) fn time(ms: u64) -> Option<String> {
    crate::render::human::time(i64::try_from(ms).ok()?)
}
