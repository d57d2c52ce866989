//! The records of earlier applies, read from journals. Pure: text in, values out.

use std::collections::BTreeMap;

use super::backend::StoreError;
use super::entry::{ChangeRef, ENTRY_VERSION, Entry, Record, RecordPatch};
use crate::attribute::State;
use crate::ident::{Address, Identity, JobId, SolutionId};
use crate::outcome::{OutcomeKind, WriteKind};
use crate::plan::{
    Action, ApplyHistory, InFlight, OrphanedRecord, OtherMade, PastEnd, PastWrite, Patch,
    PlanProgress, Subject,
};

/// An earlier apply, as its journal records it.
#[derive(Debug, Clone, PartialEq)]
pub struct PastRun {
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
    /// The outcome; none if the step has no recorded end.
    pub outcome: Option<PastOutcome>,
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

/// The recorded outcome of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastOutcome {
    /// The kind of the outcome.
    pub word: OutcomeKind,
    /// The record that is live, or that a failed job left behind.
    pub id: Option<SolutionId>,
    /// The reason, if the step is not done.
    pub detail: Option<String>,
    /// True if one write is done and another one is missing: the patch after a deploy, or the
    /// deploy after a delete.
    pub unfinished: bool,
    /// The identity of `id`, if a deploy created another solution than the declared one.
    pub made: Option<String>,
    /// True if a deploy of a package that was not inspected has ended, and its record was not
    /// found.
    pub unconfirmed: bool,
    /// True if a later apply recovered this outcome.
    pub is_recovered: bool,
}

