//! What the applies of an environment know of versions and records. Pure: values in, values out.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::entry::RecordedOutcome;
use super::past::{PastApply, PastSending, PastStep};
use crate::attribute::State;
use crate::ident::{Identity, SolutionId};
use crate::outcome::{OutcomeKind, WriteKind};
use crate::plan::{
    Action, ApplyHistory, Deploying, InFlight, OrphanedRecord, OtherMade, PlanProgress, Verdict,
    VerificationRecord,
};

/// Reads what these applies know of versions and records, the oldest apply first.
pub fn history_of(applies: &[PastApply]) -> ApplyHistory {
    let mut history = ApplyHistory::default();
    let mut verifications = Verifications::default();
    for past in applies {
        for step in &past.steps {
            let Some(identity) = step.identity() else {
                continue;
            };
            learn_deactivated(&mut history, step);
            verifications.learn(past, step, identity);
            learn_duration(&mut history, step, identity);
            if let Some(outcome) = &step.outcome {
                if outcome.deleted {
                    history.deleted.insert(identity.clone());
                } else if outcome.word == OutcomeKind::Done || outcome.unfinished {
                    history.deleted.remove(identity);
                }
            }
            if step.is_open()
                && let Some(sent) = step.sendings.last()
            {
                history.in_flight.push(InFlight {
                    identity: identity.clone(),
                    write: sent.call,
                    job: sent.job.clone(),
                    apply: past.id.clone(),
                    sent_at_ms: sent.at_ms,
                });
                learn_begun(&mut history, step, identity);
            }
            if let Some(outcome) = step.outcome.as_ref().filter(|_| !step.is_abandoned()) {
                learn(&mut history, past, identity, outcome);
                learn_made(&mut history, step, outcome);
            }
            if let Some(Action::Create { after, .. } | Action::Replace { after, .. }) = &step.action
            {
                let outcome = step.outcome.as_ref();
                let made = outcome.and_then(|outcome| outcome.id.clone());
                let made = made.into_iter().chain(step.abandoned_record.clone());
                let made = made.map(|id| (id, after.package.clone()));
                history.deployed.extend(made);
            }
        }
    }
    history.verifications = verifications.counting();
    history.abandoned_deploys = abandoned_deploys(applies);
    history
}

/// Records what a create or a replace without an end has begun: its deploy, or the patch after it.
fn learn_begun(history: &mut ApplyHistory, step: &PastStep, identity: &Identity) {
    let replaced = match &step.action {
        Some(Action::Create { .. }) => None,
        Some(Action::Replace { before, .. }) => Some(&before.id),
        _ => return,
    };
    let set = [false, true]
        .into_iter()
        .flat_map(|is_refused| step.patches(is_refused));
    let own = set.map(|(id, _)| id).filter(|id| Some(*id) != replaced);
    history.unfinished.extend(own.cloned());
    let is_deploy = |sent: &&PastSending| sent.call == WriteKind::Deploy && !sent.is_refused;
    if let Some(deploy) = step.sendings.iter().rev().find(is_deploy) {
        history.deploying.push(Deploying {
            identity: identity.clone(),
            known: deploy.known.clone(),
        });
    }
}

/// Records which record a delete deactivated, until a patch sets its state. The patch that restores
/// it counts only if the step ended by itself: otherwise the server may not have accepted it.
fn learn_deactivated(history: &mut ApplyHistory, step: &PastStep) {
    let deleted = match &step.action {
        Some(Action::Delete { before } | Action::Replace { before, .. }) => Some(before),
        _ => None,
    };
    let ended = step.outcome.as_ref().filter(|_| !step.is_recovered);
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

/// The results of verifications. Some do not count any more: a server may give the id of a deleted
/// record to a new one, and a person may revoke what is known about a version.
#[derive(Default)]
struct Verifications<'a> {
    /// All results, the oldest first.
    all: Vec<VerificationRecord>,
    /// The records that were deployed, with the number of results before.
    deployed: HashMap<&'a SolutionId, usize>,
    /// The versions whose results were revoked, with the number of results before.
    revoked: HashMap<&'a Identity, usize>,
}

impl<'a> Verifications<'a> {
    fn learn(&mut self, past: &PastApply, step: &'a PastStep, identity: &'a Identity) {
        let before = self.all.len();
        if step.has_sent(WriteKind::Deploy) {
            let made = step.outcome.as_ref().and_then(|it| it.id.as_ref());
            let made = made.or_else(|| Some(&step.verified.as_ref()?.record));
            self.deployed.extend(made.map(|made| (made, before)));
        }
        if step.revoked_by.is_some() {
            self.revoked.insert(identity, before);
        } else if let Some(verified) = step.verified.clone() {
            self.all.push(VerificationRecord {
                identity: identity.clone(),
                apply: past.id.clone(),
                verified,
            });
        }
    }

