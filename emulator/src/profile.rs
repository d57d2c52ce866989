//! The profiles: named sets of knobs.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::knobs::{Knobs, OwnerAfterVisibility, PatchStates, PatchStyle, RecordKeys, TimeForm};

/// A set of knobs that gives answers a known form; [`Knobs`] sets each part alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Profile {
    /// The form that the page of the Deployed Solutions API documents: whole numbers for times, no
    /// visibility in records, paging keys wrapped in lists, public solutions owned by `IB_DEPLOYED`
    /// and private ones by their author.
    #[default]
    Docs,
    /// The form of captured records of AI Hub (docs/platform.md, "Records"): times as text, more
    /// keys, visibility in records, PATCH with a body that also accepts PRODUCTION, and an owner
    /// that a change of visibility does not change.
    Aihub,
}

impl Profile {
    /// All profiles.
    pub const ALL: [Self; 2] = [Self::Docs, Self::Aihub];

    /// Returns the name of the profile, which its `FromStr` accepts.
    pub fn name(self) -> &'static str {
        match self {
            Self::Docs => "docs",
            Self::Aihub => "aihub",
        }
    }

    /// Returns the knobs of the profile.
    pub fn knobs(self) -> Knobs {
        match self {
            Self::Docs => Knobs::default(),
            Self::Aihub => Knobs {
                times: TimeForm::String,
                visibility_in_records: true,
                record_keys: RecordKeys::Aihub,
                patch_style: PatchStyle::Both,
                patch_states: PatchStates::Production,
                owner_after_visibility: OwnerAfterVisibility::Unchanged,
                ..Knobs::default()
            },
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An error for an unknown name of a profile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no profile `{0}`; the profiles are `docs` and `aihub`")]
pub struct ProfileError(String);

impl FromStr for Profile {
    type Err = ProfileError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|profile| profile.name() == text);
        found.ok_or_else(|| ProfileError(text.to_owned()))
    }
}
