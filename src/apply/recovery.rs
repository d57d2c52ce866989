//! Recovers an earlier apply: finds the outcomes of its open steps from the journal and the live
//! state.
//!
//! A job that the journal names is polled until it ends, with a new deadline. A request without a
//! job is checked after `propagation` has passed since it was sent: by then its effect is visible,
//! or the server did not accept it. Nothing is sent here.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;

use super::context::ApplyContext;
use super::poll::JobEnd;
use super::report::Outcome;
use crate::delivery::{Stopped, pause};
use crate::ident::{Address, Identity, JobId, SolutionId};
use crate::job::JobResult;
use crate::live::LiveVersion;
use crate::outcome::{OutcomeKind, WriteKind};
use crate::plan::{Action, AfterImage, DeployTarget, LiveImage, Verdict, Verified};
use crate::store::{Entry, JournalError, PastApply, PastSending, PastStep, RecordedOutcome};

/// The result of the recovery of one apply.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recovery {
    /// The steps that were open, with their outcomes.
    pub steps: Vec<RecoveredStep>,
}

/// A step that was open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecoveredStep {
    /// The change.
    pub address: Address,
    /// The version that it is about.
    pub identity: Identity,
    /// True if its deploy was sent.
    pub is_deploy: bool,
    /// The outcome of the step.
    pub outcome: RecoveredOutcome,
}

/// The outcome of a request that an earlier apply sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecoveredOutcome {
    /// The request succeeded, had no effect, or failed.
    Ended(RecordedOutcome),
    /// The job is in progress, or the server was unreachable.
    Open {
        /// The job.
        job: Option<JobId>,
    },
}

impl RecoveredOutcome {
    /// Returns the outcome, if it is known.
    fn ended(&self) -> Option<&RecordedOutcome> {
        match self {
            Self::Ended(outcome) => Some(outcome),
            Self::Open { .. } => None,
        }
    }

    /// Returns the outcome of a request that succeeded. If the change is not complete, `missing`
    /// says why; `id` is the record that is live.
    fn done(id: Option<SolutionId>, missing: Option<&str>) -> Self {
        Self::Ended(RecordedOutcome {
            id,
            detail: missing.map(str::to_owned),
            unfinished: missing.is_some(),
            ..RecordedOutcome::new(OutcomeKind::Done)
        })
    }

    /// Returns the outcome of a request that had no effect, or failed.
    fn not_done(detail: impl Into<String>) -> Self {
        Self::Ended(failed(detail))
    }
}

fn failed(detail: impl Into<String>) -> RecordedOutcome {
    RecordedOutcome {
        detail: Some(detail.into()),
        ..RecordedOutcome::new(OutcomeKind::Failed)
    }
}

impl Recovery {
    /// Returns the versions whose deploy was sent and failed.
    pub fn sent_before(&self) -> BTreeSet<Identity> {
        let has_failed = |outcome: &RecordedOutcome| outcome.word == OutcomeKind::Failed;
        self.steps
            .iter()
            .filter(|step| step.is_deploy && step.outcome.ended().is_some_and(has_failed))
            .map(|step| step.identity.clone())
            .collect()
    }

    /// Returns the versions whose change is completely done.
    pub fn done(&self) -> impl Iterator<Item = Identity> {
        let steps = self.steps.iter();
        let is_done =
            |step: &&RecoveredStep| step.outcome.ended().is_some_and(RecordedOutcome::is_done);
        steps.filter(is_done).map(|step| step.identity.clone())
    }
}

/// Recovers the open steps of an earlier apply. Writes their outcomes to the journal of that apply,
/// which is the journal of `context`.
pub async fn recover(
    past: &PastApply,
    mut context: ApplyContext<'_>,
) -> Result<Recovery, JournalError> {
    let identities = past.steps.iter().filter_map(PastStep::identity);
    context.shared.planned = identities.cloned().collect();
    let context = &context;
    let mut recovery = Recovery::default();
    let mut outcomes: Vec<Option<OutcomeKind>> = past
        .steps
        .iter()
        .map(|step| Some(step.outcome.as_ref()?.word))
        .collect();
    let recoveries = past.steps.iter().enumerate().filter_map(|(index, step)| {
        let action = step.action.as_ref().filter(|_| step.is_open())?;
        Some(async move { (index, step, context.recover_step(step, action).await) })
    });
    // Concurrently, because each of them may have to wait for a job.
    for (index, step, outcome) in futures_util::future::join_all(recoveries).await {
        let Some(identity) = step.identity().cloned() else {
            continue;
        };
        let change = step.change.clone();
        if let RecoveredOutcome::Ended(outcome) = &outcome {
            outcomes[index] = Some(outcome.word).filter(|_| !outcome.unfinished);
            let outcome = outcome.clone();
            let entry = Entry::Outcome { change, outcome };
            context.journal.record((context.now_ms)(), entry).await?;
        }
        recovery.steps.push(RecoveredStep {
            address: step.address().clone(),
            identity,
            is_deploy: step
                .sendings
                .iter()
                .any(|sent| sent.call == WriteKind::Deploy),
            outcome,
        });
    }
    let is_ended = |step: &RecoveredStep| step.outcome.ended().is_some();
    if recovery.steps.iter().all(is_ended) {
        let done = outcomes
            .iter()
            .filter(|word| **word == Some(OutcomeKind::Done))
            .count();
        // A journal without its beginning does not contain the number of changes.
        let complete = past.began_at_ms.is_some() && done == past.changes;
        let entry = Entry::End { complete };
        context.journal.record((context.now_ms)(), entry).await?;
    }
    Ok(recovery)
}

