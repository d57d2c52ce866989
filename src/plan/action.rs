//! The action on one solution version, and the reason for it.
//!
//! An [`Action`] contains everything that executing it needs, so that the executor makes no
//! choices. A [`Reason`] is for explanation only: the executor does not read it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thin_vec::ThinVec;

use super::content_drift::ContentDrift;
use super::upload::Upload;
use crate::attribute::{LiveStateWord, LiveVisibilityWord, State, Visibility};
use crate::ident::{Address, Digest, Identity, Owner, OwnerPair, SolutionId};
use crate::live::LiveVersion;
use crate::manifest::{Desired, Verification};

/// An action on one version. The images of writes are boxed, as most actions of a plan are no-ops.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Action {
    /// Deploy the package, then patch the fields that are not confirmed equal to `after`.
    Create {
        /// The `.ibsolution` on the platform's file system.
        path: String,
        /// The state that must be live at the end.
        after: Box<AfterImage>,
        /// The other owner of the pair, under which the server may file versions that `user`
        /// publishes; `None` if the declared owner is in no pair.
        other_owner: Option<Owner>,
    },
    /// Patch a live version.
    Update {
        /// The version as it was in the plan.
        before: Box<LiveImage>,
        /// The fields to patch.
        patch: Patch,
        /// The state that must be live at the end.
        after: Box<AfterImage>,
    },
    /// Delete a live version, then deploy it again. It is out of service in between, and the change
    /// cannot be undone.
    Replace {
        /// The version as it was in the plan.
        before: Box<LiveImage>,
        /// The `.ibsolution` on the platform's file system.
        path: String,
        /// The state that must be live at the end.
        after: Box<AfterImage>,
        /// The other owner of the pair, under which the server may file versions that `user`
        /// publishes; `None` if the declared owner is in no pair.
        other_owner: Option<Owner>,
    },
    /// Delete a live version.
    Delete {
        /// The version as it was in the plan.
        before: Box<LiveImage>,
    },
    /// Nothing is done.
    NoOp {
        /// The version as it was in the plan; `None` for a tombstone of a version that does not
        /// exist.
        before: Option<LiveImage>,
    },
}

word_enum! {
    /// The kind of an [`Action`], for sorting, counting and words.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    pub enum ActionKind -> [&'static str; 5] {
        /// [`Action::Delete`].
        Delete = "delete" ["-", "destroy", "will be destroyed", "Destroying", "Destruction"],
        /// [`Action::Replace`].
        Replace = "replace" [
            "-/+",
            "destroy and then create replacement",
            "must be replaced",
            "Replacing",
            "Replacement",
        ],
        /// [`Action::Update`].
        Update = "update" [
            "~",
            "update in-place",
            "will be updated in-place",
            "Modifying",
            "Modifications",
        ],
        /// [`Action::Create`].
        Create = "create" ["+", "create", "will be created", "Creating", "Creation"],
        /// [`Action::NoOp`].
        NoOp = "no-op" [" ", "no change", "is as declared", "Reading", "Reading"],
    }
}

impl ActionKind {
    /// Returns the symbol, as Terraform writes it.
    pub fn symbol(self) -> &'static str {
        self.row()[0]
    }

    /// Returns the meaning of the symbol.
    pub fn legend(self) -> &'static str {
        self.row()[1]
    }

    /// Returns the phrase that ends the line above a change; other programs search for it.
    pub fn phrase(self) -> &'static str {
        self.row()[2]
    }

    /// Returns the description of a running step.
    pub fn doing(self) -> &'static str {
        self.row()[3]
    }

    /// Returns the description of a finished step.
    pub fn done(self) -> &'static str {
        self.row()[4]
    }
}

impl Action {
    /// Returns the kind of the action.
    pub fn kind(&self) -> ActionKind {
        match self {
            Self::Create { .. } => ActionKind::Create,
            Self::Update { .. } => ActionKind::Update,
            Self::Replace { .. } => ActionKind::Replace,
            Self::Delete { .. } => ActionKind::Delete,
            Self::NoOp { .. } => ActionKind::NoOp,
        }
    }

