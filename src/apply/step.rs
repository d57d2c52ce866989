//! Executes one step: checks its precondition, sends the journalled request, polls, confirms by
//! reading, and reports the outcome.

use std::collections::BTreeMap;

use tokio::sync::SemaphorePermit;
use tokio::time::Instant;

use super::create::DeployTarget;
use super::event::ApplyEvent;
use super::executor::Run;
use super::report::{Done, Outcome, SkipReason, StepError, StepReport};
use super::wait::NotShown;
use crate::api::WriteError;
use crate::ident::{JobId, SolutionId};
use crate::outcome::WriteKind;
use crate::plan::{Action, Change};
use crate::store::{ChangeRef, Entry, RecordPatch};

/// A change in progress.
pub(super) struct Step<'a, 'r> {
    pub(super) run: &'a Run<'r>,
    pub(super) change: &'a Change,
    pub(super) attempts: BTreeMap<WriteKind, u32>,
    pub(super) sent_twice: Vec<WriteKind>,
    /// The fields that the next PATCH sets.
    pub(super) patching: Option<RecordPatch>,
    /// The records of the name before the next deploy.
    pub(super) known: Vec<SolutionId>,
    /// The record that this step deployed and has not patched yet.
    pub(super) deployed: Option<SolutionId>,
    jobs: Vec<JobId>,
    /// The permit of the step.
    place: Option<SemaphorePermit<'a>>,
}

/// Executes one change, and reports its outcome.
pub(super) async fn perform<'a>(
    run: &'a Run<'_>,
    change: &'a Change,
    place: SemaphorePermit<'a>,
) -> StepReport {
    let begun = Instant::now();
    run.tell(&ApplyEvent::StepStarted {
        address: change.address.clone(),
        kind: change.action.kind(),
    });
    let mut step = Step {
        run,
        change,
        attempts: BTreeMap::new(),
        sent_twice: Vec::new(),
        patching: None,
        known: Vec::new(),
        deployed: None,
        jobs: Vec::new(),
        place: Some(place),
    };
    let stopped = tokio::select! {
        biased;
        result = step.act() => Ok(result),
        () = run.interrupt.grace_over() => Err(Outcome::Cancelled),
        () = tokio::time::sleep_until(run.ends_at) => Err(Outcome::Skipped(SkipReason::OutOfTime)),
    };
    let outcome = match stopped {
        Ok(Ok(done)) => {
            // A record that already existed is not confirmed: its deploy may still be in progress.
            if let Some(id) = done.id.as_ref().filter(|_| !done.was_already) {
                run.confirm(&change.identity, id);
            }
            Outcome::Done(done)
        }
        Ok(Err(outcome)) => outcome,
        // A cancelled step has sent nothing, or its effect is unknown.
        Err(outcome) if !step.has_begun() => outcome,
        Err(_) => Outcome::Unknown {
            job: step.jobs.last().cloned(),
            said: None,
        },
    };
    let Step {
        sent_twice,
        deployed,
        jobs,
        place,
        ..
    } = step;
    // Held until the end, unless the step released it before.
    let _place = place;
    let report = StepReport {
        jobs,
        sent_twice,
        ..report_of(change, outcome, begun)
    };
    conclude(run, change, report, deployed).await
}

/// Reports a change that was not executed.
pub(super) async fn not_tried(run: &Run<'_>, change: &Change, outcome: Outcome) -> StepReport {
    conclude(
        run,
        change,
        report_of(change, outcome, Instant::now()),
        None,
    )
    .await
}

fn report_of(change: &Change, outcome: Outcome, begun: Instant) -> StepReport {
    StepReport {
        address: change.address.clone(),
        identity: change.identity.clone(),
        kind: change.action.kind(),
        outcome,
        jobs: Vec::new(),
        sent_twice: Vec::new(),
        took: begun.elapsed(),
    }
}

/// Journals and emits the end of a change. `deployed` is the record that the step deployed.
async fn conclude(
    run: &Run<'_>,
    change: &Change,
    report: StepReport,
    deployed: Option<SolutionId>,
) -> StepReport {
    let outcome = &report.outcome;
    // The declared version was deployed, and the patch after it is missing.
    let unfinished = deployed.filter(|_| !matches!(outcome, Outcome::Done(_)));
    let made = match outcome {
        Outcome::Failed(
            StepError::OtherIdentity { found, .. } | StepError::MadeOtherBefore { found, .. },
        ) => Some(found.clone()),
        _ => None,
    };
    let (id, detail) = match outcome {
        Outcome::Done(done) => (done.id.clone().filter(|_| !done.was_already), None),
        Outcome::Failed(error) => {
            let id = match error {
                StepError::JobFailed { suspect, .. } => suspect.clone(),
                StepError::OtherIdentity { id, .. } | StepError::MadeOtherBefore { id, .. } => {
                    Some(id.clone())
                }
                _ => None,
            };
            (id, Some(error.to_string()))
        }
        Outcome::Skipped(_)
        | Outcome::Refused(_)
        | Outcome::Cancelled
        | Outcome::Unknown { .. } => (None, None),
    };
    let entry = Entry::Outcome {
        change: ChangeRef::of(change),
        outcome: outcome.word(),
        unfinished: unfinished.is_some(),
        id: id.or(unfinished),
        detail,
        unconfirmed: matches!(
            outcome,
            Outcome::Failed(StepError::NotConfirmed {
                call: WriteKind::Deploy,
                ..
            })
        ) && change
            .action
            .after()
            .is_some_and(|after| after.package.is_none()),
        made,
    };
    // The outcome stays valid if its journal entry cannot be written.
    if let Err(error) = run.journal.record(run.now_ms(), entry).await {
        tracing::warn!(address = %change.address, %error, "the outcome could not be journalled");
    }
    run.tell(&ApplyEvent::StepFinished {
        address: change.address.clone(),
        kind: change.action.kind(),
        outcome: outcome.word(),
        took: report.took,
        id: match outcome {
            Outcome::Done(done) => done.id.clone(),
            Outcome::Failed(_)
            | Outcome::Skipped(_)
            | Outcome::Refused(_)
            | Outcome::Cancelled
            | Outcome::Unknown { .. } => None,
        },
        why: outcome.why(),
        jobs: report.jobs.clone(),
        sent_twice: report.sent_twice.clone(),
    });
    report
}

