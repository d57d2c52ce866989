//! The equality of two manifests without their positions, which an edit of the text moves.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::model::{Desired, Environment, Manifest, Scope, SolutionPath, Source, entries_of};
use crate::attribute::State;
use crate::ident::{SolutionName, Version};

impl Manifest {
    /// Returns whether another manifest declares the same, except that each of these solutions has
    /// exactly this version. Such a solution keeps its other settings, but its `path` and `source`
    /// may contain the version. A solution that was not declared before may add its owner to the
    /// scope.
    pub(super) fn is_same_but(
        &self,
        after: &Self,
        versions: &BTreeMap<SolutionName, Version>,
    ) -> bool {
        let Self {
            environment,
            scope,
            desired,
            // It is computed from the other values.
            digest: _,
        } = after;
        let is_new = |name: &SolutionName| entries_of(&self.desired, name).is_empty();
        let (added, kept): (Vec<&Desired>, Vec<&Desired>) = desired
            .iter()
            .partition(|entry| is_new(&entry.identity.name));
        let is_promoted =
            |entry: &&Desired| versions.get(&entry.identity.name) == Some(&entry.identity.version);
        let has_all = versions.keys().all(|name| {
            let entries = entries_of(desired, name);
            matches!(entries, [only] if only.state != State::Absent)
        });
        let mut expected: Vec<Desired> = self.desired.clone();
        for entry in &mut expected {
            if let Some(version) = versions.get(&entry.identity.name) {
                entry.identity.version.clone_from(version);
            }
        }
        is_same_environment(&self.environment, environment)
            && is_same_scope(&self.scope, scope, !added.is_empty())
            && has_all
            && added.iter().all(is_promoted)
            && expected.len() == kept.len()
            && expected.iter().zip(kept).all(|(expected, entry)| {
                let is_free = versions.contains_key(&entry.identity.name);
                is_same_entry(expected, entry, is_free)
            })
    }
}

fn is_same_environment(before: &Environment, after: &Environment) -> bool {
    let moved = Environment {
        position: before.position.clone(),
        keys: before.keys.clone(),
        ..after.clone()
    };
    moved == *before
}

fn is_same_scope(before: &Scope, after: &Scope, may_grow: bool) -> bool {
    let owners = if may_grow {
        before.owners.clone()
    } else {
        after.owners.clone()
    };
    let comparable = Scope {
        owners,
        ..after.clone()
    };
    comparable == *before
        && before
            .owners
            .iter()
            .all(|owner| after.owners.contains(owner))
}

/// Returns whether two entries are the same except for their positions. The texts of the path and
/// of the source of an entry with a new version are free, but not their presence.
fn is_same_entry(before: &Desired, after: &Desired, is_free: bool) -> bool {
    let path = match (&before.path, &after.path) {
        (Some(before), Some(after)) => Some(SolutionPath {
            text: text_of(&before.text, &after.text, is_free),
            position: before.position.clone(),
        }),
        (_, after) => after.clone(),
    };
    let source = match (&before.source, &after.source) {
        (Some(before), Some(after)) => Some(Box::new(Source {
            text: text_of(&before.text, &after.text, is_free),
            position: before.position.clone(),
            ..Source::clone(after)
        })),
        (_, after) => after.clone(),
    };
    let moved = Desired {
        position: before.position.clone(),
        policy_keys: Arc::clone(&before.policy_keys),
        path,
        source,
        ..after.clone()
    };
    moved == *before
}

fn text_of(before: &str, after: &str, is_free: bool) -> String {
    if is_free { before } else { after }.to_owned()
}