    /// Returns the results that still count.
    fn counting(self) -> Vec<VerificationRecord> {
        let Self {
            all,
            deployed,
            revoked,
        } = self;
        let is_since = |before: Option<&usize>, index| before.is_none_or(|before| index >= *before);
        let counting = all.into_iter().enumerate().filter(|(index, found)| {
            is_since(deployed.get(&found.verified.record), *index)
                && is_since(revoked.get(&found.identity), *index)
        });
        counting.map(|(_, found)| found).collect()
    }
}

/// Records the duration of a change that its own apply completed.
fn learn_duration(history: &mut ApplyHistory, step: &PastStep, identity: &Identity) {
    let is_done = step.outcome.as_ref().is_some_and(RecordedOutcome::is_done);
    let (Some(action), Some(began), Some(ended)) =
        (&step.action, step.began_at_ms, step.ended_at_ms)
    else {
        return;
    };
    if let Some(ms) = ended.checked_sub(began).filter(|_| is_done) {
        let durations = &mut history.durations;
        durations.learn(action.kind(), &identity.name, ms);
    }
}

/// Records the solution that a deploy created instead of the declared version.
fn learn_made(history: &mut ApplyHistory, step: &PastStep, outcome: &RecordedOutcome) {
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

fn learn(
    history: &mut ApplyHistory,
    past: &PastApply,
    identity: &Identity,
    outcome: &RecordedOutcome,
) {
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
            apply: past.id.clone(),
        };
        history.orphaned.insert(id.clone(), record);
    }
}

/// Reads the results of all applies of one plan, the oldest apply first.
pub fn progress_of(applies: &[PastApply], plan: &str) -> PlanProgress {
    let of_plan = || {
        applies
            .iter()
            .filter(|past| past.plan.as_deref() == Some(plan))
    };
    PlanProgress {
        is_used_up: of_plan().any(|past| past.complete == Some(true)),
        steps: of_plan().flat_map(PastApply::writes).collect(),
    }
}

