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

fn change(
    identity: Identity,
    action: Action,
    reason: Reason,
    entry: Option<&Desired>,
    undo: Undo,
) -> Change {
    Change {
        address: identity.address(),
        identity,
        action,
        reason,
        fields: Vec::new(),
        origin: entry.map(|entry| Origin::of(&entry.position)),
        undo,
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
    let field = |field, value: &str| FieldChange {
        field,
        before: None,
        after: Some(Arc::from(value)),
        decision: Decision::Apply,
    };
    let mut fields = vec![
        field(Field::Owner, entry.identity.owner.as_str()),
        field(Field::Path, path),
        field(Field::State, entry.state.as_str()),
    ];
    fields.extend(
        entry
            .visibility
            .map(|visibility| field(Field::Visibility, visibility.as_str())),
    );
    Change {
        fields,
        ..change(
            entry.identity.clone(),
            Action::Create {
                path: path.to_owned(),
                after: after_image(entry),
                other_owner,
            },
            Reason::Declared,
            Some(entry),
            Undo::ByDelete,
        )
    }
}

pub(super) fn declared_no_op(
    entry: &Desired,
    live: Option<&LiveVersion>,
    fields: Vec<FieldChange>,
    reason: Reason,
) -> Change {
    Change {
        fields,
        ..change(
            entry.identity.clone(),
            Action::NoOp {
                before: live.map(LiveImage::of),
            },
            reason,
            Some(entry),
            Undo::Nothing,
        )
    }
}

pub(super) fn update_or_no_op(entry: &Desired, live: &LiveVersion) -> Change {
    let fields = declared_fields(entry, live);
    let is_applied = |field: Field| {
        fields
            .iter()
            .any(|change| change.field == field && change.decision == Decision::Apply)
    };
    let patch = Patch::new(
        Some(entry.state).filter(|_| is_applied(Field::State)),
        entry.visibility.filter(|_| is_applied(Field::Visibility)),
    );
    let notes = fields.iter().filter_map(note_of).collect();
    let planned = match patch {
        None => declared_no_op(entry, Some(live), fields, Reason::Declared),
        Some(patch) => Change {
            fields,
            ..change(
                entry.identity.clone(),
                Action::Update {
                    before: LiveImage::of(live),
                    patch,
                    after: after_image(entry),
                },
                Reason::Declared,
                Some(entry),
                Undo::ByPatch,
            )
        },
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
    Change {
        fields: gone_fields(live),
        blocked: protection_of(manifest, live),
        ..change(
            live.identity.clone(),
            Action::Delete {
                before: LiveImage::of(live),
            },
            reason,
            entry,
            Undo::Irreversible,
        )
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
    let mut fields = vec![FieldChange {
        field: Field::Path,
        before: None,
        after: Some(Arc::from(path)),
        decision: Decision::Apply,
    }];
    // The record is deployed anew, so that no difference is left alone.
    fields.extend(
        declared_fields(entry, live)
            .into_iter()
            .map(|field| FieldChange {
                decision: Decision::Apply,
                ..field
            }),
    );
    Change {
        fields,
        blocked: protection_of(manifest, live),
        notes: vec![Note::OutOfServiceMeanwhile],
        ..change(
            entry.identity.clone(),
            Action::Replace {
                before: LiveImage::of(live),
                path: path.to_owned(),
                after: after_image(entry),
                other_owner,
            },
            Reason::Requested,
            Some(entry),
            Undo::Irreversible,
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
    let patch = Patch::new(Some(State::Inactive), None)?;
    Some(Change {
        fields: vec![FieldChange {
            field: Field::State,
            before: Some(Arc::from(live.state.as_str())),
            after: Some(Arc::from(State::Inactive.as_str())),
            decision: Decision::Apply,
        }],
        ..change(
            live.identity.clone(),
            Action::Update {
                before: LiveImage::of(live),
                patch,
                after: AfterImage {
                    identity: live.identity.clone(),
                    state: State::Inactive,
                    visibility: None,
                    package: None,
                },
            },
            reason.clone(),
            entry,
            Undo::ByPatch,
        )
    })
}

/// Every declared field that differs from the live one, with what is decided about it.
fn declared_fields(entry: &Desired, live: &LiveVersion) -> Vec<FieldChange> {
    let state = decide_state(entry.state, &live.state).map(|decision| FieldChange {
        field: Field::State,
        before: Some(Arc::from(live.state.as_str())),
        after: Some(Arc::from(entry.state.as_str())),
        decision,
    });
    let visibility = entry.visibility.and_then(|declared| {
        decide_visibility(declared, live.visibility.as_ref()).map(|decision| FieldChange {
            field: Field::Visibility,
            before: live
                .visibility
                .as_ref()
                .map(|word| Arc::from(word.as_str())),
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

fn gone_fields(live: &LiveVersion) -> Vec<FieldChange> {
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
