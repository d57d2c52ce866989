//! What becomes of live versions that no entry declares: `superseded`, `retain`, `undeclared`.
//!
//! A policy speaks of every live version, so it concerns each record of an identity. It never
//! touches what is out of scope, what is protected, and what is in a state that solform does not set.

use std::collections::{HashMap, HashSet};

use super::action::{Action, Reason};
use super::change::{Change, Note};
use super::name::NameView;
use super::propose::{deactivate, delete};
use crate::attribute::LiveStateWord;
use crate::ident::{Address, Identity, Owner, SolutionId, Version};
use crate::live::LiveVersion;
use crate::manifest::{Desired, SupersededPolicy, Undeclared};

/// Applies the policies to the live versions of one name that no entry declares.
///
/// `planned` are the changes of the name's declared versions.
pub(super) fn apply_policies(
    name: NameView<'_>,
    rest: &[&LiveVersion],
    planned: &[Change],
) -> Vec<Change> {
    let concerned: Vec<&LiveVersion> = rest
        .iter()
        .copied()
        .filter(|version| name.manifest.scope.contains(&version.identity))
        .collect();
    if concerned.is_empty() {
        Vec::new()
    } else if name.declared.is_empty() {
        concerned
            .into_iter()
            .filter(|version| is_open_to_policy(name, version))
            .filter_map(|version| match name.manifest.scope.undeclared {
                Undeclared::Ignore => None,
                Undeclared::Deactivate => deactivate(version, &Reason::Undeclared, None),
                Undeclared::Delete => {
                    Some(delete(name.manifest, version, Reason::Undeclared, None))
                }
            })
            .collect()
    } else {
        supersede(name, &concerned, planned)
    }
}

/// Whether policies may touch a live version: not what is protected, and nothing whose state is
/// not one of the two that solform sets.
fn is_open_to_policy(name: NameView<'_>, version: &LiveVersion) -> bool {
    match version.state {
        LiveStateWord::Active | LiveStateWord::Inactive => {
            !name.manifest.is_protected(&version.identity)
        }
        LiveStateWord::Production | LiveStateWord::Other(_) => false,
    }
}

/// The declared `ACTIVE` versions of one owner, which supersede the others of that owner.
struct Superseder<'a> {
    owner: &'a Owner,
    /// The entry whose policy counts: the most careful one, where they differ.
    entry: &'a Desired,
    /// All of them, escaped; [`order`](mod@super::order) knows how they are shown.
    by: Vec<Address>,
}

fn superseders(name: NameView<'_>) -> Vec<Superseder<'_>> {
    let mut found: Vec<Superseder<'_>> = Vec::new();
    for entry in name.declared_active() {
        let owner = &entry.identity.owner;
        let address = entry.identity.escaped_address();
        if let Some(known) = found.iter_mut().find(|known| known.owner == owner) {
            if care(entry) > care(known.entry) {
                known.entry = entry;
            }
            known.by.push(address);
        } else {
            found.push(Superseder {
                owner,
                entry,
                by: vec![address],
            });
        }
    }
    found
}

/// How much a policy leaves in place: the greater, the more.
fn care(entry: &Desired) -> (u8, usize) {
    let policy = match entry.superseded.policy {
        SupersededPolicy::Delete => 0,
        SupersededPolicy::Deactivate => 1,
        SupersededPolicy::Keep => 2,
    };
    (policy, entry.superseded.retain.unwrap_or(0))
}

fn supersede(name: NameView<'_>, concerned: &[&LiveVersion], planned: &[Change]) -> Vec<Change> {
    let superseders = superseders(name);
    let mut changes = Vec::new();
    for superseder in &superseders {
        let own: Vec<&LiveVersion> = concerned
            .iter()
            .copied()
            .filter(|version| version.identity.owner == *superseder.owner)
            .collect();
        supersede_own(name, superseder, own, &mut changes);
    }
    let followed = supersede_followed(name, &superseders, concerned, planned, &changes);
    changes.extend(followed);
    changes
}

/// Applies one owner's policy to that owner's versions.
fn supersede_own(
    name: NameView<'_>,
    superseder: &Superseder<'_>,
    mut own: Vec<&LiveVersion>,
    changes: &mut Vec<Change>,
) {
    // The newest first, so that the rank says which ones `retain` keeps.
    own.sort_by(|left, right| {
        right
            .created_at_ms
            .cmp(&left.created_at_ms)
            .then_with(|| right.identity.version.natural_cmp(&left.identity.version))
            .then_with(|| left.id.cmp(&right.id))
    });
    let retain = superseder.entry.superseded.retain.unwrap_or(0);
    // Records of one version share their rank: `retain` counts versions.
    let mut ranks: HashMap<&Version, usize> = HashMap::new();
    for version in own {
        let next = ranks.len();
        let rank = *ranks.entry(&version.identity.version).or_insert(next);
        if !is_open_to_policy(name, version) {
            continue;
        }
        let reason = Reason::Superseded {
            by: superseder.by.clone(),
        };
        let entry = superseder.entry;
        changes.extend(match entry.superseded.policy {
            SupersededPolicy::Keep => None,
            SupersededPolicy::Delete if rank >= retain => {
                Some(delete(name.manifest, version, reason, Some(entry)))
            }
            SupersededPolicy::Delete | SupersededPolicy::Deactivate => {
                deactivate(version, &reason, Some(entry))
            }
        });
    }
}

/// Applies the policies to versions under the other of `IB_DEPLOYED` and `user`.
///
/// They are deactivated at most, as a delete never crosses owners; so `retain` does not count them.
fn supersede_followed(
    name: NameView<'_>,
    superseders: &[Superseder<'_>],
    concerned: &[&LiveVersion],
    planned: &[Change],
    superseded: &[Change],
) -> Vec<Change> {
    let mut changes = Vec::new();
    for superseder in superseders {
        let Some(other) = name.manifest.other_owner(superseder.owner) else {
            continue;
        };
        // Its own owner's policy comes first, be it to keep.
        if superseders.iter().any(|known| *known.owner == other)
            || superseder.entry.superseded.policy == SupersededPolicy::Keep
        {
            continue;
        }
        let goes: HashSet<&SolutionId> = planned
            .iter()
            .chain(superseded)
            .filter_map(deleted)
            .collect();
        for version in concerned.iter().copied() {
            let exact = Identity {
                owner: superseder.owner.clone(),
                ..version.identity.clone()
            };
            let stands_apart = name
                .records_of(&exact)
                .iter()
                .any(|record| !goes.contains(&record.id));
            if version.identity.owner != other
                || !name.is_published_by_user(version)
                || stands_apart
                || !is_open_to_policy(name, version)
            {
                continue;
            }
            let reason = Reason::Superseded {
                by: superseder.by.clone(),
            };
            changes.extend(
                deactivate(version, &reason, Some(superseder.entry)).map(|change| Change {
                    notes: vec![Note::FollowedOwner {
                        owner: version.identity.owner.clone(),
                    }],
                    ..change
                }),
            );
        }
    }
    changes
}

fn deleted(change: &Change) -> Option<&SolutionId> {
    match &change.action {
        Action::Delete { before } => Some(&before.id),
        Action::Create { .. }
        | Action::Update { .. }
        | Action::Replace { .. }
        | Action::NoOp { .. } => None,
    }
}

#[cfg(test)]
mod tests;