/// Returns the versions whose deploy a person abandoned, with the time, without those that a later
/// apply brought to their declared state; the oldest apply first.
fn abandoned_deploys(applies: &[PastApply]) -> BTreeMap<Identity, u64> {
    let mut abandoned = BTreeMap::new();
    for step in applies.iter().flat_map(|past| &past.steps) {
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
const KEPT_APPLIES: usize = 100;

/// Returns the applies that may be removed: the oldest beyond the number to keep, except those that
/// need recovery, that know of an orphaned record, or in which a version passed its verification
/// that is probably still in service, and the newest one that changed something.
pub fn expired(applies: &[PastApply]) -> Vec<String> {
    let spare = applies.len().saturating_sub(KEPT_APPLIES);
    if spare == 0 {
        return Vec::new();
    }
    let verifying = verifying(applies);
    // `rollback` takes it back.
    let newest = applies.iter().rposition(PastApply::has_effect);
    let newest = newest.map(|index| applies[index].id.as_str());
    applies
        .iter()
        .take(spare)
        .filter(|past| !past.needs_recovery())
        .filter(|past| !verifying.contains(past.id.as_str()) && newest != Some(&past.id))
        .filter(|past| history_of(std::slice::from_ref(past)).orphaned.is_empty())
        .map(|past| past.id.clone())
        .collect()
}

/// Returns the applies in which a version passed its verification, if it did not fail a later one
/// and no later apply took it out of service.
fn verifying(applies: &[PastApply]) -> BTreeSet<&str> {
    let mut newest = BTreeMap::new();
    for past in applies {
        for step in &past.steps {
            let retired = step.action.as_ref().filter(|it| it.takes_out_of_service());
            if let Some(before) = retired.and_then(Action::before) {
                newest.remove(&before.id);
            }
            match &step.verified {
                Some(verified) if verified.verdict == Verdict::Passed => {
                    newest.insert(&verified.record, past.id.as_str());
                }
                Some(verified) => drop(newest.remove(&verified.record)),
                None => {}
            }
        }
    }
    newest.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::super::error::StoreError;
    use super::*;
    use crate::ident::Digest;

    fn line(entry: &str) -> String {
        format!("{{\"v\":1,\"at_ms\":1,\"entry\":{entry}}}\n")
    }

    fn read(text: &str) -> Result<PastApply, StoreError> {
        PastApply::read("r", "here", text.as_bytes())
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
            let past = read(&text).unwrap();
            assert_eq!(past.open_steps().count(), open, "{text}");
            assert_eq!(past.needs_recovery(), needs_recovery, "{text}");
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
            let past = read(&format!("{send}{done}")).unwrap();
            assert_eq!(past.steps.len(), steps, "{send}{done}");
            assert_eq!(past.open_steps().count(), steps - 1, "{send}{done}");
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
            let applies = [read(&text).unwrap()];
            let history = history_of(&applies);
            assert_eq!(history.orphaned.len(), orphaned, "{text}");
            assert_eq!(history.abandoned_deploys.len(), deploys, "{text}");
        }
    }

    const VERIFIED: &str = r#"{"kind":"verified","address":"A@1","verified":{"record":"i","check":"CHECK","verdict":"passed","runs":[]}}"#;
    const REVOKE: &str = r#"{"kind":"revoke","address":"A@1","who":"ann@runner-1"}"#;

    fn verified(number: usize, entries: &[&str]) -> PastApply {
        let text: String = entries.iter().map(|entry| line(entry)).collect();
        let check = Digest::of(b"runs").to_string();
        let text = text.replace("CHECK", &check);
        PastApply::read(&format!("{number:04}"), "here", text.as_bytes()).unwrap()
    }

    #[test]
    fn a_verification_counts_until_it_is_revoked_or_its_id_is_reused() {
        let (send, again) = (SEND, SEND);
        let failed = VERIFIED.replace("passed", "failed");
        for (applies, verdicts) in [
            (vec![vec![INTENT, send, VERIFIED, DONE, END]], "passed"),
            (vec![vec![INTENT, send, VERIFIED, DONE, END, REVOKE]], ""),
            // The same apply goes on, and verifies the version again.
            (
                vec![vec![INTENT, send, VERIFIED, REVOKE, VERIFIED]],
                "passed",
            ),
            // A revocation is also about what earlier applies recorded.
            (
                vec![
                    vec![INTENT, send, VERIFIED, DONE, END],
                    vec![INTENT, VERIFIED, DONE, END, REVOKE],
                ],
                "",
            ),
            (
                vec![
                    vec![INTENT, send, VERIFIED, DONE, END, REVOKE],
                    vec![INTENT, VERIFIED, DONE, END],
                ],
                "passed",
            ),
            // A new record under the same id.
            (
                vec![
                    vec![INTENT, send, VERIFIED, DONE, END],
                    vec![INTENT, again, DONE, END],
                ],
                "",
            ),
            (
                vec![
                    vec![INTENT, send, VERIFIED, DONE, END],
                    vec![INTENT, again, &failed, DONE, END],
                ],
                "failed",
            ),
        ] {
            let read: Vec<PastApply> = applies
                .iter()
                .enumerate()
                .map(|(number, entries)| verified(number, entries))
                .collect();
            let history = history_of(&read);
            let found = history.verifications.iter();
            let found: Vec<&str> = found.map(|it| it.verified.verdict.as_str()).collect();
            assert_eq!(found.join(" "), verdicts, "{applies:?}");
        }
    }

    #[test]
    fn the_record_of_a_verified_version_outlives_later_applies() {
        let (head, _) = INTENT.split_once(r#""action":"#).unwrap();
        let retired = format!(
            "{head}{}",
            r#""action":{"kind":"delete","before":{"id":"i","identity":{"owner":"o","name":"A","version":"1"},"state":"ACTIVE","visibility":null}}}"#
        );
        let failed = VERIFIED.replace("passed", "failed");
        let passed = [INTENT, SEND, VERIFIED, DONE, END];
        for (second, kept) in [
            (vec![END], "0000"),
            (passed.to_vec(), "0001"),
            (vec![INTENT, &failed, DONE, END], ""),
            (vec![&retired, DONE, END], ""),
        ] {
            let mut applies = vec![verified(0, &passed), verified(1, &second)];
            applies.extend((2..=KEPT_APPLIES).map(|number| verified(number, &[END])));
            // The newest apply that changed something is kept anyway.
            applies.push(verified(1 + KEPT_APPLIES, &[INTENT, SEND, DONE, END]));
            let expired = expired(&applies);
            let mut first = ["0000", "0001"].into_iter();
            let found = first.find(|id| !expired.contains(&(*id).to_owned()));
            assert_eq!(found.unwrap_or_default(), kept, "{second:?} {expired:?}");
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
            let past = read(&text);
            assert_eq!(
                past.as_ref().ok().map(|past| past.is_torn),
                torn,
                "{text} {past:?}"
            );
        }
    }

    #[test]
    fn old_apply_records_are_deleted_unless_needed() {
        let past = |number: usize, entries: &[&str]| {
            let text: String = entries.iter().map(|entry| line(entry)).collect();
            PastApply::read(&format!("{number:04}"), "here", text.as_bytes()).unwrap()
        };
        let mut applies = vec![
            past(0, &[INTENT, SEND, DONE, END]),
            past(1, &[INTENT, SEND, UNKNOWN, END]),
            past(2, &[INTENT, SEND, FAILED, END]),
            past(3, &[SEND]),
            past(4, &[END]),
        ];
        applies.extend((5..5 + KEPT_APPLIES).map(|number| past(number, &[END])));
        assert_eq!(expired(&applies), ["0000", "0004"]);
        assert!(expired(&applies[5..]).is_empty());
        let history = history_of(&applies[..3]);
        assert!(history.confirmed.is_empty(), "the failed deploy came last");
        assert_eq!(history.orphaned.len(), 1);
        assert_eq!(history.in_flight.len(), 1);
        assert_eq!(history.in_flight[0].apply, "0001");
    }
}
