//! Deletes a version, and proves that it is gone.

use tokio::time::Instant;

use super::event::Call;
use super::executor::Run;
use super::release::not_read;
use super::report::{Done, Outcome, StepError};
use super::send::Sent;
use super::step::{Step, refused};
use super::wait::{JobEnd, Stopped};
use crate::api::{ApiErrorKind, WriteError};
use crate::attribute::{LiveStateWord, State};
use crate::job::JobResult;
use crate::plan::{Difference, LiveImage, Patch, Standing, stand_delete, stand_update};

impl Step<'_, '_> {
    pub(super) async fn delete(&mut self, before: &LiveImage) -> Result<Done, Outcome> {
        match self.check_delete(before).await? {
            Standing::Done => return Ok(Done::already(None)),
            Standing::Moved(differences) => return Err(Outcome::Refused(differences)),
            Standing::Ready => {}
        }
        self.run.check_successors(self.change).await?;
        match self.delete_once(before).await {
            // Some servers delete only what is out of service (docs/platform.md, U6).
            Err(Outcome::Failed(error)) if is_refusal(&error) && before.state.is_in_service() => {
                self.delete_inactive(before, error).await
            }
            ended => ended,
        }
    }

    /// Checks an image against the record as it is now.
    async fn check_delete(&self, before: &LiveImage) -> Result<Standing, Outcome> {
        check_delete(self.run, before).await
    }

    /// Takes a version out of service whose delete was refused, and deletes it then. Where it cannot be
    /// deleted either, it is put back into service.
    async fn delete_inactive(
        &mut self,
        before: &LiveImage,
        refusal: StepError,
    ) -> Result<Done, Outcome> {
        match self.check_delete(before).await? {
            Standing::Done => return Ok(Done::now(None)),
            Standing::Moved(differences) => return Err(Outcome::Refused(differences)),
            Standing::Ready => {}
        }
        // A job may have run for long since the successors were checked.
        self.run.check_successors(self.change).await?;
        let Some(patch) = Patch::new(Some(State::Inactive), None) else {
            return Err(Outcome::Failed(refusal));
        };
        match self.patch(before, patch, self.delete_deadline()).await {
            Ok(_) => {}
            // It was gone before, and reads lag behind (docs/platform.md, U5, U10).
            Err(outcome) if is_missing(&outcome) => return self.await_gone(before).await,
            Err(outcome) => return Err(outcome),
        }
        let inactive = LiveImage {
            state: LiveStateWord::Inactive,
            ..before.clone()
        };
        let ended = match self.check_delete(&inactive).await {
            Ok(Standing::Done) => return Ok(Done::now(None)),
            Ok(Standing::Moved(differences)) => Err(Outcome::Refused(differences)),
            Ok(Standing::Ready) => self.delete_once(&inactive).await,
            Err(outcome) => Err(outcome),
        };
        match ended {
            Ok(done) => Ok(done),
            // Its job may still delete the version.
            Err(outcome @ Outcome::Unknown { .. }) => Err(outcome),
            Err(outcome) => self.put_back(before, inactive, &refusal, &outcome).await,
        }
    }

    /// Puts a version back into service that could not be deleted out of service either.
    ///
    /// A visibility that cannot be learned does not prevent this: it restores what was reviewed.
    async fn put_back(
        &mut self,
        before: &LiveImage,
        mut inactive: LiveImage,
        first: &StepError,
        second: &Outcome,
    ) -> Result<Done, Outcome> {
        let Some(patch) = Patch::new(Some(State::Active), None) else {
            return Ok(Done::already(None));
        };
        let now = self.run.current(&inactive).await;
        if let Ok(Some(live)) = &now
            && live.visibility.is_none()
        {
            inactive.visibility = None;
        }
        let restored = match now.map(|live| stand_update(&inactive, patch, live.as_ref())) {
            Ok(Standing::Ready) => self
                .patch(&inactive, patch, self.delete_deadline())
                .await
                .map(drop),
            Ok(Standing::Done) => Ok(()),
            Ok(Standing::Moved(differences)) => {
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
        Err(Outcome::Failed(StepError::NotDeleted {
            id: before.id.clone(),
            first: first.chain(),
            second: second.why().unwrap_or_default(),
            left_inactive: restored
                .err()
                .map(|outcome| outcome.why().unwrap_or_default()),
        }))
    }

    /// Each delete has the time of a whole one, its job included.
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
            .ok_or_else(|| self.not_confirmed(Call::Delete))
    }

    async fn delete_once(&mut self, before: &LiveImage) -> Result<Done, Outcome> {
        let run = self.run;
        let deadline = self.delete_deadline();
        let id = &before.id;
        let sent = self
            .send(
                Call::Delete,
                deadline,
                async || run.writer.delete(id).await,
                async || {
                    Ok(run
                        .fetch(id, &before.identity.name)
                        .await?
                        .is_none()
                        .then_some(()))
                },
                async || match check_delete(run, before).await? {
                    Standing::Ready | Standing::Done => Ok(()),
                    Standing::Moved(differences) => Err(Outcome::Refused(differences)),
                },
            )
            .await?;
        match sent {
            Sent::Found(()) | Sent::Refused(WriteError::NotFound(_)) => {}
            Sent::Refused(error) => return Err(refused(Call::Delete, error)),
            Sent::Taken(job) => {
                if let Some(job) = self.start_job(Call::Delete, job).await {
                    let end = run
                        .poll_job(&self.change.address, Call::Delete, &job, deadline)
                        .await;
                    match end {
                        JobEnd::Finished(JobResult::Done { .. })
                        | JobEnd::TimeUp {
                            stopped: Stopped::OutOfTime,
                            was_pending: false,
                            ..
                        } => {}
                        JobEnd::Finished(JobResult::Failed { message }) => {
                            // Two deletes of one record: the other one won, and it is gone.
                            if run
                                .fetch(id, &before.identity.name)
                                .await
                                .map_err(not_read)?
                                .is_none()
                            {
                                return Ok(Done::now(None));
                            }
                            return Err(Outcome::Failed(StepError::JobFailed {
                                call: Call::Delete,
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

/// Judges a delete by the record as it is now.
async fn check_delete(run: &Run<'_>, before: &LiveImage) -> Result<Standing, Outcome> {
    let now = run.current(before).await?;
    Ok(stand_delete(
        &run.rebase(before, now.as_ref()),
        now.as_ref(),
    ))
}

/// Whether the server knows no such record.
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

/// Whether the server would not delete this version as it is, as opposed to could not be asked, or
/// does not let this caller delete anything: then nothing is to be taken out of service either.
fn is_refusal(error: &StepError) -> bool {
    match error {
        StepError::JobFailed {
            call: Call::Delete, ..
        } => true,
        StepError::CallRefused {
            call: Call::Delete,
            source,
        } => source.downcast_ref().is_some_and(|error: &WriteError| {
            let api = error.api();
            *api.kind() == ApiErrorKind::Refused
                || matches!(api.status(), Some(400 | 409 | 412 | 422 | 423))
        }),
        _ => false,
    }
}
