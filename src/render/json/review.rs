//! The review as a document. `format_version` follows the rule of [`v1`](super::v1).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use crate::attribute::Visibility;
use crate::manifest::widen;
use crate::review::{
    DeclaredImage, DeclaredVersion, Effect, Finding, PolicyEffect, Review, ReviewSummary,
    ReviewedSolution, Risk, Whom,
};

const FORMAT_VERSION: &str = "2.1";

/// The output of `review --json`: the effects of a change to a manifest.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ReviewDocument {
    /// The version of this format, `MAJOR.MINOR`.
    format_version: &'static str,
    /// The version of solform that wrote the document.
    solform_version: &'static str,
    /// The side that the manifest is compared with.
    base: BaseItem,
    /// The manifest under review, as the user named it.
    head: String,
    /// The selected environment; null if all environments or several of them were compared.
    only: Option<String>,
    /// True if anything changes.
    has_changes: bool,
    /// The counts.
    #[serde(with = "SummaryItem")]
    summary: ReviewSummary,
    /// Every environment that was compared, including those without a change.
    environments: Vec<String>,
    /// The findings; a finding that several environments share is listed once.
    findings: Vec<FindingItem>,
    /// The matrix: one row for each solution whose declared versions change in an environment.
    solutions: Vec<ReviewedRow>,
}

/// A solution in all environments.
#[derive(Debug, Serialize, JsonSchema)]
struct ReviewedRow {
    /// The solution's name.
    name: String,
    /// The cells, in the order of the environments.
    cells: Vec<ReviewedCell>,
}

/// A solution in one environment.
#[derive(Debug, Serialize, JsonSchema)]
struct ReviewedCell {
    /// The environment.
    environment: String,
    /// The versions that at least one side declares.
    versions: Vec<DeclaredItem>,
}

/// A declared version.
#[derive(Debug, Serialize, JsonSchema)]
struct DeclaredItem {
    /// The version.
    version: String,
    /// The owner.
    owner: String,
    /// The change of its declaration: `added`, `removed`, `changed` or `none`.
    change: &'static str,
    /// The declared state in the base; null if the base does not declare the version.
    state: Option<&'static str>,
    /// The declared state in the manifest under review; null if it does not declare the version.
    state_after: Option<&'static str>,
    /// The declared visibility in the base; null if there is none.
    visibility: Option<&'static str>,
    /// The declared visibility in the manifest under review; null if there is none.
    visibility_after: Option<&'static str>,
}

/// The side that the manifest is compared with.
#[derive(Debug, Serialize, JsonSchema)]
struct BaseItem {
    /// The name: a file, or a revision and a path.
    name: String,
    /// The commit of a revision; null if the base is a file.
    commit: Option<String>,
    /// True if the commit is the merge base of the revision with `HEAD`, and not the revision
    /// itself.
    is_merge_base: bool,
    /// True if the base has the manifest; if not, everything is new.
    is_present: bool,
}

/// The counts of findings.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(remote = "ReviewSummary")]
#[schemars(rename = "SummaryItem")]
struct SummaryItem {
    /// All findings.
    findings: usize,
    /// Versions that are new.
    added: usize,
    /// Versions that are no longer declared.
    removed: usize,
    /// Versions that get a tombstone.
    retired: usize,
    /// Versions that replace a lower version.
    upgraded: usize,
    /// Versions that replace a higher version.
    downgraded: usize,
    /// Every other finding.
    other: usize,
    /// Findings with a high risk.
    high_risk: usize,
    /// The number of findings for each risk.
    #[serde(serialize_with = "serialize_risks")]
    #[schemars(with = "BTreeMap<&'static str, usize>")]
    risks: BTreeMap<Risk, usize>,
    /// Environments that were compared.
    environments: usize,
    /// Environments with findings.
    changed_environments: usize,
}

