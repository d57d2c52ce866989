//! Deploys a version: look, send, poll, find the record, patch what is not as declared.

use tokio::time::Instant;

use super::executor::Run;
use super::release::not_read;
use super::report::{Done, Outcome, StepError};
use super::send::Sent;
use super::step::{Step, refused};
use super::wait::{JobEnd, Stopped, pause};
use crate::api::{AnyRecord, ReadError};
use crate::ident::{JobId, Owner, SolutionId};
use crate::job::JobResult;
use crate::live::LiveVersion;
use crate::outcome::WriteKind;
use crate::plan::{
    AfterImage, Difference, LiveImage, Patch, PreconditionResult, check_create, check_redeploy,
    deployed_among, is_made_by_deploy,
};

/// What a deploy is to bring about.
#[derive(Clone, Copy)]
pub(super) struct DeployTarget<'a> {
    pub(super) after: &'a AfterImage,
    pub(super) other_owner: Option<&'a Owner>,
}

impl DeployTarget<'_> {
    pub(super) fn is_met_by(&self, live: &LiveVersion) -> bool {
        is_made_by_deploy(self.after, self.other_owner, live)
    }

    /// The new record that a deploy made, where one is listed.
    pub(super) async fn find_made(
        &self,
        run: &Run<'_>,
        known: &[SolutionId],
    ) -> Result<Option<LiveVersion>, ReadError> {
        let named = run.reader.named(&self.after.identity.name).await?;
        let mut fresh = named.into_iter().filter(|live| !known.contains(&live.id));
        Ok(fresh.find(|live| self.is_met_by(live)))
    }

    /// A new record is what was to be made, or it is named as what it is.
    fn judge(&self, live: LiveVersion) -> Made {
        if self.is_met_by(&live) {
            return Made::Declared(live);
        }
        Made::Other {
            found: live.identity.full_address().to_string(),
            id: live.id,
        }
    }

    fn accept(&self, made: Made) -> Result<LiveVersion, Outcome> {
        match made {
            Made::Declared(live) => Ok(live),
            Made::Other { found, id } => Err(Outcome::Failed(self.other_identity(found, id))),
        }
    }

    /// The failure of a deploy that made another solution.
    pub(super) fn other_identity(&self, found: String, id: SolutionId) -> StepError {
        StepError::OtherIdentity {
            declared: Box::new(self.after.identity.clone()),
            found,
            id,
        }
    }
}

/// A record that a deploy made.
pub(super) enum Made {
    /// What was to be made.
    Declared(LiveVersion),
    /// Another solution.
    Other {
        /// Its identity, for people.
        found: String,
        /// Its id.
        id: SolutionId,
    },
}

impl Run<'_> {
    /// The record that a deploy's job named, also one that no manifest can declare.
    pub(super) async fn fetch_made(
        &self,
        id: &SolutionId,
        target: DeployTarget<'_>,
    ) -> Result<Option<Made>, ReadError> {
        match self.reader.get_any(id).await {
            Ok(Some(AnyRecord::Unmanageable(record))) => Ok(Some(Made::Other {
                found: record.label,
                id: record.id,
            })),
            // Everything else is read as always: a read may lag behind the list.
            Ok(Some(AnyRecord::Version(live))) => Ok(Some(target.judge(live))),
            Ok(None) | Err(_) => {
                let live = self.fetch(id, &target.after.identity.name).await?;
                Ok(live.map(|live| target.judge(live)))
            }
        }
    }

    /// What a deploy made whose job named `ids`: one of them, or a new record of the version.
    /// `known` are the records of the name before it.
    pub(super) async fn look_for_made(
        &self,
        target: DeployTarget<'_>,
        known: &[SolutionId],
        ids: &[SolutionId],
    ) -> Result<Option<Made>, ReadError> {
        for id in ids {
            if let Some(made) = self.fetch_made(id, target).await? {
                return Ok(Some(made));
            }
        }
        let declared = &target.after.identity;
        let named = self.reader.named(&declared.name).await?;
        let fresh = named
            .into_iter()
            .filter(|live| !known.contains(&live.id))
            .filter(|live| live.identity.version == declared.version);
        // The declared one is meant; where only another is there, it is named.
        let newest = fresh.min_by_key(|live| !target.is_met_by(live));
        Ok(newest.map(|live| target.judge(live)))
    }

    /// The new record of another version, where there is one and no more: a package that was not
    /// inspected may contain it.
    pub(super) async fn look_for_other_version(
        &self,
        target: DeployTarget<'_>,
        known: &[SolutionId],
    ) -> Result<Option<Made>, ReadError> {
        if target.after.package.is_some() {
            return Ok(None);
        }
        let named = self.reader.named(&target.after.identity.name).await?;
        let mut others = named
            .into_iter()
            .filter(|live| !known.contains(&live.id) && !self.planned.contains(&live.identity));
        Ok(match (others.next(), others.next()) {
            (Some(live), None) => Some(target.judge(live)),
            (None, _) | (_, Some(_)) => None,
        })
    }
}

