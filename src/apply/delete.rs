//! Deletes a version, and proves that it is gone.

use tokio::time::Instant;

use super::event::Call;
use super::release::not_read;
use super::report::{Done, Outcome, StepError};
use super::send::Sent;
use super::step::{Step, refused};
use super::wait::{JobEnd, Stopped};
use crate::api::{ApiErrorKind, WriteError};
use crate::attribute::State;
use crate::job::JobResult;
use crate::plan::{LiveImage, Patch, Standing, stand_delete};

impl Step<'_, '_> {
    pub(super) async fn delete(&mut self, before: &LiveImage) -> Result<Done, Outcome> {
        let run = self.run;
        let deadline = Instant::now() + run.settings.delete;
        let now = run
            .fetch(&before.id, &before.identity.name)
            .await
            .map_err(not_read)?;
        match stand_delete(&run.rebase(before, now.as_ref()), now.as_ref()) {
            Standing::Done => return Ok(Done::already(None)),
            Standing::Moved(differences) => return Err(Outcome::Refused(differences)),
            Standing::Ready => {}
        }
        run.check_successors(self.change).await?;
        match self.delete_once(before, deadline).await {
            // Some servers delete only what is out of service (api-facts U6).
            Err(Outcome::Failed(error)) if is_refusal(&error) => {
                let Some(live) = run
                    .fetch(&before.id, &before.identity.name)
                    .await
                    .map_err(not_read)?
                else {
                    return Ok(Done::now(None));
                };
                let Some(patch) =
                    Patch::new(Some(State::Inactive), None).filter(|_| live.state.is_in_service())
                else {
                    return Err(Outcome::Failed(error));
                };
                match self.patch(&live, patch, deadline).await {
                    Ok(_) => match self.delete_once(before, deadline).await {
                        Err(Outcome::Failed(error)) => {
                            Err(Outcome::Failed(StepError::OnlyDeactivated {
                                source: Box::new(error),
                            }))
                        }
                        ended => ended,
                    },
                    // It was gone before, and reads lag behind (api-facts U5, U10).
                    Err(outcome) if is_missing(&outcome) => self.await_gone(before).await,
                    Err(outcome) => Err(outcome),
                }
            }
            ended => ended,
        }
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

    async fn delete_once(
        &mut self,
        before: &LiveImage,
        deadline: Instant,
    ) -> Result<Done, Outcome> {
        let run = self.run;
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

/// Whether the server knows no such record.
fn is_missing(outcome: &Outcome) -> bool {
    matches!(
        outcome,
        Outcome::Failed(StepError::CallRefused { source, .. })
            if matches!(source.downcast_ref(), Some(WriteError::NotFound(_)))
    )
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
