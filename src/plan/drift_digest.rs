//! The digest of drift: two plans with the same digest report the same drift.

use serde::Serialize;

use super::action::Action;
use super::change::{Block, Note, Plan};
use super::guard::Refusal;
use crate::ident::{Address, Digest, Identity};

/// The parts of a change that count. Reasons and positions in the manifest do not.
#[derive(Serialize)]
struct Drifted<'a> {
    address: &'a Address,
    action: &'a Action,
    blocked: Vec<&'static str>,
    /// The differences that no apply removes.
    left: Vec<&'a Note>,
}

/// Returns the digest of everything that is not as declared; none if all is as declared. Versions
/// that the manifest leaves alone do not count.
pub fn drift_digest(plan: &Plan, refusals: &[Refusal]) -> Option<Digest> {
    let is_left =
        |note: &&Note| matches!(note, Note::ContentDrift { .. } | Note::UnknownWord { .. });
    let changes = plan.changes.iter().map(|change| Drifted {
        address: &change.address,
        action: &change.action,
        blocked: change.blocked.iter().map(Block::code).collect(),
        left: change.notes.iter().filter(is_left).collect(),
    });
    let is_drift = |drifted: &Drifted<'_>| {
        !matches!(drifted.action, Action::NoOp { .. }) || !drifted.left.is_empty()
    };
    let changes: Vec<Drifted<'_>> = changes.filter(is_drift).collect();
    let refusals: Vec<String> = refusals.iter().map(ToString::to_string).collect();
    let in_flight: Vec<(&Identity, &str)> = plan
        .in_flight
        .iter()
        .map(|write| (&write.identity, write.write.as_str()))
        .collect();
    let orphaned: Vec<&str> = plan
        .orphaned
        .iter()
        .map(|record| record.id.as_str())
        .collect();
    if changes.is_empty() && refusals.is_empty() && in_flight.is_empty() && orphaned.is_empty() {
        return None;
    }
    let warnings: Vec<String> = plan.judgement.warnings().map(ToString::to_string).collect();
    let all = (changes, refusals, warnings, in_flight, orphaned);
    let digest = Digest::of_json(&all);
    Some(digest.expect("invariant: the keys of a plan are strings"))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{declared, live, scenario};
    use super::*;

    #[test]
    fn only_differences_count_as_drift() {
        let base = || scenario().live([live("Form@1"), live("Mine@1")]);
        let digest = |plan: &Plan| drift_digest(plan, &[]);
        let same = base().declare([declared("Form@1")]);
        assert_eq!(digest(&same.plan()), None);
        let drifted = base().declare([declared("Form@1").inactive()]);
        let drift = digest(&drifted.plan());
        assert!(drift.is_some());
        // Versions that the manifest does not declare do not count.
        let more = scenario()
            .live([live("Form@1"), live("Other@1"), live("Other@2")])
            .declare([declared("Form@1").inactive()]);
        assert_eq!(digest(&more.plan()), drift);
        // The place of an entry in the manifest does not count.
        let mut moved = drifted.plan();
        for change in &mut moved.changes {
            change.origin = None;
        }
        assert_eq!(digest(&moved), drift);
        let other = base().declare([declared("Form@1").absent()]);
        assert_ne!(digest(&other.plan()), drift);
        let refusal = Refusal::ScopeNotListed;
        assert_ne!(drift_digest(&drifted.plan(), &[refusal]), drift);
    }
}
