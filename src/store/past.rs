//! Earlier applies, read from their journals. Pure: bytes in, values out.

use std::collections::HashMap;

use super::entry::{ChangeRef, ENTRY_VERSION, Entry, Record, RecordPatch, RecordedOutcome};
use super::error::{JournalRef, StoreError};
use super::provenance::Provenance;
use crate::attribute::State;
use crate::ident::{Address, Identity, JobId, SolutionId};
use crate::outcome::{OutcomeKind, WriteKind};
use crate::plan::{Action, PastWrite, Patch, Subject, Verdict, Verified};

/// An earlier apply, as its journal records it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PastApply {
    /// The id of the apply.
    pub id: String,
    /// The time of the start, in milliseconds since 1970.
    pub began_at_ms: Option<u64>,
    /// The time of its last own line, in milliseconds since 1970.
    pub last_at_ms: Option<u64>,
    /// The environment, its URL and the manifest.
    pub subject: Option<Subject>,
    /// The id of the saved plan that it applied.
    pub plan: Option<String>,
    /// The number of changes in its plan.
    pub changes: usize,
    /// The steps, in the order in which they began.
    pub steps: Vec<PastStep>,
    /// True if every change is done; none if the apply did not end normally.
    pub complete: Option<bool>,
    /// True if its last line was cut short.
    pub is_torn: bool,
    /// Who started it, and from what; none in journals of earlier versions of solform.
    pub provenance: Option<Provenance>,
    /// The id of the apply that it rolls back, if it is a roll-back.
    pub rollback_of: Option<String>,
    /// The id of the lock that it held.
    pub lock: Option<String>,
    /// The time of its normal end, by its own last line.
    pub ended_at_ms: Option<u64>,
    /// The last time at which it was seen to hold its lock, if it is running. Not part of the
    /// journal.
    pub running_at_ms: Option<u64>,
    /// True if another command has opened the journal since.
    pub is_reopened: bool,
}

/// The duration of an apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Took {
    /// The duration in milliseconds; for a running apply, the time until now.
    Exactly(u64),
    /// The apply was interrupted, and ran at least until its last line. A value below a second is
    /// not meaningful.
    AtLeast(u64),
    /// The journal does not show the duration.
    Unknown,
}

/// A step of an earlier apply.
#[derive(Debug, Clone, PartialEq)]
pub struct PastStep {
    /// The change.
    pub change: ChangeRef,
    /// The action; none for a step that was not attempted.
    pub action: Option<Action>,
    /// The requests that were sent, in order.
    pub sendings: Vec<PastSending>,
    /// The last result of its verification.
    pub verified: Option<Verified>,
    /// The person who revoked that result.
    pub revoked_by: Option<String>,
    /// The time of its first line, in milliseconds since 1970.
    pub began_at_ms: Option<u64>,
    /// The time of its outcome, in milliseconds since 1970; none if a later apply recovered it.
    pub ended_at_ms: Option<u64>,
    /// The outcome; none if the step has no recorded end.
    pub outcome: Option<RecordedOutcome>,
    /// True if a later apply recovered the outcome.
    pub is_recovered: bool,
    /// The time at which a person abandoned it, in milliseconds since 1970.
    pub abandoned_at_ms: Option<u64>,
    /// The live record that its abandoned deploy made.
    pub abandoned_record: Option<SolutionId>,
}

/// A request that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastSending {
    /// The kind of the write.
    pub call: WriteKind,
    /// The time of its line, in milliseconds since 1970: right before it was sent.
    pub at_ms: u64,
    /// The values that a PATCH set, and the record that it changed; none in journals of earlier
    /// versions of solform.
    pub patch: Option<RecordPatch>,
    /// The records of the name before a deploy; none in journals of earlier versions of solform.
    pub known: Option<Vec<SolutionId>>,
    /// The job that the server returned for it.
    pub job: Option<JobId>,
    /// True if the server refused it, so that it changed nothing.
    pub is_refused: bool,
}

impl PastStep {
    fn new(change: ChangeRef) -> Self {
        Self {
            change,
            action: None,
            sendings: Vec::new(),
            verified: None,
            revoked_by: None,
            began_at_ms: None,
            ended_at_ms: None,
            outcome: None,
            is_recovered: false,
            abandoned_at_ms: None,
            abandoned_record: None,
        }
    }

    /// Returns the address that output shows.
    pub fn address(&self) -> &Address {
        &self.change.address
    }

    /// Returns the solution version that it changes; none if the journal does not record it.
    pub fn identity(&self) -> Option<&Identity> {
        let identity = self.change.identity.as_ref();
        identity.or_else(|| self.action.as_ref()?.identity())
    }

