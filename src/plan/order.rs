//! The dependencies between changes, and the changes that a selection includes.
//!
//! The rule: a change that takes a version out of service waits for every step of the same name
//! that brings one into service. It starts only when every declared `ACTIVE` version of the name is
//! completely live. A replace is the exception, because it is its own successor: it waits for the
//! steps that bring other versions into service, and two replaces of one name run in sequence, but
//! its version is out of service meanwhile.
//!
//! No cycle can arise: creates and updates that bring a version into service wait for nothing,
//! replaces wait for those and for earlier replaces, and all other changes bring nothing into
//! service.

use std::collections::{BTreeSet, HashMap, HashSet};

use thin_vec::ThinVec;

use super::action::{ActionKind, AfterImage, Reason};
use super::change::{Change, Note, Successor};
use super::name::NameView;
use super::options::Selector;
use crate::ident::{Address, Identity, Owner, SolutionId, disambiguate};
use crate::manifest::{Desired, Manifest, entries_of};

/// Gives every change a unique address. `changes` are ordered by identity.
///
/// The owner is added in front of equal addresses, and records of one identity get their ids.
pub(super) fn disambiguate_changes(changes: &mut [Change]) {
    let may_be_alike = changes
        .windows(2)
        .any(|pair| pair[0].identity.is_same_version(&pair[1].identity))
        || changes.iter().any(|change| change.identity.has_separator());
    if !may_be_alike {
        return;
    }
    let items: Vec<_> = changes
        .chunk_by(|left, right| left.identity == right.identity)
        .flat_map(|same| {
            same.iter().map(|change| {
                let before = change.action.before().filter(|_| same.len() > 1);
                (&change.identity, before.map(|before| &before.id))
            })
        })
        .collect();
    let addresses = disambiguate(&items);
    for (change, address) in changes.iter_mut().zip(addresses) {
        change.address = address;
    }
}

/// Connects the changes of one name: dependencies, successors, and the end of service.
pub(super) fn connect(changes: &mut [Change], name: NameView<'_>) {
    let is_concerned =
        |change: &Change| is_kept_until_release(change) || change.is_left_by_policy();
    if !changes.iter().any(is_concerned) {
        return;
    }
    let shown: HashMap<&Identity, &Change> = changes
        .iter()
        .rev()
        .map(|change| (&change.identity, change))
        .collect();
    let successors: ThinVec<Successor> = name
        .declared_active()
        .filter_map(|entry| {
            let change = shown.get(&entry.identity)?;
            let other_owner = name.manifest.other_owner(&entry.identity.owner);
            Some(successor(change, entry, other_owner))
        })
        .collect();
    let by: HashMap<Address, Address> = successors
        .iter()
        .map(|successor| {
            let identity = &successor.after.identity;
            (identity.escaped_address(), successor.address.clone())
        })
        .collect();
    let under_review: Vec<Address> = successors
        .iter()
        .filter(|successor| {
            let change = shown.get(&successor.after.identity);
            change.is_some_and(|change| change.waits_for_review())
        })
        .map(|successor| successor.address.clone())
        .collect();
    let incoming: Vec<(Address, bool)> = changes
        .iter()
        .filter(|change| change.action.brings_into_service())
        .map(|change| {
            let is_replace = change.action.takes_out_of_service();
            (change.address.clone(), is_replace)
        })
        .collect();
    let serves_afterwards = has_service_afterwards(changes, name);
    for change in changes {
        if is_kept_until_release(change) {
            change.waits_for = earlier(&incoming, change);
            if !is_its_own_successor(change) {
                change.successors.clone_from(&successors);
                if !under_review.is_empty() {
                    let successors = under_review.clone();
                    change
                        .notes
                        .push(Note::SuccessorWaitsForReview { successors });
                }
            }
        }
        if let Reason::Superseded { by: addresses } = &mut change.reason {
            for address in addresses {
                if let Some(shown) = by.get(address) {
                    *address = shown.clone();
                }
            }
        }
        let before = change.action.before();
        let has_served =
            before.is_some_and(|before| !name.history.never_served(&before.id, &before.identity));
        if has_served && change.action.leaves_out_of_service() && !serves_afterwards {
            change.notes.push(Note::NoSuccessor);
        }
    }
}

/// Returns whether a change may start only after its successors are live. This includes deletes of
/// superseded versions out of service: until then, they are the roll-back targets.
fn is_kept_until_release(change: &Change) -> bool {
    change.action.takes_out_of_service()
        || (change.action.kind() == ActionKind::Delete
            && matches!(change.reason, Reason::Superseded { .. }))
}

