//! The comparison of the policies for superseded versions: `superseded` and `retain`.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use super::entries::Comparison;
use super::finding::{Finding, Risk, Side, SidePosition, Whom};
use super::kind::{Field, Kind};
use super::policy_effect::{effect_of_superseded, risks_of, serving, superseder, under_protection};
use crate::ident::Owner;
use crate::manifest::{Desired, Glob, KeyPositions, SupersededPolicy};

impl Comparison<'_> {
    pub(super) fn superseded(&mut self, base: &Desired, entry: &Desired) {
        let before = &*base.superseded;
        let after = &*entry.superseded;
        let kind = |order: Ordering| match order {
            Ordering::Less => Some(Kind::PolicyLoosened),
            Ordering::Greater => Some(Kind::PolicyTightened),
            Ordering::Equal => None,
        };
        if let Some(kind) = kind(before.policy.cmp(&after.policy)) {
            let words = (Some(before.policy.as_str()), Some(after.policy.as_str()));
            self.policy(kind, Field::Superseded, words, &before.keys, entry);
        }
        // Without the key, no version is retained.
        let counts = (before.retain.unwrap_or(0), after.retain.unwrap_or(0));
        if let Some(kind) = kind(counts.1.cmp(&counts.0)) {
            let counts = (before.retain, after.retain);
            self.policy(kind, Field::Retain, counts, &before.keys, entry);
        }
    }

    /// Adds a finding about a change of the policy for superseded versions.
    fn policy<T: ToString>(
        &mut self,
        kind: Kind,
        field: Field,
        (before, after): (Option<T>, Option<T>),
        base: &KeyPositions,
        entry: &Desired,
    ) {
        let protect = &self.head.environment.protect;
        let is_protected = protect.iter().any(|glob| covers_versions(glob, entry));
        let policy = under_protection(effect_of_superseded(entry), is_protected);
        let mut risks = Vec::new();
        // `retain` has no effect unless the policy deletes versions.
        let is_idle = field == Field::Retain && entry.superseded.policy != SupersededPolicy::Delete;
        if kind == Kind::PolicyLoosened && !is_idle {
            risks.push(Risk::Loosened);
            risks.extend(risks_of(policy));
        }
        let place = SidePosition::of_key(field, base, &entry.superseded.keys, &entry.position);
        let finding = self.finding(kind, entry, Side::Head);
        let finding = Finding { place, ..finding }
            .field(field, before, after)
            .effect(Whom::OtherVersions, policy);
        self.findings.push(finding.risks(risks));
    }

    /// Adds a finding for each owner that gets its first active version. Its policy cannot be
    /// compared with an earlier one, so no other finding reports it.
    pub(super) fn first_superseders(
        &mut self,
        base: &[Desired],
        head: &[Desired],
        begins_at: usize,
    ) {
        let owners: BTreeSet<&Owner> = serving(head).map(|entry| &entry.identity.owner).collect();
        let is_policy = |finding: &Finding| finding.field == Some(Field::Superseded);
        if self.findings[begins_at..].iter().any(is_policy) {
            return;
        }
        for owner in owners {
            let is_owner = |other: &Owner| other == owner;
            let (None, Some(entry)) = (superseder(base, is_owner), superseder(head, is_owner))
            else {
                continue;
            };
            let policy = entry.superseded.policy;
            // Defaults are not reported.
            if policy > SupersededPolicy::Deactivate {
                let words = (None, Some(policy.as_str()));
                let (kind, none) = (Kind::PolicyLoosened, KeyPositions::default());
                self.policy(kind, Field::Superseded, words, &none, entry);
            }
        }
    }

    /// Merges equal findings about policies, because one policy often applies to many versions and
    /// names.
    pub(super) fn merge_policies(&mut self) {
        let is_policy =
            |finding: &Finding| matches!(finding.field, Some(Field::Superseded | Field::Retain));
        let findings = std::mem::take(&mut self.findings).into_iter();
        let (policies, kept): (Vec<Finding>, Vec<Finding>) = findings.partition(is_policy);
        let mut merged: Vec<Finding> = Vec::new();
        for mut finding in policies {
            let address = finding.address.take();
            let is_same = |other: &&mut Finding| {
                (other.kind, other.field, &other.effect)
                    == (finding.kind, finding.field, &finding.effect)
                    && (&other.before, &other.after) == (&finding.before, &finding.after)
            };
            if let Some(known) = merged.iter_mut().find(is_same) {
                known.concerned.extend(address);
            } else {
                finding.concerned.extend(address);
                merged.push(finding);
            }
        }
        for finding in &mut merged {
            if finding.concerned.len() == 1 {
                finding.address = finding.concerned.pop();
            }
        }
        self.findings = kept.into_iter().chain(merged).collect();
    }
}

/// Returns true if a pattern matches every version of an entry's solution.
fn covers_versions(glob: &Glob, entry: &Desired) -> bool {
    // A `*` at the end, which matches nothing here, matches any version.
    let (name, owner) = (&entry.identity.name, &entry.identity.owner);
    glob.as_str().ends_with('*')
        && (glob.matches(&format!("{name}@")) || glob.matches(&format!("{owner}:{name}@")))
}
