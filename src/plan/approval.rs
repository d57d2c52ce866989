//! Narrows a fresh plan to the changes that a saved plan approves.
//!
//! A saved plan is an approval, not a program: only changes that are in the fresh plan and that the
//! file approves are executed. A file can never cause a write that the fresh plan does not contain.
//! The writes of an earlier apply of the same plan are not foreign changes: the journal shows them,
//! and the rest of a half-done change belongs to the same change.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::action::{Action, AfterImage, LiveImage, Patch, is_made_by_deploy};
use super::change::{Block, Change, Field, Mode, Plan};
use super::options::{DiffOptions, PlanOptions, Selector};
use super::precondition::{
    Difference, PreconditionResult, check_create, check_delete, check_update,
};
use crate::attribute::{State, Visibility};
use crate::ident::{Address, Identity, SolutionId};
use crate::live::{LiveState, LiveVersion};
use crate::manifest::Manifest;

/// The progress of a plan in earlier applies, from the journals.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PlanProgress {
    /// True if one of them ended with every change done.
    pub is_used_up: bool,
    /// The steps that sent a request.
    pub steps: Vec<PastWrite>,
}

/// A step of an earlier apply that sent a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastWrite {
    /// The action of the step.
    pub action: Action,
    /// True if a deploy was sent.
    pub is_deployed: bool,
    /// The patches that were sent and not refused, in order, each with its record.
    pub patches: Vec<(SolutionId, Patch)>,
    /// The patches that the server refused, each with its record.
    pub refused: Vec<(SolutionId, Patch)>,
    /// True if a delete was sent.
    pub is_deleted: bool,
    /// The record that is live since then.
    pub record: Option<SolutionId>,
    /// The end of the step.
    pub end: PastEnd,
}

/// The end of a step of an earlier apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PastEnd {
    /// The step is completely done.
    Done,
    /// A write is missing, or its result is unknown.
    Unfinished,
}

/// A fresh plan, narrowed to the approved changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NarrowedPlan {
    /// Every approved change: in the fresh plan's form if it is executed, otherwise as approved.
    pub plan: Plan,
    /// The ends of the changes that are not executed.
    pub decided: BTreeMap<Address, Decided>,
    /// Changes that only the fresh plan has.
    pub not_approved: Vec<Change>,
    /// The counts of earlier applies of the same plan, for its limits.
    pub spent: Spent,
}

/// The end of an approved change that is not executed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decided {
    /// Its after-image is live, with this record where one is.
    Done(Option<SolutionId>),
    /// It is not in the fresh plan.
    Refused(Vec<Difference>),
}

/// The counts of earlier applies of a plan, for its limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spent {
    /// The versions in scope that are gone. The base of percentages includes them.
    pub gone: usize,
    /// The deletes, including those of replaces.
    pub destroyed: usize,
    /// The versions that went out of service without a successor.
    pub ended_service: usize,
}

impl NarrowedPlan {
    /// Returns the plan without the changes that are not executed.
    pub fn to_execute(&self) -> Plan {
        let mut plan = self.plan.clone();
        plan.changes
            .retain(|change| !self.decided.contains_key(&change.address));
        plan
    }
}

impl PlanOptions {
    /// Returns the options of the new plan that this saved plan approves: its selection, and these
    /// replacements without those that are done.
    pub fn of_new_plan(
        &self,
        mode: Mode,
        replace: &[Address],
        progress: &PlanProgress,
    ) -> DiffOptions {
        let selectors = |texts: &[String]| texts.iter().map(|text| Selector::new(text)).collect();
        DiffOptions {
            mode,
            targets: selectors(&self.target),
            excludes: selectors(&self.exclude),
            replace: replace
                .iter()
                .filter(|address| !progress.has_replaced(address))
                .cloned()
                .collect(),
            is_approval: true,
            may_select_nothing: true,
            ..DiffOptions::default()
        }
    }
}

