//! Compares an approved change with the fresh plan's change of the same version. The writes of
//! earlier applies of the plan are not differences.

use super::super::action::{Action, AfterImage, LiveImage, Patch};
use super::super::change::{Block, Change};
use super::super::field::Field;
use super::super::precondition::{Difference, compare_images};
use super::super::progress::HalfDone;
use crate::attribute::{State, Visibility};

/// The word in a difference for a visibility that a plan does not know.
const UNKNOWN: &str = "unknown";

/// Compares an approved action with the fresh plan's action on the same record.
pub(super) fn differences(
    approved: &Action,
    fresh: &Action,
    half: HalfDone<'_>,
) -> Vec<Difference> {
    let other_owner = |action: &Action| {
        let (_, target) = action.deploy()?;
        target.other_owner.cloned()
    };
    if approved.kind() != fresh.kind() || other_owner(approved) != other_owner(fresh) {
        return vec![Difference::NotPlanned {
            instead: Some(fresh.kind()),
        }];
    }
    let mut differences = Vec::new();
    if let (Some(before), Some(now)) = (approved.before(), fresh.before()) {
        differences = compare_images(before, now, UNKNOWN);
        differences.retain(|difference| {
            !(half.is_patched && is_effect_of_patch(difference, approved, fresh))
        });
    }
    if let (
        Action::Update { patch, .. },
        Action::Update {
            patch: now, before, ..
        },
    ) = (approved, fresh)
        && !half.is_patched
        && patch.visibility().is_none()
        && now.visibility().is_some()
    {
        // The visibility was unknown in the plan and would be changed now.
        differences.push(Difference::Field {
            field: Field::Visibility,
            planned: UNKNOWN.to_owned(),
            live: word_of(before),
        });
    }
    differences.extend(compare_declared(approved, fresh));
    differences
}

/// Replaces the differences of a package that the fresh plan could not read by the reasons.
pub(super) fn with_reasons(mut differences: Vec<Difference>, fresh: &Change) -> Vec<Difference> {
    let is_of_unread = |difference: &Difference| match difference {
        Difference::Package { found, .. } => found.is_none(),
        Difference::Declared { field, .. } => *field == Field::Sha256,
        _ => false,
    };
    let problems = fresh.blocked.iter().filter_map(|block| match block {
        Block::Package { problem, .. } => Some(problem.clone()),
        _ => None,
    });
    let mut problems = problems.peekable();
    let is_unread = fresh
        .action
        .after()
        .is_some_and(|after| after.package.is_none());
    if is_unread && problems.peek().is_some() && differences.iter().any(is_of_unread) {
        differences.retain(|difference| !is_of_unread(difference));
        differences.extend(problems.map(|problem| Difference::PackageProblem { problem }));
    }
    differences
}

/// Returns whether a patch of this change in an earlier apply explains a difference.
fn is_effect_of_patch(difference: &Difference, approved: &Action, fresh: &Action) -> bool {
    match (approved, fresh) {
        // A patch that took effect in part is sent again.
        (Action::Update { patch, .. }, Action::Update { patch: rest, .. }) => {
            difference.is_effect_of(patch.without(*rest))
        }
        // The record was set INACTIVE to delete it.
        _ => matches!(difference, Difference::Field { field: Field::State, live, .. }
            if live == State::Inactive.as_str()),
    }
}

/// Compares the rest of a change whose deploy was sent with the approved deploy: the update that is
/// missing, or the live record if no update is missing. `None` if the fresh action is neither.
pub(super) fn compare_deployed(
    approved: &Action,
    fresh: &Action,
    half: HalfDone<'_>,
) -> Option<Vec<Difference>> {
    let before = fresh
        .before()
        .filter(|before| half.deployed == Some(&before.id))?;
    match fresh {
        Action::Update { patch, .. } => {
            let mut differences = compare_declared(approved, fresh);
            // Another user has changed these fields since the deploy.
            let foreign = half.rest.and_then(|rest| patch.without(rest));
            differences.extend(foreign.into_iter().flat_map(|set| unset(set, before)));
            Some(differences)
        }
        Action::NoOp { .. } => {
            let after = approved.after()?;
            let missing = after.missing_in(&before.state, before.visibility.as_ref())?;
            Some(unset(missing, before))
        }
        Action::Create { .. } | Action::Replace { .. } | Action::Delete { .. } => None,
    }
}

/// Returns the differences of a record from the values that a patch sets.
fn unset(set: Patch, before: &LiveImage) -> Vec<Difference> {
    let state = set.state().map(|state| Difference::Field {
        field: Field::State,
        planned: state.as_str().to_owned(),
        live: before.state.as_str().to_owned(),
    });
    let visibility = set.visibility().map(|visibility| Difference::Field {
        field: Field::Visibility,
        planned: visibility.as_str().to_owned(),
        live: word_of(before),
    });
    state.into_iter().chain(visibility).collect()
}

fn word_of(image: &LiveImage) -> String {
    let word = image.visibility.as_ref();
    word.map_or_else(|| UNKNOWN.to_owned(), ToString::to_string)
}

/// Compares the declared values of two actions. A package that the plan could not inspect is not
/// compared. One that it inspected must be the same, unless it is deployed already.
pub(super) fn compare_declared(approved: &Action, fresh: &Action) -> Vec<Difference> {
    let (Some(after), Some(declared)) = (approved.after(), fresh.after()) else {
        return Vec::new();
    };
    let deploys = (approved.deploy(), fresh.deploy());
    let path = match deploys {
        (Some((path, _)), Some((declared, _))) => Some((Field::Path, path, declared)),
        _ => None,
    };
    let word = |visibility: Option<Visibility>| visibility.map_or("(any)", Visibility::as_str);
    let fields = [
        (
            Field::Owner,
            after.identity.owner.as_str(),
            declared.identity.owner.as_str(),
        ),
        (Field::State, after.state.as_str(), declared.state.as_str()),
        (
            Field::Visibility,
            word(after.visibility),
            word(declared.visibility),
        ),
    ];
    let mut differences: Vec<Difference> = path
        .into_iter()
        .chain(fields)
        .filter(|(_, planned, declared)| planned != declared)
        .map(|(field, planned, declared)| Difference::Declared {
            field,
            planned: planned.to_owned(),
            declared: declared.to_owned(),
        })
        .collect();
    let is_deployed = matches!(deploys, (Some(_), None));
    let digest = |after: &AfterImage| {
        let upload = after.upload.as_deref();
        let sha256 = upload.and_then(|upload| upload.source.sha256());
        sha256.map_or_else(|| "(none)".to_owned(), ToString::to_string)
    };
    let (planned, found) = (digest(after), digest(declared));
    if planned != found && !is_deployed {
        differences.push(Difference::Declared {
            field: Field::Sha256,
            planned,
            declared: found,
        });
    }
    if let Some(planned) = &after.package
        && !is_deployed
        && declared.package.as_ref() != Some(planned)
    {
        differences.push(Difference::Package {
            planned: planned.clone(),
            found: declared.package.clone(),
        });
    }
    differences
}
