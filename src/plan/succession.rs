//! The succession of versions: which version replaces which, in upgrades, downgrades, and between
//! coexisting versions.
//!
//! For explanation only. It is computed from a plan when the plan is shown, and is not stored.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

use super::action::{ActionKind, Reason};
use super::change::{Change, Plan};
use crate::ident::Address;

word_enum! {
    /// The direction of a succession.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Course {
        /// The new version is higher than every version that it replaces.
        Upgrade = "upgrade",
        /// The new version is lower than one that it replaces.
        Downgrade = "downgrade",
        /// The numbers of the versions have no order (`1.0-rc` and `1.0`).
        Incomparable = "incomparable",
        /// The same version under another owner.
        Handover = "handover",
    }
}

/// The succession of a version that comes into service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Succession<'a> {
    /// The direction.
    pub course: Course,
    /// The versions that the same plan takes out of service, the highest first. For a downgrade,
    /// only the higher ones.
    pub from: Vec<&'a Address>,
}

/// The successions of a plan.
#[derive(Debug)]
pub struct Successions<'a> {
    /// The versions that the plan brings into service.
    incoming: HashSet<&'a Address>,
    /// The versions that the plan takes out of service permanently, by successor.
    outgoing: HashMap<&'a Address, Vec<&'a Change>>,
}

impl<'a> Successions<'a> {
    /// Finds the successions of a plan.
    pub fn of(plan: &'a Plan) -> Self {
        let incoming = plan
            .changes
            .iter()
            .filter(|change| comes_in(change))
            .map(|change| &change.address)
            .collect();
        let mut outgoing: HashMap<&Address, Vec<&Change>> = HashMap::new();
        for change in &plan.changes {
            if !change.action.leaves_out_of_service() {
                continue;
            }
            for successor in &change.successors {
                outgoing.entry(&successor.address).or_default().push(change);
            }
        }
        Self { incoming, outgoing }
    }

    /// Returns the succession of a change; `None` if it brings no version into service, or replaces
    /// none.
    pub fn of_change(&self, change: &Change) -> Option<Succession<'a>> {
        if !comes_in(change) {
            return None;
        }
        let mut goes = self.outgoing.get(&change.address)?.clone();
        let version = |change: &'a Change| &change.identity.version;
        goes.sort_by(|left, right| version(right).natural_cmp(version(left)));
        let incoming = &change.identity.version;
        let is =
            |other: &Change, order| other.identity.version.numeric_cmp(incoming) == Some(order);
        let any = |order| goes.iter().any(|other| is(other, order));
        let course = if any(Ordering::Greater) {
            goes.retain(|other| is(other, Ordering::Greater));
            Course::Downgrade
        } else if any(Ordering::Less) {
            Course::Upgrade
        } else if goes.iter().all(|other| other.identity.version == *incoming) {
            Course::Handover
        } else {
            Course::Incomparable
        };
        Some(Succession {
            course,
            from: goes.into_iter().map(|change| &change.address).collect(),
        })
    }

    /// Returns whether a policy deactivates a version that was in service beside a declared one.
    /// The declared version was already live, as this plan does not bring it into service. That
    /// happens in the first plan for an environment in which several versions of a name were kept.
    pub fn is_coexisting(&self, change: &Change) -> bool {
        match (&change.reason, change.action.kind()) {
            (Reason::Superseded { by }, ActionKind::Update) => {
                by.iter().any(|address| !self.incoming.contains(address))
            }
            _ => false,
        }
    }
}

