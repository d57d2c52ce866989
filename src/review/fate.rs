//! What the head manifest's policies make of a live version that it does not declare: the rules of
//! `plan`'s policies, as far as they can be told without knowing what is live.

use super::finding::{Fate, LeftAlone};
use crate::attribute::State;
use crate::ident::{Identity, Owner, SolutionName};
use crate::manifest::{Desired, Manifest, SupersededPolicy, Undeclared};

/// The entries of one name; a manifest's entries are ordered by it.
pub(super) fn entries_of<'a>(entries: &'a [Desired], name: &SolutionName) -> &'a [Desired] {
    let start = entries.partition_point(|entry| entry.identity.name < *name);
    let rest = &entries[start..];
    &rest[..rest.partition_point(|entry| entry.identity.name == *name)]
}

/// The declared versions of a name that are to serve.
pub(super) fn serving(entries: &[Desired]) -> impl Iterator<Item = &Desired> {
    entries.iter().filter(|entry| entry.state == State::Active)
}

/// What becomes of a version that the manifest does not declare, if it is live.
pub(super) fn fate_of_undeclared(manifest: &Manifest, identity: &Identity) -> Fate {
    if !manifest.scope.contains(identity) {
        return Fate::LeftAlone(LeftAlone::OutOfScope);
    }
    if manifest.is_protected(identity) {
        return Fate::LeftAlone(LeftAlone::Protected);
    }
    let declared = entries_of(&manifest.desired, &identity.name);
    if declared.is_empty() {
        return match manifest.scope.undeclared {
            Undeclared::Ignore => Fate::LeftAlone(LeftAlone::Ignored),
            Undeclared::Deactivate => Fate::TakenOut,
            Undeclared::Delete => Fate::Deleted,
        };
    }
    if let Some(superseder) = superseder(declared, &identity.owner) {
        return fate_of_superseded(superseder);
    }
    fate_of_followed(manifest, declared, identity)
}

/// The entry whose policy counts for an owner's versions: the most careful one.
pub(super) fn superseder<'a>(declared: &'a [Desired], owner: &Owner) -> Option<&'a Desired> {
    serving(declared)
        .filter(|entry| entry.identity.owner == *owner)
        .min_by_key(|entry| {
            let superseded = entry.superseded;
            let retained = superseded.retain.unwrap_or(0);
            (superseded.policy, std::cmp::Reverse(retained))
        })
}

/// What an entry's policy makes of the versions that it supersedes.
pub(super) fn fate_of_superseded(by: &Desired) -> Fate {
    let retain = by.superseded.retain.unwrap_or(0);
    match by.superseded.policy {
        SupersededPolicy::Keep => Fate::LeftAlone(LeftAlone::Kept),
        SupersededPolicy::Deactivate => Fate::TakenOut,
        SupersededPolicy::Delete if retain == 0 => Fate::Deleted,
        SupersededPolicy::Delete => Fate::DeletedBeyond(retain),
    }
}

/// A version under the other of `IB_DEPLOYED` and `user` counts as the same owner's (design 4), if
/// `user` published it, which only the server knows.
fn fate_of_followed(manifest: &Manifest, declared: &[Desired], identity: &Identity) -> Fate {
    let nothing = Fate::LeftAlone(LeftAlone::NothingSupersedes);
    let Some(other) = manifest.other_owner(&identity.owner) else {
        return nothing;
    };
    let is_same = declared.iter().any(|entry| {
        entry.state != State::Absent
            && entry.identity.owner == other
            && entry.identity.version == identity.version
    });
    if is_same {
        return Fate::LeftAlone(LeftAlone::Followed);
    }
    match superseder(declared, &other) {
        None => nothing,
        Some(entry) if entry.superseded.policy == SupersededPolicy::Keep => {
            Fate::LeftAlone(LeftAlone::Kept)
        }
        Some(_) => Fate::PerhapsTakenOut,
    }
}