    /// Returns whether a request was sent that the server did not refuse.
    pub(super) fn has_sent(&self, call: WriteKind) -> bool {
        let mut sendings = self.sendings.iter();
        sendings.any(|sent| sent.call == call && !sent.is_refused)
    }

    fn last_sent(&mut self, call: WriteKind) -> Option<&mut PastSending> {
        let mut sendings = self.sendings.iter_mut().rev();
        sendings.find(|sent| sent.call == call)
    }

    /// Returns the records of the patches that were sent, with their values, in the order of the
    /// requests: those that the server refused, or all others.
    pub(super) fn patches(&self, is_refused: bool) -> impl Iterator<Item = (&SolutionId, Patch)> {
        let sent = self
            .sendings
            .iter()
            .filter(move |sent| sent.call == WriteKind::Patch && sent.is_refused == is_refused);
        sent.filter_map(|sent| match (&sent.patch, self.action.as_ref()?) {
            (Some(patch), _) => Some((&patch.id, patch.set)),
            // Journals of earlier versions do not record the values.
            (None, Action::Update { before, patch, .. }) => Some((&before.id, *patch)),
            (None, Action::Delete { before } | Action::Replace { before, .. }) => {
                Some((&before.id, Patch::new(Some(State::Inactive), None)?))
            }
            (None, Action::Create { .. } | Action::NoOp { .. }) => None,
        })
    }

    /// Returns the writes that the step sent.
    pub(super) fn write(&self) -> Option<PastWrite> {
        let done = self
            .outcome
            .as_ref()
            .filter(|outcome| outcome.word == OutcomeKind::Done || outcome.unfinished);
        let patches = |is_refused| {
            let patches = self.patches(is_refused);
            patches.map(|(id, set)| (id.clone(), set)).collect()
        };
        Some(PastWrite {
            action: self.action.clone()?,
            is_deployed: self.has_sent(WriteKind::Deploy),
            patches: patches(false),
            refused: patches(true),
            is_deleted: self.has_sent(WriteKind::Delete),
            record: done.and_then(|outcome| outcome.id.clone()),
            is_done: done.is_some_and(RecordedOutcome::is_done),
        })
    }

    /// Returns whether the version must still pass its verification.
    pub fn lacks_verification(&self) -> bool {
        let is_declared = self.action.as_ref().is_some_and(Action::is_verified);
        let verdict = self.verified.as_ref().map(|verified| verified.verdict);
        is_declared && verdict != Some(Verdict::Passed)
    }

    /// Returns whether a person abandoned it.
    pub fn is_abandoned(&self) -> bool {
        self.abandoned_at_ms.is_some()
    }

    /// Returns whether the result of a sent request is unknown, and no person has abandoned the
    /// step.
    pub fn is_open(&self) -> bool {
        // A repeated upload has the same effect.
        let mut sendings = self.sendings.iter();
        sendings.any(|sent| sent.call != WriteKind::Upload)
            && !self.is_abandoned()
            && self
                .outcome
                .as_ref()
                .is_none_or(|outcome| outcome.word == OutcomeKind::Unknown)
    }
}

impl PastApply {
    /// Parses a journal. A last line that was cut short is accepted; any other invalid line is an
    /// error, and so is a journal without a complete line.
    pub fn read(id: &str, location: &str, bytes: &[u8]) -> Result<Self, StoreError> {
        let journal = || JournalRef {
            apply: id.to_owned(),
            location: location.to_owned(),
        };
        let mut past = Self {
            id: id.to_owned(),
            ..Self::default()
        };
        let mut known = KnownSteps::default();
        let mut has_lines = false;
        let lines = bytes.split_inclusive(|byte| *byte == b'\n');
        for (index, line) in lines.enumerate() {
            if line.trim_ascii().is_empty() {
                continue;
            }
            // A line is written with its line break, and is on disk before the request that it
            // announces is sent.
            if !line.ends_with(b"\n") {
                past.is_torn = true;
                break;
            }
            let corrupt = |_| StoreError::Corrupt {
                line: index + 1,
                journal: journal(),
            };
            let version: VersionOnly = serde_json::from_slice(line).map_err(corrupt)?;
            if version.v > ENTRY_VERSION {
                return Err(StoreError::Newer(journal()));
            }
            past.take(serde_json::from_slice(line).map_err(corrupt)?, &mut known);
            has_lines = true;
        }
        if !has_lines {
            return Err(StoreError::Empty(journal()));
        }
        Ok(past)
    }

    /// Returns the duration, without the time before another command finished the journal.
    pub fn took(&self) -> Took {
        let since_began = |at: u64| at.checked_sub(self.began_at_ms?);
        if let Some(took) = self
            .running_at_ms
            .or(self.ended_at_ms)
            .and_then(since_began)
        {
            return Took::Exactly(took);
        }
        match self.last_at_ms.and_then(since_began) {
            Some(took) if took >= 1000 => Took::AtLeast(took),
            Some(_) | None => Took::Unknown,
        }
    }

