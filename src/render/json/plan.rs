//! The plan as a document with Terraform's keys, so that policy tools for Terraform plans can read
//! it. Other values are under `x_solution`.
//!
//! `format_version` is the version of Terraform's plan format with these keys. Readers must ignore
//! keys that they do not know.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use super::drift::DriftItem;
use super::items::{InFlightItem, OrphanedItem, PositionItem, UnrestoredItem, seconds};
use crate::ident::Identity;
use crate::manifest::Enforcement;
use crate::plan::{
    Action, ActionKind, AfterImage, Block, Change, ExpectedTime, LiveImage, Note, Plan, Reason,
    RunningRuns, Succession, Successions, Successor, Summary, Upload,
};
use crate::render::view::steps::{Release, releases};

/// The version of Terraform's plan format whose keys are used.
const FORMAT_VERSION: &str = "1.2";
/// The Terraform type of a solution version.
pub(super) const RESOURCE_TYPE: &str = "solform_solution";

/// The output of `plan --format json` and `show --format json`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PlanDocument<'a> {
    /// The version of this format, `MAJOR.MINOR`.
    format_version: &'static str,
    /// The version of solform that wrote the document.
    solform_version: &'static str,
    /// True if there is something to apply, nothing blocks it, and no write of an earlier apply is
    /// in flight.
    applyable: bool,
    /// True if nothing is left to plan after this plan is applied.
    complete: bool,
    /// True if planning failed.
    errored: bool,
    /// Every version in the plan, including versions that are as declared.
    #[schemars(with = "Vec<ResourceChange>")]
    resource_changes: ResourceChanges<'a>,
    /// Values without a key in Terraform's format.
    x_solution: PlanExtension,
}

/// The changes of a plan, each of which is made when it is written.
#[derive(Debug)]
struct ResourceChanges<'a> {
    changes: &'a [Change],
    successions: Successions<'a>,
}

impl Serialize for ResourceChanges<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let changes = self.changes.iter();
        serializer.collect_seq(changes.map(|change| resource_change(change, &self.successions)))
    }
}

/// A version with its change.
#[derive(Debug, Serialize, JsonSchema)]
struct ResourceChange {
    /// `Name@version`, with the owner in front if two versions have the same name and version.
    address: String,
    /// Always `managed`.
    mode: &'static str,
    /// Always `solform_solution`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The solution's name.
    name: String,
    /// The solution's version.
    index: String,
    /// Always `solform`.
    provider_name: &'static str,
    /// The action.
    change: ChangeItem,
    /// Terraform's word for the reason; null if it has none.
    action_reason: Option<&'static str>,
    /// Values without a key in Terraform's format.
    x_solution: ChangeExtension,
}

/// The values of a version, by field.
type Values = BTreeMap<&'static str, Option<String>>;

/// The action on a version.
#[derive(Debug, Serialize, JsonSchema)]
struct ChangeItem {
    /// `no-op`, `create`, `update`, `delete`, or `delete` and `create` for a replace. A search for
    /// `delete` finds every loss.
    actions: Vec<&'static str>,
    /// The live values; null if no version is live.
    before: Option<Values>,
    /// The values after the apply; null if no version will be live.
    after: Option<Values>,
    /// The fields that are known only after the apply.
    after_unknown: BTreeMap<&'static str, bool>,
    /// Always false: no value of a solution version is a secret.
    before_sensitive: bool,
    /// Always false: no value of a solution version is a secret.
    after_sensitive: bool,
}

