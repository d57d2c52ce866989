//! Recovers an earlier apply: finds the outcomes of its open steps from the journal and the live
//! state.
//!
//! A job that the journal names is polled until it ends, with a new deadline. A request without a
//! job is checked after `propagation` has passed since it was sent: by then its effect is visible,
//! or the server did not accept it. Nothing is sent here.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;

use super::create::{DeployTarget, Made};
use super::executor::{Execution, Run};
use super::wait::{JobEnd, NotShown, Stopped, pause};
use crate::api::ReadError;
use crate::ident::{Address, Identity, JobId, SolutionId};
use crate::job::JobResult;
use crate::live::LiveVersion;
use crate::outcome::{OutcomeKind, WriteKind};
use crate::plan::{Action, AfterImage, LiveImage};
use crate::store::{Entry, JournalError, PastRun, PastSending, PastStep};

/// Describes the progress of a half-done change. `id` is the record that is live.
pub fn unfinished_words(id: Option<&SolutionId>) -> &'static str {
    match id {
        Some(_) => "deployed, and not as declared yet",
        None => "deleted, and not deployed again yet",
    }
}

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
    pub fate: RecoveredOutcome,
}

/// The outcome of a request that an earlier apply sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecoveredOutcome {
    /// The request succeeded.
    Done {
        /// The record that is live now.
        id: Option<SolutionId>,
        /// True if a write is missing: the patch after the deploy, or the deploy after the delete
        /// of a replace.
        unfinished: bool,
    },
    /// The request had no effect, or failed.
    Failed {
        /// The reason.
        detail: String,
        /// The record that a failed job left.
        suspect: Option<SolutionId>,
        /// True if a deploy of a package that was not inspected ended, and its record was not
        /// found.
        unconfirmed: bool,
        /// The identity of that record, if the deploy made another solution than declared.
        made: Option<String>,
    },
    /// The job is in progress, or the server was unreachable.
    Open {
        /// The job.
        job: Option<JobId>,
    },
}

impl Recovery {
    /// Returns the versions whose deploy was sent and failed.
    pub fn sent_before(&self) -> BTreeSet<Identity> {
        self.steps
            .iter()
            .filter(|step| step.is_deploy && matches!(step.fate, RecoveredOutcome::Failed { .. }))
            .map(|step| step.identity.clone())
            .collect()
    }

    /// Returns the versions whose change is completely done.
    pub fn done(&self) -> impl Iterator<Item = Identity> {
        let done = self.steps.iter().filter(|step| {
            matches!(
                step.fate,
                RecoveredOutcome::Done {
                    unfinished: false,
                    ..
                }
            )
        });
        done.map(|step| step.identity.clone())
    }

    /// Returns the versions that must not be written, with the jobs that are in progress for them.
    pub fn in_flight(&self) -> BTreeMap<Identity, Option<JobId>> {
        self.steps
            .iter()
            .filter_map(|step| match &step.fate {
                RecoveredOutcome::Open { job } => Some((step.identity.clone(), job.clone())),
                RecoveredOutcome::Done { .. } | RecoveredOutcome::Failed { .. } => None,
            })
            .collect()
    }
}

