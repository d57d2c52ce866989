//! The policies for live versions that no entry declares: `superseded`, `retain`, `undeclared`.
//!
//! A policy covers every live version, so it applies to each record of an identity. It never
//! changes versions that are out of scope, or in a state that solform does not set. If a policy
//! requires a delete and the version may not be deleted, the version is deactivated instead.

use std::collections::HashMap;

use thin_vec::{ThinVec, thin_vec};

use super::action::Reason;
use super::change::{Block, Change, Note};
use super::name::NameView;
use super::propose::{deactivate, delete, left_by_policy};
use crate::attribute::LiveStateWord;
use crate::ident::{Address, Owner, Version};
use crate::live::LiveVersion;
use crate::manifest::{Desired, SupersededPolicy, Undeclared};

/// Applies the policies to the live versions of one name that no entry declares.
pub(super) fn apply_policies(name: NameView<'_>, rest: &[&LiveVersion]) -> Vec<Change> {
    let concerned: Vec<&LiveVersion> = rest
        .iter()
        .copied()
        .filter(|version| {
            name.manifest
                .covers(&version.identity, version.author.as_deref())
        })
        .collect();
    if concerned.is_empty() {
        Vec::new()
    } else if name.declared.is_empty() {
        concerned
            .into_iter()
            .filter(|version| is_open_to_policy(version))
            .filter_map(|version| match name.manifest.scope.undeclared {
                Undeclared::Ignore => None,
                Undeclared::Deactivate => deactivate(version, &Reason::Undeclared, None),
                Undeclared::Delete => {
                    let is_exact = name.manifest.scope.has_owner(&version.identity.owner);
                    delete_or_deactivate(name, version, is_exact, &Reason::Undeclared, None)
                }
            })
            .collect()
    } else {
        superseders(name)
            .iter()
            .flat_map(|superseder| supersede(name, superseder, &concerned))
            .collect()
    }
}

/// Returns whether policies may change a live version: its state must be one of the two that
/// solform sets.
fn is_open_to_policy(version: &LiveVersion) -> bool {
    match version.state {
        LiveStateWord::Active | LiveStateWord::Inactive => true,
        LiveStateWord::Production | LiveStateWord::Other(_) => false,
    }
}

/// Deletes a version by policy, or deactivates it if it may not be deleted. A version that is
/// already out of service is left alone; that is noted if its owner prevents the delete.
fn delete_or_deactivate(
    name: NameView<'_>,
    version: &LiveVersion,
    is_exact: bool,
    reason: &Reason,
    entry: Option<&Desired>,
) -> Option<Change> {
    let planned = delete(name, version, is_exact, reason.clone(), entry);
    let Some(because) = planned.blocked.first().cloned() else {
        return Some(planned);
    };
    let left_alone = || {
        let is_owner = matches!(because, Block::Owner(_));
        is_owner.then(|| left_by_policy(version, reason, entry))
    };
    let mut instead = deactivate(version, reason, entry).or_else(left_alone)?;
    instead.notes.push(Note::DeactivatedInstead { because });
    Some(instead)
}

/// The declared `ACTIVE` versions of one publisher, which supersede the other versions of that
/// publisher. The owners of the owner pair are one publisher.
struct Superseder<'a> {
    /// The declared owners. Only a pair has more than one.
    owners: Vec<&'a Owner>,
    /// The entry whose policy applies. If the policies differ, the most careful one.
    entry: &'a Desired,
    /// The addresses of all of them, escaped; [`order`](mod@super::order) replaces them with the
    /// shown ones.
    by: ThinVec<Address>,
}

impl Superseder<'_> {
    fn has_owner(&self, version: &LiveVersion) -> bool {
        self.owners.contains(&&version.identity.owner)
    }

    fn decides_about(&self, name: NameView<'_>, version: &LiveVersion) -> bool {
        self.has_owner(version) || self.owners.iter().any(|owner| name.joins(owner, version))
    }
}

fn superseders(name: NameView<'_>) -> Vec<Superseder<'_>> {
    let mut found: Vec<Superseder<'_>> = Vec::new();
    for entry in name.declared_active() {
        let owner = &entry.identity.owner;
        let address = entry.identity.escaped_address();
        let known = found
            .iter_mut()
            .find(|known| name.manifest.is_one_owner(known.owners[0], owner));
        if let Some(known) = known {
            if care(entry) > care(known.entry) {
                known.entry = entry;
            }
            if !known.owners.contains(&owner) {
                known.owners.push(owner);
            }
            known.by.push(address);
        } else {
            found.push(Superseder {
                owners: vec![owner],
                entry,
                by: thin_vec![address],
            });
        }
    }
    found
}

/// Returns how much a policy preserves: a greater value preserves more.
fn care(entry: &Desired) -> (u8, usize) {
    let policy = match entry.superseded.policy {
        SupersededPolicy::Delete => 0,
        SupersededPolicy::Deactivate => 1,
        SupersededPolicy::Keep => 2,
    };
    (policy, entry.superseded.retain.unwrap_or(0))
}

/// Applies one publisher's policy to that publisher's versions.
fn supersede(
    name: NameView<'_>,
    superseder: &Superseder<'_>,
    concerned: &[&LiveVersion],
) -> Vec<Change> {
    let mut own: Vec<&LiveVersion> = concerned
        .iter()
        .copied()
        .filter(|version| superseder.decides_about(name, version))
        .collect();
    // The newest version comes first, so that the rank shows which versions `retain` keeps.
    own.sort_by(|left, right| {
        right
            .created_at_ms
            .cmp(&left.created_at_ms)
            .then_with(|| right.identity.version.natural_cmp(&left.identity.version))
            .then_with(|| left.id.cmp(&right.id))
    });
    let entry = superseder.entry;
    let retain = entry.superseded.retain.unwrap_or(0);
    let reason = Reason::Superseded {
        by: superseder.by.clone(),
    };
    // Records of one version share their rank: `retain` counts versions.
    let mut ranks: HashMap<&Version, usize> = HashMap::new();
    let mut changes = Vec::new();
    for version in own {
        let next = ranks.len();
        let rank = *ranks.entry(&version.identity.version).or_insert(next);
        if !is_open_to_policy(version) {
            continue;
        }
        let is_exact = superseder.has_owner(version);
        let change = match entry.superseded.policy {
            SupersededPolicy::Keep => None,
            SupersededPolicy::Delete if rank >= retain => {
                delete_or_deactivate(name, version, is_exact, &reason, Some(entry))
            }
            SupersededPolicy::Delete | SupersededPolicy::Deactivate => {
                deactivate(version, &reason, Some(entry))
            }
        };
        changes.extend(change.map(|mut change| {
            change
                .notes
                .extend((!is_exact).then(|| Note::FollowedOwner {
                    owner: version.identity.owner.clone(),
                }));
            change
        }));
    }
    changes
}

#[cfg(test)]
mod tests;