/// Returns whether the change brings a version into service.
fn comes_in(change: &Change) -> bool {
    change.action.brings_into_service()
        && !change
            .action
            .before()
            .is_some_and(|before| before.state.is_in_service())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{IB, Scenario, declared, live, scenario};
    use super::*;
    use crate::attribute::Visibility;
    use crate::manifest::SupersededPolicy;

    fn describe(scenario: &Scenario, address: &str) -> String {
        let plan = scenario.plan();
        let successions = Successions::of(&plan);
        match successions.of_change(plan.at(address)) {
            None => "-".to_owned(),
            Some(Succession { course, from }) => {
                let from: Vec<&str> = from.iter().map(|address| address.as_str()).collect();
                format!("{} from {}", course.as_str(), from.join(", "))
            }
        }
    }

    #[test]
    fn incoming_versions_succeed_outgoing_ones() {
        let inactive = |text: &str| live(text).inactive();
        for (declared_entries, live_versions, address, expected) in [
            (
                vec![declared("Form@1.10")],
                vec![live("Form@1.9")],
                "Form@1.10",
                "upgrade from Form@1.9",
            ),
            (
                vec![declared("Form@1.9")],
                vec![live("Form@1.10")],
                "Form@1.9",
                "downgrade from Form@1.10",
            ),
            (
                vec![declared("Form@1.0")],
                vec![live("Form@1.0-rc")],
                "Form@1.0",
                "incomparable from Form@1.0-rc",
            ),
            // A roll-back by a patch.
            (
                vec![declared("Form@1")],
                vec![inactive("Form@1"), live("Form@2")],
                "Form@1",
                "downgrade from Form@2",
            ),
            // Several versions go out of service.
            (
                vec![declared("Form@3")],
                vec![live("Form@1"), live("Form@2")],
                "Form@3",
                "upgrade from Form@2, Form@1",
            ),
            (
                vec![declared("Form@3")],
                vec![live("Form@1"), live("Form@4"), live("Form@5")],
                "Form@3",
                "downgrade from Form@5, Form@4",
            ),
            // By declaration instead of policy.
            (
                vec![declared("Form@2"), declared("Form@1").inactive()],
                vec![live("Form@1")],
                "Form@2",
                "upgrade from Form@1",
            ),
            (
                vec![declared("Form@2"), declared("Form@1").absent()],
                vec![live("Form@1")],
                "Form@2",
                "upgrade from Form@1",
            ),
            // No version in service goes out of service.
            (vec![declared("Form@2")], vec![], "Form@2", "-"),
            (
                vec![declared("Form@2").superseding(SupersededPolicy::Delete, None)],
                vec![inactive("Form@1")],
                "Form@2",
                "-",
            ),
            (
                vec![declared("Form@2").superseding(SupersededPolicy::Keep, None)],
                vec![live("Form@1")],
                "Form@2",
                "-",
            ),
            // The version was in service before, so no version comes into service.
            (
                vec![declared("Form@2").visible(Visibility::Public)],
                vec![live("Form@1"), live("Form@2")],
                "Form@2",
                "-",
            ),
        ] {
            let scenario = scenario().declare(declared_entries).live(live_versions);
            assert_eq!(describe(&scenario, address), expected, "{scenario:?}");
        }
        let replaced = scenario()
            .declare([declared("Form@2")])
            .live([live("Form@2"), live("Form@1")])
            .replace("Form@2");
        assert_eq!(describe(&replaced, "Form@2"), "-");
    }

    #[test]
    fn a_change_of_owner_is_a_handover() {
        let scenario = scenario()
            .manage(&["svc", "me", IB])
            .declare([declared("svc:Form@1"), declared("me:Form@1").absent()])
            .live([live("me:Form@1")]);
        let plan = scenario.plan();
        let address = plan.changes[1].address.as_str();
        assert_eq!(address, "svc:Form@1");
        assert_eq!(describe(&scenario, address), "handover from me:Form@1");
    }

    #[test]
    fn versions_beside_a_live_declared_one_coexist() {
        let coexisting = |scenario: &Scenario| {
            let plan = scenario.plan();
            let successions = Successions::of(&plan);
            plan.changes
                .iter()
                .filter(|change| successions.is_coexisting(change))
                .map(|change| change.address.to_string())
                .collect::<Vec<_>>()
        };
        let adopted = scenario().declare([declared("Form@3")]).live([
            live("Form@1"),
            live("Form@2"),
            live("Form@3"),
        ]);
        assert_eq!(coexisting(&adopted), ["Form@1", "Form@2"]);
        let upgraded = scenario()
            .declare([declared("Form@3")])
            .live([live("Form@1"), live("Form@2")]);
        assert!(coexisting(&upgraded).is_empty());
        // A patch restores the version: a roll-back, not an adoption.
        let rolled_back = scenario()
            .declare([declared("Form@1")])
            .live([live("Form@1").inactive(), live("Form@2")]);
        assert!(coexisting(&rolled_back).is_empty());
        // Deletes are shown as deletes.
        let deleted = scenario()
            .declare([declared("Form@3").superseding(SupersededPolicy::Delete, None)])
            .live([live("Form@1"), live("Form@3")]);
        assert!(coexisting(&deleted).is_empty());
        // One of two superseding versions was already live.
        let both = scenario()
            .declare([declared("Form@2"), declared("Form@3")])
            .live([live("Form@1"), live("Form@2")]);
        assert_eq!(coexisting(&both), ["Form@1"]);
    }
}
