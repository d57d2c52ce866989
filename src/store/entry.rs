//! The journal's entries, one JSON object a line.
//!
//! An entry is written before or right after what it tells of, and never changed. Readers skip
//! what they do not know: fields are only ever added within one version.

use serde::{Deserialize, Serialize};

use crate::apply::{Call, OutcomeWord};
use crate::ident::{Address, JobId, SolutionId};
use crate::plan::{Action, Subject};

/// The version of the journal's entries.
pub(super) const ENTRY_VERSION: u32 = 1;

/// One line of a journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The entry's version.
    pub v: u32,
    /// When it was written, in milliseconds since 1970.
    pub at_ms: u64,
    /// What it tells.
    pub entry: Entry,
}

/// What a journal tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Entry {
    /// A run begins.
    Begin {
        /// The run's id.
        run: String,
        /// The saved plan's id, where one is applied.
        plan: Option<String>,
        /// Environment, URL and manifest.
        subject: Subject,
        /// Changes that are to be made.
        changes: usize,
    },
    /// A change is about to be made: what it is and what it rests on.
    Intent {
        /// The change.
        address: Address,
        /// The whole action, with before and after.
        action: Action,
    },
    /// A call is sent right after this line is on disk.
    Send {
        /// The change.
        address: Address,
        /// The call.
        call: Call,
        /// Which sending of it, from 1.
        attempt: u32,
    },
    /// The server took a call and named a job.
    Job {
        /// The change.
        address: Address,
        /// The call.
        call: Call,
        /// The job.
        job: JobId,
    },
    /// A change came to its end.
    Outcome {
        /// The change.
        address: Address,
        /// How.
        outcome: OutcomeWord,
        /// The record that is live now, or that a failed job left behind.
        id: Option<SolutionId>,
        /// Why, where it is not done.
        detail: Option<String>,
        /// Whether a deploy is done, and the record is not as declared yet: a patch is left.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        unfinished: bool,
    },
    /// The run came to its end, in order.
    End {
        /// Whether every change is done.
        complete: bool,
    },
    /// A kind of entry that this solform does not know.
    #[serde(other)]
    Other,
}
