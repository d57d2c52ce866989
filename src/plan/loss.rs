//! What a roll-back does not restore.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::attribute::{LiveStateWord, LiveVisibilityWord};
use crate::ident::{Identity, SolutionId};

/// The roll-back that a plan is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RollbackOf {
    /// The id of the apply that is rolled back.
    pub apply: String,
    /// Everything that is not restored, in the order of the versions.
    pub unrestored: Vec<Unrestored>,
}

impl RollbackOf {
    /// Returns the versions that are not restored completely.
    pub fn identities(&self) -> BTreeSet<&Identity> {
        self.unrestored
            .iter()
            .map(|found| &found.identity)
            .collect()
    }
}

/// A version that is not restored, or not completely.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unrestored {
    /// The version.
    pub identity: Identity,
    /// The reason.
    pub loss: Loss,
}

/// The reason why a version is not restored, or not completely. Its text continues the address of
/// the version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Loss {
    /// The record was deleted: a deploy makes another one.
    Id {
        /// The id of the deleted record.
        id: SolutionId,
    },
    /// A replace deleted the record, and its package is not known.
    Contents,
    /// The record was deleted, and its package is not known.
    NoPackage,
    /// The record was deleted, and its package cannot be deployed again.
    Package {
        /// The reason.
        problem: String,
    },
    /// The live version is no longer as the apply left it.
    ChangedSince {
        /// The difference.
        difference: String,
    },
    /// The result of the apply's change is not known.
    Unknown,
    /// The apply found the version in the planned state, and changed nothing.
    FoundDone,
    /// The deploy made another solution.
    MadeOther {
        /// The identity of that solution.
        found: String,
    },
    /// The state from before the apply cannot be set.
    State {
        /// The state.
        before: LiveStateWord,
    },
    /// The visibility from before the apply cannot be set.
    Visibility {
        /// The visibility; none if it was not known.
        before: Option<LiveVisibilityWord>,
    },
    /// The manifest does not manage the live version.
    NotManaged,
    /// Several records of the version are live, and a plan changes only the newest one.
    OlderRecord {
        /// The record that is left alone.
        id: SolutionId,
    },
    /// The version stays in service, because a version that was in service before cannot come back.
    Kept {
        /// That version.
        because: Identity,
    },
}

impl Loss {
    /// Returns the stable word of the loss.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Id { .. } => "id",
            Self::Contents => "contents",
            Self::NoPackage => "no-package",
            Self::Package { .. } => "package",
            Self::ChangedSince { .. } => "changed-since",
            Self::Unknown => "unknown",
            Self::FoundDone => "found-done",
            Self::MadeOther { .. } => "made-other",
            Self::State { .. } => "state",
            Self::Visibility { .. } => "visibility",
            Self::NotManaged => "not-managed",
            Self::OlderRecord { .. } => "older-record",
            Self::Kept { .. } => "kept",
        }
    }

    /// Returns whether a version that was in service may stay out of service.
    pub(super) fn may_end_service(&self) -> bool {
        match self {
            Self::NoPackage
            | Self::Package { .. }
            | Self::ChangedSince { .. }
            | Self::Unknown
            | Self::State { .. }
            | Self::NotManaged => true,
            Self::Id { .. }
            | Self::Contents
            | Self::FoundDone
            | Self::MadeOther { .. }
            | Self::Visibility { .. }
            | Self::OlderRecord { .. }
            | Self::Kept { .. } => false,
        }
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id { id } => write!(
                f,
                "does not get its old id back: the record `{id}` was deleted"
            ),
            Self::Contents => f.write_str(
                "keeps its new contents: the package that was replaced is not known any more",
            ),
            Self::NoPackage => f.write_str("was deleted, and the path of its package is not known"),
            Self::Package { problem } => write!(
                f,
                "was deleted, and its package cannot be deployed again: {problem}"
            ),
            Self::ChangedSince { difference } => {
                write!(
                    f,
                    "changed since the apply, and is left alone: {difference}"
                )
            }
            Self::Unknown => {
                f.write_str("is left alone: the outcome of its change by the apply is not known")
            }
            Self::FoundDone => f.write_str(
                "was not changed by the apply, which found it in the planned state already",
            ),
            Self::MadeOther { found } => write!(
                f,
                "was deployed as another solution, `{found}`, which is left alone"
            ),
            Self::State { before } => {
                write!(f, "was in the state {before}, which cannot be set")
            }
            Self::Visibility {
                before: Some(before),
            } => write!(f, "had the visibility {before}, which is not restored"),
            Self::Visibility { before: None } => {
                f.write_str("keeps its visibility: the one before the apply was not known")
            }
            Self::NotManaged => f.write_str("is left alone: the manifest does not manage it"),
            Self::OlderRecord { id } => write!(
                f,
                "has more than one live record, and `{id}`, which is not the newest one, is left \
                 alone"
            ),
            Self::Kept { because } => write!(
                f,
                "stays in service, because {} does not come back into service",
                because.address()
            ),
        }
    }
}
