//! The fields of a version that differ, and the decision about each difference.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A field that differs between manifest and live state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldChange {
    /// The field.
    pub field: Field,
    /// The live value; `None` if nothing is live, or if the value is unknown.
    pub before: Option<Arc<str>>,
    /// The declared value; `None` if the version is deleted.
    pub after: Option<Arc<str>>,
    /// The decision about the difference.
    pub decision: Decision,
}

word_enum! {
    /// A field of a solution version.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum Field {
        /// The owner.
        Owner = "owner",
        /// The package that a deploy submits.
        Path = "path",
        /// The file that is uploaded before the deploy.
        Source = "source",
        /// The size of that file.
        Size = "size",
        /// The digest of that file.
        Sha256 = "sha256",
        /// The fingerprint of that file, if it is in another environment.
        Fingerprint = "fingerprint",
        /// Whether the upload may replace another file.
        Overwrite = "overwrite",
        /// The runs that the version must pass.
        Verify = "verify",
        /// The state.
        State = "state",
        /// The visibility.
        Visibility = "visibility",
    }
}

word_enum! {
    /// The decision about a difference.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    pub enum Decision -> &'static str {
        /// The difference is part of the action.
        Apply = "apply" "",
        /// The live word is unknown to solform, and is never "corrected".
        UnknownWord = "unknown-word" " (left alone: not a word that solform sets)",
        /// The live visibility could not be read. That is not drift.
        NotKnown = "not-known" " (left alone: the live value is not known)",
        /// The version waits for an approval on the platform.
        WaitsForReview = "waits-for-review" " (left alone: it waits for review)",
    }
}

impl Decision {
    /// Returns the remark on a difference that is left alone; empty for one that is not.
    pub fn remark(self) -> &'static str {
        self.row()
    }
}
