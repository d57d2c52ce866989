//! Proposes the change of one version: its fields, what is decided about each, and the action.
//!
//! Total functions over a declared and a live side. Of the manifest they see its protection only.

use std::sync::Arc;

use super::action::{Action, AfterImage, LiveImage, Patch, Reason};
use super::change::{Block, Change, Decision, Field, FieldChange, Note, Origin, Undo};
use crate::attribute::{LiveStateWord, LiveVisibilityWord, State, Visibility};
use crate::ident::{Identity, Owner};
use crate::live::LiveVersion;
use crate::manifest::{Desired, Manifest};

fn change(identity: Identity, action: Action, reason: Reason, entry: Option<&Desired>) -> Change {
    Change {
        address: identity.address(),
        identity,
        fields: fields_of(&action),
        undo: undo_of(&action),
        action,
        reason,
        origin: entry.map(|entry| Origin::of(&entry.position)),
        waits_for: Vec::new(),
        successors: Vec::new(),
        blocked: Vec::new(),
        notes: Vec::new(),
    }
}

fn after_image(entry: &Desired) -> AfterImage {
    AfterImage {
        identity: entry.identity.clone(),
        state: entry.state,
        visibility: entry.visibility,
        package: None,
    }
}

pub(super) fn create(entry: &Desired, path: &str, other_owner: Option<Owner>) -> Change {
    let action = Action::Create {
        path: path.to_owned(),
        after: after_image(entry),
        other_owner,
    };
    change(
        entry.identity.clone(),
        action,
        Reason::Declared,
        Some(entry),
    )
}

pub(super) fn declared_no_op(
    entry: &Desired,
    live: Option<&LiveVersion>,
    fields: Vec<FieldChange>,
    reason: Reason,
) -> Change {
    let action = Action::NoOp {
        before: live.map(LiveImage::of),
    };
    Change {
        fields,
        ..change(entry.identity.clone(), action, reason, Some(entry))
    }
}

pub(super) fn update_or_no_op(entry: &Desired, live: &LiveVersion) -> Change {
    let before = LiveImage::of(live);
    let after = after_image(entry);
    let fields = declared_fields(&before, &after);
    let notes = fields.iter().filter_map(note_of).collect();
    let planned = match patch_between(&before, &after) {
        None => declared_no_op(entry, Some(live), fields, Reason::Declared),
        Some(patch) => {
            let action = Action::Update {
                before,
                patch,
                after,
            };
            change(
                entry.identity.clone(),
                action,
                Reason::Declared,
                Some(entry),
            )
        }
    };
    Change { notes, ..planned }
}

fn note_of(field: &FieldChange) -> Option<Note> {
    match field.decision {
        Decision::Apply => None,
        Decision::NotKnown => Some(Note::VisibilityNotKnown),
        Decision::WaitsForReview => Some(Note::WaitsForReview),
        Decision::UnknownWord => Some(Note::UnknownWord {
            word: field.before.as_deref().unwrap_or_default().to_owned(),
        }),
    }
}

/// Deletes a record. What is protected stays in the plan, blocked.
pub(super) fn delete(
    manifest: &Manifest,
    live: &LiveVersion,
    reason: Reason,
    entry: Option<&Desired>,
) -> Change {
    let action = Action::Delete {
        before: LiveImage::of(live),
    };
    Change {
        blocked: protection_of(manifest, live),
        ..change(live.identity.clone(), action, reason, entry)
    }
}

/// Deletes a record and deploys it again. What is protected stays in the plan, blocked.
pub(super) fn replace(
    manifest: &Manifest,
    entry: &Desired,
    live: &LiveVersion,
    path: &str,
    other_owner: Option<Owner>,
) -> Change {
    let action = Action::Replace {
        before: LiveImage::of(live),
        path: path.to_owned(),
        after: after_image(entry),
        other_owner,
    };
    Change {
        blocked: protection_of(manifest, live),
        notes: vec![Note::OutOfServiceMeanwhile],
        ..change(
            entry.identity.clone(),
            action,
            Reason::Requested,
            Some(entry),
        )
    }
}

fn protection_of(manifest: &Manifest, live: &LiveVersion) -> Vec<Block> {
    let is_protected = manifest.is_protected(&live.identity);
    is_protected
        .then_some(Block::Protected)
        .into_iter()
        .collect()
}

/// Takes a version out of service by policy; nothing where it is out of service already.
pub(super) fn deactivate(
    live: &LiveVersion,
    reason: &Reason,
    entry: Option<&Desired>,
) -> Option<Change> {
    if !live.state.is_in_service() {
        return None;
    }
    let before = LiveImage::of(live);
    let after = AfterImage {
        identity: live.identity.clone(),
        state: State::Inactive,
        visibility: None,
        package: None,
    };
    let patch = patch_between(&before, &after)?;
    let action = Action::Update {
        before,
        patch,
        after,
    };
    Some(change(live.identity.clone(), action, reason.clone(), entry))
}

