//! A change in progress: its journalled writes, its jobs and its permit.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::SemaphorePermit;
use tokio::time::Instant;

use super::context::ApplyContext;
use super::event::ApplyEvent;
use super::poll::JobEnd;
use super::report::{Outcome, StepJob, Uploaded};
use super::step_error::StepError;
use crate::api::{ReadError, WriteError};
use crate::delivery::{Attempt, Delivery, Effect, NoResult, Sent, Stopped};
use crate::ident::{JobId, SolutionId};
use crate::job::JobResult;
use crate::outcome::WriteKind;
use crate::plan::{Change, Verified};
use crate::store::{ChangeRef, Entry, RecordPatch};

/// The time for which a checked precondition is valid before the first send.
const CHECK_HOLDS: Duration = Duration::from_secs(10);

/// The time after which an upload whose effect does not show is sent again. A second upload has the
/// same effect.
const UPLOAD_SHOWS: Duration = Duration::from_secs(5);

/// A change in progress.
pub(super) struct Step<'a> {
    pub(super) context: &'a ApplyContext<'a>,
    pub(super) change: &'a Change,
    attempts: BTreeMap<WriteKind, u32>,
    pub(super) sent_twice: Vec<WriteKind>,
    /// The upload of this step, if it is done.
    pub(super) uploaded: Option<Uploaded>,
    /// The result of the verification of this step.
    pub(super) verified: Option<Verified>,
    /// The file that an upload of this step may have left incomplete.
    pub(super) left_file: Option<String>,
    /// The fields that the next PATCH sets.
    pub(super) patching: Option<RecordPatch>,
    /// The records of the name before the next deploy.
    pub(super) known: Vec<SolutionId>,
    /// True if this step has deleted the version that it replaces.
    pub(super) deleted: bool,
    /// The record that this step deployed and has not patched yet.
    pub(super) deployed: Option<SolutionId>,
    pub(super) jobs: Vec<StepJob>,
    /// The job that the last write started; none if the server named none.
    pub(super) job: Option<JobId>,
    /// The end of the wait for RUNNING runs, if it has begun.
    pub(super) drains_until: Option<Instant>,
    permit: Option<SemaphorePermit<'a>>,
}

/// The reason why a job has not succeeded.
pub(super) enum JobFailure {
    /// The job failed, as the server reports.
    Failed { job: JobId, message: String },
    /// The job was in progress when the time was over.
    Unknown(Outcome),
}

impl<'a> Step<'a> {
    pub(super) fn new(
        context: &'a ApplyContext<'a>,
        change: &'a Change,
        permit: SemaphorePermit<'a>,
    ) -> Self {
        Self {
            context,
            change,
            attempts: BTreeMap::new(),
            sent_twice: Vec::new(),
            uploaded: None,
            verified: None,
            left_file: None,
            patching: None,
            known: Vec::new(),
            deleted: false,
            deployed: None,
            jobs: Vec::new(),
            job: None,
            drains_until: None,
            permit: Some(permit),
        }
    }

    /// Returns whether a write of this step was sent that must be completed. An upload alone
    /// changes no version.
    pub(super) fn has_begun(&self) -> bool {
        self.attempts.keys().any(|call| *call != WriteKind::Upload)
    }

    /// Returns whether the effect of a write of this step may be unknown. It is known between the
    /// delete and the deploy of a replace.
    pub(super) fn is_in_doubt(&self) -> bool {
        if self.deleted {
            return self.attempts.contains_key(&WriteKind::Deploy);
        }
        self.has_begun()
    }

    /// Returns whether anything of this apply starts only after this change.
    pub(super) fn is_awaited(&self) -> bool {
        let verifies = self
            .change
            .action
            .after()
            .is_some_and(|after| after.verification.is_some());
        verifies || self.context.shared.awaited.contains(&self.change.address)
    }

    /// Releases the permit, so that another step can start: this step starts no more jobs.
    pub(super) fn release_permit(&mut self) {
        self.permit = None;
    }

    /// Waits for a permit again, after the step released it.
    pub(super) async fn acquire_permit(&mut self) {
        let permit = self.context.shared.permits.acquire().await;
        self.permit = Some(permit.expect("invariant: the permits of an apply are never closed"));
    }

    /// Sends a write, journalled, until the result is known, or the deadline is reached.
    ///
    /// `send` sends once. `look` checks for the effect of a send whose answer was lost. `check`
    /// checks the precondition again before a repetition.
    pub(super) async fn send<T, F>(
        &mut self,
        call: WriteKind,
        deadline: Instant,
        send: impl AsyncFn() -> Result<T, WriteError>,
        look: impl AsyncFn() -> Result<Option<F>, ReadError>,
        check: impl AsyncFn() -> Result<(), Outcome>,
    ) -> Result<Sent<T, F>, Outcome> {
        let (context, address) = (self.context, &self.change.address);
        let checked_at = Instant::now();
        let delivery = Delivery {
            deadline,
            propagation: if call == WriteKind::Upload {
                UPLOAD_SHOWS.min(context.settings.propagation)
            } else {
                context.settings.propagation
            },
            interrupt: &context.interrupt,
            random: &context.shared.random,
            is_ambiguous: call == WriteKind::Deploy
                && context.sent_before.contains(&self.change.identity),
        };
        let attempt = async |attempt: Attempt| {
            // A pause that the server requested ends before the send is journalled.
            match tokio::time::timeout_at(deadline, context.writer().ready()).await {
                Err(_) => return Err(Outcome::Failed(StepError::HeldBack { call })),
                Ok(Err(error)) => return Ok(Err(error)),
                Ok(Ok(())) => {}
            }
            let needs_check = if attempt.is_first {
                checked_at.elapsed() > CHECK_HOLDS
            } else {
                // The check for the effect of a deploy is also a check of its precondition. After a
                // pause, a deploy is checked again only if the pause was long: a server may have
                // accepted a request although it reports the opposite, and its own record must not
                // refuse the change.
                call != WriteKind::Deploy || attempt.pause >= CHECK_HOLDS
            };
            if needs_check {
                check().await?;
            }
            self.announce(call).await?;
            if attempt.is_ambiguous && !self.sent_twice.contains(&call) {
                self.sent_twice.push(call);
            }
            Ok(send().await)
        };
        let on_retry = |after, is_ambiguous, error: &WriteError| {
            context.emit(&ApplyEvent::Retrying {
                address: address.clone(),
                call,
                after,
                is_ambiguous,
                why: error.to_string(),
            });
        };
        let result = delivery
            .send(attempt, async || look().await.map(Effect::from), on_retry)
            .await;
        if matches!(result, Ok(Sent::Refused(_)) | Err(NoResult::NotSent(_))) {
            self.record_refusal(call).await;
        }
        result.map_err(|no_result| match no_result {
            NoResult::Stopped(outcome) => outcome,
            NoResult::NotSent(error) => Outcome::Failed(StepError::NotSent {
                call,
                source: Box::new(error),
            }),
            NoResult::Unknown(_) => Outcome::unknown(None),
        })
    }