impl PlanProgress {
    /// Returns whether a replaced version was already deployed again: then `--replace` is done, and
    /// the rest of the change is not a replace.
    pub fn has_replaced(&self, address: &Address) -> bool {
        self.steps.iter().any(|step| {
            step.is_deployed
                && matches!(step.action, Action::Replace { .. })
                && step
                    .action
                    .identity()
                    .is_some_and(|identity| address.means(identity))
        })
    }

    /// Returns the progress of an approved change.
    fn of(&self, approved: &Change, live: &LiveIndex<'_>) -> Half<'_> {
        let before = approved.action.before().map(|before| &before.id);
        let mut half = Half::default();
        // Steps are in order, so that a deploy's record is known before its patch.
        for step in &self.steps {
            if step.action.identity() != Some(&approved.identity) {
                continue;
            }
            let record = step.action.before().map(|before| &before.id);
            let is_same = record == before || (record.is_some() && record == half.deployed);
            let is_redeploy = record.is_none() && half.is_deleted;
            if !is_same && !is_redeploy {
                continue;
            }
            half.is_patched |= !step.patches.is_empty();
            half.is_deleted |= step.is_deleted && before.is_some_and(|id| live.by_id(id).is_none());
            if step.is_deployed
                && let Some(record) = &step.record
            {
                half.deployed = Some(record);
            }
            for (id, set) in step.patches.iter().chain(&step.refused) {
                if half.deployed == Some(id) {
                    half.rest.get_or_insert(*set);
                }
            }
            half.is_done |= step.end == PastEnd::Done;
        }
        half
    }
}

/// The progress of one change in earlier applies.
#[derive(Debug, Clone, Copy, Default)]
struct Half<'a> {
    is_patched: bool,
    /// True if its record was deleted, and is gone.
    is_deleted: bool,
    /// The record that the earlier applies deployed.
    deployed: Option<&'a SolutionId>,
    /// The first patch after that deploy, also if the server refused it: all that was missing then.
    rest: Option<Patch>,
    is_done: bool,
}

/// Live records by id.
struct LiveIndex<'a> {
    live: &'a LiveState,
    ids: HashMap<&'a SolutionId, &'a LiveVersion>,
}

impl<'a> LiveIndex<'a> {
    fn of(live: &'a LiveState) -> Self {
        let ids = live.versions().iter().map(|version| (&version.id, version));
        Self {
            live,
            ids: ids.collect(),
        }
    }

    fn by_id(&self, id: &SolutionId) -> Option<&'a LiveVersion> {
        self.ids.get(id).copied()
    }
}

/// The fresh plan's changes by identity, as indexes.
struct Fresh<'a> {
    plan: &'a Plan,
    by_identity: HashMap<&'a Identity, Vec<usize>>,
}

impl<'a> Fresh<'a> {
    fn of(plan: &'a Plan) -> Self {
        let mut by_identity: HashMap<&Identity, Vec<usize>> = HashMap::new();
        for (index, change) in plan.changes.iter().enumerate() {
            by_identity.entry(&change.identity).or_default().push(index);
        }
        Self { plan, by_identity }
    }

    /// Returns every change of a version, no-ops included.
    fn of_identity(&self, identity: &Identity) -> impl Iterator<Item = (usize, &'a Change)> {
        let indexes = self.by_identity.get(identity).into_iter().flatten();
        indexes.map(|index| (*index, &self.plan.changes[*index]))
    }

    /// Returns the change of the same record, or the create if the approved change has no record.
    fn exact(&self, approved: &Change) -> Option<(usize, &'a Change)> {
        self.of_identity(&approved.identity)
            .filter(|(_, change)| !change.is_no_op())
            .find(|(_, change)| record_of(change) == record_of(approved))
    }
}

fn record_of(change: &Change) -> Option<&SolutionId> {
    change.action.before().map(|before| &before.id)
}

enum Verdict {
    /// Execute the fresh plan's change at this index.
    Execute(usize),
    Decided(Decided),
}