/// The additional values of a change.
#[derive(Debug, Serialize, JsonSchema)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own, and a key of the document"
)]
pub(super) struct ChangeExtension {
    /// The environment; only in the event stream of several environments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) environment: Option<String>,
    /// The owner.
    owner: String,
    /// The reason: `declared`, `superseded`, `undeclared`, `tombstone`, `requested` or
    /// `content-changed`.
    reason: &'static str,
    /// The versions that supersede it.
    superseded_by: Vec<String>,
    /// The position of its entry in the manifest.
    position: Option<PositionItem>,
    /// The way to undo it: `nothing`, `by-patch`, `by-delete` or `irreversible`.
    undo: &'static str,
    /// The changes that must be done first.
    waits_for: Vec<String>,
    /// The versions that must be live before this one is deactivated or deleted.
    successors: Vec<String>,
    /// True if the change is blocked.
    blocked: bool,
    /// The blocks, as stable codes: `protected`, `owner-differs`, `owner-moved`, `author-differs`,
    /// or the code of a problem of its package.
    blocked_by: Vec<&'static str>,
    /// The fingerprint of the package that is deployed; null if nothing is deployed, or if the
    /// package could not be inspected.
    package: Option<String>,
    /// True if the version stops serving, and no other version of its name serves instead.
    ends_service: bool,
    /// True if the version becomes visible to all users.
    becomes_public: bool,
    /// True if fewer users will see the version.
    narrows_visibility: bool,
    /// The versions that this one replaces when it comes into service; null if there are none.
    takes_over: Option<SuccessionItem>,
    /// The difference between the deployed contents and the source; only if it is the reason or a
    /// note.
    #[serde(skip_serializing_if = "Option::is_none")]
    content_drift: Option<DriftItem>,
    /// The RUNNING runs of a version that goes out of service; only if `drain` handles them.
    #[serde(skip_serializing_if = "Option::is_none")]
    running_runs: Option<RunningRunsItem>,
    /// Every field that differs, including differences that are left alone.
    fields: Vec<FieldItem>,
    /// Additional facts for a reader, as stable words.
    notes: Vec<&'static str>,
    /// The expected duration in milliseconds, as earlier applies show it; null if it is not known.
    expected_ms: Option<u64>,
}

/// The versions that another version replaces.
#[derive(Debug, Serialize, JsonSchema)]
struct SuccessionItem {
    /// `upgrade`, `downgrade`, `incomparable` if their numbers cannot be ordered, or `handover`
    /// from the same version of another owner.
    course: &'static str,
    /// The replaced versions, the highest first; for a downgrade only the higher versions.
    from: Vec<String>,
}

/// The RUNNING runs of a version.
#[derive(Debug, Serialize, JsonSchema)]
struct RunningRunsItem {
    /// `wait` or `fail`.
    mode: &'static str,
    /// The maximum duration of the wait, in seconds.
    limit_seconds: f64,
    /// The number of runs; null if their list could not be read.
    count: Option<usize>,
    /// True if there may be more.
    at_least: bool,
    /// The spaces whose runs were listed; empty for those of the token's user.
    spaces: Vec<String>,
}

impl RunningRunsItem {
    fn of(runs: &RunningRuns) -> Self {
        Self {
            mode: runs.mode.as_str(),
            limit_seconds: seconds(Duration::from_millis(runs.limit_ms)),
            count: runs.count,
            at_least: runs.is_minimum,
            spaces: runs.spaces.iter().cloned().collect(),
        }
    }
}

/// A field that differs.
#[derive(Debug, Serialize, JsonSchema)]
struct FieldItem {
    /// The name.
    field: &'static str,
    /// The live value; null if no version is live, or if the value is not known.
    before: Option<String>,
    /// The declared value; null if the version will be deleted.
    after: Option<String>,
    /// The decision: `apply`, or left alone because of `unknown-word`, `not-known` or
    /// `waits-for-review`.
    decision: &'static str,
}

