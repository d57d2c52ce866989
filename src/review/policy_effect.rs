//! The effect of the head manifest's policies on a live version that it does not declare. The rules
//! are those of `plan`, as far as they can be applied without the live state.

use super::finding::{LeftAlone, PolicyEffect, Risk};
use crate::attribute::State;
use crate::ident::{Identity, Owner};
use crate::manifest::{Desired, Manifest, SupersededPolicy, Undeclared, entries_of};

/// Returns the active entries.
pub(super) fn serving(entries: &[Desired]) -> impl Iterator<Item = &Desired> {
    entries.iter().filter(|entry| entry.state == State::Active)
}

/// Returns the effect on a version that the manifest does not declare, if it is live.
///
/// Only the server knows if `user` published the version, and only the store knows if an apply
/// deployed it. If the policy belongs to the other owner of an owner pair, the effect is therefore
/// only possible: a `Perhaps...` variant.
pub(super) fn effect_of_undeclared(manifest: &Manifest, identity: &Identity) -> PolicyEffect {
    let user = manifest.user_name();
    if !manifest.covers(identity, user) {
        return PolicyEffect::LeftAlone(LeftAlone::OutOfScope);
    }
    let owner = &identity.owner;
    let declared = entries_of(&manifest.desired, &identity.name);
    let (policy, is_exact) = if declared.is_empty() {
        let policy = match manifest.scope.undeclared {
            Undeclared::Ignore => PolicyEffect::LeftAlone(LeftAlone::Ignored),
            Undeclared::Deactivate => PolicyEffect::TakenOut,
            Undeclared::Delete => PolicyEffect::Deleted,
        };
        (policy, manifest.scope.has_owner(owner))
    } else {
        let counts_as = |declared: &Owner| manifest.is_one_owner(declared, owner);
        let is_same = declared.iter().any(|entry| {
            entry.state != State::Absent
                && entry.identity.version == identity.version
                && counts_as(&entry.identity.owner)
        });
        if is_same {
            return PolicyEffect::LeftAlone(LeftAlone::Followed);
        }
        let Some(by) = superseder(declared, counts_as) else {
            return PolicyEffect::LeftAlone(LeftAlone::NothingSupersedes);
        };
        let is_exact = serving(declared).any(|entry| entry.identity.owner == *owner);
        (effect_of_superseded(by), is_exact)
    };
    match under_protection(policy, manifest.protects(identity, user)) {
        PolicyEffect::TakenOut if !is_exact => PolicyEffect::PerhapsTakenOut,
        PolicyEffect::Deleted | PolicyEffect::DeletedBeyond(_) if !is_exact => {
            PolicyEffect::PerhapsDeleted
        }
        other => other,
    }
}

/// Returns the effect on a version that may be protected: a protection prevents a delete, but not a
/// deactivation.
pub(super) fn under_protection(policy: PolicyEffect, is_protected: bool) -> PolicyEffect {
    match policy {
        PolicyEffect::Deleted | PolicyEffect::DeletedBeyond(_) if is_protected => {
            PolicyEffect::TakenOut
        }
        other => other,
    }
}

/// Returns the active entry of these owners whose policy removes the least.
pub(super) fn superseder(
    declared: &[Desired],
    has_owner: impl Fn(&Owner) -> bool,
) -> Option<&Desired> {
    serving(declared)
        .filter(|entry| has_owner(&entry.identity.owner))
        .min_by_key(|entry| {
            let superseded = &entry.superseded;
            let retained = superseded.retain.unwrap_or(0);
            (superseded.policy, std::cmp::Reverse(retained))
        })
}

/// Returns the effect of an entry's policy on the versions that it supersedes.
pub(super) fn effect_of_superseded(by: &Desired) -> PolicyEffect {
    let retain = by.superseded.retain.unwrap_or(0);
    match by.superseded.policy {
        SupersededPolicy::Keep => PolicyEffect::LeftAlone(LeftAlone::Kept),
        SupersededPolicy::Deactivate => PolicyEffect::TakenOut,
        SupersededPolicy::Delete if retain == 0 => PolicyEffect::Deleted,
        SupersededPolicy::Delete => PolicyEffect::DeletedBeyond(retain),
    }
}

/// Returns the risks of an effect.
pub(super) fn risks_of(policy: PolicyEffect) -> Vec<Risk> {
    match policy {
        PolicyEffect::Deleted
        | PolicyEffect::DeletedBeyond(_)
        | PolicyEffect::PerhapsDeleted
        | PolicyEffect::ReplacedOnChange => {
            vec![Risk::Deleted, Risk::Irreversible]
        }
        PolicyEffect::Blocked => vec![Risk::Blocked],
        PolicyEffect::Deployed
        | PolicyEffect::DeployedInactive
        | PolicyEffect::Expected
        | PolicyEffect::NotDeployedAgain
        | PolicyEffect::LeftAlone(_)
        | PolicyEffect::TakenOut
        | PolicyEffect::PerhapsTakenOut => Vec::new(),
    }
}
