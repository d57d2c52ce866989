//! Narrows a fresh plan to the changes that a saved plan approves.
//!
//! A saved plan is an approval, not a program: only changes that are in the fresh plan and that the
//! file approves are executed. A file can never cause a write that the fresh plan does not contain.
//! The writes of an earlier apply of the same plan are not foreign changes: the journal shows them,
//! and the rest of a half-done change belongs to the same change.

mod comparison;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashSet};

use thin_vec::ThinVec;

use self::comparison::{compare_declared, compare_deployed, differences, with_reasons};
use super::action::Action;
use super::change::{Block, Change, Plan};
use super::field::Field;
use super::precondition::{Difference, PreconditionResult, check_delete, check_update};
use super::progress::{HalfDone, PlanProgress, Records, Spent};
use crate::ident::{Address, Identity, SolutionId};
use crate::live::LiveState;
use crate::manifest::Manifest;

/// A fresh plan, narrowed to the approved changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NarrowedPlan {
    /// Every approved change: in the fresh plan's form if it is executed, otherwise as approved.
    pub plan: Plan,
    /// The ends of the changes that are not executed.
    pub decided: BTreeMap<Address, Decided>,
    /// Changes that only the fresh plan has.
    pub not_approved: Vec<Change>,
    /// The counts of earlier applies of the same plan, for its limits; `None` for a plan that is
    /// not narrowed.
    pub spent: Option<Spent>,
}

/// The end of an approved change that is not executed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decided {
    /// Its after-image is live, with this record where one is.
    Done(Option<SolutionId>),
    /// It is not in the fresh plan.
    Refused(Vec<Difference>),
}

impl NarrowedPlan {
    /// Returns the plan without the changes that are not executed.
    pub fn to_execute(&self) -> Cow<'_, Plan> {
        if self.decided.is_empty() {
            return Cow::Borrowed(&self.plan);
        }
        let mut plan = self.plan.clone();
        plan.changes
            .retain(|change| !self.decided.contains_key(&change.address));
        Cow::Owned(plan)
    }

    /// Returns the plan of what will happen: also without the changes that wait for a refused one,
    /// which are skipped.
    pub fn to_show(&self) -> Plan {
        let refused = self.decided.iter().filter_map(|(address, end)| match end {
            Decided::Refused(_) => Some(address),
            Decided::Done(_) => None,
        });
        let mut left_out: HashSet<&Address> = refused.collect();
        loop {
            let waiting = self.plan.to_do().filter(|change| {
                let mut waits_for = change.waits_for.iter();
                waits_for.any(|address| left_out.contains(address))
            });
            let waiting: Vec<&Address> = waiting.map(|change| &change.address).collect();
            let before = left_out.len();
            left_out.extend(waiting);
            if left_out.len() == before {
                break;
            }
        }
        let mut plan = self.to_execute().into_owned();
        plan.changes
            .retain(|change| change.is_no_op() || !left_out.contains(&change.address));
        plan
    }
}

/// Returns a plan that no saved plan narrows.
impl From<Plan> for NarrowedPlan {
    fn from(plan: Plan) -> Self {
        Self {
            plan,
            decided: BTreeMap::new(),
            not_approved: Vec::new(),
            spent: None,
        }
    }
}

/// The inputs of the judgement of each approved change.
struct Sides<'a> {
    fresh: &'a Plan,
    live: &'a LiveState,
    records: Records<'a>,
    progress: &'a PlanProgress,
}

