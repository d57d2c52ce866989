//! The comparison of the policies that plans are judged by. A review has no plan, so it judges
//! none.

use super::finding::{Finding, Risk, SidePosition};
use super::kind::{Field, Kind};
use crate::manifest::{Enforcement, Manifest, PlanPolicy};

/// Compares the policies by their names, and their time zone.
pub(super) fn compare_plan_policies(base: &Manifest, head: &Manifest) -> Vec<Finding> {
    let removed = base.policies.list.iter();
    let removed = removed.filter(|policy| named(head, &policy.name).is_none());
    let removed = removed.map(|policy| {
        let place = SidePosition::in_base(&policy.position);
        Finding::new(Kind::PlanPolicyRemoved, place)
            .field(Field::Policies, Some(text(policy)), None)
            .risks([Risk::ProtectionRemoved])
    });
    let others = head.policies.list.iter().filter_map(|policy| {
        let place = SidePosition::in_head(&policy.position);
        let Some(before) = named(base, &policy.name) else {
            let added = Finding::new(Kind::PlanPolicyAdded, place);
            return Some(added.field(Field::Policies, None, Some(text(policy))));
        };
        let is_same =
            (before.enforcement, &before.expression) == (policy.enforcement, &policy.expression);
        let changed = Finding::new(Kind::PlanPolicyChanged, place)
            .field(Field::Policies, Some(text(before)), Some(text(policy)))
            .risks(risk(before, policy));
        (!is_same).then_some(changed)
    });
    let mut findings: Vec<Finding> = removed.chain(others).collect();
    let zone = |manifest: &Manifest| manifest.policies.timezone_name().to_owned();
    let (before, after) = (zone(base), zone(head));
    if before != after && !head.policies.list.is_empty() {
        let (kind, field) = (Kind::PlanPolicyChanged, Field::PolicyTimezone);
        let (base, head) = (Some(&base.environment), &head.environment);
        let values = (Some(before), Some(after));
        let changed = Finding::of_setting(kind, field, values, base, head);
        findings.push(changed.risks([Risk::PerhapsLoosened]));
    }
    findings
}

fn named<'a>(manifest: &'a Manifest, name: &str) -> Option<&'a PlanPolicy> {
    let mut policies = manifest.policies.list.iter();
    policies.find(|policy| policy.name == name)
}

fn text(policy: &PlanPolicy) -> String {
    let (name, enforcement) = (&policy.name, policy.enforcement);
    format!("{name}: {enforcement} {}", policy.expression.text())
}

/// Two conditions cannot be ordered.
fn risk(before: &PlanPolicy, after: &PlanPolicy) -> Option<Risk> {
    if after.enforcement < before.enforcement {
        return Some(Risk::Loosened);
    }
    let is_other = before.expression != after.expression;
    (is_other && before.enforcement == Enforcement::Deny).then_some(Risk::PerhapsLoosened)
}