/// Narrows a fresh plan to the approved changes.
pub fn narrow(
    manifest: &Manifest,
    live: &LiveState,
    fresh: Plan,
    approved: &Plan,
    progress: &PlanProgress,
) -> NarrowedPlan {
    let index = LiveIndex::of(live);
    let found = Fresh::of(&fresh);
    let approved: Vec<&Change> = approved
        .changes
        .iter()
        .filter(|change| !change.is_no_op())
        .collect();
    let mut executed: BTreeMap<usize, &Change> = BTreeMap::new();
    let mut decided: Vec<(&Change, Decided)> = Vec::new();
    let mut spent = Spent::default();
    for change in &approved {
        let half = progress.of(change, &index);
        spent.count(manifest, &index, fresh.mode, change, half);
        match judge_change(change, &found, &index, progress, half) {
            Verdict::Execute(place) if !executed.contains_key(&place) => {
                executed.insert(place, change);
            }
            // Two approved changes cannot match the same change.
            Verdict::Execute(_) => decided.push((change, not_planned(change, &found))),
            Verdict::Decided(end) => decided.push((change, end)),
        }
    }
    let keys: HashSet<(&Identity, Option<&SolutionId>)> = approved
        .iter()
        .map(|change| (&change.identity, record_of(change)))
        .collect();
    let identities: HashSet<&Identity> = approved.iter().map(|change| &change.identity).collect();
    // A fresh change that corresponds to an approved one in another form is shown with that one.
    let answers = |change: &Change| match record_of(change) {
        Some(_) => {
            keys.contains(&(&change.identity, record_of(change)))
                || keys.contains(&(&change.identity, None))
        }
        None => identities.contains(&change.identity),
    };
    let not_approved: Vec<Change> = fresh
        .changes
        .iter()
        .enumerate()
        .filter(|(place, change)| {
            !change.is_no_op() && !executed.contains_key(place) && !answers(change)
        })
        .map(|(_, change)| change.clone())
        .collect();
    let (changes, mut decided) = merge(&fresh, &executed, decided);
    refuse_what_waits(&changes, &mut decided);
    NarrowedPlan {
        plan: Plan { changes, ..fresh },
        decided,
        not_approved,
        spent,
    }
}

/// Refuses changes that wait for a change that is not approved: they would wait for ever.
fn refuse_what_waits(changes: &[Change], decided: &mut BTreeMap<Address, Decided>) {
    let present: HashSet<&Address> = changes
        .iter()
        .filter(|change| !change.is_no_op())
        .map(|change| &change.address)
        .collect();
    for change in changes {
        let missing: Vec<Difference> = change
            .waits_for
            .iter()
            .filter(|address| !present.contains(address))
            .map(|address| Difference::WaitsFor {
                address: address.clone(),
            })
            .collect();
        if !missing.is_empty() {
            let address = change.address.clone();
            decided.insert(address, Decided::Refused(missing));
        }
    }
}

/// Merges the changes to execute, the decided changes, and the no-ops.
fn merge(
    fresh: &Plan,
    executed: &BTreeMap<usize, &Change>,
    decided: Vec<(&Change, Decided)>,
) -> (Vec<Change>, BTreeMap<Address, Decided>) {
    let mut taken: BTreeSet<Address> = executed
        .keys()
        .map(|place| fresh.changes[*place].address.clone())
        .collect();
    let mut ends = BTreeMap::new();
    let mut changes: Vec<Change> = executed
        .keys()
        .map(|place| fresh.changes[*place].clone())
        .collect();
    let mut shown: HashSet<Identity> = HashSet::new();
    for (change, end) in decided {
        // Other changes may wait for it under the address in the fresh plan.
        let of_fresh = fresh
            .changes
            .iter()
            .filter(|other| !other.is_no_op() && other.identity == change.identity)
            .map(|other| &other.address);
        let own = change.identity.full_address();
        let address = of_fresh
            .chain([&change.address, &own])
            .find(|address| !taken.contains(*address))
            .unwrap_or(&change.address)
            .clone();
        taken.insert(address.clone());
        shown.insert(change.identity.clone());
        ends.insert(address.clone(), end);
        changes.push(Change {
            address,
            // This change is not executed.
            waits_for: Vec::new(),
            successors: Vec::new(),
            blocked: Vec::new(),
            ..change.clone()
        });
    }
    let no_ops = fresh.changes.iter().filter(|change| change.is_no_op());
    changes.extend(
        no_ops
            .filter(|change| !shown.contains(&change.identity) && !taken.contains(&change.address))
            .cloned(),
    );
    changes.sort_by(|left, right| {
        left.identity
            .natural_cmp(&right.identity)
            .then_with(|| record_of(left).cmp(&record_of(right)))
    });
    (changes, ends)
}