/// The additional values of a plan.
#[derive(Debug, Serialize, JsonSchema)]
struct PlanExtension {
    /// The name of the environment in the manifest.
    environment: String,
    /// The environment's URL.
    url: String,
    /// The digest of the resolved manifest.
    manifest: String,
    /// `converge`, `destroy` or `rollback`.
    mode: &'static str,
    /// The id of the apply that is rolled back; only in the plan of a roll-back.
    #[serde(skip_serializing_if = "Option::is_none")]
    rollback_of: Option<String>,
    /// The versions that are not restored, or not completely; only in the plan of a roll-back.
    #[serde(skip_serializing_if = "Option::is_none")]
    unrestored: Option<Vec<UnrestoredItem>>,
    /// The counts.
    summary: SummaryItem,
    /// The number of live versions in scope; percentages of limits refer to it.
    live_in_scope: usize,
    /// The refusals of the plan.
    refusals: Vec<String>,
    /// The policies that the plan violates, in the order of the manifest.
    policies: Vec<ViolationItem>,
    /// Writes of earlier applies whose outcome is not known.
    in_flight: Vec<InFlightItem>,
    /// Live records that failed deploys left.
    orphaned: Vec<OrphanedItem>,
    /// The steps of each solution whose new version must pass its verification.
    releases: Vec<ReleaseItem>,
    /// The expected duration; null if it is not known or below a second.
    expected: Option<ExpectedTimeItem>,
}

/// A policy that a plan violates.
#[derive(Debug, Serialize, JsonSchema)]
struct ViolationItem {
    /// The name of the policy.
    policy: String,
    /// `deny` blocks the plan, `warn` does not.
    enforcement: Enforcement,
    /// The message of the policy.
    message: String,
    /// The addresses of the changes that violate it, at most 20; empty if they are not known.
    addresses: Vec<String>,
    /// The number of changes that violate it and are not among the addresses.
    more: usize,
    /// The reason why the condition could not be evaluated; null if it is true.
    failure: Option<String>,
    /// The position of the condition in the manifest.
    position: Option<PositionItem>,
}

impl ViolationItem {
    fn all(plan: &Plan) -> Vec<Self> {
        let violations = plan.judgement.violations.iter();
        let items = violations.map(|violation| Self {
            policy: violation.policy.clone(),
            enforcement: violation.enforcement,
            message: violation.message.clone(),
            addresses: violation.changes.clone(),
            more: violation.more,
            failure: violation.failure.clone(),
            position: violation.origin.as_ref().map(PositionItem::of),
        });
        items.collect()
    }
}

/// The expected duration of a plan, from the durations of earlier applies.
#[derive(Debug, Serialize, JsonSchema)]
struct ExpectedTimeItem {
    /// The duration of the whole, in milliseconds.
    whole_ms: u64,
    /// The changes that wait for each other and take longest, in their order.
    path: Vec<String>,
    /// The duration of these changes, in milliseconds.
    path_ms: u64,
    /// The number of changes whose duration is not known.
    unknown: usize,
}