/// Returns whether the version is deployed again.
fn is_its_own_successor(change: &Change) -> bool {
    change.action.kind() == ActionKind::Replace && change.action.brings_into_service()
}

fn successor(change: &Change, entry: &Desired, other_owner: Option<Owner>) -> Successor {
    Successor {
        address: change.address.clone(),
        after: AfterImage {
            verification: change
                .action
                .after()
                .and_then(|after| after.verification.clone()),
            ..AfterImage::of(entry)
        },
        other_owner,
        // A replaced version gets another id.
        id: change
            .record()
            .filter(|_| change.action.kind() != ActionKind::Replace)
            .cloned(),
    }
}

/// Returns the changes that must be done before a change that takes a version out of service.
/// `incoming` are the changes that bring one into service, in the order of the plan; those with
/// `true` are replaces of a version in service, which run in sequence.
fn earlier(incoming: &[(Address, bool)], change: &Change) -> ThinVec<Address> {
    let own = incoming
        .iter()
        .position(|(address, _)| is_its_own_successor(change) && *address == change.address);
    incoming
        .iter()
        .enumerate()
        .filter(|(index, (_, in_a_row))| !in_a_row || own.is_none_or(|own| *index < own))
        .map(|(_, (address, _))| address.clone())
        .collect()
}

/// Returns whether the name has a version in service after the plan. Unmanaged versions do not
/// count.
fn has_service_afterwards(changes: &[Change], name: NameView<'_>) -> bool {
    if name.declared_active().next().is_some() {
        return true;
    }
    let goes: HashSet<&SolutionId> = changes
        .iter()
        .filter(|change| change.action.leaves_out_of_service())
        .filter_map(Change::record)
        .collect();
    name.live.iter().any(|version| {
        version.state.is_in_service()
            && name
                .manifest
                .covers(&version.identity, version.author.as_deref())
            && !goes.contains(&version.id)
    })
}

/// Keeps the selected changes: targets with the changes that they wait for, and all but the
/// excluded changes and the changes that wait for them.
pub(super) fn select(
    manifest: &Manifest,
    changes: Vec<Change>,
    targets: &[Selector],
    excludes: &[Selector],
) -> Vec<Change> {
    if targets.is_empty() && excludes.is_empty() {
        return changes;
    }
    let selects = |selectors: &[Selector], change: &Change| {
        // The live owner may differ from the declared one.
        let live = change.action.before().map(|before| &before.identity);
        let declared = match change.reason {
            Reason::Tombstone | Reason::Requested | Reason::ContentChanged { .. } => {
                entries_of(&manifest.desired, &change.identity.name)
                    .iter()
                    .find(|entry| entry.identity.version == change.identity.version)
                    .map(|entry| &entry.identity)
            }
            Reason::Declared
            | Reason::Superseded { .. }
            | Reason::Undeclared
            | Reason::RolledBack { .. } => None,
        };
        selectors.iter().any(|selector| {
            let selects = |identity: &Identity| selector.selects(identity);
            selects(&change.identity)
                || live.is_some_and(selects)
                || declared.is_some_and(selects)
                || selector.is_address(&change.address)
        })
    };
    let addresses = |is_meant: &dyn Fn(&Change) -> bool| -> BTreeSet<&Address> {
        let meant = changes.iter().filter(|change| is_meant(change));
        meant.map(|change| &change.address).collect()
    };
    let mut kept = addresses(&|change| targets.is_empty() || selects(targets, change));
    until_stable(&mut kept, |kept| {
        let kept_changes = changes
            .iter()
            .filter(|change| kept.contains(&change.address));
        kept_changes.flat_map(|change| &change.waits_for).collect()
    });
    let mut dropped = addresses(&|change| selects(excludes, change));
    until_stable(&mut dropped, |dropped| {
        let waits = |change: &Change| {
            let mut waits_for = change.waits_for.iter();
            waits_for.any(|address| dropped.contains(address))
        };
        addresses(&waits)
    });
    let is_selected: Vec<bool> = changes
        .iter()
        .map(|change| kept.contains(&change.address) && !dropped.contains(&change.address))
        .collect();
    let selected = changes.into_iter().zip(is_selected);
    selected
        .filter(|(_, is_selected)| *is_selected)
        .map(|(change, _)| change)
        .collect()
}

/// Adds to a set what its content requires, until nothing is added.
fn until_stable<'a>(
    set: &mut BTreeSet<&'a Address>,
    required: impl Fn(&BTreeSet<&'a Address>) -> BTreeSet<&'a Address>,
) {
    loop {
        let before = set.len();
        let more = required(set);
        set.extend(more);
        if set.len() == before {
            return;
        }
    }
}

#[cfg(test)]
mod tests;
