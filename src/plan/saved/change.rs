//! The changes of a plan file: the action of each, but not its presentation. Fields, identity and
//! undo are derived from the action.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize, Serializer};
use thin_vec::ThinVec;

use super::super::action::{Action, Patch, Reason};
use super::super::change::{Block, Change, Note, Successor};
use super::super::field::{Decision, FieldChange};
use super::super::origin::Origin;
use super::super::propose::{fields_of, patch_between};
use crate::ident::{Address, Identity};

/// Two parts of a change contradict each other.
#[derive(Debug, thiserror::Error)]
#[error("the change `{address}` contradicts itself: {what}")]
pub struct Contradiction {
    /// The change.
    pub address: Address,
    /// The contradiction.
    pub what: &'static str,
}

/// A change without the fields that are derived from its action.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SavedChange {
    address: Address,
    action: Action,
    /// The version of a no-op, whose action does not contain one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    identity: Option<Identity>,
    /// The differences that a no-op leaves alone.
    #[serde(default, skip_serializing_if = "ThinVec::is_empty")]
    fields: ThinVec<FieldChange>,
    reason: Reason,
    origin: Option<Origin>,
    waits_for: ThinVec<Address>,
    successors: ThinVec<Successor>,
    blocked: ThinVec<Block>,
    notes: ThinVec<Note>,
}

impl From<Change> for SavedChange {
    fn from(change: Change) -> Self {
        let is_no_op = change.is_no_op();
        Self {
            address: change.address,
            action: change.action,
            identity: is_no_op.then_some(change.identity),
            fields: if is_no_op {
                change.fields
            } else {
                ThinVec::new()
            },
            reason: change.reason,
            origin: change.origin,
            waits_for: change.waits_for,
            successors: change.successors,
            blocked: change.blocked,
            notes: change.notes,
        }
    }
}

/// A change that is written to a plan file. Its form there is made when it is written, so that all
/// of them are never in memory.
pub(in crate::plan) struct WrittenChange<'a>(pub(super) &'a Change);

impl Serialize for WrittenChange<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        SavedChange::from(self.0.clone()).serialize(serializer)
    }
}

impl SavedChange {
    /// Returns the change that the action describes. Other fields of the file have no effect on it.
    fn restore(self) -> Result<Change, Contradiction> {
        let identity = self.checked().map_err(|what| Contradiction {
            address: self.address.clone(),
            what,
        })?;
        let is_no_op = matches!(self.action, Action::NoOp { .. });
        let mut notes = self.notes;
        if let Some(before) = self.action.before()
            && before.identity.owner != identity.owner
        {
            let owner = before.identity.owner.clone();
            let followed = Note::FollowedOwner { owner };
            if !notes.contains(&followed) {
                notes.retain(|note| !matches!(note, Note::FollowedOwner { .. }));
                notes.push(followed);
            }
        }
        Ok(Change {
            address: self.address,
            identity,
            fields: if is_no_op {
                self.fields
            } else {
                fields_of(&self.action)
            },
            action: self.action,
            reason: self.reason,
            origin: self.origin,
            waits_for: self.waits_for,
            successors: self.successors,
            // A change of a file is not executed.
            drain: None,
            blocked: self.blocked,
            notes,
            package_visibility: None,
            expected: None,
        })
    }

    /// Returns the version of the change, or a contradiction.
    fn checked(&self) -> Result<Identity, &'static str> {
        let is_no_op = matches!(self.action, Action::NoOp { .. });
        let identity = if is_no_op {
            self.identity.as_ref()
        } else {
            self.action.identity()
        };
        let Some(identity) = identity else {
            return Err("it does not name a version");
        };
        if !is_address_of(&self.address, identity, &self.action) {
            return Err("its address is the address of another version");
        }
        if !is_no_op && !self.fields.is_empty() {
            return Err("the fields of an action are not stored");
        }
        let is_applied = |field: &FieldChange| field.decision == Decision::Apply;
        if self.fields.iter().any(is_applied) {
            return Err("a change without an action changes a field");
        }
        let before = self.action.before();
        if before.is_some_and(|before| !before.identity.is_same_version(identity)) {
            return Err("it takes one version for another");
        }
        if let Action::Update {
            before,
            patch,
            after,
        } = &self.action
            && patch_between(before, after) != Some(*patch)
            // A version that is only verified is patched to what it is.
            && (after.verification.is_none()
                || patch_between(before, after).is_some()
                || Patch::new(Some(after.state), after.visibility) != Some(*patch))
        {
            return Err("its patch is not the difference that it shows");
        }
        Ok(identity.clone())
    }
}

/// Returns whether an address is valid for this version, or for this record of it.
fn is_address_of(address: &Address, identity: &Identity, action: &Action) -> bool {
    let is_of_record = || {
        let id = action.before()?.id.as_str();
        let rest = address.as_str().strip_suffix(id)?.strip_suffix('#')?;
        Some(Address::parse(rest).ok()?.means(identity))
    };
    address.means(identity) || is_of_record() == Some(true)
}

/// Returns the changes of a file, in the order of a plan.
pub(super) fn restore_all(saved: Vec<SavedChange>) -> Result<Vec<Change>, Contradiction> {
    let changes = saved.into_iter().map(SavedChange::restore);
    let mut changes = changes.collect::<Result<Vec<Change>, _>>()?;
    changes.sort_by(|left, right| left.identity.natural_cmp(&right.identity));
    let mut addresses = BTreeSet::new();
    let mut keys = BTreeSet::new();
    for change in &changes {
        let key = (&change.identity, change.record());
        if !addresses.insert(&change.address) || !keys.insert(key) {
            return Err(Contradiction {
                address: change.address.clone(),
                what: "it is in the plan twice",
            });
        }
    }
    Ok(changes)
}