/// Narrows a fresh plan to the approved changes.
pub fn narrow(
    manifest: &Manifest,
    live: &LiveState,
    fresh: Plan,
    approved: &Plan,
    progress: &PlanProgress,
) -> NarrowedPlan {
    let records = live.versions().iter().map(|version| (&version.id, version));
    let sides = Sides {
        fresh: &fresh,
        live,
        records: records.collect(),
        progress,
    };
    let mut executed: BTreeMap<usize, &Change> = BTreeMap::new();
    let mut decided: Vec<(&Change, Decided)> = Vec::new();
    let mut spent = Spent::default();
    for change in approved.to_do() {
        let half = progress.of_change(change, &sides.records);
        spent.count(manifest, (live, &sides.records), fresh.mode, change, half);
        match sides.judge(change, half) {
            Ok(index) if !executed.contains_key(&index) => {
                executed.insert(index, change);
            }
            // Two approved changes cannot match the same change.
            Ok(_) => decided.push((change, sides.not_planned(change))),
            Err(end) => decided.push((change, end)),
        }
    }
    let not_approved = not_approved(&fresh, approved, &executed);
    let (changes, mut decided) = sides.merge(&executed, decided);
    refuse_what_waits(&changes, &mut decided);
    NarrowedPlan {
        plan: Plan { changes, ..fresh },
        decided,
        not_approved,
        spent: Some(spent),
    }
}

