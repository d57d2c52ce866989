//! The document that `watch` posts to a webhook.

use schemars::JsonSchema;
use serde::Serialize;

use super::plan::SummaryItem;
use super::v1::FORMAT_VERSION;
use crate::render::view::{DriftLine, DriftReport, Unreported};
use crate::render::words::time;

/// The document that `watch --webhook` posts: the newest drift.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DriftDocument {
    /// The version of this format, `MAJOR.MINOR`.
    format_version: &'static str,
    /// The version of solform that wrote the document.
    solform_version: &'static str,
    /// The environment.
    environment: String,
    /// The environment's URL.
    url: String,
    /// The time of the plan, as RFC 3339.
    planned_at: Option<String>,
    /// True if anything is not as declared.
    drifted: bool,
    /// The verdict of the plan, for people.
    message: String,
    /// The counts.
    summary: SummaryItem,
    /// The first versions that are not as declared, the losses first.
    changes: Vec<DriftItem>,
    /// The number of the other ones.
    more_changes: usize,
    /// The first reasons why the plan cannot be applied.
    refusals: Vec<String>,
    /// The first warnings of policies.
    warnings: Vec<String>,
    /// The number of changes of the drift since the last post that was delivered.
    unreported_changes: u64,
    /// The time of the first of these changes, as RFC 3339.
    first_change_at: Option<String>,
}

/// A version that is not as declared.
#[derive(Debug, Serialize, JsonSchema)]
struct DriftItem {
    /// `Name@version`, with the owner in front if two versions have the same name and version.
    address: String,
    /// The change that apply would make: `no-op`, `create`, `update`, `replace` or `delete`.
    action: &'static str,
    /// The predicate, for people.
    message: String,
}

impl DriftDocument {
    /// Returns the document of a drift.
    pub(in crate::render) fn new(report: &DriftReport, unreported: &Unreported) -> Self {
        let item = |line: &DriftLine| DriftItem {
            address: line.address.clone(),
            action: line.kind.as_str(),
            message: line.text.clone(),
        };
        Self {
            format_version: FORMAT_VERSION,
            solform_version: env!("CARGO_PKG_VERSION"),
            environment: report.environment.clone(),
            url: report.url.clone(),
            planned_at: time(report.at_ms),
            drifted: report.has_drifted(),
            message: report.verdict.clone(),
            summary: SummaryItem(report.summary),
            changes: report.lines.iter().map(item).collect(),
            more_changes: report.more,
            refusals: report.refusals.clone(),
            warnings: report.warnings.clone(),
            unreported_changes: unreported.changes,
            first_change_at: unreported.since_ms.and_then(time),
        }
    }
}
