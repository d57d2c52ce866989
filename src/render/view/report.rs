//! The result of an apply or destroy, from which all formats make their report.

use schemars::JsonSchema;
use serde::Serialize;

use crate::apply::ApplyReport;
use crate::ident::Address;
use crate::outcome::OutcomeKind;
use crate::plan::{Adjustment, Change, InFlight, Plan, Summary};
use crate::store::Provenance;

/// The outcome of an apply.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::render) enum ResultWord {
    /// All is as planned.
    Complete,
    /// Something is left.
    Incomplete,
    /// Nothing was started.
    #[default]
    NotApplied,
}

/// The data for the last lines of an apply: the report, and the result of the check after it.
#[derive(Debug)]
pub struct ReportView<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// The id of the apply in the store; `None` if there was nothing to do.
    pub run: Option<&'a str>,
    /// Who started it, and from what; `None` if nothing was started.
    pub provenance: Option<&'a Provenance>,
    /// The start, in milliseconds since 1970.
    pub began_at_ms: u64,
    /// The end, in milliseconds since 1970.
    pub ended_at_ms: u64,
    /// The outcomes.
    pub report: &'a ApplyReport,
    /// Changes that were executed, but that a new plan contains again, with the fields that differ.
    pub not_converged: &'a [(Address, String)],
    /// Versions that wait for a review.
    pub waiting_for_review: &'a [Address],
    /// The reason why the check after the apply proves nothing; `None` if the check was complete.
    pub unproven: Option<&'a str>,
    /// Changes that a new plan contains, and that the saved plan does not approve.
    pub not_approved: &'a [Change],
    /// Writes of earlier applies that are still in flight, for versions that no change concerns.
    pub in_flight: &'a [InFlight],
    /// True if an interrupt ended the check after the apply early.
    pub is_interrupted: bool,
    /// The commands that stop waiting for the jobs that have not ended.
    pub abandon_commands: &'a [String],
    /// The start of the command that clears an orphaned record.
    pub abandon: &'a str,
    /// The command that continues this apply.
    pub resume_command: &'a str,
    /// The edits of the manifest after a roll-back.
    pub adjustments: &'a [Adjustment],
    /// True if the manifest was edited.
    pub has_written_manifest: bool,
}

/// Returns who started an apply, and from what, in one line; `None` if only the user is known.
pub(in crate::render) fn provenance_line(provenance: &Provenance) -> Option<String> {
    let facts: Vec<String> = provenance
        .facts()
        .map(|(label, fact)| format!("{label} {fact}"))
        .collect();
    (facts.len() > 1).then(|| format!("Applied {}.", facts.join(", ")))
}

/// The remark on a change whose version a replace deleted, and that is not done.
pub(in crate::render) const DELETED: &str = "its version was deleted";

/// Returns the sentence about a version that a replace deleted and that is not known to be deployed
/// again, with the next step. The sentence continues the address of the version.
pub(in crate::render) fn deleted_sentence(outcome: &str) -> String {
    let kinds = OutcomeKind::ALL.into_iter();
    let kind = kinds.into_iter().find(|kind| kind.as_str() == outcome);
    let rest = match kind {
        Some(OutcomeKind::Unknown) => {
            "it is not known whether it is deployed again; run the command again to find out"
        }
        Some(OutcomeKind::Failed) => {
            "it is not deployed again; correct the cause, then run the command again to deploy it"
        }
        Some(OutcomeKind::Refused) => "it is not deployed again; make a new plan to deploy it",
        Some(OutcomeKind::Done | OutcomeKind::Skipped | OutcomeKind::Cancelled) | None => {
            "it is not deployed again; run the command again to deploy it"
        }
    };
    format!("was deleted to be replaced, and {rest}.")
}

/// Returns the sentence about a file that an upload may have left, which continues the address of
/// the version.
pub(in crate::render) fn left_file_sentence(path: &str) -> String {
    let advice = "delete it unless the next apply continues it";
    format!("may have left an incomplete file at `{path}`; {advice}.")
}

impl ReportView<'_> {
    /// Returns true if all is as planned, and the check after the apply was not interrupted.
    pub fn is_success(&self) -> bool {
        self.is_all_done() && !self.is_interrupted
    }

    /// Returns true if nothing is left to do, as far as is known.
    pub fn is_all_done(&self) -> bool {
        self.report.is_complete()
            && self.not_converged.is_empty()
            && self.waiting_for_review.is_empty()
            && self.unproven.is_none()
            && self.in_flight.is_empty()
            && !Summary::of(self.plan).is_partial()
    }
}