/// A change.
#[derive(Debug, Serialize, JsonSchema)]
struct FindingItem {
    /// The environments that it affects, in the manifest's order.
    environments: Vec<String>,
    /// The kind of change, as a stable word; more words may be added.
    kind: &'static str,
    /// `Name@version`, with the owner in front if two versions have the same name and version; null
    /// if the finding is about the environment.
    address: Option<String>,
    /// The manifest's key that changes; null if a version or an environment is added or removed.
    field: Option<&'static str>,
    /// The value in the base manifest.
    before: Option<String>,
    /// The value in the manifest under review.
    after: Option<String>,
    /// The effects of an apply, if the version is live.
    effect: Option<EffectItem>,
    /// The declared versions that it affects, if it is not about a single one: versions that lose
    /// their protection and are removed in the same change, or versions whose policy changes.
    concerned: Vec<String>,
    /// The package that is uploaded if the version is deployed; null if nothing is uploaded.
    upload: Option<UploadItem>,
    /// The risks, as stable words.
    risks: Vec<&'static str>,
    /// True if any of the risks is high.
    has_high_risk: bool,
    /// The position in the manifest.
    position: PositionItem,
}

/// A package that is uploaded.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "DeclaredUploadItem")]
struct UploadItem {
    /// The source.
    source: String,
    /// The declared digest of its bytes; null if there is none.
    sha256: Option<String>,
}

/// The effect of an apply.
#[derive(Debug, Serialize, JsonSchema)]
struct EffectItem {
    /// The target: `version`, `other-versions`, `undeclared-names` or `environment`.
    on: &'static str,
    /// The version; null if the target is not a single version.
    address: Option<String>,
    /// The effect, as a stable word.
    fate: &'static str,
    /// The reason why it is left alone, as a stable word; null if it is not left alone.
    reason: Option<&'static str>,
    /// The number of the newest superseded versions that stay; null if none are retained.
    retain: Option<usize>,
}

/// A position in one of the two manifests.
#[derive(Debug, Serialize, JsonSchema)]
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

/// Returns the document of a review.
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
        only: match &review.only[..] {
            [only] => Some(only.clone()),
            _ => None,
        },
        has_changes: summary.has_changes(),
        summary,
        environments: review.environments.clone(),
        solutions: review
            .solutions
            .iter()
            .map(|solution| reviewed_row(solution, &review.environments))
            .collect(),
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

fn reviewed_row(solution: &ReviewedSolution, environments: &[String]) -> ReviewedRow {
    let item = |version: &DeclaredVersion| {
        let (before, after) = (version.before, version.after);
        let seen = |image: DeclaredImage| image.visibility.map(Visibility::as_str);
        DeclaredItem {
            version: version.identity.version.to_string(),
            owner: version.identity.owner.to_string(),
            change: version.change().as_str(),
            state: before.map(|image| image.state.as_str()),
            state_after: after.map(|image| image.state.as_str()),
            visibility: before.and_then(seen),
            visibility_after: after.and_then(seen),
        }
    };
    let cells = environments.iter().zip(&solution.cells);
    ReviewedRow {
        name: solution.name.to_string(),
        cells: cells
            .map(|(environment, versions)| ReviewedCell {
                environment: environment.clone(),
                versions: versions.iter().map(item).collect(),
            })
            .collect(),
    }
}

fn serialize_risks<S: Serializer>(
    risks: &BTreeMap<Risk, usize>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let counts = risks.iter().map(|(risk, count)| (risk.as_str(), count));
    counts.collect::<BTreeMap<_, _>>().serialize(serializer)
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
        upload: finding.upload.as_ref().map(|upload| UploadItem {
            source: upload.source.clone(),
            sha256: upload.sha256.as_ref().map(ToString::to_string),
        }),
        risks: finding.risks.iter().map(|risk| risk.as_str()).collect(),
        has_high_risk: finding.has_high_risk(),
        position: PositionItem {
            side: finding.place.side.as_str(),
            file: position.file.to_string(),
            line: widen(position.line),
            column: widen(position.column),
        },
    }
}

fn effect_item(effect: &Effect) -> EffectItem {
    let Effect { whom, policy } = effect;
    let (on, address) = match whom {
        Whom::Version(address) => ("version", Some(address.to_string())),
        Whom::OtherVersions => ("other-versions", None),
        Whom::UndeclaredNames => ("undeclared-names", None),
        Whom::WholeEnvironment => ("environment", None),
    };
    EffectItem {
        on,
        address,
        fate: policy.as_str(),
        reason: match policy {
            PolicyEffect::LeftAlone(why) => Some(why.as_str()),
            _ => None,
        },
        retain: match policy {
            PolicyEffect::DeletedBeyond(newest) => Some(*newest),
            _ => None,
        },
    }
}