impl PastStep {
    fn new(change: ChangeRef) -> Self {
        Self {
            change,
            action: None,
            sendings: Vec::new(),
            outcome: None,
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
    fn has_sent(&self, call: WriteKind) -> bool {
        let mut sendings = self.sendings.iter();
        sendings.any(|sent| sent.call == call && !sent.is_refused)
    }

    /// Returns the records of the patches that were sent, with their values, in the order of the
    /// requests: those that the server refused, or all others.
    fn patches(&self, is_refused: bool) -> impl Iterator<Item = (&SolutionId, Patch)> {
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

    /// Returns whether a person abandoned it.
    pub fn is_abandoned(&self) -> bool {
        self.abandoned_at_ms.is_some()
    }

    /// Returns whether the result of a sent request is unknown, and no person has abandoned the
    /// step.
    pub fn is_open(&self) -> bool {
        !self.sendings.is_empty()
            && !self.is_abandoned()
            && self
                .outcome
                .as_ref()
                .is_none_or(|outcome| outcome.word == OutcomeKind::Unknown)
    }
}

impl PastRun {
    /// Creates an apply without any known entries.
    pub fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            began_at_ms: None,
            last_at_ms: None,
            subject: None,
            plan: None,
            changes: 0,
            steps: Vec::new(),
            complete: None,
            is_torn: false,
            lock: None,
            ended_at_ms: None,
            running_at_ms: None,
            is_reopened: false,
        }
    }

    /// Parses a journal. A last line that was cut short is accepted; any other invalid line is an
    /// error, and so is a journal without a complete line.
    pub fn read(id: &str, place: &str, bytes: &[u8]) -> Result<Self, StoreError> {
        let mut run = Self::new(id);
        let mut has_lines = false;
        let lines = bytes.split_inclusive(|byte| *byte == b'\n');
        for (index, line) in lines.enumerate() {
            if line.trim_ascii().is_empty() {
                continue;
            }
            // A line is written with its line break, and is on disk before the request that it
            // announces is sent.
            if !line.ends_with(b"\n") {
                run.is_torn = true;
                break;
            }
            let Ok(version) = serde_json::from_slice::<VersionOnly>(line) else {
                return Err(StoreError::Corrupt {
                    run: id.to_owned(),
                    line: index + 1,
                    place: place.to_owned(),
                });
            };
            if version.v > ENTRY_VERSION {
                return Err(StoreError::Newer {
                    run: id.to_owned(),
                    place: place.to_owned(),
                });
            }
            match serde_json::from_slice::<Record>(line) {
                Ok(record) => {
                    has_lines = true;
                    run.take(record);
                }
                Err(_) => {
                    return Err(StoreError::Corrupt {
                        run: id.to_owned(),
                        line: index + 1,
                        place: place.to_owned(),
                    });
                }
            }
        }
        if !has_lines {
            return Err(StoreError::Empty {
                run: id.to_owned(),
                place: place.to_owned(),
            });
        }
        Ok(run)
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

    fn take(&mut self, Record { at_ms, entry, .. }: Record) {
        if !self.is_reopened {
            self.last_at_ms = Some(at_ms);
        }
        match entry {
            Entry::Begin {
                run: _,
                plan,
                subject,
                changes,
                lock,
            } => {
                self.lock = lock;
                self.began_at_ms = Some(at_ms);
                self.plan = plan;
                self.subject = Some(subject);
                self.changes = changes;
            }
            Entry::Intent { change, action } => self.step(change).action = Some(action),
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
                self.step(change).sendings.push(sending);
            }
            Entry::Job { change, call, job } => {
                let sendings = &mut self.step(change).sendings;
                let sent = sendings.iter_mut().rev().find(|sent| sent.call == call);
                if let Some(sent) = sent {
                    sent.job = Some(job);
                }
            }
            Entry::Refused { change, call } => {
                let sendings = &mut self.step(change).sendings;
                let sent = sendings.iter_mut().rev().find(|sent| sent.call == call);
                if let Some(sent) = sent {
                    sent.is_refused = true;
                }
            }
            Entry::Outcome {
                change,
                outcome,
                id,
                detail,
                unfinished,
                unconfirmed,
                made,
            } => {
                let is_recovered = self.is_reopened;
                self.step(change).outcome = Some(PastOutcome {
                    word: outcome,
                    id,
                    detail,
                    unfinished,
                    unconfirmed,
                    made,
                    is_recovered,
                });
            }
            Entry::End { complete } => {
                self.complete = Some(complete);
                if !self.is_reopened {
                    self.ended_at_ms = Some(at_ms);
                }
            }
            Entry::Reopen {} => self.is_reopened = true,
            Entry::Abandon { change, made, .. } => {
                let step = self.step(change);
                step.abandoned_at_ms = Some(at_ms);
                step.abandoned_record = made;
            }
            Entry::Other => {}
        }
    }

    fn step(&mut self, change: ChangeRef) -> &mut PastStep {
        let index = self
            .steps
            .iter()
            .position(|step| step.change.is_same(&change))
            .unwrap_or_else(|| {
                self.steps.push(PastStep::new(change));
                self.steps.len() - 1
            });
        &mut self.steps[index]
    }

    /// Returns the writes that the steps sent.
    pub fn writes(&self) -> Vec<PastWrite> {
        self.steps.iter().filter_map(past_write).collect()
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

#[derive(serde::Deserialize)]
struct VersionOnly {
    v: u32,
}

/// Reads what these applies know of versions and records, the oldest apply first.
pub fn history_of(runs: &[PastRun]) -> ApplyHistory {
    let mut history = ApplyHistory::default();
    for run in runs {
        for step in &run.steps {
            let Some(identity) = step.identity() else {
                continue;
            };
            learn_deactivated(&mut history, step);
            if step.is_open()
                && let Some(sent) = step.sendings.last()
            {
                history.in_flight.push(InFlight {
                    identity: identity.clone(),
                    write: sent.call,
                    job: sent.job.clone(),
                    apply: run.id.clone(),
                    sent_at_ms: sent.at_ms,
                });
            }
            if let Some(outcome) = step.outcome.as_ref().filter(|_| !step.is_abandoned()) {
                learn(&mut history, run, identity, outcome);
                learn_made(&mut history, step, outcome);
            }
            if matches!(
                step.action,
                Some(Action::Create { .. } | Action::Replace { .. })
            ) {
                let outcome = step.outcome.as_ref();
                let made = outcome.and_then(|outcome| outcome.id.clone());
                history.deployed.extend(made);
                history.deployed.extend(step.abandoned_record.clone());
            }
        }
    }
    history.abandoned_deploys = abandoned_deploys(runs);
    history
}

/// Records which record a delete deactivated, until a patch sets its state. The patch that restores
/// it counts only if the step ended by itself: otherwise the server may not have accepted it.
fn learn_deactivated(history: &mut ApplyHistory, step: &PastStep) {
    let deleted = match &step.action {
        Some(Action::Delete { before } | Action::Replace { before, .. }) => Some(before),
        _ => None,
    };
    let ended = step
        .outcome
        .as_ref()
        .filter(|outcome| !outcome.is_recovered);
    let has_ended = ended.is_some_and(|outcome| outcome.word != OutcomeKind::Unknown);
    for (id, set) in step.patches(false) {
        match (set.state(), deleted.filter(|before| before.id == *id)) {
            (None, _) => {}
            (Some(State::Inactive), Some(before)) => {
                if before.state.is_in_service() {
                    let state = before.state.clone();
                    history.deactivated.insert(id.clone(), state);
                }
            }
            (Some(State::Active), Some(_)) if !has_ended => {}
            (Some(_), _) => {
                history.deactivated.remove(id);
            }
        }
    }
}

/// Records the solution that a deploy created instead of the declared version.
fn learn_made(history: &mut ApplyHistory, step: &PastStep, outcome: &PastOutcome) {
    let Some(Action::Create { path, after, .. } | Action::Replace { path, after, .. }) =
        &step.action
    else {
        return;
    };
    let record = match (&outcome.id, &outcome.made) {
        (Some(id), Some(found)) => Some((id.clone(), found.clone())),
        (Some(_), None) => {
            history.made_other.remove(&after.identity);
            return;
        }
        (None, _) if outcome.unconfirmed => None,
        (None, _) => return,
    };
    let path = path.clone();
    let made = OtherMade { record, path };
    history.made_other.insert(after.identity.clone(), made);
}

fn learn(history: &mut ApplyHistory, run: &PastRun, identity: &Identity, outcome: &PastOutcome) {
    let Some(id) = &outcome.id else { return };
    history.confirmed.remove(id);
    history.unfinished.remove(id);
    if outcome.unfinished {
        history.unfinished.insert(id.clone());
    } else if outcome.word == OutcomeKind::Done {
        history.confirmed.insert(id.clone());
    } else {
        let record = OrphanedRecord {
            id: id.clone(),
            identity: identity.clone(),
            made: None,
            apply: run.id.clone(),
        };
        history.orphaned.insert(id.clone(), record);
    }
}

/// Reads the results of all applies of one plan, the oldest apply first.
pub fn progress_of(runs: &[PastRun], plan: &str) -> PlanProgress {
    let of_plan = || runs.iter().filter(|run| run.plan.as_deref() == Some(plan));
    PlanProgress {
        is_used_up: of_plan().any(|run| run.complete == Some(true)),
        steps: of_plan().flat_map(PastRun::writes).collect(),
    }
}

fn past_write(step: &PastStep) -> Option<PastWrite> {
    let done = step
        .outcome
        .as_ref()
        .filter(|outcome| outcome.word == OutcomeKind::Done || outcome.unfinished);
    let patches = |is_refused| {
        let patches = step.patches(is_refused);
        patches.map(|(id, set)| (id.clone(), set)).collect()
    };
    Some(PastWrite {
        action: step.action.clone()?,
        is_deployed: step.has_sent(WriteKind::Deploy),
        patches: patches(false),
        refused: patches(true),
        is_deleted: step.has_sent(WriteKind::Delete),
        record: done.and_then(|outcome| outcome.id.clone()),
        end: match done {
            Some(outcome) if !outcome.unfinished => PastEnd::Done,
            _ => PastEnd::Unfinished,
        },
    })
}

/// Returns the versions whose deploy a person abandoned, with the time, without those that a later
/// apply brought to their declared state; the oldest apply first.
fn abandoned_deploys(runs: &[PastRun]) -> BTreeMap<Identity, u64> {
    let mut abandoned = BTreeMap::new();
    for step in runs.iter().flat_map(|run| &run.steps) {
        let Some(identity) = step.identity() else {
            continue;
        };
        let outcome = step.outcome.as_ref().map(|outcome| outcome.word);
        let is_deploy = step.has_sent(WriteKind::Deploy);
        let is_unknown = outcome.is_none_or(|word| word == OutcomeKind::Unknown);
        if let Some(at_ms) = step.abandoned_at_ms.filter(|_| is_deploy && is_unknown) {
            abandoned.insert(identity.clone(), at_ms);
        } else if outcome == Some(OutcomeKind::Done) {
            abandoned.remove(identity);
        }
    }
    abandoned
}

/// The number of applies whose journals are kept.
const KEPT_RUNS: usize = 100;

/// Returns the applies that may be removed: the oldest beyond the number to keep, except those that
/// need recovery or that know of an orphaned record.
pub fn superfluous(runs: &[PastRun]) -> Vec<String> {
    let spare = runs.len().saturating_sub(KEPT_RUNS);
    runs.iter()
        .take(spare)
        .filter(|run| !run.needs_recovery())
        .filter(|run| history_of(std::slice::from_ref(run)).orphaned.is_empty())
        .map(|run| run.id.clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(entry: &str) -> String {
        format!("{{\"v\":1,\"at_ms\":1,\"entry\":{entry}}}\n")
    }

    fn read(text: &str) -> Result<PastRun, StoreError> {
        PastRun::read("r", "here", text.as_bytes())
    }

    const INTENT: &str = r#"{"kind":"intent","address":"A@1","action":{"kind":"create","path":"p","after":{"identity":{"owner":"o","name":"A","version":"1"},"state":"ACTIVE","visibility":null},"other_owner":null}}"#;
    const SEND: &str = r#"{"kind":"send","address":"A@1","call":"deploy","attempt":1}"#;
    const DONE: &str = r#"{"kind":"outcome","address":"A@1","outcome":"done","id":"i"}"#;
    const UNKNOWN: &str = r#"{"kind":"outcome","address":"A@1","outcome":"unknown"}"#;
    const FAILED: &str = r#"{"kind":"outcome","address":"A@1","outcome":"failed","id":"i"}"#;
    const SKIPPED: &str = r#"{"kind":"outcome","address":"B@1","outcome":"skipped"}"#;
    const ABANDON: &str = r#"{"kind":"abandon","address":"A@1","job":"j","who":"ann@runner-1"}"#;
    const END: &str = r#"{"kind":"end","complete":false}"#;

    #[test]
    fn a_sent_step_is_open_until_its_outcome_is_known() {
        for (entries, open, needs_recovery) in [
            (vec![END], 0, false),
            (vec![SEND], 1, true),
            (vec![SEND, END], 1, true),
            (vec![SEND, DONE], 0, true),
            (vec![SEND, DONE, END], 0, false),
            (vec![SEND, UNKNOWN, SKIPPED, END], 1, true),
            (vec![SEND, UNKNOWN, END, DONE, END], 0, false),
            // Abandoned by a user.
            (vec![SEND, UNKNOWN, END, ABANDON], 0, false),
            (vec![SEND, ABANDON], 0, true),
            // A step without a sent request is not open, with any outcome.
            (vec![UNKNOWN, END], 0, false),
        ] {
            let text: String = entries.iter().map(|entry| line(entry)).collect();
            let run = read(&text).unwrap();
            assert_eq!(run.open_steps().count(), open, "{text}");
            assert_eq!(run.needs_recovery(), needs_recovery, "{text}");
        }
    }

    /// Two versions may share an address; old journals have only addresses.
    #[test]
    fn steps_are_distinguished_by_identity() {
        let of = |name: &str, version: &str| {
            format!(
                r#""address":"a@1@2","identity":{{"name":"{name}","version":"{version}","owner":"o"}}"#
            )
        };
        let (left, right) = (of("a", "1@2"), of("a@1", "2"));
        let old = r#""address":"a@1@2""#.to_owned();
        let deleted = |record: &str| format!(r#"{left},"record":"{record}""#);
        for (first, second, steps) in [
            (left.clone(), right, 2),
            (left.clone(), left.clone(), 1),
            (deleted("x"), deleted("y"), 2),
            (old.clone(), old.clone(), 1),
            // Recovering an old journal adds identities after entries with only addresses.
            (old, left, 1),
        ] {
            let send = line(&format!(
                r#"{{"kind":"send",{first},"call":"deploy","attempt":1}}"#
            ));
            let done = line(&format!(
                r#"{{"kind":"outcome",{second},"outcome":"done","id":"i"}}"#
            ));
            let run = read(&format!("{send}{done}")).unwrap();
            assert_eq!(run.steps.len(), steps, "{send}{done}");
            assert_eq!(run.open_steps().count(), steps - 1, "{send}{done}");
        }
    }

    #[test]
    fn abandoned_steps_leave_no_orphaned_record() {
        for (entries, orphaned, deploys) in [
            (vec![INTENT, SEND, FAILED], 1, 0),
            (vec![INTENT, SEND, FAILED, ABANDON], 0, 0),
            (vec![INTENT, SEND, UNKNOWN, ABANDON], 0, 1),
            (vec![INTENT, SEND, ABANDON], 0, 1),
            (vec![INTENT, SEND, ABANDON, DONE], 0, 0),
        ] {
            let text: String = entries.iter().map(|entry| line(entry)).collect();
            let runs = [read(&text).unwrap()];
            let history = history_of(&runs);
            assert_eq!(history.orphaned.len(), orphaned, "{text}");
            assert_eq!(history.abandoned_deploys.len(), deploys, "{text}");
        }
    }

    #[test]
    fn only_an_incomplete_last_line_is_torn() {
        let whole = line(SEND);
        for (text, torn) in [
            (whole.clone(), Some(false)),
            (format!("{whole}\n"), Some(false)),
            (format!("{whole}{{\"v\":1,\"at"), Some(true)),
            // A journal is created with its first line.
            (String::new(), None),
            (" \n\n".to_owned(), None),
            ("{\"v\"".to_owned(), None),
            (whole.trim_end().to_owned(), None),
            (format!("{whole}nonsense\n"), None),
            (format!("nonsense\n{whole}"), None),
            (line(r#"{"kind":"send"}"#), None),
            (line(r#"{"kind":"of a later day","more":1}"#), Some(false)),
            (whole.replace("\"v\":1", "\"v\":2"), None),
        ] {
            let run = read(&text);
            assert_eq!(
                run.as_ref().ok().map(|run| run.is_torn),
                torn,
                "{text} {run:?}"
            );
        }
    }

    #[test]
    fn old_apply_records_are_deleted_unless_needed() {
        let run = |number: usize, entries: &[&str]| {
            let text: String = entries.iter().map(|entry| line(entry)).collect();
            PastRun::read(&format!("{number:04}"), "here", text.as_bytes()).unwrap()
        };
        let mut runs = vec![
            run(0, &[INTENT, SEND, DONE, END]),
            run(1, &[INTENT, SEND, UNKNOWN, END]),
            run(2, &[INTENT, SEND, FAILED, END]),
            run(3, &[SEND]),
            run(4, &[END]),
        ];
        runs.extend((5..5 + KEPT_RUNS).map(|number| run(number, &[END])));
        assert_eq!(superfluous(&runs), ["0000", "0004"]);
        assert!(superfluous(&runs[5..]).is_empty());
        let history = history_of(&runs[..3]);
        assert!(history.confirmed.is_empty(), "the failed deploy came last");
        assert_eq!(history.orphaned.len(), 1);
        assert_eq!(history.in_flight.len(), 1);
        assert_eq!(history.in_flight[0].apply, "0001");
    }
}