/// Recovers the open steps of an earlier apply. Writes their outcomes to the journal of that apply,
/// which is the journal of `execution`.
pub async fn recover(past: &PastRun, execution: &Execution) -> Result<Recovery, JournalError> {
    let mut run = Run::of(execution);
    let identities = past.steps.iter().filter_map(PastStep::identity);
    run.planned = identities.cloned().collect();
    let mut recovery = Recovery::default();
    let mut outcomes: Vec<Option<OutcomeKind>> = past
        .steps
        .iter()
        .map(|step| Some(step.outcome.as_ref()?.word))
        .collect();
    let recoveries = past.steps.iter().enumerate().filter_map(|(index, step)| {
        let action = step.action.as_ref().filter(|_| step.is_open())?;
        let run = &run;
        Some(async move { (index, step, run.recover_step(step, action).await) })
    });
    // Concurrently, because each of them may have to wait for a job.
    for (index, step, fate) in futures_util::future::join_all(recoveries).await {
        let Some(identity) = step.identity().cloned() else {
            continue;
        };
        let change = step.change.clone();
        let entry = match fate.clone() {
            RecoveredOutcome::Open { .. } => None,
            RecoveredOutcome::Done { id, unfinished } => {
                outcomes[index] = Some(OutcomeKind::Done).filter(|_| !unfinished);
                Some(Entry::Outcome {
                    change,
                    outcome: OutcomeKind::Done,
                    detail: unfinished.then(|| unfinished_words(id.as_ref()).to_owned()),
                    id,
                    unfinished,
                    unconfirmed: false,
                    made: None,
                })
            }
            RecoveredOutcome::Failed {
                detail,
                suspect,
                unconfirmed,
                made,
            } => {
                outcomes[index] = Some(OutcomeKind::Failed);
                Some(Entry::Outcome {
                    change,
                    outcome: OutcomeKind::Failed,
                    id: suspect,
                    detail: Some(detail),
                    unfinished: false,
                    unconfirmed,
                    made,
                })
            }
        };
        if let Some(entry) = entry {
            execution.journal.record(run.now_ms(), entry).await?;
        }
        recovery.steps.push(RecoveredStep {
            address: step.address().clone(),
            identity,
            is_deploy: step
                .sendings
                .iter()
                .any(|sent| sent.call == WriteKind::Deploy),
            fate,
        });
    }
    if recovery.in_flight().is_empty() {
        let done = outcomes
            .iter()
            .filter(|word| **word == Some(OutcomeKind::Done))
            .count();
        // A journal without its beginning does not contain the number of changes.
        let complete = past.began_at_ms.is_some() && done == past.changes;
        let entry = Entry::End { complete };
        execution.journal.record(run.now_ms(), entry).await?;
    }
    Ok(recovery)
}