fn judge_change(
    approved: &Change,
    fresh: &Fresh<'_>,
    live: &LiveIndex<'_>,
    progress: &PlanProgress,
    half: Half<'_>,
) -> Verdict {
    if progress.is_used_up || half.is_done {
        return Verdict::Decided(match done(approved, fresh, live, half) {
            Some(end) => end,
            None => Decided::Refused(vec![Difference::UsedUp]),
        });
    }
    let exact = fresh.exact(approved);
    let compared = exact.map(|(place, change)| (place, differences(approved, change, half)));
    if let Some((place, differences)) = &compared
        && differences.is_empty()
    {
        let blocked = &fresh.plan.changes[*place].blocked;
        let has_owner_conflict = blocked
            .iter()
            .any(|block| matches!(block, Block::Owner(_)) && !approved.blocked.contains(block));
        // A record of another owner has appeared since: that is a changed live state, not a limit.
        return match moved(approved, live) {
            differences if has_owner_conflict && !differences.is_empty() => {
                Verdict::Decided(Decided::Refused(differences))
            }
            _ => Verdict::Execute(*place),
        };
    }
    let compared = compared.or_else(|| rest_of_deploy(approved, fresh, half));
    if let Some((place, differences)) = &compared
        && differences.is_empty()
    {
        return Verdict::Execute(*place);
    }
    if let Some(end) = done(approved, fresh, live, half) {
        return Verdict::Decided(end);
    }
    let orphaned = left_by_own_deploy(approved, fresh, progress);
    let differences = match (orphaned, compared) {
        (Some(id), _) => vec![Difference::Orphaned { id }],
        (None, Some((_, differences))) => differences,
        (None, None) => unplanned(approved, live),
    };
    Verdict::Decided(if differences.is_empty() {
        not_planned(approved, fresh)
    } else {
        Decided::Refused(differences)
    })
}

/// Returns the record that a failed deploy of this plan left.
fn left_by_own_deploy(
    approved: &Change,
    fresh: &Fresh<'_>,
    progress: &PlanProgress,
) -> Option<SolutionId> {
    let identity = &approved.identity;
    let has_deployed = progress
        .steps
        .iter()
        .any(|step| step.is_deployed && step.action.identity() == Some(identity));
    let mut orphaned = fresh.plan.orphaned.iter();
    let record = orphaned.find(|record| has_deployed && record.identity == *identity)?;
    Some(record.id.clone())
}

/// Finds the rest of a change whose deploy or delete was sent. After a deploy, the rest is an
/// update of the record. After a delete, the rest is a create.
fn rest_of_deploy(
    approved: &Change,
    fresh: &Fresh<'_>,
    half: Half<'_>,
) -> Option<(usize, Vec<Difference>)> {
    let (path, after) = match &approved.action {
        Action::Create { path, after, .. } | Action::Replace { path, after, .. } => (path, after),
        Action::Update { .. } | Action::Delete { .. } | Action::NoOp { .. } => return None,
    };
    let mut rest = fresh.of_identity(&approved.identity);
    if let Some(id) = half.deployed {
        return rest.find_map(|(place, change)| match &change.action {
            Action::Update {
                before,
                patch,
                after: declared,
            } if before.id == *id => {
                // The package is deployed already.
                let deployed = AfterImage {
                    package: None,
                    ..after.clone()
                };
                let mut differences = compare_after(&deployed, declared);
                let foreign = half.rest.and_then(|rest| {
                    Patch::new(
                        patch.state().filter(|_| rest.state().is_none()),
                        patch.visibility().filter(|_| rest.visibility().is_none()),
                    )
                });
                // Another user has changed these fields since the deploy.
                differences.extend(foreign.into_iter().flat_map(|set| unset(set, before)));
                Some((place, differences))
            }
            Action::NoOp {
                before: Some(before),
            } if before.id == *id => {
                let missing = after.missing_in(&before.state, before.visibility.as_ref())?;
                Some((place, unset(missing, before)))
            }
            _ => None,
        });
    }
    rest.filter(|_| half.is_deleted)
        .find_map(|(place, change)| match &change.action {
            Action::Create {
                path: declared_path,
                after: declared,
                ..
            } => {
                let mut differences = compare_path(path, declared_path);
                differences.extend(compare_after(after, declared));
                Some((place, differences))
            }
            _ => None,
        })
}