impl ApplyContext<'_> {
    async fn recover_step(&self, step: &PastStep, action: &Action) -> RecoveredOutcome {
        let last = |call: WriteKind| step.sendings.iter().rev().find(|sent| sent.call == call);
        // The version did not pass its verification, and the step was deleting it.
        if let (Some(verified), Some(sent)) = (&step.verified, step.sendings.last())
            && sent.call == WriteKind::Delete
            && verified.verdict != Verdict::Passed
        {
            let identity = action.identity();
            let recovered = self
                .recover_undo(step, sent, &verified.record, identity)
                .await;
            return recovered.unwrap_or(RecoveredOutcome::Open { job: None });
        }
        if let (Some((path, target)), Some(sent)) = (action.deploy(), last(WriteKind::Deploy)) {
            let replaced = action.before().map(|before| &before.id);
            let mut recovered = self.recover_deploy(step, sent, target, replaced).await;
            if let Ok(RecoveredOutcome::Ended(outcome)) = &mut recovered {
                outcome.deleted = replaced.is_some() && outcome.word != OutcomeKind::Done;
            }
            if let Ok(RecoveredOutcome::Ended(outcome)) = &recovered
                && outcome.word == OutcomeKind::Done
                && let Some(id) = &outcome.id
            {
                self.record_recovered(id, path, target.after).await;
            }
            // An unreachable server proves nothing.
            return recovered.unwrap_or(RecoveredOutcome::Open { job: None });
        }
        let recovered = match (action, last(WriteKind::Delete)) {
            (Action::Delete { before }, Some(sent)) => {
                self.recover_delete(step, sent, before, false).await
            }
            (Action::Replace { before, .. }, Some(sent)) => {
                self.recover_delete(step, sent, before, true).await
            }
            (Action::Update { before, after, .. }, _) => {
                self.recover_patch(step, &before.id, after).await
            }
            // Only a patch before a delete was sent, or the entry is of an unknown kind.
            (
                Action::Create { .. }
                | Action::Replace { .. }
                | Action::Delete { .. }
                | Action::NoOp { .. },
                _,
            ) => {
                self.await_propagation(step.sendings.last()).await;
                Ok(RecoveredOutcome::not_done("it had only begun"))
            }
        };
        // An unreachable server proves nothing.
        recovered.unwrap_or(RecoveredOutcome::Open { job: None })
    }

    /// Waits until `propagation` has passed since a request was sent. If the clock was set back,
    /// waits at most `propagation`.
    async fn await_propagation(&self, sent: Option<&PastSending>) {
        let propagation = self.settings.propagation;
        let passed = sent.map_or(propagation, |sent| {
            Duration::from_millis((self.now_ms)().saturating_sub(sent.at_ms))
        });
        let rest = propagation.saturating_sub(passed);
        let _ = pause(rest, Instant::now() + rest, &self.interrupt).await;
    }

    /// Polls the job of a request. Returns `Err` with the outcome if the job fails or does not end.
    async fn follow(
        &self,
        step: &PastStep,
        sent: &PastSending,
        time: Duration,
    ) -> Result<Vec<SolutionId>, RecoveredOutcome> {
        let Some(job) = &sent.job else {
            self.await_propagation(Some(sent)).await;
            return Ok(Vec::new());
        };
        let deadline = Instant::now() + time;
        match self
            .poll_job(step.address(), sent.call, job, deadline)
            .await
        {
            JobEnd::Finished(JobResult::Done { solution_ids }) => Ok(solution_ids),
            JobEnd::Finished(JobResult::Failed(message)) => {
                Err(RecoveredOutcome::not_done(message))
            }
            // The server forgot the job, or never knew it: the live state decides. If the server
            // gave no answer at all, nothing is proven.
            JobEnd::TimeUp {
                stopped: Stopped::OutOfTime,
                was_pending: false,
                last_answer: Some(_),
            } => Ok(Vec::new()),
            JobEnd::TimeUp { .. } => Err(RecoveredOutcome::Open {
                job: Some(job.clone()),
            }),
        }
    }

    async fn recover_deploy(
        &self,
        step: &PastStep,
        sent: &PastSending,
        target: DeployTarget<'_>,
        replaced: Option<&SolutionId>,
    ) -> Result<RecoveredOutcome, Outcome> {
        let before = sent.known.iter().flatten().chain(replaced);
        let known: Vec<SolutionId> = before.cloned().collect();
        let ids = match self.follow(step, sent, self.settings.deploy).await {
            Ok(ids) => ids,
            Err(RecoveredOutcome::Ended(failed)) => {
                let made = target.find_made(self, &known).await?;
                return Ok(RecoveredOutcome::Ended(RecordedOutcome {
                    id: made.map(|live| live.id),
                    ..failed
                }));
            }
            Err(outcome) => return Ok(outcome),
        };
        let look = async || {
            if sent.known.is_some() {
                return Ok(self.look_for_made(target, &known, &ids).await?);
            }
            // It is not known which records are new, so only the declared one counts.
            for id in &ids {
                if let Some(made) = self.fetch_made(id, target).await? {
                    return Ok(Some(made));
                }
            }
            let made = target.find_made(self, &known).await?;
            Ok(made.map(Ok))
        };
        let mut found = self.until_shown(look, None).await?;
        if found.is_none() && sent.known.is_some() {
            found = self.look_for_other_version(target, &known).await?;
        }
        Ok(match found {
            Some(Ok(live)) => {
                let live = self.seen(target.after.visibility, live).await?;
                let has_failed = |verified: &Verified| verified.verdict == Verdict::Failed;
                let missing = if step.verified.as_ref().is_some_and(has_failed) {
                    Some("deployed, and its verification failed")
                } else if step.lacks_verification() {
                    Some("deployed, and not verified yet")
                } else {
                    let is_proven = target.after.is_proven_by(&live);
                    (!is_proven).then_some("deployed, and not as declared yet")
                };
                RecoveredOutcome::done(Some(live.id), missing)
            }
            Some(Err(error)) => RecoveredOutcome::Ended(error.recorded()),
            None => RecoveredOutcome::Ended(RecordedOutcome {
                // Without a job, the server may not have accepted the deploy.
                unconfirmed: sent.job.is_some() && target.after.package.is_none(),
                ..failed("no record of it is live")
            }),
        })
    }

    async fn recover_delete(
        &self,
        step: &PastStep,
        sent: &PastSending,
        before: &LiveImage,
        is_replace: bool,
    ) -> Result<RecoveredOutcome, Outcome> {
        let failure = match self.follow(step, sent, self.settings.delete).await {
            Ok(_) => None,
            Err(RecoveredOutcome::Ended(failed)) => failed.detail,
            Err(outcome) => return Ok(outcome),
        };
        let look = async || {
            let is_gone = self.is_gone(before).await?;
            Ok(is_gone.then_some(()))
        };
        let gone = self.until_shown(look, None).await?;
        Ok(match gone {
            Some(()) if is_replace => RecoveredOutcome::Ended(RecordedOutcome {
                detail: Some("deleted, and not deployed again yet".to_owned()),
                unfinished: true,
                deleted: true,
                ..RecordedOutcome::new(OutcomeKind::Done)
            }),
            Some(()) => RecoveredOutcome::done(None, None),
            None => RecoveredOutcome::not_done(failure.as_deref().unwrap_or("it is still live")),
        })
    }

    /// Recovers the delete of a version that did not pass its verification.
    async fn recover_undo(
        &self,
        step: &PastStep,
        sent: &PastSending,
        id: &SolutionId,
        identity: Option<&Identity>,
    ) -> Result<RecoveredOutcome, Outcome> {
        let Some(identity) = identity else {
            return Ok(RecoveredOutcome::not_done("its version is not known"));
        };
        match self.follow(step, sent, self.settings.delete).await {
            Ok(_) | Err(RecoveredOutcome::Ended(_)) => {}
            Err(outcome) => return Ok(outcome),
        }
        let look = async || {
            let live = self.fetch(id, &identity.name).await?;
            Ok(live.is_none().then_some(()))
        };
        Ok(match self.until_shown(look, None).await? {
            Some(()) => RecoveredOutcome::not_done("its verification failed, and it was deleted"),
            None => {
                RecoveredOutcome::done(Some(id.clone()), Some("deployed, and not verified yet"))
            }
        })
    }

    async fn recover_patch(
        &self,
        step: &PastStep,
        id: &SolutionId,
        after: &AfterImage,
    ) -> Result<RecoveredOutcome, Outcome> {
        self.await_propagation(step.sendings.last()).await;
        let Some(live) = self.fetch(id, &after.identity.name).await? else {
            return Ok(RecoveredOutcome::not_done("it is not live any more"));
        };
        let live: LiveVersion = self.seen(after.visibility, live).await?;
        Ok(if after.is_proven_by(&live) {
            let missing = step.lacks_verification().then_some("not verified yet");
            RecoveredOutcome::done(Some(live.id), missing)
        } else {
            RecoveredOutcome::not_done("reads do not show its effect")
        })
    }
}