    /// Journals that the server did not accept the last send, unless it may have accepted an
    /// earlier one. The refusal stays valid if the entry cannot be written.
    async fn record_refusal(&self, call: WriteKind) {
        if self.sent_twice.contains(&call) || !self.attempts.contains_key(&call) {
            return;
        }
        let (context, address) = (self.context, &self.change.address);
        let change = ChangeRef::of(self.change);
        let entry = Entry::Refused { change, call };
        if let Err(error) = context.journal.record((context.now_ms)(), entry).await {
            tracing::warn!(%address, %error, "the refusal could not be journalled");
        }
    }

    /// Journals a call before it is sent. Before the first call, journals the whole change.
    async fn announce(&mut self, call: WriteKind) -> Result<(), Outcome> {
        // A step that has begun is completed: a deleted version must be deployed again, and a
        // deployed version must get its declared visibility.
        if self.context.interrupt.is_raised() && !self.has_begun() {
            return Err(Outcome::Cancelled);
        }
        // Another process may be writing now.
        if !self.context.lease.is_held() {
            return Err(Outcome::Failed(StepError::LockLost { call }));
        }
        let attempt = self.attempts.get(&call).copied().unwrap_or_default() + 1;
        if call == WriteKind::Upload && attempt > 1 {
            // A large file has hundreds of parts. They may be sent again, so the journal only needs
            // to know that the upload began.
            self.attempts.insert(call, attempt);
            return Ok(());
        }
        let intent = self.attempts.is_empty().then(|| Entry::Intent {
            change: ChangeRef::of(self.change),
            action: self.change.action.clone(),
        });
        let sending = Entry::Send {
            change: ChangeRef::of(self.change),
            call,
            attempt,
            patch: self.patching.clone().filter(|_| call == WriteKind::Patch),
            known: (call == WriteKind::Deploy).then(|| self.known.clone()),
        };
        let entries = intent.into_iter().chain([sending]);
        let recorded = self
            .context
            .journal
            .record_all((self.context.now_ms)(), entries);
        recorded.await.map_err(|error| {
            Outcome::Failed(StepError::Journal {
                source: Box::new(error),
            })
        })?;
        self.attempts.insert(call, attempt);
        self.job = None;
        Ok(())
    }

    /// Journals the job that a call started, and polls it until it ends. Returns the records that
    /// it names, or `None` if there is no job, or the server does not know it: the live state
    /// decides.
    pub(super) async fn await_job(
        &mut self,
        call: WriteKind,
        job: Option<JobId>,
        deadline: Instant,
    ) -> Result<Option<Vec<SolutionId>>, JobFailure> {
        let (context, address) = (self.context, &self.change.address);
        context.emit(&ApplyEvent::JobStarted {
            address: address.clone(),
            call,
            job: job.clone(),
        });
        let Some(job) = job else { return Ok(None) };
        let index = self.jobs.len();
        self.jobs.push(StepJob {
            id: job.clone(),
            write: call,
            began_at_ms: (context.now_ms)(),
            ended_at_ms: None,
        });
        self.job = Some(job.clone());
        let entry = Entry::Job {
            change: ChangeRef::of(self.change),
            call,
            job: job.clone(),
        };
        // The server accepted the call, so its job is polled even if the entry cannot be written.
        // Without a journal, nothing more is sent.
        if let Err(error) = context.journal.record((context.now_ms)(), entry).await {
            tracing::warn!(%address, %job, %error, "the job could not be journalled");
        }
        let end = context.poll_job(address, call, &job, deadline).await;
        if matches!(end, JobEnd::Finished(_)) {
            self.jobs[index].ended_at_ms = Some((context.now_ms)());
        }
        match end {
            JobEnd::Finished(JobResult::Done { solution_ids }) => Ok(Some(solution_ids)),
            JobEnd::Finished(JobResult::Failed(message)) => {
                Err(JobFailure::Failed { job, message })
            }
            JobEnd::TimeUp {
                stopped: Stopped::OutOfTime,
                was_pending: false,
                ..
            } => Ok(None),
            JobEnd::TimeUp { last_answer, .. } => Err(JobFailure::Unknown(Outcome::Unknown {
                job: Some(job),
                last_answer,
            })),
        }
    }

    pub(super) fn not_confirmed(&self, call: WriteKind) -> Outcome {
        Outcome::Failed(StepError::NotConfirmed {
            call,
            job: self.job.clone(),
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