/// Returns the changes that only the fresh plan has. A change that corresponds to an approved one
/// in another form is shown with that one.
fn not_approved(fresh: &Plan, approved: &Plan, executed: &BTreeMap<usize, &Change>) -> Vec<Change> {
    let keys: HashSet<(&Identity, Option<&SolutionId>)> = approved
        .to_do()
        .map(|change| (&change.identity, change.record()))
        .collect();
    let identities: HashSet<&Identity> = keys.iter().map(|(identity, _)| *identity).collect();
    let is_answer = |change: &Change| match change.record() {
        Some(id) => {
            keys.contains(&(&change.identity, Some(id))) || keys.contains(&(&change.identity, None))
        }
        None => identities.contains(&change.identity),
    };
    let changes = fresh.changes.iter().enumerate();
    changes
        .filter(|(index, change)| {
            !change.is_no_op() && !executed.contains_key(index) && !is_answer(change)
        })
        .map(|(_, change)| change.clone())
        .collect()
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

impl<'a> Sides<'a> {
    /// Returns every change of a version in the fresh plan, no-ops included, with its index.
    fn of_identity(&self, identity: &Identity) -> impl Iterator<Item = (usize, &'a Change)> {
        let changes = &self.fresh.changes;
        let start = changes.partition_point(|change| change.identity.natural_cmp(identity).is_lt());
        let rest = changes.iter().enumerate().skip(start);
        rest.take_while(move |(_, change)| change.identity == *identity)
    }

    /// Returns the change of the same record, or the create if the approved change has no record.
    fn exact(&self, approved: &Change) -> Option<(usize, &'a Change)> {
        self.of_identity(&approved.identity)
            .filter(|(_, change)| !change.is_no_op())
            .find(|(_, change)| change.record() == approved.record())
    }

    /// Returns the index of the fresh plan's change to execute, or the end of the approved change.
    fn judge(&self, approved: &Change, half: HalfDone<'_>) -> Result<usize, Decided> {
        if self.progress.is_used_up || half.is_done {
            let used_up = || Decided::Refused(vec![Difference::UsedUp]);
            return Err(self.done(approved, half).unwrap_or_else(used_up));
        }
        let compared = match self.exact(approved) {
            Some((index, change)) => {
                let differences = differences(&approved.action, &change.action, half);
                let differences = with_reasons(differences, change);
                if differences.is_empty() {
                    return self.refuse_if_moved(approved, change).map(|()| index);
                }
                Some((index, differences))
            }
            None => self.rest_of_deploy(approved, half),
        };
        if let Some((index, differences)) = &compared
            && differences.is_empty()
        {
            return Ok(*index);
        }
        if let Some(end) = self.done(approved, half) {
            return Err(end);
        }
        let differences = match (self.left_by_own_deploy(approved), compared) {
            (Some(id), _) => vec![Difference::Orphaned { id }],
            (None, Some((_, differences))) => differences,
            (None, None) => self.unplanned(approved),
        };
        Err(if differences.is_empty() {
            self.not_planned(approved)
        } else {
            Decided::Refused(differences)
        })
    }

    /// Refuses a change if a record of another owner has appeared since: that is a changed live
    /// state, not a limit.
    fn refuse_if_moved(&self, approved: &Change, fresh: &Change) -> Result<(), Decided> {
        let has_conflict = fresh
            .blocked
            .iter()
            .any(|block| matches!(block, Block::Owner(_)) && !approved.blocked.contains(block));
        if !has_conflict {
            return Ok(());
        }
        match self.moved(approved) {
            differences if differences.is_empty() => Ok(()),
            differences => Err(Decided::Refused(differences)),
        }
    }

    /// Returns the record that a failed deploy of this plan left.
    fn left_by_own_deploy(&self, approved: &Change) -> Option<SolutionId> {
        let identity = &approved.identity;
        let mut orphaned = self.fresh.orphaned.iter();
        let record = orphaned.find(|record| record.identity == *identity)?;
        self.progress
            .has_deployed(identity)
            .then(|| record.id.clone())
    }

    /// Finds the rest of a change whose deploy or delete was sent. After a deploy, the rest is an
    /// update of the record. After a delete, the rest is a create.
    fn rest_of_deploy(
        &self,
        approved: &Change,
        half: HalfDone<'_>,
    ) -> Option<(usize, Vec<Difference>)> {
        approved.action.deploy()?;
        let mut rest = self.of_identity(&approved.identity);
        rest.find_map(|(index, change)| {
            let differences = if half.deployed.is_some() {
                compare_deployed(&approved.action, &change.action, half)
            } else {
                let is_rest = half.is_deleted && matches!(change.action, Action::Create { .. });
                is_rest.then(|| {
                    let differences = compare_declared(&approved.action, &change.action);
                    with_reasons(differences, change)
                })
            };
            Some((index, differences?))
        })
    }

    /// Returns the end of a change whose after-image is live.
    fn done(&self, approved: &Change, half: HalfDone<'_>) -> Option<Decided> {
        let record = |id| self.records.get(id).copied();
        let deployed = half.deployed.and_then(record);
        let live = match &approved.action {
            Action::Create { .. } => {
                let (_, target) = approved.action.deploy()?;
                // A failed deploy stays failed, even if it left a record.
                let is_orphaned =
                    |id: &SolutionId| self.fresh.orphaned.iter().any(|record| record.id == *id);
                // The record must be the one that the manifest declares.
                let records = self
                    .of_identity(&approved.identity)
                    .filter_map(|(_, change)| record(change.record()?))
                    .filter(|live| !is_orphaned(&live.id));
                let mut made = deployed.into_iter().chain(records);
                made.find(|live| target.is_met_by(live))
            }
            Action::Update { before, after, .. } => {
                record(&before.id).filter(|live| live.identity.is_same_version(&after.identity))
            }
            // Only a deploy of this plan proves which package the record contains.
            Action::Replace { .. } => deployed,
            Action::Delete { before } => {
                let is_gone =
                    record(&before.id).is_none() && self.live.covers(&before.identity.name);
                return is_gone.then_some(Decided::Done(None));
            }
            Action::NoOp { .. } => None,
        }?;
        // The fresh plan still verifies the record, if an earlier apply did not.
        let lacks_pass = self
            .of_identity(&approved.identity)
            .any(|(_, change)| change.record() == Some(&live.id) && change.action.is_verified());
        let is_proven = approved.action.after()?.is_proven_by(live);
        (is_proven && !lacks_pass).then(|| Decided::Done(Some(live.id.clone())))
    }

    /// Returns the differences from the plan if the fresh plan has no change of the record.
    fn moved(&self, approved: &Change) -> Vec<Difference> {
        let now = approved.record().and_then(|id| self.records.get(id));
        let now = now.copied();
        let result = match (&approved.action, approved.action.deploy()) {
            (Action::Create { .. }, Some((_, target))) => {
                target.check_create(self.live.named(&target.after.identity.name))
            }
            (Action::Update { before, patch, .. }, _) => check_update(before, *patch, now),
            (Action::Replace { before, .. }, _) if now.is_none() => {
                PreconditionResult::Moved(vec![Difference::Gone {
                    id: before.id.clone(),
                }])
            }
            (Action::Replace { before, .. } | Action::Delete { before }, _) => {
                check_delete(before, now)
            }
            (Action::Create { .. } | Action::NoOp { .. }, _) => PreconditionResult::Done,
        };
        match result {
            PreconditionResult::Moved(differences) => differences,
            PreconditionResult::Ready | PreconditionResult::Done => Vec::new(),
        }
    }

    /// Returns the differences of a record that the fresh plan does not change. The fresh plan did
    /// not depend on its visibility, so one that was not read is no difference.
    fn unplanned(&self, approved: &Change) -> Vec<Difference> {
        let record = approved.record().and_then(|id| self.records.get(id));
        let is_known = record.is_none_or(|live| live.visibility.is_some());
        let mut differences = self.moved(approved);
        let is_visibility = |difference: &Difference| {
            let field = Field::Visibility;
            matches!(difference, Difference::Field { field: found, .. } if *found == field)
        };
        differences.retain(|difference| is_known || !is_visibility(difference));
        differences
    }

    fn not_planned(&self, approved: &Change) -> Decided {
        let mut others = self.of_identity(&approved.identity);
        let instead = others.find(|(_, change)| change.record() == approved.record());
        Decided::Refused(vec![Difference::NotPlanned {
            instead: instead.map(|(_, change)| change.action.kind()),
        }])
    }

    /// Merges the changes to execute, the decided changes, and the no-ops.
    fn merge(
        &self,
        executed: &BTreeMap<usize, &Change>,
        decided: Vec<(&Change, Decided)>,
    ) -> (Vec<Change>, BTreeMap<Address, Decided>) {
        let of_fresh = executed.iter().map(|(index, approved)| {
            let mut change = self.fresh.changes[*index].clone();
            // If the approved deploy has made something else since, its step fails, and the other
            // changes go on. A replace would have deleted the old version before that.
            if matches!(change.action, Action::Create { .. }) {
                change
                    .blocked
                    .retain(|block| !block.is_earlier_deploy() || approved.blocked.contains(block));
            }
            change
        });
        let mut changes: Vec<Change> = of_fresh.collect();
        let mut taken: BTreeSet<Address> = changes
            .iter()
            .map(|change| change.address.clone())
            .collect();
        let mut ends = BTreeMap::new();
        let mut shown: HashSet<&Identity> = HashSet::new();
        for (change, end) in decided {
            // Other changes may wait for it under the address in the fresh plan.
            let of_fresh = self
                .of_identity(&change.identity)
                .filter(|(_, other)| !other.is_no_op())
                .map(|(_, other)| &other.address);
            let own = change.identity.full_address();
            let address = of_fresh
                .chain([&change.address, &own])
                .find(|address| !taken.contains(*address))
                .unwrap_or(&change.address)
                .clone();
            taken.insert(address.clone());
            shown.insert(&change.identity);
            ends.insert(address.clone(), end);
            changes.push(Change {
                address,
                // This change is not executed.
                waits_for: ThinVec::new(),
                successors: ThinVec::new(),
                blocked: ThinVec::new(),
                ..change.clone()
            });
        }
        let no_ops = self.fresh.changes.iter().filter(|change| change.is_no_op());
        let others = no_ops
            .filter(|change| !shown.contains(&change.identity) && !taken.contains(&change.address));
        changes.extend(others.cloned());
        changes.sort_by(|left, right| {
            left.identity
                .natural_cmp(&right.identity)
                .then_with(|| left.record().cmp(&right.record()))
        });
        (changes, ends)
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
