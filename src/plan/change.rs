//! The plan: every change, with what it rests on and what it waits for.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::action::{Action, AfterImage, Reason};
use super::history::{InFlight, OrphanedRecord};
use super::inspection::PackageProblem;
use super::ownership::OwnerConflict;
use crate::attribute::Visibility;
use crate::ident::{Address, ChangeKey, Digest, Identity, Owner, SolutionId};
use crate::live::Coverage;
use crate::manifest::Position;

/// What one apply would do: a pure function of manifest, live state and options, sorted by
/// identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What was planned.
    pub mode: Mode,
    /// Which environment, and from which manifest.
    pub subject: Subject,
    /// How complete the live state was.
    pub coverage: Coverage,
    /// One change for each version that is declared or that a policy concerns, no-ops included.
    pub changes: Vec<Change>,
    /// Live versions that no change is about: the manifest leaves them alone.
    pub unmanaged: usize,
    /// Live versions in scope: what percentages refer to.
    pub live_in_scope: usize,
    /// Changes that `--target` and `--exclude` left out, no-ops and what was not listed included.
    pub left_out: usize,
    /// Writes of earlier applies whose end is not known.
    pub in_flight: Vec<InFlight>,
    /// Live records that failed deploys left, and that no change of this plan deletes.
    pub orphaned: Vec<OrphanedRecord>,
}

impl Plan {
    /// How output calls a version: as its change does, where there is one.
    pub fn address_of(&self, identity: &Identity) -> Address {
        self.changes
            .iter()
            .find(|change| change.identity == *identity)
            .map_or_else(|| identity.address(), |change| change.address.clone())
    }
}

/// What kind of plan it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Make the environment what the manifest declares.
    Converge,
    /// Delete what the manifest declares.
    Destroy,
}

/// Which environment a plan is for, and from which manifest it came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// The environment's name.
    pub environment: String,
    /// The environment's URL, for comparison only.
    pub url: String,
    /// The digest of the resolved manifest.
    pub manifest: Digest,
}

/// What happens to one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// How output and options call it; unique in the plan.
    pub address: Address,
    /// The declared identity, or the live one where nothing is declared.
    pub identity: Identity,
    /// What is done.
    pub action: Action,
    /// Why. Explains only.
    pub reason: Reason,
    /// Every field that differs, also where the difference is left alone.
    pub fields: Vec<FieldChange>,
    /// Where the manifest speaks of it.
    pub origin: Option<Origin>,
    /// True if it can be undone.
    pub undo: Undo,
    /// The changes that must be done first, in the order of the plan.
    pub waits_for: Vec<Address>,
    /// The declared versions that must be live, in full, at the moment when this one goes; judged
    /// by [`Successor::is_live_among`].
    pub successors: Vec<Successor>,
    /// Why it may not be applied; empty where nothing prevents it.
    pub blocked: Vec<Block>,
    /// What a reader should know besides.
    pub notes: Vec<Note>,
}

impl Change {
    /// What no other change of any plan for the same live state shares.
    pub fn key(&self) -> ChangeKey {
        ChangeKey {
            identity: self.identity.clone(),
            record: self.action.before().map(|before| before.id.clone()),
        }
    }

    /// Returns whether anything is done.
    pub fn is_no_op(&self) -> bool {
        matches!(self.action, Action::NoOp { .. })
    }

    /// Returns whether the version stops serving and no other one of its name serves in its place.
    pub fn ends_service(&self) -> bool {
        self.notes.contains(&Note::NoSuccessor)
    }

    /// Returns whether it writes to a live version whose visibility is not known.
    pub fn lacks_visibility(&self) -> bool {
        let before = self.action.before();
        !self.is_no_op() && before.is_some_and(|before| before.visibility.is_none())
    }

    /// Returns whether the version becomes visible to everybody.
    pub fn becomes_public(&self) -> bool {
        self.fields.iter().any(|field| {
            field.field == Field::Visibility
                && field.decision == Decision::Apply
                && field.after.as_deref() == Some(Visibility::Public.as_str())
        })
    }

    /// Returns whether the server reports a state or visibility that solform does not know, where
    /// another one is declared.
    pub fn has_unknown_word(&self) -> bool {
        self.fields
            .iter()
            .any(|field| field.decision == Decision::UnknownWord)
    }

