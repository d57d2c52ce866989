//! Deletes a version, and confirms that it is gone.

use tokio::time::Instant;

use super::executor::Run;
use super::release::not_read;
use super::report::{Done, Outcome, StepError};
use super::send::Sent;
use super::step::{Step, refused};
use super::wait::{JobEnd, Stopped};
use crate::api::{ApiErrorKind, WriteError};
use crate::attribute::{LiveStateWord, State};
use crate::job::JobResult;
use crate::outcome::WriteKind;
use crate::plan::{Difference, LiveImage, Patch, PreconditionResult, check_delete, check_update};

impl Step<'_, '_> {
    pub(super) async fn delete(&mut self, before: &LiveImage) -> Result<Done, Outcome> {
        match self.recheck_delete(before).await? {
            PreconditionResult::Done => return Ok(Done::already(None)),
            PreconditionResult::Moved(differences) => return Err(Outcome::Refused(differences)),
            PreconditionResult::Ready => {}
        }
        // An interrupted delete may have deactivated the version already.
        let deactivated = self.run.deactivated.get(&before.id);
        match deactivated.filter(|_| before.state == LiveStateWord::Inactive) {
            Some(state) => {
                let active = LiveImage {
                    state: state.clone(),
                    ..before.clone()
                };
                let ended = self.delete_ready(before).await;
                self.or_put_back(&active, before, None, ended).await
            }
            None => match self.delete_ready(before).await {
                // Some servers delete only versions that are out of service (docs/platform.md, U6).
                Err(Outcome::Failed(error))
                    if is_refusal(&error) && before.state.is_in_service() =>
                {
                    self.delete_inactive(before, error).await
                }
                ended => ended,
            },
        }
    }

    /// Deletes a version whose record is as planned.
    async fn delete_ready(&mut self, before: &LiveImage) -> Result<Done, Outcome> {
        self.run.check_successors(self.change).await?;
        self.run.check_package(self.change).await?;
        self.delete_once(before).await
    }

    /// Checks an image against the current record.
    async fn recheck_delete(&self, before: &LiveImage) -> Result<PreconditionResult, Outcome> {
        recheck_delete(self.run, before).await
    }

    /// Deactivates a version whose delete was refused, and then deletes it.
    async fn delete_inactive(
        &mut self,
        before: &LiveImage,
        refusal: StepError,
    ) -> Result<Done, Outcome> {
        match self.recheck_delete(before).await? {
            PreconditionResult::Done => return Ok(Done::now(None)),
            PreconditionResult::Moved(differences) => return Err(Outcome::Refused(differences)),
            PreconditionResult::Ready => {}
        }
        // A job may have run for a long time since the successors were checked.
        self.run.check_successors(self.change).await?;
        self.run.check_package(self.change).await?;
        let Some(patch) = Patch::new(Some(State::Inactive), None) else {
            return Err(Outcome::Failed(refusal));
        };
        match self.patch(before, patch, self.delete_deadline()).await {
            Ok(_) => {}
            // The version was already gone, and reads lag behind (docs/platform.md, U5, U10).
            Err(outcome) if is_missing(&outcome) => return self.await_gone(before).await,
            Err(outcome) => return Err(outcome),
        }
        let inactive = LiveImage {
            state: LiveStateWord::Inactive,
            ..before.clone()
        };
        let ended = match self.recheck_delete(&inactive).await {
            Ok(PreconditionResult::Done) => return Ok(Done::now(None)),
            Ok(PreconditionResult::Moved(differences)) => Err(Outcome::Refused(differences)),
            Ok(PreconditionResult::Ready) => match self.run.check_package(self.change).await {
                Ok(()) => self.delete_once(&inactive).await,
                Err(outcome) => Err(outcome),
            },
            Err(outcome) => Err(outcome),
        };
        self.or_put_back(before, &inactive, Some(refusal.chain()), ended)
            .await
    }

    /// Restores a version that solform deactivated for a delete that then failed. `first` is the
    /// reason why the version could not be deleted in service, if this apply tried that.
    async fn or_put_back(
        &mut self,
        active: &LiveImage,
        inactive: &LiveImage,
        first: Option<String>,
        ended: Result<Done, Outcome>,
    ) -> Result<Done, Outcome> {
        match ended {
            Ok(done) => Ok(done),
            // The delete job may still be running, or nothing more may be sent.
            Err(outcome @ (Outcome::Unknown { .. } | Outcome::Cancelled)) => Err(outcome),
            Err(outcome) => {
                self.put_back(active, inactive.clone(), first, outcome)
                    .await
            }
        }
    }

