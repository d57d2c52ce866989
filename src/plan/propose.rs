//! Proposes the change of one version: its fields, the decision about each, and the action.
//!
//! Total functions of a declared and a live side. From the rest of the manifest they use only what
//! permits or prevents a write: protection, owners and `user`.

use std::sync::Arc;

use thin_vec::{ThinVec, thin_vec};

use super::action::{Action, AfterImage, LiveImage, Patch, Reason};
use super::change::{Block, Change, Note};
use super::field::{Decision, Field, FieldChange};
use super::name::NameView;
use super::origin::Origin;
use super::ownership::OwnerConflict;
use super::upload::Upload;
use crate::attribute::{LiveStateWord, LiveVisibilityWord, State, Visibility};
use crate::ident::Identity;
use crate::live::{LiveVersion, grouped};
use crate::manifest::Desired;

fn change(identity: Identity, action: Action, reason: Reason, entry: Option<&Desired>) -> Change {
    Change {
        address: identity.address(),
        identity,
        fields: fields_of(&action),
        action,
        reason,
        origin: entry.map(|entry| Origin::of(&entry.position)),
        waits_for: ThinVec::new(),
        successors: ThinVec::new(),
        drain: None,
        blocked: ThinVec::new(),
        notes: ThinVec::new(),
        package_visibility: None,
        expected: None,
    }
}

/// Returns the change of a declared version.
fn declared_change(entry: &Desired, action: Action, reason: Reason) -> Change {
    change(entry.identity.clone(), action, reason, Some(entry))
}

/// Deploys a version. If its name and version are live under an owner that does not count as the
/// declared one, the create stays in the plan, blocked.
pub(super) fn create(name: NameView<'_>, entry: &Desired, path: &str) -> Change {
    let owner = &entry.identity.owner;
    let elsewhere = name.records_of_version(&entry.identity.version).first();
    let action = Action::Create {
        path: path.to_owned(),
        after: Box::new(AfterImage::deployed(entry)),
        other_owner: name.manifest.other_owner(owner),
    };
    let conflict = elsewhere.map(|live| {
        Block::Owner(OwnerConflict::OwnerDiffers {
            declared: owner.clone(),
            live: live.identity.owner.clone(),
            author: live.author.clone(),
            has_user: name.manifest.environment.user.is_some(),
        })
    });
    Change {
        blocked: conflict.into_iter().collect(),
        ..declared_change(entry, action, Reason::Declared)
    }
}

pub(super) fn declared_no_op(
    entry: &Desired,
    before: Option<LiveImage>,
    fields: ThinVec<FieldChange>,
    reason: Reason,
) -> Change {
    Change {
        fields,
        ..declared_change(entry, Action::NoOp { before }, reason)
    }
}

pub(super) fn update_or_no_op(
    name: NameView<'_>,
    entry: &Desired,
    live: &LiveVersion,
    is_reverified: bool,
) -> Change {
    let before = LiveImage::of(live);
    let after = AfterImage::of(entry);
    let fields = declared_fields(&before, &after);
    let notes = fields.iter().filter_map(note_of).collect();
    let patch = patch_between(&before, &after);
    let (after, patch) = after.gated(entry, &before, patch, name.history, is_reverified);
    let planned = match patch {
        None => declared_no_op(entry, Some(before), fields, Reason::Declared),
        Some(patch) => {
            let action = Action::Update {
                before: Box::new(before),
                patch,
                after: Box::new(after),
            };
            declared_change(entry, action, Reason::Declared)
        }
    };
    let blocked = planned
        .narrows_visibility()
        .then(|| block_of_narrowing(name, entry, live));
    Change {
        notes,
        blocked: blocked.flatten().into_iter().collect(),
        ..planned
    }
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

/// Deletes a record. If it may not be deleted, the change stays in the plan, blocked.
pub(super) fn delete(
    name: NameView<'_>,
    live: &LiveVersion,
    is_exact: bool,
    reason: Reason,
    entry: Option<&Desired>,
) -> Change {
    let action = Action::Delete {
        before: Box::new(LiveImage::of(live)),
    };
    Change {
        blocked: block_of_delete(name, live, is_exact),
        ..change(live.identity.clone(), action, reason, entry)
    }
}

/// Deletes a record and deploys it again. If it may not be deleted, the change stays in the plan,
/// blocked.
pub(super) fn replace(
    name: NameView<'_>,
    entry: &Desired,
    live: &LiveVersion,
    path: &str,
    reason: Reason,
) -> Change {
    let action = Action::Replace {
        before: Box::new(LiveImage::of(live)),
        path: path.to_owned(),
        after: Box::new(AfterImage::deployed(entry)),
        other_owner: name.manifest.other_owner(&entry.identity.owner),
    };
    Change {
        blocked: block_of_delete(name, live, live.identity.owner == entry.identity.owner),
        notes: thin_vec![Note::OutOfServiceMeanwhile],
        ..declared_change(entry, action, reason)
    }
}

/// Returns the reason why a record may not be deleted: it is protected, or the exact owner does not
/// own it and no apply of this store deployed it.
fn block_of_delete(name: NameView<'_>, live: &LiveVersion, is_exact: bool) -> ThinVec<Block> {
    if name
        .manifest
        .protects(&live.identity, live.author.as_deref())
    {
        return thin_vec![Block::Protected];
    }
    let is_moved = !is_exact && !name.is_deployed(live);
    let moved = is_moved.then(|| {
        Block::Owner(OwnerConflict::OwnerMoved {
            live: live.identity.owner.clone(),
        })
    });
    moved.into_iter().collect()
}

/// Returns the reason why a visibility may not be set: it becomes narrower, and the exact owner
/// does not own the record, or the user of this token could not see it any more. The rest of a
/// half-done create may set it, as the create may.
fn block_of_narrowing(name: NameView<'_>, entry: &Desired, live: &LiveVersion) -> Option<Block> {
    let is_exact = live.identity.owner == entry.identity.owner;
    let conflict = if !is_exact && !name.history.is_begun(&live.id, &live.identity) {
        OwnerConflict::NarrowedElsewhere {
            live: live.identity.owner.clone(),
        }
    } else if entry.visibility == Some(Visibility::Private)
        && name
            .manifest
            .owner_pair()
            .is_some_and(|pair| !pair.is_author(live.author.as_deref()))
    {
        OwnerConflict::AuthorDiffers {
            author: live.author.clone(),
        }
    } else {
        return None;
    };
    Some(Block::Owner(conflict))
}

/// Takes a version out of service by policy; `None` if it is already out of service.
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
        upload: None,
        verification: None,
    };
    let patch = patch_between(&before, &after)?;
    let action = Action::Update {
        before: Box::new(before),
        patch,
        after: Box::new(after),
    };
    Some(change(live.identity.clone(), action, reason.clone(), entry))
}