/// Returns the differences of a record from the values that a patch sets.
fn unset(set: Patch, before: &LiveImage) -> Vec<Difference> {
    let state = set.state().map(|state| Difference::Field {
        field: Field::State,
        planned: state.as_str().to_owned(),
        live: before.state.as_str().to_owned(),
    });
    let visibility = set.visibility().map(|visibility| Difference::Field {
        field: Field::Visibility,
        planned: visibility.as_str().to_owned(),
        live: word_of(before),
    });
    state.into_iter().chain(visibility).collect()
}

/// Returns the end of a change whose after-image is live.
fn done(
    approved: &Change,
    fresh: &Fresh<'_>,
    live: &LiveIndex<'_>,
    half: Half<'_>,
) -> Option<Decided> {
    let proven = |live: Option<&LiveVersion>| {
        let live = live?;
        approved
            .action
            .after()?
            .is_proven_by(live)
            .then(|| Decided::Done(Some(live.id.clone())))
    };
    match &approved.action {
        Action::Create {
            after, other_owner, ..
        } => {
            // The record must be the one that the manifest declares.
            let records = fresh
                .of_identity(&approved.identity)
                .filter_map(|(_, change)| live.by_id(record_of(change)?))
                // A failed deploy stays failed, even if it left a record.
                .filter(|live| {
                    fresh
                        .plan
                        .orphaned
                        .iter()
                        .all(|record| record.id != live.id)
                });
            let mut made = half
                .deployed
                .and_then(|id| live.by_id(id))
                .into_iter()
                .chain(records)
                .filter(|live| is_made_by_deploy(after, other_owner.as_ref(), live));
            proven(made.next())
        }
        Action::Update { before, after, .. } => proven(live.by_id(&before.id).filter(|live| {
            live.identity.name == after.identity.name
                && live.identity.version == after.identity.version
        })),
        // Only a deploy of this plan proves which package the record contains.
        Action::Replace { .. } => proven(half.deployed.and_then(|id| live.by_id(id))),
        Action::Delete { before } => {
            let is_gone =
                live.by_id(&before.id).is_none() && live.live.covers(&before.identity.name);
            is_gone.then_some(Decided::Done(None))
        }
        Action::NoOp { .. } => None,
    }
}

/// Returns the differences from the plan if the fresh plan has no change of the record.
fn moved(approved: &Change, live: &LiveIndex<'_>) -> Vec<Difference> {
    let result = match &approved.action {
        Action::Create {
            after, other_owner, ..
        } => check_create(
            after,
            other_owner.as_ref(),
            live.live.named(&after.identity.name),
        ),
        Action::Update { before, patch, .. } => {
            check_update(before, *patch, live.by_id(&before.id))
        }
        Action::Replace { before, .. } => {
            let Some(now) = live.by_id(&before.id) else {
                return vec![Difference::Gone {
                    id: before.id.clone(),
                }];
            };
            check_delete(before, Some(now))
        }
        Action::Delete { before } => check_delete(before, live.by_id(&before.id)),
        Action::NoOp { .. } => PreconditionResult::Done,
    };
    match result {
        PreconditionResult::Moved(differences) => differences,
        PreconditionResult::Ready | PreconditionResult::Done => Vec::new(),
    }
}

