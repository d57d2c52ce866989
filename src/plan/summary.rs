//! The summary of a plan. No other module counts changes.

use std::collections::HashSet;

use super::action::ActionKind;
use super::change::{Change, Plan, Undo};
use super::succession::{Course, Successions};
use crate::ident::Identity;

/// The number of changes above which output for people is summarised.
pub const SUMMARISED_ABOVE: usize = 100;

/// The counts of a plan. Every renderer and the exit code use these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// The versions that are deployed. A replace counts here and in `destroy`.
    pub add: usize,
    /// The versions that are patched.
    pub change: usize,
    /// The versions that are deleted.
    pub destroy: usize,
    /// The versions that are confirmed as declared: without a write in flight or an orphaned
    /// record.
    pub no_op: usize,
    /// The declared versions in a state or visibility that is unknown to solform. They are not
    /// changed, and do not count as declared.
    pub unknown: usize,
    /// The declared versions that wait for an approval on the platform. They are not changed, and
    /// do not count as declared.
    pub in_review: usize,
    /// The blocked changes. They count in the other numbers too.
    pub blocked: usize,
    /// The versions that go out of service without a successor of their name.
    pub ends_service: usize,
    /// The changes that cannot be undone.
    pub irreversible: usize,
    /// The versions that become PUBLIC.
    pub widened: usize,
    /// The versions that fewer users will see.
    pub narrowed: usize,
    /// The versions that come into service and replace a higher one.
    pub downgraded: usize,
    /// The versions that were in service beside a declared one, and that a policy takes out of
    /// service.
    pub coexisting: usize,
    /// The live versions that the manifest or its policies leave alone.
    pub unmanaged: usize,
    /// The changes that options left out.
    pub left_out: usize,
    /// The writes of earlier applies whose result is unknown.
    pub in_flight: usize,
    /// The live records that failed deploys left.
    pub orphaned: usize,
    /// The versions that a roll-back does not restore completely.
    pub unrestored: usize,
}

impl Summary {
    /// Counts a plan.
    pub fn of(plan: &Plan) -> Self {
        let mut summary = Self {
            unmanaged: plan.unmanaged,
            left_out: plan.left_out,
            in_flight: plan.in_flight.len(),
            orphaned: plan.orphaned.len(),
            unrestored: plan
                .rollback
                .as_ref()
                .map_or(0, |rollback| rollback.identities().len()),
            ..Self::default()
        };
        let not_as_declared: HashSet<&Identity> = plan
            .in_flight
            .iter()
            .map(|write| &write.identity)
            .chain(plan.orphaned.iter().map(|record| &record.identity))
            .collect();
        let successions = Successions::of(plan);
        for change in &plan.changes {
            let is_as_declared = !not_as_declared.contains(&change.identity);
            summary.count(change, &successions, is_as_declared);
        }
        summary
    }

    fn count(&mut self, change: &Change, successions: &Successions<'_>, is_as_declared: bool) {
        match change.action.kind() {
            ActionKind::Create => self.add += 1,
            ActionKind::Update => self.change += 1,
            ActionKind::Delete => self.destroy += 1,
            ActionKind::Replace => {
                self.add += 1;
                self.destroy += 1;
            }
            ActionKind::NoOp if change.has_unknown_word() => self.unknown += 1,
            ActionKind::NoOp if change.waits_for_review() => self.in_review += 1,
            ActionKind::NoOp if change.is_left_by_policy() => self.unmanaged += 1,
            ActionKind::NoOp => self.no_op += usize::from(is_as_declared),
        }
        self.blocked += usize::from(!change.blocked.is_empty());
        self.ends_service += usize::from(change.ends_service());
        self.irreversible += usize::from(change.undo() == Undo::Irreversible);
        self.widened += usize::from(change.becomes_public());
        self.narrowed += usize::from(change.narrows_visibility());
        self.coexisting += usize::from(successions.is_coexisting(change));
        let course = successions.of_change(change).map(|found| found.course);
        self.downgraded += usize::from(course == Some(Course::Downgrade));
    }

    /// Returns whether the plan contains a change.
    pub fn has_changes(&self) -> bool {
        self.add + self.change + self.destroy > 0
    }

    /// Returns whether earlier applies left something, or the server reports something unknown,
    /// that this plan does not resolve.
    pub fn has_leftovers(&self) -> bool {
        self.in_flight > 0 || self.is_partial()
    }

    /// Returns true if a failed deploy left a record, a declared version is in a state or
    /// visibility that solform does not know, or a roll-back does not restore everything.
    pub fn is_partial(&self) -> bool {
        self.orphaned + self.unknown + self.unrestored > 0
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{declared, live, scenario};
    use super::*;
    use crate::attribute::Visibility;

    #[test]
    fn every_number_is_counted_once() {
        let base = || {
            scenario()
                .protect("Safe@1")
                .declare([
                    declared("Form@2"),
                    declared("Form@3"),
                    declared("Paystub@1"),
                    declared("Paystub@2").visible(Visibility::Public),
                    declared("Safe@1").absent(),
                    declared("Gone@1").absent(),
                    declared("Back@1").visible(Visibility::Public),
                ])
                .live([
                    live("Form@1"),
                    live("Form@3"),
                    live("Paystub@1"),
                    live("Paystub@2").visible("PENDING_REVIEW"),
                    live("Safe@1"),
                    live("mallory:Other@1"),
                    live("Back@2"),
                ])
                .replace("Form@3")
        };
        let summary = Summary::of(&base().plan());
        let expected = Summary {
            add: 3,
            change: 2,
            destroy: 2,
            no_op: 2,
            unknown: 0,
            in_review: 1,
            blocked: 1,
            ends_service: 1,
            irreversible: 2,
            widened: 1,
            narrowed: 0,
            downgraded: 1,
            coexisting: 1,
            unmanaged: 1,
            left_out: 0,
            in_flight: 0,
            orphaned: 0,
            unrestored: 0,
        };
        assert_eq!(summary, expected);
        assert!(summary.has_changes());
        let part = Summary::of(&base().target("Paystub").plan());
        assert_eq!((part.no_op, part.in_review, part.left_out), (1, 1, 7));
        assert!(!part.has_changes());
    }
}
