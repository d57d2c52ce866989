//! The effect of the head manifest's policies on a live version that it does not declare: the rules
//! of `plan`'s policies, as far as they are known without the live state.

use super::finding::{LeftAlone, PolicyEffect};
use crate::attribute::State;
use crate::ident::{Identity, Owner};
use crate::manifest::{Desired, Manifest, SupersededPolicy, Undeclared, entries_of};

/// The declared versions of a name that serve.
pub(super) fn serving(entries: &[Desired]) -> impl Iterator<Item = &Desired> {
    entries.iter().filter(|entry| entry.state == State::Active)
}

/// What becomes of a version that the manifest does not declare, if it is live.
///
/// Whether `user` published it and whether an apply of the store deployed it, only the server and
/// the store know: across the owner pair a fate is a perhaps.
pub(super) fn fate_of_undeclared(manifest: &Manifest, identity: &Identity) -> PolicyEffect {
    let user = manifest.user_name();
    if !manifest.covers(identity, user) {
        return PolicyEffect::LeftAlone(LeftAlone::OutOfScope);
    }
    let owner = &identity.owner;
    let declared = entries_of(&manifest.desired, &identity.name);
    let (fate, is_exact) = if declared.is_empty() {
        let fate = match manifest.scope.undeclared {
            Undeclared::Ignore => PolicyEffect::LeftAlone(LeftAlone::Ignored),
            Undeclared::Deactivate => PolicyEffect::TakenOut,
            Undeclared::Delete => PolicyEffect::Deleted,
        };
        (fate, manifest.scope.has_owner(owner))
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
        (fate_of_superseded(by), is_exact)
    };
    let fate = match fate {
        // A protection stops deletes, and no deactivation.
        PolicyEffect::Deleted | PolicyEffect::DeletedBeyond(_)
            if manifest.protects(identity, user) =>
        {
            PolicyEffect::TakenOut
        }
        other => other,
    };
    match fate {
        PolicyEffect::TakenOut if !is_exact => PolicyEffect::PerhapsTakenOut,
        PolicyEffect::Deleted | PolicyEffect::DeletedBeyond(_) if !is_exact => {
            PolicyEffect::PerhapsDeleted
        }
        other => other,
    }
}

/// The entry whose policy counts for the versions of these owners: the most careful one.
pub(super) fn superseder(
    declared: &[Desired],
    has_owner: impl Fn(&Owner) -> bool,
) -> Option<&Desired> {
    serving(declared)
        .filter(|entry| has_owner(&entry.identity.owner))
        .min_by_key(|entry| {
            let superseded = entry.superseded;
            let retained = superseded.retain.unwrap_or(0);
            (superseded.policy, std::cmp::Reverse(retained))
        })
}

/// Returns the effect of an entry's policy on the versions that it supersedes.
pub(super) fn fate_of_superseded(by: &Desired) -> PolicyEffect {
    let retain = by.superseded.retain.unwrap_or(0);
    match by.superseded.policy {
        SupersededPolicy::Keep => PolicyEffect::LeftAlone(LeftAlone::Kept),
        SupersededPolicy::Deactivate => PolicyEffect::TakenOut,
        SupersededPolicy::Delete if retain == 0 => PolicyEffect::Deleted,
        SupersededPolicy::Delete => PolicyEffect::DeletedBeyond(retain),
    }
}