impl Run<'_> {
    async fn recover_step(&self, step: &PastStep, action: &Action) -> RecoveredOutcome {
        let last = |call: WriteKind| step.sendings.iter().rev().find(|sent| sent.call == call);
        let recovered = match (action, last(WriteKind::Deploy), last(WriteKind::Delete)) {
            (
                Action::Create {
                    after, other_owner, ..
                },
                Some(sent),
                _,
            ) => {
                let other_owner = other_owner.as_ref();
                let target = DeployTarget { after, other_owner };
                self.recover_deploy(step, sent, target, None).await
            }
            (
                Action::Replace {
                    before,
                    after,
                    other_owner,
                    ..
                },
                Some(sent),
                _,
            ) => {
                let other_owner = other_owner.as_ref();
                let target = DeployTarget { after, other_owner };
                self.recover_deploy(step, sent, target, Some(&before.id))
                    .await
            }
            (Action::Delete { before }, _, Some(sent)) => {
                self.recover_delete(step, sent, before, false).await
            }
            (Action::Replace { before, .. }, _, Some(sent)) => {
                self.recover_delete(step, sent, before, true).await
            }
            (Action::Update { before, after, .. }, ..) => {
                self.recover_patch(step, &before.id, after).await
            }
            // Only a patch before a delete was sent, or the entry is of an unknown kind.
            (
                Action::Create { .. }
                | Action::Replace { .. }
                | Action::Delete { .. }
                | Action::NoOp { .. },
                ..,
            ) => {
                self.await_propagation(step.sendings.last()).await;
                Ok(not_done("it had only begun"))
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
            Duration::from_millis(self.now_ms().saturating_sub(sent.at_ms))
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
            JobEnd::Finished(JobResult::Failed { message }) => Err(RecoveredOutcome::Failed {
                detail: message,
                suspect: None,
                unconfirmed: false,
                made: None,
            }),
            // The server forgot the job, or never knew it: the live state decides. If the server
            // gave no answer at all, nothing is proven.
            JobEnd::TimeUp {
                stopped: Stopped::OutOfTime,
                was_pending: false,
                said: Some(_),
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
    ) -> Result<RecoveredOutcome, NotShown<ReadError>> {
        let before = sent.known.iter().flatten().chain(replaced);
        let known: Vec<SolutionId> = before.cloned().collect();
        let ids = match self.follow(step, sent, self.settings.deploy).await {
            Ok(ids) => ids,
            Err(RecoveredOutcome::Failed { detail, .. }) => {
                let made = target.find_made(self, &known).await?;
                return Ok(RecoveredOutcome::Failed {
                    detail,
                    suspect: made.map(|live| live.id),
                    unconfirmed: false,
                    made: None,
                });
            }
            Err(fate) => return Ok(fate),
        };
        let look = async || {
            if sent.known.is_some() {
                return self.look_for_made(target, &known, &ids).await;
            }
            // It is not known which records are new, so only the declared one counts.
            for id in &ids {
                if let Some(made) = self.fetch_made(id, target).await? {
                    return Ok(Some(made));
                }
            }
            let made = target.find_made(self, &known).await?;
            Ok(made.map(Made::Declared))
        };
        // A failed read is repeated.
        let mut found = self.until_shown(look, |_: &ReadError| true).await?;
        if found.is_none() && sent.known.is_some() {
            let other = self.look_for_other_version(target, &known).await;
            found = other.map_err(NotShown::Failed)?;
        }
        Ok(match found {
            Some(Made::Declared(live)) => {
                let live = self.seen(target.after.visibility.is_some(), live).await?;
                RecoveredOutcome::Done {
                    unfinished: !target.after.is_proven_by(&live),
                    id: Some(live.id),
                }
            }
            Some(Made::Other { found, id }) => RecoveredOutcome::Failed {
                detail: target.other_identity(found.clone(), id.clone()).to_string(),
                suspect: Some(id),
                unconfirmed: false,
                made: Some(found),
            },
            None => RecoveredOutcome::Failed {
                detail: "no record of it is live".to_owned(),
                suspect: None,
                // Without a job, the server may not have accepted the deploy.
                unconfirmed: sent.job.is_some() && target.after.package.is_none(),
                made: None,
            },
        })
    }

    async fn recover_delete(
        &self,
        step: &PastStep,
        sent: &PastSending,
        before: &LiveImage,
        is_replace: bool,
    ) -> Result<RecoveredOutcome, NotShown<ReadError>> {
        let failure = match self.follow(step, sent, self.settings.delete).await {
            Ok(_) => None,
            Err(RecoveredOutcome::Failed { detail, .. }) => Some(detail),
            Err(fate) => return Ok(fate),
        };
        let look = async || {
            let live = self.fetch(&before.id, &before.identity.name).await?;
            Ok(live.is_none().then_some(()))
        };
        let gone = self.until_shown(look, |_: &ReadError| true).await?;
        Ok(match gone {
            Some(()) => RecoveredOutcome::Done {
                id: None,
                unfinished: is_replace,
            },
            None => not_done(failure.as_deref().unwrap_or("it is still live")),
        })
    }

    async fn recover_patch(
        &self,
        step: &PastStep,
        id: &SolutionId,
        after: &AfterImage,
    ) -> Result<RecoveredOutcome, NotShown<ReadError>> {
        self.await_propagation(step.sendings.last()).await;
        let Some(live) = self.fetch(id, &after.identity.name).await? else {
            return Ok(not_done("it is not live any more"));
        };
        let live: LiveVersion = self.seen(after.visibility.is_some(), live).await?;
        Ok(if after.is_proven_by(&live) {
            RecoveredOutcome::Done {
                id: Some(live.id),
                unfinished: false,
            }
        } else {
            not_done("reads do not show its effect")
        })
    }
}

fn not_done(detail: &str) -> RecoveredOutcome {
    RecoveredOutcome::Failed {
        detail: detail.to_owned(),
        suspect: None,
        unconfirmed: false,
        made: None,
    }
}