    /// Returns the version; `None` for a tombstone of a version that does not exist.
    pub fn identity(&self) -> Option<&Identity> {
        match self {
            Self::Create { after, .. }
            | Self::Update { after, .. }
            | Self::Replace { after, .. } => Some(&after.identity),
            Self::Delete { before } => Some(&before.identity),
            Self::NoOp { before } => before.as_ref().map(|before| &before.identity),
        }
    }

    /// Returns the version as it was in the plan.
    pub fn before(&self) -> Option<&LiveImage> {
        match self {
            Self::Create { .. } => None,
            Self::Update { before, .. }
            | Self::Replace { before, .. }
            | Self::Delete { before } => Some(before),
            Self::NoOp { before } => before.as_ref(),
        }
    }

    /// Returns the state that must be live at the end, if there is one.
    pub fn after(&self) -> Option<&AfterImage> {
        match self {
            Self::Create { after, .. }
            | Self::Update { after, .. }
            | Self::Replace { after, .. } => Some(after),
            Self::Delete { .. } | Self::NoOp { .. } => None,
        }
    }

    /// Returns whether the version must pass its verification in this action.
    pub fn is_verified(&self) -> bool {
        self.after()
            .is_some_and(|after| after.verification.is_some())
    }

    /// Returns the path of the deployed package, and the declared result, if the action is a
    /// deploy.
    pub fn deploy(&self) -> Option<(&str, DeployTarget<'_>)> {
        match self {
            Self::Create {
                path,
                after,
                other_owner,
            }
            | Self::Replace {
                path,
                after,
                other_owner,
                ..
            } => {
                let other_owner = other_owner.as_ref();
                Some((path, DeployTarget { after, other_owner }))
            }
            Self::Update { .. } | Self::Delete { .. } | Self::NoOp { .. } => None,
        }
    }

    /// Returns whether a version in service goes out of service, even for a short time.
    pub fn takes_out_of_service(&self) -> bool {
        match self {
            Self::Update { before, patch, .. } => {
                before.state.is_in_service() && patch.state == Some(State::Inactive)
            }
            Self::Replace { before, .. } | Self::Delete { before } => before.state.is_in_service(),
            Self::Create { .. } | Self::NoOp { .. } => false,
        }
    }

    /// Returns whether a version in service is out of service after the action.
    pub fn leaves_out_of_service(&self) -> bool {
        self.takes_out_of_service() && !self.brings_into_service()
    }

    /// Returns whether the action brings a version into service: other changes wait for it.
    pub fn brings_into_service(&self) -> bool {
        self.after()
            .is_some_and(|after| after.state == State::Active)
    }
}

/// The declared result of a deploy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeployTarget<'a> {
    /// The state that must be live at the end.
    pub after: &'a AfterImage,
    /// The other owner of the pair, under which the record may be live.
    pub other_owner: Option<&'a Owner>,
}

impl DeployTarget<'_> {
    /// Returns whether a record is the result of the deploy: it has the declared identity, or
    /// `user` published it under the other owner of the pair.
    pub fn is_met_by(&self, live: &LiveVersion) -> bool {
        let declared = &self.after.identity;
        let owner = &live.identity.owner;
        let is_same_owner = *owner == declared.owner
            || self
                .other_owner
                .and_then(|other| OwnerPair::from_both(&declared.owner, other))
                .is_some_and(|pair| pair.joins(&declared.owner, owner, live.author.as_deref()));
        declared.is_same_version(&live.identity) && is_same_owner
    }
}

/// A live version as it was in the plan: the precondition of every write to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LiveImage {
    /// The platform's id.
    pub id: SolutionId,
    /// Owner, name and version.
    pub identity: Identity,
    /// The live state.
    pub state: LiveStateWord,
    /// The live visibility, if it was known.
    pub visibility: Option<LiveVisibilityWord>,
}

