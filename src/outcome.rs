//! The kinds of writes, which the journal, the plan and the apply share.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A call that writes.
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
    /// The word for it.
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
