//! Content drift: the contents of a deployed record are not those of the declared source.

use serde::{Deserialize, Serialize};

use super::line_diff::DiffLine;
use crate::ident::SolutionId;

/// A difference between the contents of a deployed record and the declared source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContentDrift {
    /// The record.
    pub id: SolutionId,
    /// The source, relative to the manifest.
    pub source: String,
    /// The compared facts.
    pub evidence: DriftEvidence,
    /// The number of members that only the source has.
    pub added: usize,
    /// The number of members that only the record has.
    pub removed: usize,
    /// The number of members with other contents.
    pub changed: usize,
    /// The first different members, by name.
    pub members: Vec<DriftMember>,
    /// The first different lines of `package.json`, with the lines around them.
    pub package_json: Vec<DiffLine>,
}

word_enum! {
    /// The facts that show a content drift.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    pub enum DriftEvidence {
        /// The members that an apply recorded at the deploy.
        Members = "members",
        /// The digest that an apply recorded at the deploy; the members that were deployed, or
        /// those of the source, are not known.
        Digest = "digest",
        /// The `package.json` in the deployed folder.
        Folder = "folder",
    }
}

word_enum! {
    /// The side that explains a content drift.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    pub enum DriftCause {
        /// The source is not what an apply recorded at the deploy.
        Source = "source",
        /// The source is what an apply recorded, and the deployed folder differs from it.
        Platform = "platform",
        /// Nothing was recorded, and the deployed folder differs from the source.
        NotKnown = "not-known",
    }
}

/// A member that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DriftMember {
    /// The path in the package; a long one is cut.
    pub name: String,
    /// The difference.
    pub change: MemberWord,
    /// The size at the deploy, in bytes; `None` if the member is new.
    pub before_size: Option<u64>,
    /// The size in the source, in bytes; `None` if it does not have the member.
    pub after_size: Option<u64>,
}

word_enum! {
    /// The difference of a member.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum MemberWord {
        /// Only the source has it.
        Added = "added",
        /// Only the record has it.
        Removed = "removed",
        /// Both have it, with different contents.
        Changed = "changed",
    }
}

impl ContentDrift {
    /// Returns a drift whose members are not known.
    pub(super) fn new(id: &SolutionId, source: &str, evidence: DriftEvidence) -> Self {
        Self {
            id: id.clone(),
            source: source.to_owned(),
            evidence,
            added: 0,
            removed: 0,
            changed: 0,
            members: Vec::new(),
            package_json: Vec::new(),
        }
    }

    /// Returns the number of different members that are not shown. A plan file may have any
    /// numbers.
    pub fn not_shown(&self) -> usize {
        let different = self.added.saturating_add(self.removed);
        let different = different.saturating_add(self.changed);
        different.saturating_sub(self.members.len())
    }
}