    fn take(&mut self, Record { at_ms, entry, .. }: Record, index: &mut KnownSteps) {
        if !self.is_reopened {
            self.last_at_ms = Some(at_ms);
        }
        match entry {
            Entry::Begin {
                apply: _,
                plan,
                subject,
                changes,
                lock,
                provenance,
                rollback_of,
            } => {
                self.rollback_of = rollback_of;
                self.lock = lock;
                self.provenance = provenance;
                self.began_at_ms = Some(at_ms);
                self.plan = plan;
                self.subject = Some(subject);
                self.changes = changes;
            }
            Entry::Intent { change, action } => {
                let step = self.step(change, index);
                step.action = Some(action);
                step.began_at_ms.get_or_insert(at_ms);
            }
            Entry::Send {
                change,
                call,
                attempt: _,
                patch,
                known,
            } => {
                let sending = PastSending {
                    call,
                    at_ms,
                    patch,
                    known,
                    job: None,
                    is_refused: false,
                };
                self.step(change, index).sendings.push(sending);
            }
            Entry::Job { change, call, job } => {
                if let Some(sent) = self.step(change, index).last_sent(call) {
                    sent.job = Some(job);
                }
            }
            Entry::Refused { change, call } => {
                if let Some(sent) = self.step(change, index).last_sent(call) {
                    sent.is_refused = true;
                }
            }
            Entry::Outcome { change, outcome } => {
                let is_recovered = self.is_reopened;
                let step = self.step(change, index);
                step.outcome = Some(outcome);
                step.is_recovered = is_recovered;
                if !is_recovered {
                    step.ended_at_ms = Some(at_ms);
                }
            }
            Entry::End { complete } => {
                self.complete = Some(complete);
                if !self.is_reopened {
                    self.ended_at_ms = Some(at_ms);
                }
            }
            Entry::Reopen {} => self.is_reopened = true,
            Entry::Abandon { change, made, .. } => {
                let step = self.step(change, index);
                step.abandoned_at_ms = Some(at_ms);
                step.abandoned_record = made;
            }
            Entry::Verified { change, verified } => {
                let step = self.step(change, index);
                step.verified = Some(verified);
                step.revoked_by = None;
            }
            Entry::Revoke { change, who } => self.step(change, index).revoked_by = Some(who),
            // The next upload compares the bytes itself, and a run changes no version.
            Entry::Uploaded { .. } | Entry::Run { .. } | Entry::Other => {}
        }
    }

    fn step(&mut self, change: ChangeRef, known: &mut KnownSteps) -> &mut PastStep {
        let index = known.find(&change).unwrap_or_else(|| {
            known.add(&change, self.steps.len());
            self.steps.push(PastStep::new(change));
            self.steps.len() - 1
        });
        &mut self.steps[index]
    }

    /// Returns the writes that the steps sent.
    pub fn writes(&self) -> Vec<PastWrite> {
        self.steps.iter().filter_map(PastStep::write).collect()
    }

    /// Returns the steps whose result is unknown.
    pub fn open_steps(&self) -> impl Iterator<Item = &PastStep> {
        self.steps.iter().filter(|step| step.is_open())
    }

    /// Returns whether the apply needs recovery: an outcome is not yet known or not yet recorded.
    pub fn needs_recovery(&self) -> bool {
        self.complete.is_none() || self.open_steps().next().is_some()
    }
}

/// The indexes of the steps of a journal that is being read. A journal may have 100,000 steps.
#[derive(Default)]
struct KnownSteps {
    by_identity: HashMap<(Identity, Option<SolutionId>), usize>,
    /// The first step of each address.
    by_address: HashMap<Address, usize>,
    /// The first step of each address whose change has no identity.
    bare: HashMap<Address, usize>,
}

impl KnownSteps {
    /// Returns the first step with the same change: the same identity and record, or the same
    /// address if one of both has no identity.
    fn find(&self, change: &ChangeRef) -> Option<usize> {
        let Some(identity) = &change.identity else {
            return self.by_address.get(&change.address).copied();
        };
        let key = (identity.clone(), change.record.clone());
        let found = self.by_identity.get(&key).into_iter();
        found.chain(self.bare.get(&change.address)).min().copied()
    }

    fn add(&mut self, change: &ChangeRef, index: usize) {
        let address = || change.address.clone();
        self.by_address.entry(address()).or_insert(index);
        match &change.identity {
            Some(identity) => {
                let key = (identity.clone(), change.record.clone());
                self.by_identity.entry(key).or_insert(index);
            }
            None => {
                self.bare.entry(address()).or_insert(index);
            }
        }
    }
}

#[derive(serde::Deserialize)]
struct VersionOnly {
    v: u32,
}
