//! The sentences of notes and blocks. They are escaped for a terminal.

use std::time::Duration;

use super::drift::{counts, drift_message};
use super::plan::{NO_SUCCESSOR, SIMILAR_NAMES, running_runs};
use crate::ident::{Address, SolutionId};
use crate::manifest::{DrainMode, duration_text, unmistakable};
use crate::plan::{ActionKind, Block, Change, Note, Plan};
use crate::render::words;

/// Returns the notes on the versions that a plan does not change, each with its version.
pub(in crate::render) fn on_unchanged(plan: &Plan) -> Vec<(&Address, String)> {
    let unchanged = plan.changes.iter().filter(|change| change.is_no_op());
    let notes = unchanged.flat_map(|change| {
        let notes = change.notes.iter();
        notes.map(|note| (&change.address, text(note, change)))
    });
    notes.collect()
}

/// Returns a note as a sentence.
pub(in crate::render) fn text(note: &Note, change: &Change) -> String {
    match note {
        Note::NoSuccessor => NO_SUCCESSOR.to_owned(),
        Note::OutOfServiceMeanwhile => "out of service until the new deploy is done".to_owned(),
        Note::VisibilityNotKnown if change.lacks_visibility() => {
            "the live visibility is not known, so no write checks it".to_owned()
        }
        Note::VisibilityNotKnown => {
            "the live visibility is not known, which is not drift".to_owned()
        }
        Note::WaitsForReview => {
            "waits for a review: it becomes PUBLIC only after it is approved".to_owned()
        }
        Note::SuccessorWaitsForReview { successors } => format!(
            "skipped by apply until {} is approved",
            words::addresses(successors.iter())
        ),
        Note::ExposedUntilPatched { package } => {
            format!("its package is {package}, so more users see the version until it is patched")
        }
        Note::ExposedBeforeVerification => {
            "exposed before verification; set PRIVATE in the package".to_owned()
        }
        Note::VisibilityOfPackage {
            before,
            package: Some(package),
        } => format!("is {before}, and is deployed again as {package}, as its package says"),
        Note::VisibilityOfPackage {
            before,
            package: None,
        } => format!(
            "is {before}, and no visibility is declared: its package decides about the new record"
        ),
        Note::UnknownWord { word } => {
            format!(
                "the server reports the unknown word {}, which solform leaves alone",
                words::value(word)
            )
        }
        Note::MoreRecords { ids } => {
            // A delete removes every record of a version.
            let is_deleted = change.action.kind() == ActionKind::Delete;
            let end = match (is_deleted, ids.len()) {
                (true, 1) => "record of this version is deleted too",
                (true, _) => "records of this version are deleted too",
                (false, 1) => "record of this version is left alone",
                (false, _) => "records of this version are left alone",
            };
            more_records(ids, end)
        }
        Note::RecordsOfOtherOwner { ids } if change.is_no_op() => format!(
            "live under the other owner, published by another author, and left alone: {}",
            words::joined(ids.iter().map(|id| words::escaped(id.as_str())))
        ),
        Note::RecordsOfOtherOwner { ids } => more_records(
            ids,
            match ids.len() {
                1 => "record of this version is live under the other owner, and is left alone",
                _ => "records of this version are live under the other owner, and are left alone",
            },
        ),
        Note::FollowedOwner { owner } => format!(
            "live under owner {}, which counts as the same owner",
            words::quoted(owner.as_str())
        ),
        Note::ContentDrift { cause, drift } => words::escaped(&format!(
            "{}: {}",
            drift_message(*cause, drift, None),
            counts(drift)
        )),
        Note::HeldBack { until_ms } => format!(
            "the job of its last deploy was abandoned: apply does not deploy it before {}, unless \
             --replace names it",
            words::instant(*until_ms)
        ),
        Note::SimilarNames { names } => format!(
            "{}: {}",
            SIMILAR_NAMES,
            words::joined(names.iter().map(|name| format!("`{}`", unmistakable(name))))
        ),
        Note::RunningRuns { runs } => {
            let end = match runs.mode {
                DrainMode::Wait => {
                    let limit = duration_text(Duration::from_millis(runs.limit_ms));
                    format!("apply waits until they have ended, {limit} at most")
                }
                DrainMode::Fail => "apply fails while there are any".to_owned(),
            };
            format!("{}; {end}", running_runs(runs))
        }
        Note::DeactivatedInstead { because } => {
            let instead = if change.is_no_op() {
                "stays out of service"
            } else {
                "is deactivated"
            };
            let why = why_blocked(because);
            format!("the policy says delete; it {instead} instead: {why}")
        }
    }
}

fn more_records(ids: &[SolutionId], end: &str) -> String {
    let count = ids.len();
    let ids = words::joined(ids.iter().map(|id| words::escaped(id.as_str())));
    format!("{count} more {end}: {ids}")
}

/// Returns the reason why a change is blocked.
pub(in crate::render) fn why_blocked(block: &Block) -> String {
    match block {
        Block::Protected => "a `protect` pattern of the environment covers this version".to_owned(),
        Block::Package { problem, .. } => words::escaped(&problem.to_string()),
        Block::Owner(conflict) => words::escaped(&conflict.to_string()),
        Block::Verification(failed) => words::escaped(&failed.to_string()),
    }
}