/// Returns the differences of a record that the fresh plan does not change. The fresh plan did not
/// depend on its visibility, so one that was not read is no difference.
fn unplanned(approved: &Change, live: &LiveIndex<'_>) -> Vec<Difference> {
    let record = record_of(approved).and_then(|id| live.by_id(id));
    let is_known = record.is_none_or(|live| live.visibility.is_some());
    let mut differences = moved(approved, live);
    differences.retain(|difference| {
        let is_visibility = matches!(
            difference,
            Difference::Field {
                field: Field::Visibility,
                ..
            }
        );
        is_known || !is_visibility
    });
    differences
}

fn not_planned(approved: &Change, fresh: &Fresh<'_>) -> Decided {
    let mut others = fresh.of_identity(&approved.identity);
    let instead = others.find(|(_, change)| record_of(change) == record_of(approved));
    Decided::Refused(vec![Difference::NotPlanned {
        instead: instead.map(|(_, change)| change.action.kind()),
    }])
}

/// Compares an approved change with the fresh plan's change of the same record. The writes of this
/// plan are not differences.
fn differences(approved: &Change, fresh: &Change, half: Half<'_>) -> Vec<Difference> {
    match (&approved.action, &fresh.action) {
        (
            Action::Create {
                path,
                after,
                other_owner,
            },
            Action::Create {
                path: fresh_path,
                after: fresh_after,
                other_owner: fresh_other,
            },
        ) if other_owner == fresh_other => {
            let mut differences = compare_path(path, fresh_path);
            differences.extend(compare_after(after, fresh_after));
            differences
        }
        (
            Action::Replace {
                before,
                path,
                after,
                other_owner,
            },
            Action::Replace {
                before: fresh_before,
                path: fresh_path,
                after: fresh_after,
                other_owner: fresh_other,
            },
        ) if other_owner == fresh_other => {
            let mut differences = compare_before(before, fresh_before);
            differences.retain(|difference| !is_own_deactivation(difference, half));
            differences.extend(compare_path(path, fresh_path));
            differences.extend(compare_after(after, fresh_after));
            differences
        }
        (
            Action::Update {
                before,
                patch,
                after,
            },
            Action::Update {
                before: fresh_before,
                patch: fresh_patch,
                after: fresh_after,
            },
        ) => {
            let mut differences = compare_before(before, fresh_before);
            if half.is_patched {
                // A patch that took effect in part is sent again.
                let has_state = patch.state().is_some() && fresh_patch.state().is_none();
                let has_visibility =
                    patch.visibility().is_some() && fresh_patch.visibility().is_none();
                differences.retain(|difference| match difference {
                    Difference::Field { field, .. } => match field {
                        Field::State => !has_state,
                        // A change of visibility may also change the owner.
                        Field::Visibility | Field::Owner => !has_visibility,
                        Field::Path => true,
                    },
                    _ => true,
                });
            } else if patch.visibility().is_none() && fresh_patch.visibility().is_some() {
                // The visibility was unknown in the plan and would be changed now.
                differences.push(Difference::Field {
                    field: Field::Visibility,
                    planned: "unknown".to_owned(),
                    live: word_of(fresh_before),
                });
            }
            differences.extend(compare_after(after, fresh_after));
            differences
        }
        (
            Action::Delete { before },
            Action::Delete {
                before: fresh_before,
            },
        ) => {
            let mut differences = compare_before(before, fresh_before);
            differences.retain(|difference| !is_own_deactivation(difference, half));
            differences
        }
        (_, instead) => vec![Difference::NotPlanned {
            instead: Some(instead.kind()),
        }],
    }
}

/// Returns whether an earlier apply of this plan set the record INACTIVE to delete it.
fn is_own_deactivation(difference: &Difference, half: Half<'_>) -> bool {
    half.is_patched
        && matches!(difference, Difference::Field { field: Field::State, live, .. }
            if live == State::Inactive.as_str())
}