impl LiveImage {
    /// Returns the relevant fields of a live version.
    pub fn of(live: &LiveVersion) -> Self {
        Self {
            id: live.id.clone(),
            identity: live.identity.clone(),
            state: live.state.clone(),
            visibility: live.visibility.clone(),
        }
    }
}

/// The complete declaration of a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AfterImage {
    /// Owner, name and version.
    pub identity: Identity,
    /// `ACTIVE` or `INACTIVE`.
    pub state: State,
    /// The visibility, if one is declared.
    pub visibility: Option<Visibility>,
    /// The fingerprint of the package that is deployed; `None` if nothing is deployed, or if the
    /// package could not be inspected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<Digest>,
    /// The upload of the package before the deploy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload: Option<Box<Upload>>,
    /// The runs that the version must pass before it is brought into service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification: Option<Box<Verification>>,
}

impl AfterImage {
    /// Returns the image of a declaration, without a package.
    pub(super) fn of(entry: &Desired) -> Self {
        Self {
            identity: entry.identity.clone(),
            state: entry.state,
            visibility: entry.visibility,
            package: None,
            upload: None,
            verification: None,
        }
    }

    /// Returns the image of a declaration that is deployed, and verified if that is declared.
    pub(super) fn deployed(entry: &Desired) -> Self {
        let is_exposed =
            entry.state == State::Active || entry.visibility == Some(Visibility::Public);
        Self {
            verification: entry.verification.clone().filter(|_| is_exposed),
            ..Self::of(entry)
        }
    }

    /// Returns whether a live version has all of these values. An unknown visibility never matches
    /// a declared one.
    pub fn is_proven_by(&self, live: &LiveVersion) -> bool {
        self.missing_in(&live.state, live.visibility.as_ref())
            .is_none()
    }

    /// Returns the patch of the fields that are not confirmed equal; `None` if all are.
    pub fn missing_in(
        &self,
        state: &LiveStateWord,
        visibility: Option<&LiveVisibilityWord>,
    ) -> Option<Patch> {
        Patch::new(Some(self.state), self.visibility)?.missing_in(state, visibility)
    }
}

/// The fields that a PATCH sets: at least one of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "PatchFields")]
pub struct Patch {
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<State>,
    #[serde(skip_serializing_if = "Option::is_none")]
    visibility: Option<Visibility>,
}

impl Patch {
    /// Returns a patch of these fields; `None` if there is nothing to set.
    pub fn new(state: Option<State>, visibility: Option<Visibility>) -> Option<Self> {
        (state.is_some() || visibility.is_some()).then_some(Self { state, visibility })
    }

    /// Returns the state to set.
    pub fn state(&self) -> Option<State> {
        self.state
    }

    /// Returns the visibility to set.
    pub fn visibility(&self) -> Option<Visibility> {
        self.visibility
    }

    /// Returns the patch of the fields that are not confirmed equal; `None` if all are. An unknown
    /// visibility is not.
    pub fn missing_in(
        self,
        state: &LiveStateWord,
        visibility: Option<&LiveVisibilityWord>,
    ) -> Option<Self> {
        Self::new(
            self.state.filter(|set| !state.satisfies(*set)),
            self.visibility
                .filter(|set| !visibility.is_some_and(|word| word.satisfies(*set))),
        )
    }

