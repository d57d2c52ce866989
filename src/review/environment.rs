//! The comparison of one environment.

use super::entries::Comparison;
use super::finding::{Finding, LeftAlone, PolicyEffect, SidePosition, Whom};
use super::kind::Kind;
use super::plan_policies::compare_plan_policies;
use super::policies::compare_policies;
use super::protection::compare_protection;
use super::settings::{compare_settings, risks_of_token};
use crate::manifest::{Environment, Manifest};

/// Compares one environment; the manifest of a side is `None` if it does not declare it.
pub fn review_environment(base: Option<&Manifest>, head: Option<&Manifest>) -> Vec<Finding> {
    match (base, head) {
        (None, None) => Vec::new(),
        (Some(base), None) => vec![removed(&base.environment)],
        (None, Some(head)) => {
            let mut findings = vec![added(&head.environment)];
            findings.extend(compare_policies(None, head));
            findings.extend(Comparison::new(&[], head).findings());
            findings
        }
        (Some(base), Some(head)) => {
            let mut findings = compare_settings(&base.environment, &head.environment);
            findings.extend(compare_protection(base, head));
            findings.extend(compare_plan_policies(base, head));
            findings.extend(compare_policies(Some(base), head));
            findings.extend(Comparison::new(&base.desired, head).findings());
            findings
        }
    }
}

/// Returns the finding of a new environment.
fn added(head: &Environment) -> Finding {
    Finding::new(
        Kind::EnvironmentAdded,
        SidePosition::in_head(&head.position),
    )
    .values(None, Some(head.url.as_str()))
    .risks(risks_of_token(head.token.as_ref()))
}

/// Returns the finding of a removed environment. Its versions are not listed separately, because an
/// apply does not change them.
fn removed(base: &Environment) -> Finding {
    let policy = PolicyEffect::LeftAlone(LeftAlone::EnvironmentRemoved);
    Finding::new(
        Kind::EnvironmentRemoved,
        SidePosition::in_base(&base.position),
    )
    .values(Some(base.url.as_str()), None)
    .effect(Whom::WholeEnvironment, policy)
}
