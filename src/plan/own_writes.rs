//! The writes that solform itself has sent, so that their effects are not mistaken for changes by
//! others.
//!
//! A half-done change leaves the live state between its two images: deactivated and not deleted
//! yet, deleted and not deployed again yet, or deployed and not patched yet. The journal shows
//! which writes were sent. Their values count as the values in the plan.

use std::collections::BTreeMap;

use super::action::{LiveImage, Patch};
use super::progress::PastWrite;
use crate::attribute::{LiveVisibilityWord, Visibility};
use crate::ident::SolutionId;

/// The values that this apply, and the applies that it recovers or resumes, set in each record, in
/// the order of the writes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OwnWrites(BTreeMap<SolutionId, Vec<Patch>>);

impl OwnWrites {
    /// Collects the writes of these steps.
    pub fn of<'a>(steps: impl IntoIterator<Item = &'a PastWrite>) -> Self {
        let mut own = Self::default();
        for (id, patch) in steps.into_iter().flat_map(|step| &step.patches) {
            own.0.entry(id.clone()).or_default().push(*patch);
        }
        own
    }

    /// Returns a before-image with each live value that a write of solform has set. Its differences
    /// from the live version are exactly the changes that others made.
    pub fn rebase(&self, before: &LiveImage, now: &LiveImage) -> LiveImage {
        let mut rebased = before.clone();
        if before.id != now.id {
            return rebased;
        }
        for patch in self.0.get(&before.id).into_iter().flatten() {
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
                // The owner may follow the visibility: docs/platform.md, "The owner pair".
                rebased.identity.owner = now.identity.owner.clone();
            }
        }
        rebased
    }
}

/// Returns whether a live word is a possible result of setting a visibility.
fn shows(set: Visibility, live: &LiveVisibilityWord) -> bool {
    live.satisfies(set) || (set == Visibility::Public && *live == LiveVisibilityWord::PendingReview)
}

#[cfg(test)]
mod tests {
    use super::super::action::Action;
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

    /// Checks for each write of solform, and the live state after it, whether only that write
    /// caused the difference.
    #[test]
    fn own_writes_are_not_changes_by_others() {
        let inactive = patch(Some(State::Inactive), None);
        let active = patch(Some(State::Active), None);
        let public = patch(None, Some(Visibility::Public));
        let before = image("ACTIVE", "PRIVATE", "svc");
        for (writes, now, is_own) in [
            (vec![], image("INACTIVE", "PRIVATE", "svc"), false),
            (vec![inactive], image("INACTIVE", "PRIVATE", "svc"), true),
            // The write had no effect yet, or was undone since.
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
            let action = Action::Delete {
                before: Box::new(before.clone()),
            };
            let step = PastWrite {
                patches: writes.iter().map(|set| (before.id.clone(), *set)).collect(),
                ..PastWrite::new(action)
            };
            let own = OwnWrites::of([&step]);
            let is_equal = own.rebase(&before, &now) == now;
            assert_eq!(is_equal, is_own, "{writes:?} {now:?}");
        }
    }
}