impl Step<'_, '_> {
    /// Fails where an earlier deploy of this package made another solution that is still there:
    /// each deploy would add one more. A package that was inspected is known to be right by now.
    async fn check_made_before(&self, path: &str, after: &AfterImage) -> Result<(), Outcome> {
        let made = self.run.made_other.get(&after.identity);
        let Some(made) = made.filter(|made| made.path == path && after.package.is_none()) else {
            return Ok(());
        };
        let Some((id, found)) = &made.record else {
            return Err(Outcome::Failed(StepError::MadeUnknownBefore));
        };
        match self.run.reader.get_any(id).await {
            Ok(None) => Ok(()),
            Ok(Some(_)) => Err(Outcome::Failed(StepError::MadeOtherBefore {
                found: found.clone(),
                id: id.clone(),
            })),
            Err(error) => Err(not_read(error)),
        }
    }

    /// Deploys a version; after a delete, `replaced` is the record that it takes the place of.
    pub(super) async fn create(
        &mut self,
        path: &str,
        target: DeployTarget<'_>,
        replaced: Option<&SolutionId>,
    ) -> Result<Done, Outcome> {
        let DeployTarget { after, .. } = target;
        let run = self.run;
        let deadline = Instant::now() + run.settings.deploy;
        let name = &after.identity.name;
        let look = async || -> Result<(Vec<LiveVersion>, PreconditionResult), Outcome> {
            let mut named = run.reader.named(name).await.map_err(not_read)?;
            let result = match replaced {
                Some(id) => {
                    // It is proven to be gone: a list that still shows it lags.
                    named.retain(|live| live.id != *id);
                    check_redeploy(after, target.other_owner, &named)
                }
                None => check_create(after, target.other_owner, &named),
            };
            Ok((named, result))
        };
        let (named, mut result) = look().await?;
        let newest = deployed_among(after, target.other_owner, &named);
        if let (PreconditionResult::Moved(_), Some(live)) = (&result, newest) {
            // The record may be all that is declared, with a visibility that must be asked for.
            let live = run.with_visibility(after, live.clone()).await?;
            if after.is_proven_by(&live) {
                result = PreconditionResult::Done;
            }
        }
        match result {
            PreconditionResult::Done => {
                return Ok(Done::already(newest.map(|live| live.id.clone())));
            }
            PreconditionResult::Moved(differences) => {
                // Nobody has moved it: an interrupted run deployed it, and the patch is left.
                let begun = newest.filter(|live| run.unfinished.contains(&live.id));
                let Some(live) = begun else {
                    return Err(Outcome::Refused(differences));
                };
                return self.complete(live.clone(), after, deadline).await;
            }
            PreconditionResult::Ready => self.check_made_before(path, after).await?,
        }
        let known: Vec<SolutionId> = named
            .iter()
            .map(|live| live.id.clone())
            .chain(replaced.cloned())
            .collect();
        self.known.clone_from(&known);
        let sent = self
            .send(
                WriteKind::Deploy,
                deadline,
                async || run.writer.deploy(path).await,
                async || target.find_made(run, &known).await,
                async || match look().await? {
                    (_, PreconditionResult::Ready) => Ok(()),
                    (_, PreconditionResult::Moved(differences)) => {
                        Err(Outcome::Refused(differences))
                    }
                    (named, PreconditionResult::Done) => {
                        let made = deployed_among(after, target.other_owner, &named).map(appeared);
                        Err(Outcome::Refused(made.into_iter().collect()))
                    }
                },
            )
            .await?;
        let live = match sent {
            Sent::Refused(error) => return Err(refused(WriteKind::Deploy, error)),
            Sent::Found(live) => self.await_found(live, target, deadline).await?,
            Sent::Taken(job) => self.await_deploy(job, target, &known, deadline).await?,
        };
        self.complete(live, after, deadline).await
    }

