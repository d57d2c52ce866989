//! The comparison of `manage` and `limits`.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use super::drain;
use super::finding::{Finding, PolicyEffect, Risk, Whom};
use super::kind::{Field, Kind};
use super::policy_effect::{risks_of, under_protection};
use crate::manifest::{Environment, Glob, Limit, Limits, Manifest, Scope, Undeclared};

/// Compares the policies; a new environment is compared with the defaults.
pub(super) fn compare_policies(base: Option<&Manifest>, head: &Manifest) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(undeclared(base, head));
    if let Some(base) = base {
        findings.extend(drain::of_undeclared(base, head));
        findings.extend(owners(base, head));
        let (before, after) = (&base.scope.names, &head.scope.names);
        findings.extend(globs(Field::Names, before, after, base, head));
        let Limits {
            max_destroy,
            max_change,
        } = head.environment.limits;
        let before = base.environment.limits;
        for (field, before, after) in [
            (Field::MaxDestroy, before.max_destroy, max_destroy),
            (Field::MaxChange, before.max_change, max_change),
        ] {
            findings.extend(limit(
                field,
                before,
                after,
                &base.environment,
                &head.environment,
            ));
        }
    }
    findings
}

fn undeclared(base: Option<&Manifest>, head: &Manifest) -> Option<Finding> {
    let before = base.map_or(Undeclared::Ignore, |base| base.scope.undeclared);
    let after = head.scope.undeclared;
    let kind = match after.cmp(&before) {
        Ordering::Equal => return None,
        Ordering::Greater => Kind::PolicyLoosened,
        Ordering::Less => Kind::PolicyTightened,
    };
    let is_protected = head
        .environment
        .protect
        .iter()
        .any(Glob::matches_everything);
    let policy = match after {
        Undeclared::Ignore => None,
        Undeclared::Deactivate => Some(PolicyEffect::TakenOut),
        Undeclared::Delete => Some(under_protection(PolicyEffect::Deleted, is_protected)),
    };
    let mut risks = Vec::new();
    if kind == Kind::PolicyLoosened {
        risks.push(Risk::Loosened);
        risks.extend(policy.into_iter().flat_map(risks_of));
        risks.push(Risk::OutOfService);
    }
    let values = (Some(before.as_str()), Some(after.as_str()));
    let base = base.map(|base| &base.environment);
    let finding = Finding::of_setting(kind, Field::Undeclared, values, base, &head.environment);
    let finding = finding.risks(risks);
    Some(match policy {
        Some(policy) => finding.effect(Whom::UndeclaredNames, policy),
        None => finding,
    })
}

/// Compares `manage.owners`. If it is only the list of the declared owners on both sides, the
/// findings about the entries are sufficient.
fn owners(base: &Manifest, head: &Manifest) -> Option<Finding> {
    let follows = follows_entries(base) && follows_entries(head);
    if follows && head.scope.undeclared == Undeclared::Ignore {
        return None;
    }
    let (before, after) = (&base.scope.owners, &head.scope.owners);
    globs(Field::Owners, before, after, base, head)
}

fn follows_entries(manifest: &Manifest) -> bool {
    let Scope {
        owners,
        names: _,
        undeclared: _,
        drain: _, // `drain` compares it.
    } = &manifest.scope;
    let declared: BTreeSet<&str> = manifest
        .desired
        .iter()
        .map(|entry| entry.identity.owner.as_str())
        .collect();
    let literals: Option<BTreeSet<String>> = owners.iter().map(Glob::as_literal).collect();
    literals.is_some_and(|literals| literals.iter().map(String::as_str).eq(declared))
}

fn globs(
    field: Field,
    before: &[Glob],
    after: &[Glob],
    base: &Manifest,
    head: &Manifest,
) -> Option<Finding> {
    let is_wider = !after.iter().all(|glob| is_covered(glob, before));
    let is_narrower = !before.iter().all(|glob| is_covered(glob, after));
    let (kind, risk) = match (is_wider, is_narrower) {
        // Both lists match the same.
        (false, false) => return None,
        (true, false) => (Kind::ScopeWidened, Some(Risk::Loosened)),
        (false, true) => (Kind::ScopeNarrowed, None),
        (true, true) => (Kind::ScopeChanged, Some(Risk::PerhapsLoosened)),
    };
    let list = |globs: &[Glob]| {
        let texts: Vec<&str> = globs.iter().map(Glob::as_str).collect();
        Some(texts.join(", "))
    };
    let values = (list(before), list(after));
    let (base, head) = (Some(&base.environment), &head.environment);
    Some(Finding::of_setting(kind, field, values, base, head).risks(risk))
}

/// Returns true if other patterns certainly match all that this pattern matches; false if that is
/// not certain.
fn is_covered(glob: &Glob, by: &[Glob]) -> bool {
    let literal = glob.as_literal();
    by.iter().any(|other| {
        other == glob
            || other.as_str() == "*"
            || literal.as_deref().is_some_and(|text| other.matches(text))
    })
}

fn limit(
    field: Field,
    before: Option<Limit>,
    after: Option<Limit>,
    base: &Environment,
    head: &Environment,
) -> Option<Finding> {
    if before == after {
        return None;
    }
    let (kind, risk) = match (before, after) {
        (Some(_), None) => (Kind::LimitRemoved, Some(Risk::Loosened)),
        (before, after) => match order(field, before, after) {
            Some(Ordering::Less) => (Kind::LimitLoosened, Some(Risk::Loosened)),
            Some(_) => (Kind::LimitTightened, None),
            None => (Kind::LimitChanged, Some(Risk::PerhapsLoosened)),
        },
    };
    Some(Finding::of_setting(kind, field, (before, after), Some(base), head).risks(risk))
}

/// Compares two limits; `None` if this is not possible without the live state.
fn order(field: Field, before: Option<Limit>, after: Option<Limit>) -> Option<Ordering> {
    match (before, after) {
        (Some(Limit::Count(before)), Some(Limit::Count(after))) => Some(before.cmp(&after)),
        (Some(Limit::Percent(before)), Some(Limit::Percent(after))) => Some(before.cmp(&after)),
        // Without `max_change` there is no limit; without `max_destroy` a built-in limit applies.
        (None, Some(_)) if field == Field::MaxChange => Some(Ordering::Greater),
        _ => None,
    }
}