/// Leaves a version as it is, although a policy covers it.
pub(super) fn left_by_policy(
    live: &LiveVersion,
    reason: &Reason,
    entry: Option<&Desired>,
) -> Change {
    let action = Action::NoOp {
        before: Some(LiveImage::of(live)),
    };
    change(live.identity.clone(), action, reason.clone(), entry)
}

/// Returns the fields that an action changes. They are derived from the action, not stored with it,
/// so that no file can show one change and execute another. The fields of a no-op are the ignored
/// differences, which its action does not contain.
pub(super) fn fields_of(action: &Action) -> ThinVec<FieldChange> {
    let new = |field, value: &str| FieldChange {
        field,
        before: None,
        after: Some(Arc::from(value)),
        decision: Decision::Apply,
    };
    let uploaded = |after: &AfterImage| {
        let upload = after.upload.as_deref();
        let fields = upload.map(|upload| {
            let Upload {
                source,
                size,
                overwrite,
            } = upload;
            let size = format!("{} bytes", grouped(*size));
            let sha256 = source.sha256();
            let pin = source.environment().map(|_| source.pin());
            [
                Some(new(Field::Source, &source.to_string())),
                Some(new(Field::Size, &size)),
                sha256.map(|sha256| new(Field::Sha256, sha256.as_str())),
                pin.map(|pin| new(Field::Fingerprint, pin.as_str())),
                overwrite.then(|| new(Field::Overwrite, "true")),
            ]
        });
        fields.into_iter().flatten().flatten()
    };
    let verified = |after: &AfterImage| {
        let verification = after.verification.as_deref();
        verification.map(|verification| new(Field::Verify, &verification.to_string()))
    };
    match action {
        Action::Create { path, after, .. } => [
            (Field::Owner, Some(after.identity.owner.as_str())),
            (Field::Path, Some(path)),
            (Field::State, Some(after.state.as_str())),
            (Field::Visibility, after.visibility.map(Visibility::as_str)),
        ]
        .into_iter()
        .filter_map(|(field, value)| Some(new(field, value?)))
        .chain(uploaded(after))
        .chain(verified(after))
        .collect(),
        Action::Update { before, after, .. } => {
            let mut fields = declared_fields(before, after);
            fields.extend(verified(after));
            fields
        }
        Action::Replace {
            before,
            path,
            after,
            ..
        } => {
            // The record is deployed again, so that no difference is left alone.
            let applied = |field| FieldChange {
                decision: Decision::Apply,
                ..field
            };
            let declared = declared_fields(before, after).into_iter().map(applied);
            std::iter::once(new(Field::Path, path))
                .chain(declared)
                .chain(uploaded(after))
                .chain(verified(after))
                .collect()
        }
        Action::Delete { before } => [
            (Field::Owner, Some(before.identity.owner.as_str())),
            (Field::State, Some(before.state.as_str())),
            (
                Field::Visibility,
                before.visibility.as_ref().map(LiveVisibilityWord::as_str),
            ),
        ]
        .into_iter()
        .filter_map(|(field, value)| {
            Some(FieldChange {
                field,
                before: Some(Arc::from(value?)),
                after: None,
                decision: Decision::Apply,
            })
        })
        .collect(),
        Action::NoOp { .. } => ThinVec::new(),
    }
}

/// Returns the patch from one image to the other; `None` if no difference is acted on.
pub(super) fn patch_between(before: &LiveImage, after: &AfterImage) -> Option<Patch> {
    let is_applied = |decision| decision == Some(Decision::Apply);
    Patch::new(
        Some(after.state).filter(|state| is_applied(decide_state(*state, &before.state))),
        after.visibility.filter(|visibility| {
            is_applied(decide_visibility(*visibility, before.visibility.as_ref()))
        }),
    )
}

/// Returns every declared field that differs from the live one, with the decision about it.
fn declared_fields(before: &LiveImage, after: &AfterImage) -> ThinVec<FieldChange> {
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
        // The approval is requested and pending: a second patch would request it again
        // (docs/platform.md, U8).
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
