//! The writes that solform itself has sent, so that their effects are not taken for changes by
//! somebody else.
//!
//! A half-done change leaves the live state between its two images: deactivated and not deleted yet,
//! deleted and not deployed again yet, deployed and not patched yet. The journal says which writes were
//! sent; what they set is still what the plan saw.

use std::collections::{BTreeMap, BTreeSet};

use super::action::{LiveImage, Patch};
use crate::attribute::{LiveVisibilityWord, Visibility};
use crate::ident::{Identity, SolutionId};

/// Writes of this apply, and of those that it recovers or resumes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OwnWrites {
    /// What was set in each record, in the order of the writes.
    patched: BTreeMap<SolutionId, Vec<Patch>>,
    /// Records that were deployed, and are live.
    deployed: BTreeMap<SolutionId, Identity>,
    /// Records whose delete was sent.
    deleted: BTreeSet<SolutionId>,
}

impl OwnWrites {
    /// Adds a patch that was sent.
    pub fn add_patch(&mut self, id: &SolutionId, set: Patch) {
        self.patched.entry(id.clone()).or_default().push(set);
    }

    /// Adds a deploy that made a record.
    pub fn add_deploy(&mut self, identity: &Identity, id: &SolutionId) {
        self.deployed.insert(id.clone(), identity.clone());
    }

    /// Adds a delete that was sent.
    pub fn add_delete(&mut self, id: &SolutionId) {
        self.deleted.insert(id.clone());
    }

    /// Adds all writes of later applies.
    pub fn extend(&mut self, later: &Self) {
        for (id, patches) in &later.patched {
            self.patched.entry(id.clone()).or_default().extend(patches);
        }
        self.deployed.extend(later.deployed.clone());
        self.deleted.extend(later.deleted.iter().cloned());
    }

    /// Whether a record was deployed.
    pub fn has_deployed(&self, id: &SolutionId) -> bool {
        self.deployed.contains_key(id)
    }

    /// Whether the delete of a record was sent. It is done where the record is not live any more.
    pub fn has_deleted(&self, id: &SolutionId) -> bool {
        self.deleted.contains(id)
    }

    /// The records whose delete was sent.
    pub fn deleted(&self) -> impl Iterator<Item = &SolutionId> {
        self.deleted.iter()
    }

    /// What was set in a record, in the order of the writes.
    pub fn patches(&self, id: &SolutionId) -> &[Patch] {
        self.patched.get(id).map_or(&[], Vec::as_slice)
    }

    /// A before-image with each field that is live as a write of solform has set it. Compared with
    /// what is live, it differs in what somebody else has changed, and in nothing else.
    pub fn rebase(&self, before: &LiveImage, now: &LiveImage) -> LiveImage {
        let mut rebased = before.clone();
        if before.id != now.id {
            return rebased;
        }
        for patch in self.patches(&before.id) {
            if patch
                .state()
                .is_some_and(|state| now.state.satisfies(state))
            {
                rebased.state = now.state.clone();
            }
            if let (Some(set), Some(live)) = (patch.visibility(), &now.visibility)
                && shows(set, live)
            {
                rebased.visibility = Some(live.clone());
                // The owner may follow the visibility: docs/platform.md, "Owner".
                rebased.identity.owner = now.identity.owner.clone();
            }
        }
        rebased
    }
}

/// Whether a live word is what setting a visibility leads to.
fn shows(set: Visibility, live: &LiveVisibilityWord) -> bool {
    live.satisfies(set) || (set == Visibility::Public && *live == LiveVisibilityWord::PendingReview)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{IB, live};
    use super::*;
    use crate::attribute::State;

    fn image(state: &str, visibility: &str, owner: &str) -> LiveImage {
        let version = live(&format!("{owner}:Form@1"))
            .state(state)
            .id("i")
            .visible(visibility);
        LiveImage::of(&version)
    }

    fn patch(state: Option<State>, visibility: Option<Visibility>) -> Patch {
        Patch::new(state, visibility).unwrap()
    }

    /// Each write of solform, what is live after it, and whether only that write made the difference.
    #[test]
    fn own_writes_are_no_foreign_changes() {
        let inactive = patch(Some(State::Inactive), None);
        let active = patch(Some(State::Active), None);
        let public = patch(None, Some(Visibility::Public));
        let before = image("ACTIVE", "PRIVATE", "svc");
        for (writes, now, is_own) in [
            (vec![], image("INACTIVE", "PRIVATE", "svc"), false),
            (vec![inactive], image("INACTIVE", "PRIVATE", "svc"), true),
            // Not taken yet, or put back since.
            (vec![inactive], image("ACTIVE", "PRIVATE", "svc"), true),
            (
                vec![inactive, active],
                image("ACTIVE", "PRIVATE", "svc"),
                true,
            ),
            (
                vec![inactive, active],
                image("INACTIVE", "PRIVATE", "svc"),
                true,
            ),
            (vec![inactive], image("ODD", "PRIVATE", "svc"), false),
            (vec![inactive], image("INACTIVE", "PUBLIC", "svc"), false),
            (vec![public], image("ACTIVE", "PUBLIC", IB), true),
            (vec![public], image("ACTIVE", "PENDING_REVIEW", "svc"), true),
            (vec![public], image("ACTIVE", "PRIVATE", IB), false),
            (vec![public], image("INACTIVE", "PUBLIC", "svc"), false),
            (
                vec![public, inactive],
                image("INACTIVE", "PUBLIC", "svc"),
                true,
            ),
        ] {
            let mut own = OwnWrites::default();
            for write in &writes {
                own.add_patch(&before.id, *write);
            }
            let is_equal = own.rebase(&before, &now) == now;
            assert_eq!(is_equal, is_own, "{writes:?} {now:?}");
        }
    }
}
