//! The kinds of writes and of outcomes, which the journal, the plan and the apply share.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The kind of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WriteKind {
    /// POST of a package: starts a job.
    Deploy,
    /// PATCH of state and visibility: no job.
    Patch,
    /// DELETE: starts a job.
    Delete,
}

impl WriteKind {
    /// Returns the word in output and journals.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deploy => "deploy",
            Self::Patch => "patch",
            Self::Delete => "delete",
        }
    }
}

impl fmt::Display for WriteKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The kind of a change's outcome: the same word in tables, journal and events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutcomeKind {
    /// The change is as planned.
    Done,
    /// The change failed.
    Failed,
    /// The change was not started, because of another change.
    Skipped,
    /// The live record was not as planned, so nothing was sent.
    Refused,
    /// The change was not started or not finished, because of an interrupt.
    Cancelled,
    /// It is not known whether the write took effect.
    Unknown,
}

impl OutcomeKind {
    /// All kinds, in the order of tables.
    pub const ALL: [Self; 6] = [
        Self::Done,
        Self::Failed,
        Self::Skipped,
        Self::Refused,
        Self::Cancelled,
        Self::Unknown,
    ];

    /// Returns the word in tables, journal and events.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Refused => "refused",
            Self::Cancelled => "cancelled",
            Self::Unknown => "unknown",
        }
    }
}