impl ExpectedTimeItem {
    fn of(expected: &ExpectedTime) -> Self {
        Self {
            whole_ms: millis(expected.whole),
            path: expected.path.iter().map(ToString::to_string).collect(),
            path_ms: millis(expected.path_time),
            unknown: expected.unknown,
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The steps of a solution, in their order.
#[derive(Debug, Serialize, JsonSchema)]
struct ReleaseItem {
    /// The solution's name.
    name: String,
    /// The steps.
    steps: Vec<ReleaseStepItem>,
}

/// A step of a release.
#[derive(Debug, Serialize, JsonSchema)]
struct ReleaseStepItem {
    /// The address of its change.
    address: String,
    /// `drain`, `upload`, `deploy`, `verify`, `patch` or `delete`.
    step: &'static str,
    /// The step as a phrase.
    text: String,
}

impl ReleaseItem {
    fn of(release: Release<'_>) -> Self {
        let steps = release.steps.into_iter().map(|step| ReleaseStepItem {
            address: step.change.address.to_string(),
            step: step.word,
            text: step.text,
        });
        Self {
            name: release.name.to_string(),
            steps: steps.collect(),
        }
    }
}

/// Returns true if there is something to apply, and no write of an earlier apply is in flight.
pub(super) fn is_applyable_now(summary: &Summary) -> bool {
    summary.has_changes() && summary.in_flight == 0
}

/// The counts of a plan.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct SummaryItem(#[serde(with = "SummaryKeys")] pub(super) Summary);

/// The counts of a plan.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(remote = "Summary")]
#[schemars(inline)]
struct SummaryKeys {
    /// Versions that are deployed; a replace counts here and in `destroy`.
    add: usize,
    /// Versions that are patched.
    change: usize,
    /// Versions that are deleted.
    destroy: usize,
    /// Versions that are as declared.
    no_op: usize,
    /// Declared versions in a state or visibility that solform does not know. They are not as
    /// declared, and solform does not change them.
    unknown: usize,
    /// Declared versions that wait for an approval on the platform. They are not changed, and do
    /// not count as declared.
    in_review: usize,
    /// Changes that are blocked; they are also counted above.
    blocked: usize,
    /// Versions that stop serving without a successor of their name.
    ends_service: usize,
    /// Changes that cannot be undone.
    irreversible: usize,
    /// Versions that become PUBLIC.
    widened: usize,
    /// Versions that fewer users will see.
    narrowed: usize,
    /// Versions that come into service and replace a higher version.
    downgraded: usize,
    /// Versions that serve next to a declared version, and that a policy takes out of service.
    coexisting: usize,
    /// Live versions that the manifest leaves alone.
    unmanaged: usize,
    /// Changes that options left out.
    left_out: usize,
    /// Writes of earlier applies whose outcome is not known.
    in_flight: usize,
    /// Live records that failed deploys left.
    orphaned: usize,
    /// Versions that a roll-back does not restore completely.
    unrestored: usize,
}

/// Returns the document of a plan and its refusals.
pub fn plan_document<'a>(plan: &'a Plan, refusals: &[impl ToString]) -> PlanDocument<'a> {
    let summary = Summary::of(plan);
    let is_whole = summary.left_out == 0 && summary.blocked == 0 && !summary.has_leftovers();
    PlanDocument {
        format_version: FORMAT_VERSION,
        solform_version: env!("CARGO_PKG_VERSION"),
        applyable: refusals.is_empty() && is_applyable_now(&summary),
        complete: refusals.is_empty() && is_whole,
        errored: false,
        resource_changes: ResourceChanges {
            changes: &plan.changes,
            successions: Successions::of(plan),
        },
        x_solution: PlanExtension {
            environment: plan.subject.environment.clone(),
            url: plan.subject.url.clone(),
            manifest: plan.subject.manifest.to_string(),
            mode: plan.mode.as_str(),
            rollback_of: plan.rollback.as_ref().map(|of| of.apply.clone()),
            unrestored: UnrestoredItem::of_rollback(plan),
            summary: SummaryItem(summary),
            live_in_scope: plan.live_in_scope,
            refusals: refusals.iter().map(ToString::to_string).collect(),
            policies: ViolationItem::all(plan),
            in_flight: InFlightItem::all(plan, &plan.in_flight),
            orphaned: OrphanedItem::all(plan),
            releases: releases(plan).into_iter().map(ReleaseItem::of).collect(),
            expected: plan.expected.as_ref().map(ExpectedTimeItem::of),
        },
    }
}

fn resource_change(change: &Change, successions: &Successions<'_>) -> ResourceChange {
    ResourceChange {
        address: change.address.to_string(),
        mode: "managed",
        kind: RESOURCE_TYPE,
        name: change.identity.name.to_string(),
        index: change.identity.version.to_string(),
        provider_name: "solform",
        change: change_item(&change.action),
        action_reason: match (&change.reason, change.action.kind()) {
            (Reason::ContentChanged { .. }, ActionKind::Replace) => {
                Some("replace_because_cannot_update")
            }
            (_, ActionKind::Replace) => Some("replace_by_request"),
            (Reason::Undeclared, ActionKind::Delete) => Some("delete_because_no_resource_config"),
            _ => None,
        },
        x_solution: extension(change, successions.of_change(change)),
    }
}

fn change_item(action: &Action) -> ChangeItem {
    let before = action.before().map(image);
    let after = match action {
        Action::NoOp { .. } => before.clone(),
        Action::Delete { .. } => None,
        Action::Create { path, after, .. } | Action::Replace { path, after, .. } => {
            let mut values = declared(after);
            values.insert("path", Some(path.clone()));
            if let Some(upload) = &after.upload {
                let Upload { source, size, .. } = &**upload;
                values.insert("source", Some(source.path().to_owned()));
                if let Some(environment) = source.environment() {
                    values.insert("source_environment", Some(environment.to_owned()));
                }
                values.insert("source_size", Some(size.to_string()));
                values.insert("sha256", source.sha256().map(ToString::to_string));
            }
            Some(values)
        }
        Action::Update { before, after, .. } => {
            let mut values = declared(after);
            // Values that are not declared do not change.
            values.insert("id", Some(before.id.to_string()));
            values.insert("owner", Some(before.identity.owner.to_string()));
            if after.visibility.is_none() {
                let known = before.visibility.as_ref().map(ToString::to_string);
                values.insert("visibility", known);
            }
            Some(values)
        }
    };
    let mut after_unknown = BTreeMap::new();
    if let Action::Create { after, .. } | Action::Replace { after, .. } = action {
        after_unknown.insert("id", true);
        if after.visibility.is_none() {
            after_unknown.insert("visibility", true);
        }
    }
    ChangeItem {
        actions: match action.kind() {
            ActionKind::Replace => vec!["delete", "create"],
            kind => vec![kind.as_str()],
        },
        before,
        after,
        after_unknown,
        before_sensitive: false,
        after_sensitive: false,
    }
}

fn image(live: &LiveImage) -> Values {
    let mut values = common_values(&live.identity, &live.state);
    let visibility = live.visibility.as_ref().map(ToString::to_string);
    values.extend([
        ("id", Some(live.id.to_string())),
        ("visibility", visibility),
    ]);
    values
}

fn declared(after: &AfterImage) -> Values {
    let mut values = common_values(&after.identity, &after.state);
    let visibility = after
        .visibility
        .map(|word| ("visibility", Some(word.to_string())));
    values.extend(visibility);
    values
}

fn common_values(identity: &Identity, state: &dyn ToString) -> Values {
    BTreeMap::from([
        ("name", Some(identity.name.to_string())),
        ("version", Some(identity.version.to_string())),
        ("owner", Some(identity.owner.to_string())),
        ("state", Some(state.to_string())),
    ])
}

pub(super) fn extension(change: &Change, succession: Option<Succession<'_>>) -> ChangeExtension {
    let (reason, superseded_by) = match &change.reason {
        Reason::Declared => ("declared", &[][..]),
        Reason::Superseded { by } => ("superseded", &by[..]),
        Reason::Undeclared => ("undeclared", &[][..]),
        Reason::Tombstone => ("tombstone", &[][..]),
        Reason::Requested => ("requested", &[][..]),
        Reason::ContentChanged { .. } => ("content-changed", &[][..]),
        Reason::RolledBack { .. } => ("rolled-back", &[][..]),
    };
    let successor = |successor: &Successor| successor.address.to_string();
    ChangeExtension {
        environment: None,
        content_drift: change.content_drift().map(DriftItem::of),
        running_runs: change.running_runs().map(RunningRunsItem::of),
        owner: change.identity.owner.to_string(),
        reason,
        superseded_by: superseded_by.iter().map(ToString::to_string).collect(),
        position: change.origin.as_ref().map(PositionItem::of),
        undo: change.undo().as_str(),
        waits_for: change.waits_for.iter().map(ToString::to_string).collect(),
        successors: change.successors.iter().map(successor).collect(),
        blocked: !change.blocked.is_empty(),
        blocked_by: change.blocked.iter().map(Block::code).collect(),
        package: change
            .action
            .after()
            .and_then(|after| after.package.as_ref())
            .map(ToString::to_string),
        ends_service: change.ends_service(),
        becomes_public: change.becomes_public(),
        narrows_visibility: change.narrows_visibility(),
        takes_over: succession.map(|succession| SuccessionItem {
            course: succession.course.as_str(),
            from: succession.from.iter().map(ToString::to_string).collect(),
        }),
        fields: change
            .fields
            .iter()
            .map(|field| FieldItem {
                field: field.field.as_str(),
                before: field.before.as_deref().map(str::to_owned),
                after: field.after.as_deref().map(str::to_owned),
                decision: field.decision.as_str(),
            })
            .collect(),
        notes: change.notes.iter().map(note_word).collect(),
        expected_ms: change.expected.map(millis),
    }
}

pub(in crate::render) fn note_word(note: &Note) -> &'static str {
    match note {
        Note::NoSuccessor => "no-successor",
        Note::OutOfServiceMeanwhile => "out-of-service-meanwhile",
        Note::VisibilityNotKnown => "visibility-not-known",
        Note::WaitsForReview => "waits-for-review",
        Note::SuccessorWaitsForReview { .. } => "successor-waits-for-review",
        Note::ExposedUntilPatched { .. } => "exposed-until-patched",
        Note::ExposedBeforeVerification => "exposed-before-verification",
        Note::VisibilityOfPackage { .. } => "visibility-of-package",
        Note::UnknownWord { .. } => "unknown-word",
        Note::MoreRecords { .. } => "more-records",
        Note::RecordsOfOtherOwner { .. } => "records-of-other-owner",
        Note::HeldBack { .. } => "held-back",
        Note::FollowedOwner { .. } => "followed-owner",
        Note::ContentDrift { .. } => "content-drift",
        Note::SimilarNames { .. } => "similar-names",
        Note::RunningRuns { .. } => "running-runs",
        Note::DeactivatedInstead { .. } => "deactivated-instead",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribute::Visibility;
    use crate::plan::testing::{Scenario, declared, live, scenario};
    use crate::render::human::plan_text;
    use crate::render::{PlanDetail, gitlab_document, render_json};
    use serde_json::{Value, json};

    fn every_kind() -> Scenario {
        scenario()
            .protect("Safe@1")
            .declare([
                declared("Upgrade@2.0").visible(Visibility::Public),
                declared("Gone@1.0").absent(),
                declared("Again@1.0"),
                declared("Same@1.0"),
                declared("Safe@1").absent(),
            ])
            .live([
                live("Upgrade@1.0"),
                live("Gone@1.0").visible("PUBLIC"),
                live("Again@1.0"),
                live("Same@1.0"),
                live("Safe@1"),
                live("other:Stranger@1.0"),
            ])
            .replace("Again@1.0")
    }

    fn document(scenario: &Scenario, refusals: &[String]) -> Value {
        let plan = scenario.plan();
        let document = plan_document(&plan, refusals);
        let mut text = Vec::new();
        render_json(&document, &mut text).unwrap();
        serde_json::from_slice(&text).unwrap()
    }

    fn change<'a>(document: &'a Value, address: &str) -> &'a Value {
        let changes = document["resource_changes"].as_array().unwrap();
        changes
            .iter()
            .find(|change| change["address"] == address)
            .unwrap_or_else(|| panic!("no {address} in {document:#}"))
    }

    #[test]
    fn every_kind_of_change_has_its_actions_and_sides() {
        let document = document(&every_kind(), &[]);
        for (address, actions, has_before, has_after) in [
            ("Upgrade@1.0", json!(["update"]), true, true),
            ("Upgrade@2.0", json!(["create"]), false, true),
            ("Again@1.0", json!(["delete", "create"]), true, true),
            ("Gone@1.0", json!(["delete"]), true, false),
            ("Same@1.0", json!(["no-op"]), true, true),
        ] {
            let change = change(&document, address);
            assert_eq!(change["change"]["actions"], actions, "{address}");
            assert_eq!(
                !change["change"]["before"].is_null(),
                has_before,
                "{address}"
            );
            assert_eq!(!change["change"]["after"].is_null(), has_after, "{address}");
        }
        let upgrade = change(&document, "Upgrade@1.0");
        assert_eq!(upgrade["change"]["before"]["state"], "ACTIVE");
        assert_eq!(upgrade["change"]["after"]["state"], "INACTIVE");
        assert_eq!(
            upgrade["x_solution"]["superseded_by"],
            json!(["Upgrade@2.0"])
        );
        assert_eq!(upgrade["x_solution"]["waits_for"], json!(["Upgrade@2.0"]));
        let create = change(&document, "Upgrade@2.0");
        assert_eq!(
            create["change"]["after"]["path"],
            "releases/Upgrade-2.0.ibsolution"
        );
        assert_eq!(create["change"]["after_unknown"], json!({ "id": true }));
        assert_eq!(create["x_solution"]["becomes_public"], true);
        assert_eq!(
            create["x_solution"]["takes_over"],
            json!({ "course": "upgrade", "from": ["Upgrade@1.0"] })
        );
        assert!(upgrade["x_solution"]["takes_over"].is_null());
        let again = change(&document, "Again@1.0");
        assert_eq!(again["action_reason"], "replace_by_request");
        assert_eq!(again["x_solution"]["undo"], "irreversible");
        assert_eq!(change(&document, "Safe@1")["x_solution"]["blocked"], true);
        let same = change(&document, "Same@1.0");
        assert_eq!(same["change"]["before"], same["change"]["after"]);
    }

    #[test]
    fn applyable_and_complete_follow_the_plan() {
        let one = scenario().declare([declared("A@1")]);
        for (scenario, refusals, applyable, complete) in [
            (one, vec![], true, true),
            (
                scenario().declare([declared("A@1")]),
                vec!["no".to_owned()],
                false,
                false,
            ),
            (
                scenario().declare([declared("A@1")]).live([live("A@1")]),
                vec![],
                false,
                true,
            ),
            (every_kind().target("Again"), vec![], true, false),
        ] {
            let document = document(&scenario, &refusals);
            assert_eq!(document["applyable"], applyable, "{document:#}");
            assert_eq!(document["complete"], complete, "{document:#}");
        }
    }

    /// Other programs flatten the actions and count them.
    #[test]
    fn every_format_has_the_same_counts() {
        for scenario in [
            every_kind(),
            every_kind().target("Upgrade"),
            scenario(),
            scenario().declare([declared("A@1"), declared("B@1")]),
            scenario()
                .live([live("A@1")])
                .declare([declared("A@1").inactive()]),
        ] {
            let plan = scenario.plan();
            let document = document(&scenario, &[]);
            let actions: Vec<&str> = document["resource_changes"]
                .as_array()
                .unwrap()
                .iter()
                .flat_map(|change| change["change"]["actions"].as_array().unwrap())
                .map(|action| action.as_str().unwrap())
                .collect();
            let count = |word: &str| actions.iter().filter(|action| **action == word).count();
            let gitlab = serde_json::to_value(gitlab_document([&plan])).unwrap();
            assert_eq!(gitlab["create"], count("create"));
            assert_eq!(gitlab["update"], count("update"));
            assert_eq!(gitlab["delete"], count("delete"));
            let text = plan_text(PlanDetail::Verbose, &plan);
            let line = format!(
                "Plan: {} to add, {} to change, {} to destroy.",
                count("create"),
                count("update"),
                count("delete")
            );
            let is_empty = actions.iter().all(|action| *action == "no-op");
            assert!(
                if is_empty {
                    text.starts_with("No changes.")
                } else {
                    text.contains(&line)
                },
                "{text}"
            );
        }
    }
}