    /// Returns whether fewer users will see the version.
    pub fn narrows_visibility(&self) -> bool {
        let visibility = |text: &Option<Arc<str>>| text.as_deref().and_then(Visibility::of_word);
        self.fields.iter().any(|field| {
            field.field == Field::Visibility
                && field.decision == Decision::Apply
                && visibility(&field.before)
                    .zip(visibility(&field.after))
                    .is_some_and(|(before, after)| after.is_narrower_than(before))
        })
    }
}

/// One field that differs between manifest and live state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldChange {
    /// Which.
    pub field: Field,
    /// The live value; none where nothing is live, or where it is not known.
    pub before: Option<Arc<str>>,
    /// The declared value; none where the version goes.
    pub after: Option<Arc<str>>,
    /// True if the difference is acted on.
    pub decision: Decision,
}

/// A field of a solution version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// The owner.
    Owner,
    /// The package that a deploy submits.
    Path,
    /// The state.
    State,
    /// The visibility.
    Visibility,
}

impl Field {
    /// The manifest's key for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Path => "path",
            Self::State => "state",
            Self::Visibility => "visibility",
        }
    }
}

/// True if a difference is acted on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// It is part of the action.
    Apply,
    /// The live word is not known to solform, and is never "corrected".
    UnknownWord,
    /// The live visibility could not be learned, which is not drift.
    NotKnown,
    /// It waits for somebody to approve it.
    WaitsForReview,
}

/// Where the manifest speaks of a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// The file as the user named it.
    pub file: Arc<str>,
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1.
    pub column: usize,
}

impl Origin {
    /// What a reader needs of a position.
    pub fn of(position: &Position) -> Self {
        Self {
            file: Arc::clone(&position.file),
            line: position.line,
            column: position.column,
        }
    }
}

/// True if and how a change can be undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undo {
    /// Nothing is done.
    Nothing,
    /// By a patch that sets what was there before.
    ByPatch,
    /// By deleting what was deployed.
    ByDelete,
    /// Not by solform: the deployed record, its id and its job history are gone.
    Irreversible,
}

/// A declared version that another one makes room for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Successor {
    /// How output calls it.
    pub address: Address,
    /// What must be live.
    pub after: AfterImage,
    /// The other owner of the pair, under which it may be live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other_owner: Option<Owner>,
    /// Its id, where it was live when the plan was made.
    pub id: Option<SolutionId>,
}

/// Why a change may not be applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Block {
    /// A `protect` pattern of the environment covers the live version.
    Protected,
    /// The package cannot be deployed as what is declared.
    Package {
        /// The reason.
        problem: PackageProblem,
        /// The position of the path in the manifest.
        origin: Option<Origin>,
    },
    /// The owner or the author of the live version is not the declared one.
    Owner(OwnerConflict),
}

impl Block {
    /// The stable word of the block: for a package the code of its problem.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Protected => "protected",
            Self::Package { problem, .. } => problem.code().as_str(),
            Self::Owner(conflict) => conflict.code(),
        }
    }
}

/// What a reader should know of a change besides its fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Note {
    /// A version stops serving, and no other one of its name serves in its place.
    NoSuccessor,
    /// The version is out of service between two steps of this change.
    OutOfServiceMeanwhile,
    /// The live visibility could not be learned; that is not drift.
    VisibilityNotKnown,
    /// Somebody must approve that the version becomes public.
    WaitsForReview,
    /// The server reports a state or visibility that solform does not know.
    UnknownWord {
        /// The word.
        word: String,
    },
    /// More records of the same identity are live. The newest is meant, and the others are left
    /// alone unless the manifest wants none of them.
    MoreRecords {
        /// The others' ids.
        ids: Vec<SolutionId>,
    },
    /// The job of its last deploy was abandoned, and may still end: it is not deployed before this
    /// time, unless `--replace` names it.
    HeldBack {
        /// The time, in milliseconds since 1970.
        until_ms: u64,
    },
    /// The live record is under the other owner of the pair; it is tracked by its id.
    FollowedOwner {
        /// The live owner.
        owner: Owner,
    },
    /// A policy says delete, and the version is deactivated because nothing may delete it.
    DeactivatedInstead {
        /// Why it is not deleted.
        because: Block,
    },
}