    /// Returns the patch of the fields that only this one sets.
    pub(super) fn without(self, other: Self) -> Option<Self> {
        Self::new(
            self.state.filter(|_| other.state.is_none()),
            self.visibility.filter(|_| other.visibility.is_none()),
        )
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PatchFields {
    state: Option<State>,
    visibility: Option<Visibility>,
}

/// A saved plan contains a patch that sets nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a patch must set something")]
struct EmptyPatch;

impl TryFrom<PatchFields> for Patch {
    type Error = EmptyPatch;

    fn try_from(fields: PatchFields) -> Result<Self, Self::Error> {
        Self::new(fields.state, fields.visibility).ok_or(EmptyPatch)
    }
}

/// The reason why a change is in the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Reason {
    /// The manifest declares the version.
    Declared,
    /// The manifest declares other versions of the name in service.
    Superseded {
        /// The addresses of those versions.
        by: ThinVec<Address>,
    },
    /// The manifest does not declare the name, and its policy covers undeclared names.
    Undeclared,
    /// The manifest declares the version as `ABSENT`.
    Tombstone,
    /// The command requested it: `destroy`, or `--replace`.
    Requested,
    /// The apply with this id changed the version, and is rolled back.
    RolledBack {
        /// The id of the apply. A thin pointer, as all changes of the plan have it.
        apply: Arc<String>,
    },
    /// The contents of the source are not those that were deployed, and the manifest declares
    /// `redeploy: on_change`.
    ContentChanged {
        /// The difference.
        drift: Box<ContentDrift>,
    },
}

#[cfg(test)]
mod tests {
    use super::super::testing::{declared, live};
    use super::*;

    #[test]
    fn a_patch_has_at_least_one_field() {
        assert_eq!(Patch::new(None, None), None);
        assert!(serde_json::from_str::<Patch>("{}").is_err());
        let patch = Patch::new(Some(State::Inactive), None).unwrap();
        let json = serde_json::to_string(&patch).unwrap();
        assert_eq!(json, r#"{"state":"INACTIVE"}"#);
        assert_eq!(serde_json::from_str::<Patch>(&json).unwrap(), patch);
    }

    /// The effects of an action on the service of its version: out of service, permanently out of
    /// service, into service.
    #[test]
    fn actions_begin_and_end_service() {
        let before = |state| Box::new(LiveImage::of(&live("Form@1").state(state)));
        let after = |state| {
            Box::new(AfterImage {
                state,
                ..AfterImage::of(&declared("Form@1"))
            })
        };
        let create = |to| Action::Create {
            path: String::new(),
            after: after(to),
            other_owner: None,
        };
        let replace = |from, to| Action::Replace {
            before: before(from),
            path: String::new(),
            after: after(to),
            other_owner: None,
        };
        let update = |from, patched: Option<State>, to| Action::Update {
            before: before(from),
            patch: Patch::new(patched, Some(Visibility::Public)).unwrap(),
            after: after(to),
        };
        let delete = |from| Action::Delete {
            before: before(from),
        };
        let no_op = Action::NoOp {
            before: Some(*before("ACTIVE")),
        };
        let (active, inactive) = (State::Active, State::Inactive);
        for (action, expected) in [
            (create(active), [false, false, true]),
            (create(inactive), [false, false, false]),
            (replace("ACTIVE", active), [true, false, true]),
            (replace("ACTIVE", inactive), [true, true, false]),
            (replace("INACTIVE", active), [false, false, true]),
            (replace("INACTIVE", inactive), [false, false, false]),
            (
                update("ACTIVE", Some(inactive), inactive),
                [true, true, false],
            ),
            (
                update("PRODUCTION", Some(inactive), inactive),
                [true, true, false],
            ),
            (
                update("INACTIVE", Some(active), active),
                [false, false, true],
            ),
            (update("ACTIVE", None, active), [false, false, true]),
            (update("INACTIVE", None, inactive), [false, false, false]),
            (delete("ACTIVE"), [true, true, false]),
            (delete("ODD"), [true, true, false]),
            (delete("INACTIVE"), [false, false, false]),
            (no_op, [false, false, false]),
        ] {
            let does = [
                action.takes_out_of_service(),
                action.leaves_out_of_service(),
                action.brings_into_service(),
            ];
            assert_eq!(does, expected, "{action:?}");
        }
    }
}
