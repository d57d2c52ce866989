//! The promotion as a document. `format_version` follows the rule of [`v1`](super::v1).

use schemars::JsonSchema;
use serde::Serialize;

use super::items::PositionItem;
use crate::ident::Version;
use crate::plan::Origin;
use crate::promotion::{Decision, Promotion, PromotionRow};
use crate::render::view::promotion as view;

const FORMAT_VERSION: &str = "1.0";

/// The output of `promote --json`: the versions that an environment gets from another one.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PromotionDocument {
    /// The version of this format, `MAJOR.MINOR`.
    format_version: &'static str,
    /// The version of solform that wrote the document.
    solform_version: &'static str,
    /// The environment whose live versions are promoted.
    from: String,
    /// The environment whose declaration changes.
    to: String,
    /// The manifest, as the user named it.
    manifest: String,
    /// True if the target gets a version that it does not declare yet.
    has_changes: bool,
    /// True if the manifest was changed.
    is_written: bool,
    /// The counts.
    summary: SummaryItem,
    /// The solutions, ordered by name.
    solutions: Vec<SolutionItem>,
}

/// The counts of solutions.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PromotionSummary")]
struct SummaryItem {
    /// Solutions that get a version.
    promoted: usize,
    /// Solutions whose version is declared already.
    current: usize,
    /// Solutions that are left out.
    left_out: usize,
    /// Solutions whose package is copied.
    copied: usize,
}

/// A solution.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PromotedSolution")]
struct SolutionItem {
    /// The name.
    name: String,
    /// The versions in service in the source, the highest first.
    in_source: Vec<String>,
    /// The versions in service in the target, the highest first; null if they are not known.
    in_target: Option<Vec<String>>,
    /// The versions that the manifest declared for the target before the promotion.
    declared: Vec<DeclaredItem>,
    /// The version that the target gets; null if it gets none.
    new: Option<String>,
    /// The decision, as a stable word: `promote`, `current` or `left-out`.
    decision: &'static str,
    /// The direction from the declared version to the new one: `new`, `upgrade`, `downgrade` or
    /// `incomparable`; null if nothing is promoted.
    direction: Option<&'static str>,
    /// The reason why the solution is left out, as a stable word; null if it is not.
    reason: Option<&'static str>,
    /// True if the package of the source becomes the `source` of the version in the target.
    copies_package: bool,
    /// The position of the declaration before the promotion; null if there is none.
    position: Option<PositionItem>,
}

/// A declared version.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "DeclaredVersion")]
struct DeclaredItem {
    /// The version.
    version: String,
    /// The declared state.
    state: &'static str,
}

/// Returns the document of a promotion.
pub fn promotion_document(promotion: &Promotion) -> PromotionDocument {
    PromotionDocument {
        format_version: FORMAT_VERSION,
        solform_version: env!("CARGO_PKG_VERSION"),
        from: promotion.from.clone(),
        to: promotion.to.clone(),
        manifest: promotion.manifest.clone(),
        has_changes: promotion.has_changes(),
        is_written: promotion.is_written,
        summary: SummaryItem {
            promoted: promotion.promoted(),
            current: promotion.current(),
            left_out: promotion.left_out(),
            copied: promotion.copied(),
        },
        solutions: promotion.rows.iter().map(solution_item).collect(),
    }
}

fn solution_item(row: &PromotionRow) -> SolutionItem {
    let PromotionRow {
        name,
        from,
        to,
        declared,
        position,
        decision,
        copies_package,
        has_digest: _, // A warning says it.
        sha256: _,     // It is shown in the manifest.
    } = row;
    let texts = |versions: &[Version]| -> Vec<String> {
        versions.iter().map(ToString::to_string).collect()
    };
    let (word, direction, reason) = match decision {
        Decision::Promote(_, direction) => ("promote", Some(direction.as_str()), None),
        Decision::Current => ("current", None, None),
        Decision::LeaveOut(reason) => ("left-out", None, Some(reason.as_str())),
    };
    SolutionItem {
        name: name.to_string(),
        in_source: texts(from),
        in_target: to.as_deref().map(texts),
        declared: declared
            .iter()
            .map(|(version, state)| DeclaredItem {
                version: version.to_string(),
                state: state.as_str(),
            })
            .collect(),
        new: view::new_version(row).map(ToString::to_string),
        decision: word,
        direction,
        reason,
        copies_package: *copies_package,
        position: position
            .as_ref()
            .map(|position| PositionItem::of(&Origin::of(position))),
    }
}