    /// The answer with the job's name is lost, so that the record is all that can be watched: where
    /// it is still there once `propagation` is over, its deploy is taken to be done.
    async fn await_found(
        &self,
        live: LiveVersion,
        target: DeployTarget<'_>,
        deadline: Instant,
    ) -> Result<LiveVersion, Outcome> {
        let run = self.run;
        if pause(run.settings.propagation, deadline, &run.interrupt).await
            == Err(Stopped::Interrupted)
        {
            return Err(Outcome::Unknown {
                job: None,
                said: None,
            });
        }
        match run
            .fetch(&live.id, &live.identity.name)
            .await
            .map_err(not_read)?
        {
            Some(live) => target.accept(target.judge(live)),
            None => Err(Outcome::Failed(StepError::Vanished { id: live.id })),
        }
    }

    /// Follows a deploy's job to its end, and finds what it made.
    async fn await_deploy(
        &mut self,
        job: Option<JobId>,
        target: DeployTarget<'_>,
        known: &[SolutionId],
        deadline: Instant,
    ) -> Result<LiveVersion, Outcome> {
        let run = self.run;
        let mut named_ids = Vec::new();
        if let Some(job) = self.start_job(WriteKind::Deploy, job).await {
            let end = run
                .poll_job(&self.change.address, WriteKind::Deploy, &job, deadline)
                .await;
            match end {
                JobEnd::Finished(JobResult::Done { solution_ids }) => {
                    named_ids = solution_ids;
                    self.release_permit();
                }
                JobEnd::Finished(JobResult::Failed { message }) => {
                    // Best effort: the failure is told in any case.
                    let made = target.find_made(run, known).await.ok().flatten();
                    // The second of two sendings fails over what the first one made.
                    if let Some(live) = &made
                        && self.sent_twice.contains(&WriteKind::Deploy)
                    {
                        return self.await_found(live.clone(), target, deadline).await;
                    }
                    let suspect = made.map(|live| live.id);
                    return Err(Outcome::Failed(StepError::JobFailed {
                        call: WriteKind::Deploy,
                        job,
                        message,
                        suspect,
                    }));
                }
                JobEnd::TimeUp {
                    stopped: Stopped::OutOfTime,
                    was_pending: false,
                    ..
                } => {}
                JobEnd::TimeUp { said, .. } => {
                    return Err(Outcome::Unknown {
                        job: Some(job),
                        said,
                    });
                }
            }
        }
        self.confirm_deploy(target, known, &named_ids).await
    }

    async fn confirm_deploy(
        &self,
        target: DeployTarget<'_>,
        known: &[SolutionId],
        named_ids: &[SolutionId],
    ) -> Result<LiveVersion, Outcome> {
        let run = self.run;
        let look = async || {
            let made = run.look_for_made(target, known, named_ids).await;
            made.map_err(not_read)
        };
        let mut made = self.until_shown(look).await?;
        if made.is_none() {
            let other = run.look_for_other_version(target, known).await;
            made = other.map_err(not_read)?;
        }
        if let Some(made) = made {
            return target.accept(made);
        }
        Err(self.not_confirmed(WriteKind::Deploy))
    }

    /// Patches what is not proven equal to the declared after-image.
    async fn complete(
        &mut self,
        live: LiveVersion,
        after: &AfterImage,
        deadline: Instant,
    ) -> Result<Done, Outcome> {
        let live = self.run.with_visibility(after, live).await?;
        if after.is_proven_by(&live) {
            return Ok(Done::now(Some(live.id)));
        }
        let state = Some(after.state).filter(|state| !live.state.satisfies(*state));
        let visibility = after.visibility.filter(|declared| {
            !live
                .visibility
                .as_ref()
                .is_some_and(|word| word.satisfies(*declared))
        });
        match Patch::new(state, visibility) {
            Some(patch) => self.patch(&LiveImage::of(&live), patch, deadline).await,
            None => Ok(Done::now(Some(live.id))),
        }
    }
}

/// The difference that a record makes which the plan did not see.
fn appeared(live: &LiveVersion) -> Difference {
    Difference::Appeared {
        id: live.id.clone(),
        state: live.state.as_str().to_owned(),
    }
}
