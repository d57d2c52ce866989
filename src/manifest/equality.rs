//! The equality of two manifests without their positions, which an edit of the text moves.

use std::sync::Arc;

use super::edit::{VersionEdit, VersionEdits};
use super::model::{
    Desired, Environment, Manifest, Scope, SolutionPath, Source, SourceOrigin, Superseded,
    entries_of,
};
use crate::attribute::State;
use crate::ident::SolutionName;

impl Manifest {
    /// Returns whether another manifest declares the same, except that each of these solutions has
    /// exactly this version, and this source if there is one. Such a solution keeps its other
    /// settings, but its `path` and its `source` may contain the version. A solution that was not
    /// declared before may add its owner to the scope.
    pub(super) fn is_same_but(&self, after: &Self, edits: &VersionEdits) -> bool {
        let Self {
            environment,
            scope,
            policies,
            desired,
            // They are computed from the other values.
            source_environments: _,
            digest: _,
        } = after;
        let is_new = |name: &SolutionName| entries_of(&self.desired, name).is_empty();
        let (added, kept): (Vec<&Desired>, Vec<&Desired>) = desired
            .iter()
            .partition(|entry| is_new(&entry.identity.name));
        let is_promoted = |entry: &&Desired| {
            edits.get(&entry.identity.name).is_some_and(|edit| {
                edit.version == entry.identity.version
                    && has_source(entry.source.as_deref(), edit.source.as_deref())
            })
        };
        let has_all = edits.keys().all(|name| {
            let entries = entries_of(desired, name);
            matches!(entries, [only] if only.state != State::Absent)
        });
        let mut expected: Vec<Desired> = self.desired.clone();
        for entry in &mut expected {
            if let Some(edit) = edits.get(&entry.identity.name) {
                entry.identity.version.clone_from(&edit.version);
            }
        }
        is_same_environment(&self.environment, environment)
            && is_same_scope(&self.scope, scope, !added.is_empty())
            && self.policies.is_same(policies)
            && has_all
            && added.iter().all(is_promoted)
            && expected.len() == kept.len()
            && expected.iter().zip(kept).all(|(expected, entry)| {
                is_same_entry(expected, entry, edits.get(&entry.identity.name))
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

/// Returns whether a package comes from an environment, if one is given.
fn has_source(source: Option<&Source>, environment: Option<&str>) -> bool {
    let Some(environment) = environment else {
        return true;
    };
    source.is_some_and(|source| match &source.origin {
        SourceOrigin::Environment { name, .. } => name == environment,
        SourceOrigin::File(_) => false,
    })
}

/// Returns whether two entries are the same except for their positions. The path of an edited entry
/// is free, but not its presence.
fn is_same_entry(before: &Desired, after: &Desired, edit: Option<&VersionEdit>) -> bool {
    let path = match (&before.path, &after.path) {
        (Some(before), Some(after)) => Some(SolutionPath {
            text: if edit.is_some() {
                before.text.clone()
            } else {
                after.text.clone()
            },
            position: before.position.clone(),
        }),
        (_, after) => after.clone(),
    };
    let moved = Desired {
        position: before.position.clone(),
        superseded: Arc::new(Superseded {
            keys: before.superseded.keys.clone(),
            ..(*after.superseded).clone()
        }),
        path,
        source: before.source.clone(),
        // Its texts may contain the version.
        verification: if edit.is_some() && after.verification.is_some() {
            before.verification.clone()
        } else {
            after.verification.clone()
        },
        ..after.clone()
    };
    moved == *before && is_same_source(before.source.as_deref(), after.source.as_deref(), edit)
}

/// Returns whether two sources are the same except for their positions, or whether the second one
/// is that of the edit. The paths of an edited entry are free.
fn is_same_source(
    before: Option<&Source>,
    after: Option<&Source>,
    edit: Option<&VersionEdit>,
) -> bool {
    let wanted = edit.and_then(|edit| edit.source.as_deref());
    let (before, after) = match (before, after) {
        (Some(before), Some(after)) => (before, after),
        // The edit adds a source, and the manifest may have declared its settings before.
        (None, after) if wanted.is_some() => return has_source(after, wanted),
        (before, after) => return before.is_none() && after.is_none(),
    };
    let Source {
        origin,
        sha256,
        overwrite,
        redeploy,
        position: _,
    } = after;
    let is_same_origin = match (&before.origin, origin) {
        _ if wanted.is_some() => has_source(Some(after), wanted),
        (SourceOrigin::File(before), SourceOrigin::File(after)) => {
            edit.is_some() || before == after
        }
        (
            SourceOrigin::Environment { name, path },
            SourceOrigin::Environment {
                name: name_after,
                path: path_after,
            },
        ) => name == name_after && (edit.is_some() || path == path_after),
        _ => false,
    };
    let is_same_digest = match edit {
        Some(edit) if edit.sha256.is_some() => edit.sha256 == *sha256,
        // A layer with another version does not inherit the digest.
        Some(edit) if edit.is_written && sha256.is_none() => true,
        _ => before.sha256 == *sha256,
    };
    is_same_origin
        && is_same_digest
        && before.overwrite == *overwrite
        && before.redeploy == *redeploy
}