    /// An unknown visibility does not prevent this: the restored state was reviewed before.
    ///
    /// A PATCH sets ACTIVE or INACTIVE only (docs/platform.md, 8.23): ACTIVE is the nearest to any
    /// other state in service.
    async fn put_back(
        &mut self,
        before: &LiveImage,
        mut inactive: LiveImage,
        first: Option<String>,
        second: Outcome,
    ) -> Result<Done, Outcome> {
        let Some(patch) = Patch::new(Some(State::Active), None) else {
            return Err(second);
        };
        let now = self.run.current(&inactive).await;
        if let Ok(Some(live)) = &now
            && live.visibility.is_none()
        {
            inactive.visibility = None;
        }
        let restored = match now.map(|live| check_update(&inactive, patch, live.as_ref())) {
            Ok(PreconditionResult::Ready) => self
                .patch(&inactive, patch, self.delete_deadline())
                .await
                .map(drop),
            Ok(PreconditionResult::Done) => Ok(()),
            Ok(PreconditionResult::Moved(differences)) => {
                if differences
                    .iter()
                    .any(|difference| matches!(difference, Difference::Gone { .. }))
                {
                    return Ok(Done::now(None));
                }
                Err(Outcome::Refused(differences))
            }
            Err(outcome) => Err(outcome),
        };
        let is_as_before = restored.is_ok() && before.state == LiveStateWord::Active;
        if is_as_before && !matches!(second, Outcome::Failed(_)) {
            return Err(second);
        }
        Err(Outcome::Failed(StepError::NotDeleted {
            id: before.id.clone(),
            first,
            second: second.why().unwrap_or_default(),
            state: before.state.clone(),
            left_inactive: restored
                .err()
                .map(|outcome| outcome.why().unwrap_or_default()),
        }))
    }

    /// Returns the deadline of a delete that starts now, its job included.
    fn delete_deadline(&self) -> Instant {
        Instant::now() + self.run.settings.delete
    }

    /// Reads until the record is gone.
    async fn await_gone(&self, before: &LiveImage) -> Result<Done, Outcome> {
        let run = self.run;
        let look = async || {
            let now = run
                .fetch(&before.id, &before.identity.name)
                .await
                .map_err(not_read)?;
            Ok(now.is_none().then_some(()))
        };
        self.until_shown(look)
            .await?
            .map(|()| Done::now(None))
            .ok_or_else(|| self.not_confirmed(WriteKind::Delete))
    }

    async fn delete_once(&mut self, before: &LiveImage) -> Result<Done, Outcome> {
        let run = self.run;
        let change = self.change;
        let deadline = self.delete_deadline();
        let id = &before.id;
        let sent = self
            .send(
                WriteKind::Delete,
                deadline,
                async || run.writer.delete(id).await,
                async || {
                    Ok(run
                        .fetch(id, &before.identity.name)
                        .await?
                        .is_none()
                        .then_some(()))
                },
                async || match recheck_delete(run, before).await? {
                    PreconditionResult::Ready => run.check_package(change).await,
                    PreconditionResult::Done => Ok(()),
                    PreconditionResult::Moved(differences) => Err(Outcome::Refused(differences)),
                },
            )
            .await?;
        match sent {
            Sent::Found(()) | Sent::Refused(WriteError::NotFound(_)) => {}
            Sent::Refused(error) => return Err(refused(WriteKind::Delete, error)),
            Sent::Taken(job) => {
                if let Some(job) = self.start_job(WriteKind::Delete, job).await {
                    let end = run
                        .poll_job(&self.change.address, WriteKind::Delete, &job, deadline)
                        .await;
                    match end {
                        JobEnd::Finished(JobResult::Done { .. })
                        | JobEnd::TimeUp {
                            stopped: Stopped::OutOfTime,
                            was_pending: false,
                            ..
                        } => {}
                        JobEnd::Finished(JobResult::Failed { message }) => {
                            // Of two deletes of one record, the other one succeeded: the record is
                            // gone.
                            if run
                                .fetch(id, &before.identity.name)
                                .await
                                .map_err(not_read)?
                                .is_none()
                            {
                                return Ok(Done::now(None));
                            }
                            return Err(Outcome::Failed(StepError::JobFailed {
                                call: WriteKind::Delete,
                                job,
                                message,
                                suspect: None,
                            }));
                        }
                        JobEnd::TimeUp { said, .. } => {
                            return Err(Outcome::Unknown {
                                job: Some(job),
                                said,
                            });
                        }
                    }
                }
            }
        }
        self.await_gone(before).await
    }
}

/// Checks a delete against the current record.
async fn recheck_delete(run: &Run<'_>, before: &LiveImage) -> Result<PreconditionResult, Outcome> {
    let now = run.current(before).await?;
    Ok(check_delete(
        &run.rebase(before, now.as_ref()),
        now.as_ref(),
    ))
}

/// Returns whether the outcome means that the server does not know the record.
fn is_missing(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Failed(StepError::CallRefused { source, .. }) => {
            matches!(source.downcast_ref(), Some(WriteError::NotFound(_)))
        }
        Outcome::Refused(differences) => differences
            .iter()
            .any(|difference| matches!(difference, Difference::Gone { .. })),
        _ => false,
    }
}

/// Returns whether the server refused to delete this version in its current state. False if the
/// server was unreachable, or if this caller may not delete anything: then the version must not be
/// taken out of service either.
fn is_refusal(error: &StepError) -> bool {
    match error {
        StepError::JobFailed {
            call: WriteKind::Delete,
            ..
        } => true,
        StepError::CallRefused {
            call: WriteKind::Delete,
            source,
        } => source.downcast_ref().is_some_and(|error: &WriteError| {
            let api = error.api();
            *api.kind() == ApiErrorKind::Refused
                || matches!(api.status(), Some(400 | 409 | 412 | 422 | 423))
        }),
        _ => false,
    }
}
