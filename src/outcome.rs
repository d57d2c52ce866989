//! The kinds of writes and of outcomes, which the journal, the plan and the apply share.

use serde::{Deserialize, Serialize};

word_enum! {
    /// The kind of a write.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    pub enum WriteKind {
        /// PUT of a package, or PATCH of its parts: no job.
        Upload = "upload",
        /// POST of a package: starts a job.
        Deploy = "deploy",
        /// PATCH of state and visibility: no job.
        Patch = "patch",
        /// DELETE: starts a job.
        Delete = "delete",
    }
}

word_enum! {
    /// The kind of a change's outcome: the same word in tables, journal and events.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    pub enum OutcomeKind {
        /// The change is as planned.
        Done = "done",
        /// The change failed.
        Failed = "failed",
        /// The change was not started, because of another change.
        Skipped = "skipped",
        /// The live record was not as planned, so nothing was sent.
        Refused = "refused",
        /// The change was not started or not finished, because of an interrupt.
        Cancelled = "cancelled",
        /// It is not known whether the write took effect.
        Unknown = "unknown",
    }
}
