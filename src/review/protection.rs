//! The comparison of the protections, with the versions that they covered.

use super::finding::{Finding, Risk, SidePosition};
use super::kind::{Field, Kind};
use crate::attribute::State;
use crate::ident::{Identity, disambiguate};
use crate::manifest::{Glob, Manifest, Position};

/// Compares the patterns. The finding of a removed pattern contains the declared versions that lose
/// their protection and are removed in the same change.
pub(super) fn compare_protection(base: &Manifest, head: &Manifest) -> Vec<Finding> {
    let (before, after) = (&base.environment.protect, &head.environment.protect);
    let goes: Vec<&Identity> = base
        .desired
        .iter()
        .filter(|entry| entry.state != State::Absent && is_gone(head, &entry.identity))
        .map(|entry| &entry.identity)
        .filter(|identity| !head.protects(identity, head.user_name()))
        .collect();
    let mut findings = Vec::new();
    for pattern in missing(before, after) {
        let covered: Vec<_> = goes
            .iter()
            .filter(|identity| covers(pattern, identity))
            .map(|identity| (*identity, None))
            .collect();
        let concerned = disambiguate(&covered);
        let (kind, risk) = if concerned.is_empty() {
            (Kind::ProtectionRemoved, Risk::ProtectionRemoved)
        } else {
            (
                Kind::ProtectionRemovedWithEntry,
                Risk::ProtectionRemovedWithEntry,
            )
        };
        // The pattern is in the base, also if the head has the key with other patterns.
        let finding = Finding::new(kind, SidePosition::in_base(position(base)))
            .field(Field::Protect, Some(pattern.as_str()), None)
            .risks([risk]);
        findings.push(Finding {
            concerned,
            ..finding
        });
    }
    let added = missing(after, before).into_iter().map(|pattern| {
        Finding::new(Kind::ProtectionAdded, SidePosition::in_head(position(head))).field(
            Field::Protect,
            None,
            Some(pattern.as_str()),
        )
    });
    findings.extend(added);
    findings
}

fn position(manifest: &Manifest) -> &Position {
    let environment = &manifest.environment;
    let key = environment.keys.get(Field::Protect.as_str());
    key.unwrap_or(&environment.position)
}

/// Returns true if the head does not declare this version, or declares it as `ABSENT`.
fn is_gone(head: &Manifest, identity: &Identity) -> bool {
    let found = head
        .desired
        .binary_search_by(|entry| entry.identity.cmp(identity));
    found.map_or(true, |index| head.desired[index].state == State::Absent)
}

fn covers(pattern: &Glob, identity: &Identity) -> bool {
    pattern.matches(identity.address().as_str())
        || pattern.matches(identity.full_address().as_str())
}

/// Returns the patterns that only the first list has, each once.
fn missing<'a>(from: &'a [Glob], others: &[Glob]) -> Vec<&'a Glob> {
    let mut missing: Vec<&Glob> = Vec::new();
    for glob in from {
        if !others.contains(glob) && !missing.contains(&glob) {
            missing.push(glob);
        }
    }
    missing
}
