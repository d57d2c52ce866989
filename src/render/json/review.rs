//! The review as a document. `format_version` is raised by the rule of [`v1`](super::v1).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::review::{Effect, Finding, PolicyEffect, Review, ReviewSummary, Side, Whom};

const FORMAT_VERSION: &str = "2.0";

/// The output of `review --json`: the effects of a change to a manifest.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ReviewDocument {
    /// The version of this format, `MAJOR.MINOR`.
    format_version: &'static str,
    /// The solform that made the document.
    solform_version: &'static str,
    /// The base.
    base: BaseItem,
    /// The manifest under review, as the user named it.
    head: String,
    /// The environment that was asked for; null where all were.
    only: Option<String>,
    /// True if anything changes.
    has_changes: bool,
    /// The numbers.
    summary: SummaryItem,
    /// Every environment that was compared, also those without a change.
    environments: Vec<String>,
    /// The findings; one that several environments share stands once.
    findings: Vec<FindingItem>,
}

/// The side that is compared with.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct BaseItem {
    /// A file, or a revision and a path.
    name: String,
    /// The commit of a revision; null where a file is compared with.
    commit: Option<String>,
    /// True if the commit is the merge base of the revision with `HEAD`, and not the revision
    /// itself.
    is_merge_base: bool,
    /// True if the manifest is there; if not, everything is new.
    is_present: bool,
}

/// The numbers of findings.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct SummaryItem {
    /// All findings.
    findings: usize,
    /// Versions that are new.
    added: usize,
    /// Versions that are not declared any more.
    removed: usize,
    /// Versions that get a tombstone.
    retired: usize,
    /// Higher versions in the place of lower ones.
    upgraded: usize,
    /// Lower versions in the place of higher ones.
    downgraded: usize,
    /// Every other finding.
    other: usize,
    /// Findings with a high risk.
    high_risk: usize,
    /// The number of findings for each risk.
    risks: BTreeMap<&'static str, usize>,
    /// Environments that were compared.
    environments: usize,
    /// Environments with findings.
    changed_environments: usize,
}

/// A change.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct FindingItem {
    /// The environments that it is about, in the manifest's order.
    environments: Vec<String>,
    /// The kind of change, as a stable word; more words may be added.
    kind: &'static str,
    /// `Name@version`, with the owner in front where two would look alike; null where it is about
    /// the environment.
    address: Option<String>,
    /// The manifest's key that changes; null where a version or an environment comes or goes.
    field: Option<&'static str>,
    /// The value in the base manifest.
    before: Option<String>,
    /// The value in the manifest under review.
    after: Option<String>,
    /// The effects of an apply, if the version is live.
    effect: Option<EffectItem>,
    /// The declared versions that it concerns, where it is about no single one: those that a
    /// removed protection covered and that go with it, or those whose policy changes.
    concerned: Vec<String>,
    /// The risks, as stable words.
    risks: Vec<&'static str>,
    /// True if any of the risks is high.
    has_high_risk: bool,
    /// Where it is written.
    position: PositionItem,
}

/// An effect.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct EffectItem {
    /// `version`, `other-versions`, `undeclared-names` or `environment`.
    on: &'static str,
    /// The version.
    address: Option<String>,
    /// The effect, as a stable word.
    fate: &'static str,
    /// Why it is left alone, as a stable word; null where it is not.
    reason: Option<&'static str>,
    /// So many of the newest superseded versions stay.
    retain: Option<usize>,
}

/// A place in a manifest.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct PositionItem {
    /// `base` or `head`.
    side: &'static str,
    /// The file.
    file: String,
    /// The line, from 1.
    line: usize,
    /// The column, from 1.
    column: usize,
}

/// The document of a review.
pub fn review_document(review: &Review) -> ReviewDocument {
    let summary = ReviewSummary::of(review);
    let commit = review.base.commit.as_ref();
    ReviewDocument {
        format_version: FORMAT_VERSION,
        solform_version: env!("CARGO_PKG_VERSION"),
        base: BaseItem {
            name: review.base.name.clone(),
            commit: commit.map(|commit| commit.id.clone()),
            is_merge_base: commit.is_some_and(|commit| commit.is_merge_base),
            is_present: review.base.is_present,
        },
        head: review.head.clone(),
        only: review.only.clone(),
        has_changes: summary.has_changes(),
        summary: summary_item(&summary),
        environments: review.environments.clone(),
        findings: review
            .groups
            .iter()
            .flat_map(|group| {
                let item = |finding| finding_item(finding, &group.environments);
                group.findings.iter().map(item)
            })
            .collect(),
    }
}

fn summary_item(summary: &ReviewSummary) -> SummaryItem {
    let ReviewSummary {
        findings,
        added,
        removed,
        retired,
        upgraded,
        downgraded,
        other,
        high_risk,
        risks,
        environments,
        changed_environments,
    } = summary;
    SummaryItem {
        findings: *findings,
        added: *added,
        removed: *removed,
        retired: *retired,
        upgraded: *upgraded,
        downgraded: *downgraded,
        other: *other,
        high_risk: *high_risk,
        risks: risks
            .iter()
            .map(|(risk, count)| (risk.as_str(), *count))
            .collect(),
        environments: *environments,
        changed_environments: *changed_environments,
    }
}

fn finding_item(finding: &Finding, environments: &[String]) -> FindingItem {
    let position = &finding.place.position;
    FindingItem {
        environments: environments.to_vec(),
        kind: finding.kind.as_str(),
        address: finding.address.as_ref().map(ToString::to_string),
        field: finding.field.map(crate::review::Field::as_str),
        before: finding.before.clone(),
        after: finding.after.clone(),
        effect: finding.effect.as_ref().map(effect_item),
        concerned: finding.concerned.iter().map(ToString::to_string).collect(),
        risks: finding.risks.iter().map(|risk| risk.as_str()).collect(),
        has_high_risk: finding.has_high_risk(),
        position: PositionItem {
            side: match finding.place.side {
                Side::Base => "base",
                Side::Head => "head",
            },
            file: position.file.to_string(),
            line: position.line,
            column: position.column,
        },
    }
}

fn effect_item(effect: &Effect) -> EffectItem {
    let Effect { whom, fate } = effect;
    let (on, address) = match whom {
        Whom::Version(address) => ("version", Some(address.to_string())),
        Whom::OtherVersions => ("other-versions", None),
        Whom::UndeclaredNames => ("undeclared-names", None),
        Whom::WholeEnvironment => ("environment", None),
    };
    EffectItem {
        on,
        address,
        fate: fate.as_str(),
        reason: match fate {
            PolicyEffect::LeftAlone(why) => Some(why.as_str()),
            _ => None,
        },
        retain: match fate {
            PolicyEffect::DeletedBeyond(newest) => Some(*newest),
            _ => None,
        },
    }
}