impl Step<'_, '_> {
    /// Returns whether a write of this step was sent.
    pub(super) fn has_begun(&self) -> bool {
        !self.attempts.is_empty()
    }

    async fn act(&mut self) -> Result<Done, Outcome> {
        let change = self.change;
        match &change.action {
            Action::Create {
                path,
                after,
                other_owner,
            } => {
                let other_owner = other_owner.as_ref();
                self.create(path, DeployTarget { after, other_owner }, None)
                    .await
            }
            Action::Update {
                before,
                patch,
                after: _,
            } => self.update(before, *patch).await,
            Action::Replace {
                before,
                path,
                after,
                other_owner,
            } => {
                self.delete(before).await?;
                let other_owner = other_owner.as_ref();
                let target = DeployTarget { after, other_owner };
                self.create(path, target, Some(&before.id)).await
            }
            Action::Delete { before } => self.delete(before).await,
            Action::NoOp { .. } => Ok(Done::already(None)),
        }
    }

    /// Journals a call before it is sent. Before the first call, journals the whole change.
    pub(super) async fn record_sending(
        &self,
        call: WriteKind,
        attempt: u32,
    ) -> Result<(), Outcome> {
        let change = || ChangeRef::of(self.change);
        let intent = (!self.has_begun()).then(|| Entry::Intent {
            change: change(),
            action: self.change.action.clone(),
        });
        let sending = Entry::Send {
            change: change(),
            call,
            attempt,
            patch: self.patching.clone().filter(|_| call == WriteKind::Patch),
            known: (call == WriteKind::Deploy).then(|| self.known.clone()),
        };
        self.run
            .journal
            .record_all(self.run.now_ms(), intent.into_iter().chain([sending]))
            .await
            .map_err(|error| {
                Outcome::Failed(StepError::Journal {
                    source: Box::new(error),
                })
            })
    }

    /// Releases the permit, so that another step can start: this step starts no more jobs.
    pub(super) fn release_permit(&mut self) {
        self.place = None;
    }

    /// Journals the job that a call started.
    pub(super) async fn start_job(&mut self, call: WriteKind, job: Option<JobId>) -> Option<JobId> {
        self.run.tell(&ApplyEvent::JobStarted {
            address: self.change.address.clone(),
            call,
            job: job.clone(),
        });
        if let Some(job) = &job {
            self.jobs.push(job.clone());
            let entry = Entry::Job {
                change: ChangeRef::of(self.change),
                call,
                job: job.clone(),
            };
            // The server accepted the call, so its job is polled even if the entry cannot be
            // written. Without a journal, nothing more is sent.
            if let Err(error) = self.run.journal.record(self.run.now_ms(), entry).await {
                tracing::warn!(address = %self.change.address, %job, %error, "the job could not be journalled");
            }
        }
        job
    }

    /// Reads until the effect shows, for at most `propagation`.
    pub(super) async fn until_shown<T>(
        &self,
        look: impl AsyncFn() -> Result<Option<T>, Outcome>,
    ) -> Result<Option<T>, Outcome> {
        let is_passing =
            |outcome: &Outcome| matches!(outcome, Outcome::Failed(StepError::NotRead { .. }));
        let shown = self.run.until_shown(look, is_passing).await;
        shown.map_err(|not_shown| match not_shown {
            NotShown::Failed(outcome) => outcome,
            NotShown::Interrupted => Outcome::Unknown {
                job: self.jobs.last().cloned(),
                said: None,
            },
        })
    }

    pub(super) fn not_confirmed(&self, call: WriteKind) -> Outcome {
        Outcome::Failed(StepError::NotConfirmed {
            call,
            job: self.jobs.last().cloned(),
        })
    }
}

/// Returns the outcome of a step whose call the server refused.
pub(super) fn refused(call: WriteKind, error: WriteError) -> Outcome {
    Outcome::Failed(StepError::CallRefused {
        call,
        source: Box::new(error),
    })
}
