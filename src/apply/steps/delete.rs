//! Deletes a version, and confirms that it is gone.

use tokio::time::Instant;

use super::super::context::ApplyContext;
use super::super::report::{Done, Outcome};
use super::super::step::{JobFailure, Step, refused};
use super::super::step_error::StepError;
use crate::api::{ApiErrorKind, WriteError, chain};
use crate::attribute::{LiveStateWord, State};
use crate::delivery::Sent;
use crate::outcome::WriteKind;
use crate::plan::{Difference, LiveImage, Patch, PreconditionResult, check_delete, check_update};

impl Step<'_> {
    pub(in crate::apply) async fn delete(&mut self, before: &LiveImage) -> Result<Done, Outcome> {
        if is_deleted(self.context, before).await? {
            return Ok(Done::already(None));
        }
        // An interrupted delete may have deactivated the version already.
        let deactivated = self.context.history.deactivated.get(&before.id);
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
        self.check_release().await?;
        while self.drain(before, WriteKind::Delete).await? {
            if is_deleted(self.context, before).await? {
                return Ok(Done::already(None));
            }
            self.check_release().await?;
        }
        self.delete_once(before).await
    }

    /// Checks that the version may be taken out of service.
    async fn check_release(&self) -> Result<(), Outcome> {
        self.context.check_successors(self.change).await?;
        self.context.check_package(self.change).await
    }

    /// Deactivates a version whose delete was refused, and then deletes it.
    async fn delete_inactive(
        &mut self,
        before: &LiveImage,
        refusal: StepError,
    ) -> Result<Done, Outcome> {
        if is_deleted(self.context, before).await? {
            return Ok(Done::now(None));
        }
        // A job may have run for a long time since the successors were checked.
        self.check_release().await?;
        while self.drain(before, WriteKind::Patch).await? {
            if is_deleted(self.context, before).await? {
                return Ok(Done::now(None));
            }
            self.check_release().await?;
        }
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
        let ended = match is_deleted(self.context, &inactive).await {
            Ok(true) => return Ok(Done::now(None)),
            Ok(false) => self.delete_inactivated(&inactive).await,
            Err(outcome) => Err(outcome),
        };
        self.or_put_back(before, &inactive, Some(chain(&refusal)), ended)
            .await
    }

    /// Deletes a version that this step deactivated. A run may have started before that.
    async fn delete_inactivated(&mut self, inactive: &LiveImage) -> Result<Done, Outcome> {
        self.context.check_package(self.change).await?;
        while self.drain(inactive, WriteKind::Delete).await? {
            if is_deleted(self.context, inactive).await? {
                return Ok(Done::now(None));
            }
            self.context.check_package(self.change).await?;
        }
        self.delete_once(inactive).await
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
        let now = self.context.current(&inactive).await;
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
                if has_gone(&differences) {
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
        Instant::now() + self.context.settings.delete
    }

    /// Reads until the record is gone.
    async fn await_gone(&self, before: &LiveImage) -> Result<Done, Outcome> {
        let look = async || {
            let is_gone = self.context.is_gone(before).await?;
            Ok(is_gone.then_some(()))
        };
        let gone = self.context.until_shown(look, self.job.as_ref()).await?;
        gone.map(|()| Done::now(None))
            .ok_or_else(|| self.not_confirmed(WriteKind::Delete))
    }

    async fn delete_once(&mut self, before: &LiveImage) -> Result<Done, Outcome> {
        let (context, change) = (self.context, self.change);
        let deadline = self.delete_deadline();
        let sent = self
            .send(
                WriteKind::Delete,
                deadline,
                async || context.writer().delete(&before.id).await,
                async || Ok(context.is_gone(before).await?.then_some(())),
                async || {
                    if is_deleted(context, before).await? {
                        return Ok(());
                    }
                    context.check_package(change).await?;
                    context
                        .check_drained(change, before, WriteKind::Delete)
                        .await
                },
            )
            .await?;
        let job = match sent {
            Sent::Found(()) | Sent::Refused(WriteError::NotFound(_)) => {
                return self.await_gone(before).await;
            }
            Sent::Refused(error) => return Err(refused(WriteKind::Delete, error)),
            Sent::Accepted(job) => job,
        };
        match self.await_job(WriteKind::Delete, job, deadline).await {
            Ok(_) => self.await_gone(before).await,
            Err(JobFailure::Unknown(outcome)) => Err(outcome),
            // Of two deletes of one record, the other one succeeded: the record is gone.
            Err(JobFailure::Failed { .. }) if context.is_gone(before).await? => Ok(Done::now(None)),
            Err(JobFailure::Failed { job, message }) => {
                Err(Outcome::Failed(StepError::JobFailed {
                    call: WriteKind::Delete,
                    job,
                    message,
                    orphan: None,
                }))
            }
        }
    }
}

/// Checks a delete against the current record. Returns whether the record is gone.
async fn is_deleted(context: &ApplyContext<'_>, before: &LiveImage) -> Result<bool, Outcome> {
    let now = context.current(before).await?;
    let before = context.rebase(before, now.as_ref());
    Outcome::is_done(check_delete(&before, now.as_ref()))
}

/// Returns whether the outcome means that the server does not know the record.
fn is_missing(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Failed(StepError::CallRefused { source, .. }) => {
            matches!(source.downcast_ref(), Some(WriteError::NotFound(_)))
        }
        Outcome::Refused(differences) => has_gone(differences),
        _ => false,
    }
}

fn has_gone(differences: &[Difference]) -> bool {
    differences
        .iter()
        .any(|difference| matches!(difference, Difference::Gone { .. }))
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