/// Returns what an action shows. Nothing that shows an action is stored beside it, so that no file
/// can show one thing and ask for another. A no-op shows what is left alone, which is not in it.
pub(super) fn fields_of(action: &Action) -> Vec<FieldChange> {
    let new = |field, value: &str| FieldChange {
        field,
        before: None,
        after: Some(Arc::from(value)),
        decision: Decision::Apply,
    };
    match action {
        Action::Create { path, after, .. } => {
            let mut fields = vec![
                new(Field::Owner, after.identity.owner.as_str()),
                new(Field::Path, path),
                new(Field::State, after.state.as_str()),
            ];
            let visibility = after.visibility.map(Visibility::as_str);
            fields.extend(visibility.map(|word| new(Field::Visibility, word)));
            fields
        }
        Action::Update { before, after, .. } => declared_fields(before, after),
        Action::Replace {
            before,
            path,
            after,
            ..
        } => {
            // The record is deployed anew, so that no difference is left alone.
            let applied = |field| FieldChange {
                decision: Decision::Apply,
                ..field
            };
            let declared = declared_fields(before, after).into_iter().map(applied);
            std::iter::once(new(Field::Path, path))
                .chain(declared)
                .collect()
        }
        Action::Delete { before } => gone_fields(before),
        Action::NoOp { .. } => Vec::new(),
    }
}

/// Returns whether and how an action can be undone.
pub(super) fn undo_of(action: &Action) -> Undo {
    match action {
        Action::Create { .. } => Undo::ByDelete,
        Action::Update { .. } => Undo::ByPatch,
        Action::Replace { .. } | Action::Delete { .. } => Undo::Irreversible,
        Action::NoOp { .. } => Undo::Nothing,
    }
}

/// Returns the patch that brings one image to the other; none where no difference is acted on.
pub(super) fn patch_between(before: &LiveImage, after: &AfterImage) -> Option<Patch> {
    let is_applied = |decision| decision == Some(Decision::Apply);
    Patch::new(
        Some(after.state).filter(|state| is_applied(decide_state(*state, &before.state))),
        after.visibility.filter(|visibility| {
            is_applied(decide_visibility(*visibility, before.visibility.as_ref()))
        }),
    )
}

/// Every declared field that differs from the live one, with what is decided about it.
fn declared_fields(before: &LiveImage, after: &AfterImage) -> Vec<FieldChange> {
    let state = decide_state(after.state, &before.state).map(|decision| FieldChange {
        field: Field::State,
        before: Some(Arc::from(before.state.as_str())),
        after: Some(Arc::from(after.state.as_str())),
        decision,
    });
    let visibility = after.visibility.and_then(|declared| {
        let live = before.visibility.as_ref();
        decide_visibility(declared, live).map(|decision| FieldChange {
            field: Field::Visibility,
            before: live.map(|word| Arc::from(word.as_str())),
            after: Some(Arc::from(declared.as_str())),
            decision,
        })
    });
    state.into_iter().chain(visibility).collect()
}

fn decide_state(declared: State, live: &LiveStateWord) -> Option<Decision> {
    match live {
        _ if live.satisfies(declared) => None,
        LiveStateWord::Active | LiveStateWord::Inactive | LiveStateWord::Production => {
            Some(Decision::Apply)
        }
        LiveStateWord::Other(_) => Some(Decision::UnknownWord),
    }
}

fn decide_visibility(declared: Visibility, live: Option<&LiveVisibilityWord>) -> Option<Decision> {
    match live {
        None => Some(Decision::NotKnown),
        Some(word) if word.satisfies(declared) => None,
        // Asked for and not yet granted: a second patch would ask again (api-facts U8).
        Some(LiveVisibilityWord::PendingReview) if declared == Visibility::Public => {
            Some(Decision::WaitsForReview)
        }
        Some(LiveVisibilityWord::Other(_)) => Some(Decision::UnknownWord),
        Some(
            LiveVisibilityWord::Public
            | LiveVisibilityWord::Private
            | LiveVisibilityWord::PendingReview,
        ) => Some(Decision::Apply),
    }
}

fn gone_fields(live: &LiveImage) -> Vec<FieldChange> {
    let gone = |field, value: &str| FieldChange {
        field,
        before: Some(Arc::from(value)),
        after: None,
        decision: Decision::Apply,
    };
    let mut fields = vec![
        gone(Field::Owner, live.identity.owner.as_str()),
        gone(Field::State, live.state.as_str()),
    ];
    fields.extend(
        live.visibility
            .as_ref()
            .map(|word| gone(Field::Visibility, word.as_str())),
    );
    fields
}
