//! The comparison of `drain`: the handling of RUNNING runs.

use std::time::Duration;

use super::entries::Comparison;
use super::finding::{Finding, Risk, Side, SidePosition};
use super::kind::{Field, Kind};
use crate::manifest::{Desired, Drain, Manifest, Undeclared, duration_text};

impl Comparison<'_> {
    /// Compares the handling for the versions of a declared name.
    pub(super) fn drain(&mut self, before: &Desired, after: &Desired) {
        let [from, to] = [before, after].map(|entry| entry.drain.as_deref());
        let Some((kind, risk)) = change(from, to) else {
            return;
        };
        let mut finding = self
            .finding(kind, after, Side::Head)
            .field(Field::Drain, from.map(text), to.map(text))
            .risks(risk);
        if kind == Kind::DrainRemoved {
            finding.place = SidePosition::in_base(&before.position);
        }
        self.findings.push(finding);
    }
}

/// Compares the handling for the versions of names that are not declared.
pub(super) fn of_undeclared(base: &Manifest, head: &Manifest) -> Option<Finding> {
    let is_new = |manifest: &Manifest| manifest.scope.undeclared == Undeclared::Ignore;
    if is_new(base) || is_new(head) {
        return None;
    }
    let [from, to] = [base, head].map(|manifest| manifest.scope.drain.as_deref());
    let (kind, risk) = change(from, to)?;
    let values = (from.map(text), to.map(text));
    let (base, head) = (&base.environment, &head.environment);
    let mut finding = Finding::of_setting(kind, Field::Drain, values, Some(base), head);
    if kind == Kind::DrainRemoved {
        finding.place = SidePosition::in_base(&base.position);
    }
    Some(finding.risks(risk))
}

fn change(from: Option<&Drain>, to: Option<&Drain>) -> Option<(Kind, Option<Risk>)> {
    match to {
        _ if from == to => None,
        Some(_) => Some((Kind::DrainChanged, None)),
        None => Some((Kind::DrainRemoved, Some(Risk::Loosened))),
    }
}

/// Returns the handling in one line, for people.
fn text(drain: &Drain) -> String {
    let timeout = drain.timeout_ms.map(Duration::from_millis);
    let keys = timeout.map(duration_text).into_iter();
    let keys: Vec<String> = keys.chain(drain.spaces.iter().cloned()).collect();
    if keys.is_empty() {
        return drain.mode.to_string();
    }
    format!("{} ({})", drain.mode, keys.join(", "))
}