/// A visibility that was unknown in the plan is not compared. One that the plan showed must be
/// known.
fn compare_before(approved: &LiveImage, fresh: &LiveImage) -> Vec<Difference> {
    let mut differences = Vec::new();
    if approved.identity.name != fresh.identity.name
        || approved.identity.version != fresh.identity.version
    {
        differences.push(Difference::OtherIdentity {
            planned: approved.identity.clone(),
            live: fresh.identity.clone(),
        });
    }
    let mut compare = |field, planned: &str, live: &str| {
        if planned != live {
            differences.push(Difference::Field {
                field,
                planned: planned.to_owned(),
                live: live.to_owned(),
            });
        }
    };
    compare(
        Field::Owner,
        approved.identity.owner.as_str(),
        fresh.identity.owner.as_str(),
    );
    compare(Field::State, approved.state.as_str(), fresh.state.as_str());
    if let Some(planned) = &approved.visibility {
        compare(Field::Visibility, planned.as_str(), &word_of(fresh));
    }
    differences
}

fn word_of(image: &LiveImage) -> String {
    let word = image.visibility.as_ref();
    word.map_or_else(|| "unknown".to_owned(), ToString::to_string)
}

fn compare_path(approved: &str, fresh: &str) -> Vec<Difference> {
    if approved == fresh {
        return Vec::new();
    }
    vec![Difference::Declared {
        field: Field::Path,
        planned: approved.to_owned(),
        declared: fresh.to_owned(),
    }]
}

/// A package that the plan could not inspect is not compared. One that it inspected must be the
/// same.
fn compare_after(approved: &AfterImage, fresh: &AfterImage) -> Vec<Difference> {
    let AfterImage {
        identity,
        state,
        visibility,
        package,
    } = approved;
    let mut differences = Vec::new();
    let mut compare = |field, planned: &str, declared: &str| {
        if planned != declared {
            differences.push(Difference::Declared {
                field,
                planned: planned.to_owned(),
                declared: declared.to_owned(),
            });
        }
    };
    compare(
        Field::Owner,
        identity.owner.as_str(),
        fresh.identity.owner.as_str(),
    );
    compare(Field::State, state.as_str(), fresh.state.as_str());
    let word = |visibility: Option<Visibility>| visibility.map_or("(any)", Visibility::as_str);
    compare(Field::Visibility, word(*visibility), word(fresh.visibility));
    if let Some(planned) = package
        && fresh.package.as_ref() != Some(planned)
    {
        differences.push(Difference::Package {
            planned: planned.clone(),
            found: fresh.package.clone(),
        });
    }
    differences
}

impl Spent {
    /// Adds the counts of one change in earlier applies.
    fn count(
        &mut self,
        manifest: &Manifest,
        live: &LiveIndex<'_>,
        mode: Mode,
        change: &Change,
        half: Half<'_>,
    ) {
        let Some(before) = change.action.before() else {
            return;
        };
        let is_in_scope = manifest.scope.contains(&before.identity);
        if half.is_deleted {
            self.destroyed += 1;
            self.gone += usize::from(is_in_scope && half.deployed.is_none());
        }
        let is_patched = half.is_patched && matches!(change.action, Action::Update { .. });
        let has_ended = change.action.leaves_out_of_service()
            && (half.is_deleted
                || (is_patched
                    && live
                        .by_id(&before.id)
                        .is_some_and(|live| !live.state.is_in_service())));
        if has_ended && !serves(manifest, live.live, mode, &before.identity) {
            self.ended_service += 1;
        }
    }
}

/// Returns whether a version of the name is in service, or will be when the plan is done.
fn serves(manifest: &Manifest, live: &LiveState, mode: Mode, identity: &Identity) -> bool {
    let desired = &manifest.desired;
    let start = desired.partition_point(|entry| entry.identity.name < identity.name);
    let is_declared = mode == Mode::Converge
        && desired[start..]
            .iter()
            .take_while(|entry| entry.identity.name == identity.name)
            .any(|entry| entry.state == State::Active);
    is_declared
        || live.named(&identity.name).iter().any(|version| {
            version.state.is_in_service() && manifest.scope.has_owner(&version.identity.owner)
        })
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
