//! The journal's entries, one JSON object a line.
//!
//! An entry is written before or right after what it tells of, and never changed. Readers skip
//! what they do not know: fields are only ever added within one version.

use serde::{Deserialize, Serialize};

use crate::ident::{Address, Identity, JobId, SolutionId};
use crate::outcome::{OutcomeKind, WriteKind};
use crate::plan::{Action, Change, Patch, Subject};

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

impl Record {
    /// An entry of this version of the format.
    pub fn new(at_ms: u64, entry: Entry) -> Self {
        Self {
            v: ENTRY_VERSION,
            at_ms,
            entry,
        }
    }

    /// Its line, line break included.
    pub(super) fn line(&self) -> Vec<u8> {
        let mut line = serde_json::to_vec(self).expect("invariant: an entry's keys are strings");
        line.push(b'\n');
        line
    }
}

/// The change that an entry is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeRef {
    /// The address that output shows. Two changes may share it in journals that carry no identity.
    pub address: Address,
    /// The solution version; none in journals of earlier versions of solform.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
    /// The live record that is changed; none for a create.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<SolutionId>,
}

impl ChangeRef {
    /// Refers to a change of a plan.
    pub fn of(change: &Change) -> Self {
        let key = change.key();
        Self {
            address: change.address.clone(),
            identity: Some(key.identity),
            record: key.record,
        }
    }

    /// Returns whether both refer to the same change of one apply.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        match (&self.identity, &other.identity) {
            (Some(left), Some(right)) => left == right && self.record == other.record,
            // Addresses are all that journals without identities have.
            (None, _) | (_, None) => self.address == other.address,
        }
    }
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
        /// The id of the lock that the apply holds; none where it holds none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lock: Option<String>,
    },
    /// A change is about to be made: what it is and what it rests on.
    Intent {
        /// The change.
        #[serde(flatten)]
        change: ChangeRef,
        /// The whole action, with before and after.
        action: Action,
    },
    /// A call is sent right after this line is on disk.
    Send {
        /// The change.
        #[serde(flatten)]
        change: ChangeRef,
        /// The call.
        call: WriteKind,
        /// Which sending of it, from 1.
        attempt: u32,
        /// What a PATCH sets, and of which record.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        patch: Option<RecordPatch>,
        /// The records of the name that a deploy found: what appears beside them, it made.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        known: Option<Vec<SolutionId>>,
    },
    /// The server took a call and named a job.
    Job {
        /// The change.
        #[serde(flatten)]
        change: ChangeRef,
        /// The call.
        call: WriteKind,
        /// The job.
        job: JobId,
    },
    /// A change came to its end.
    Outcome {
        /// The change.
        #[serde(flatten)]
        change: ChangeRef,
        /// How.
        outcome: OutcomeKind,
        /// The record that is live now, or that a failed job left behind.
        id: Option<SolutionId>,
        /// Why, where it is not done.
        detail: Option<String>,
        /// True if a write is done and another one is left: the patch after a deploy, or the deploy
        /// after a delete.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        unfinished: bool,
        /// True if a deploy of a package that was not inspected ended, and what it made was not
        /// found.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        unconfirmed: bool,
        /// The identity of `id`, where a deploy made another solution than declared.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        made: Option<String>,
    },
    /// A person decided that the job of a change is not waited for any more, and that a record
    /// which it left behind counts for what it is.
    Abandon {
        /// The change.
        #[serde(flatten)]
        change: ChangeRef,
        /// The job that is not waited for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        job: Option<JobId>,
        /// `user@host` of that person.
        who: String,
    },
    /// Another command opened the journal after its apply: what follows tells nothing of how long
    /// the apply took.
    Reopen {},
    /// The run came to its end, in order.
    End {
        /// True if every change is done.
        complete: bool,
    },
    /// A kind of entry that this solform does not know.
    #[serde(other)]
    Other,
}

/// What a PATCH sets, and of which record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordPatch {
    /// The record.
    pub id: SolutionId,
    /// What is set.
    pub set: Patch,
}
