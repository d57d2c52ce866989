//! The entries of a journal, one JSON object per line.
//!
//! An entry is written before or right after the event that it records, and is never changed.
//! Readers skip unknown entries and fields: within one version, fields are only added.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::provenance::Provenance;
use crate::ident::{Address, Digest, Identity, JobId, SolutionId};
use crate::outcome::{OutcomeKind, WriteKind};
use crate::plan::{Action, Change, Patch, Subject, Verified};

/// The version of the journal's entries.
pub(super) const ENTRY_VERSION: u32 = 1;

/// A line of a journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The entry's version.
    pub v: u32,
    /// The time of writing, in milliseconds since 1970.
    pub at_ms: u64,
    /// The recorded event.
    pub entry: Entry,
}

impl Record {
    /// Returns an entry in this version of the format.
    pub fn new(at_ms: u64, entry: Entry) -> Self {
        Self {
            v: ENTRY_VERSION,
            at_ms,
            entry,
        }
    }

    /// Returns the line, line break included.
    pub(super) fn line(&self) -> Vec<u8> {
        let mut line = serde_json::to_vec(self).expect("invariant: an entry's keys are strings");
        line.push(b'\n');
        line
    }
}

/// A reference to the change that an entry is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeRef {
    /// The address that output shows. Two changes may share it in journals without identities.
    pub address: Address,
    /// The solution version; none in journals of earlier versions of solform.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
    /// The live record that is changed; none for a create.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<SolutionId>,
}

impl ChangeRef {
    /// Returns a reference to a change of a plan.
    pub fn of(change: &Change) -> Self {
        let key = change.key();
        Self {
            address: change.address.clone(),
            identity: Some(key.identity),
            record: key.record,
        }
    }
}

/// An event that a journal records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Entry {
    /// An apply begins.
    Begin {
        /// The id of the apply.
        #[serde(rename = "run")]
        apply: String,
        /// The id of the saved plan, if one is applied.
        plan: Option<String>,
        /// The environment, its URL and the manifest.
        subject: Subject,
        /// The number of changes in the plan.
        changes: usize,
        /// The id of the lock that the apply holds; none if it holds none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lock: Option<String>,
        /// The provenance; none in journals of earlier versions of solform.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        provenance: Option<Provenance>,
        /// The id of the apply that this one rolls back.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rollback_of: Option<String>,
    },
    /// A change begins: its action, and the records that the action is based on.
    Intent {
        /// The change.
        #[serde(flatten)]
        change: ChangeRef,
        /// The whole action, with before and after.
        action: Action,
    },
    /// A request is sent right after this line is on disk.
    Send {
        /// The change.
        #[serde(flatten)]
        change: ChangeRef,
        /// The kind of the write.
        call: WriteKind,
        /// The number of this attempt, counted from 1.
        attempt: u32,
        /// The values that a PATCH sets, and the record that it changes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        patch: Option<RecordPatch>,
        /// The records of the name that existed before a deploy: a record that appears later was
        /// created by it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        known: Option<Vec<SolutionId>>,
    },
    /// The server accepted a write and returned a job.
    Job {
        /// The change.
        #[serde(flatten)]
        change: ChangeRef,
        /// The kind of the write.
        call: WriteKind,
        /// The job.
        job: JobId,
    },
    /// The bytes of an upload are at the path.
    Uploaded {
        /// The change.
        #[serde(flatten)]
        change: ChangeRef,
        /// The digest of the package.
        sha256: Digest,
        /// True if they were there before anything was sent.
        was_already: bool,
    },
    /// A run of the new version is started right after this line is on disk.
    Run {
        /// The change.
        #[serde(flatten)]
        change: ChangeRef,
        /// The declared name of the run.
        name: String,
        /// The id of the run.
        run: JobId,
    },
    /// A verification has ended.
    Verified {
        /// The change.
        #[serde(flatten)]
        change: ChangeRef,
        /// The result.
        verified: Verified,
    },
    /// A person decided that the verification record of a change does not count any more.
    Revoke {
        /// The change.
        #[serde(flatten)]
        change: ChangeRef,
        /// The person, as `user@host`.
        who: String,
    },
    /// The server refused the last write of this kind: it changed nothing.
    Refused {
        /// The change.
        #[serde(flatten)]
        change: ChangeRef,
        /// The kind of the write.
        call: WriteKind,
    },
    /// A change has ended.
    Outcome {
        /// The change.
        #[serde(flatten)]
        change: ChangeRef,
        /// The outcome.
        #[serde(flatten)]
        outcome: RecordedOutcome,
    },
    /// A person decided to stop waiting for the job of a change, and to accept a record that the
    /// job left behind.
    Abandon {
        /// The change.
        #[serde(flatten)]
        change: ChangeRef,
        /// The job whose end is not awaited.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        job: Option<JobId>,
        /// The live record that the job made.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        made: Option<SolutionId>,
        /// The person, as `user@host`.
        who: String,
    },
    /// Another command opened the journal after its apply: later entries do not show how long the
    /// apply took.
    Reopen {},
    /// The apply has ended normally.
    End {
        /// True if every change is done.
        complete: bool,
    },
    /// An entry of a kind that this version of solform does not know.
    #[serde(other)]
    Other,
}

/// The values that a PATCH sets, and the record that it changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordPatch {
    /// The record.
    pub id: SolutionId,
    /// The values to set.
    pub set: Patch,
}

/// The recorded outcome of a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedOutcome {
    /// The kind of the outcome.
    #[serde(rename = "outcome")]
    pub word: OutcomeKind,
    /// The record that is live now, or that a failed job left behind.
    pub id: Option<SolutionId>,
    /// The reason, if the change is not done.
    pub detail: Option<String>,
    /// True if one write is done and another one is still missing: the patch after a deploy, or the
    /// deploy after a delete.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unfinished: bool,
    /// True if a replace deleted the version, and the version is not known to be deployed again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
    /// True if a deploy of a package that was not inspected has ended, and the record that it
    /// created was not found.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unconfirmed: bool,
    /// The identity of `id`, if a deploy created another solution than the declared one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<String>,
    /// The times at which the ends of its jobs were seen, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub job_ends: BTreeMap<JobId, u64>,
}

impl RecordedOutcome {
    /// Returns an outcome without a record and a reason.
    pub fn new(word: OutcomeKind) -> Self {
        Self {
            word,
            id: None,
            detail: None,
            unfinished: false,
            deleted: false,
            unconfirmed: false,
            made: None,
            job_ends: BTreeMap::new(),
        }
    }

    /// Returns whether the change is completely done.
    pub fn is_done(&self) -> bool {
        self.word == OutcomeKind::Done && !self.unfinished
    }
}
