//! Deploys a version: checks the precondition, sends, polls, finds the record, and patches the
//! fields that are not as declared.

use tokio::time::Instant;

use super::super::context::ApplyContext;
use super::super::report::{Done, Outcome};
use super::super::step::{JobFailure, Step, refused};
use super::super::step_error::StepError;
use crate::api::{AnyRecord, ReadError};
use crate::delivery::{Sent, Stopped, pause};
use crate::ident::{JobId, SolutionId};
use crate::live::LiveVersion;
use crate::outcome::WriteKind;
use crate::plan::{AfterImage, DeployTarget, Difference, LiveImage, PreconditionResult};

impl DeployTarget<'_> {
    /// Returns the new record that a deploy made, if one is listed.
    pub(in crate::apply) async fn find_made(
        &self,
        context: &ApplyContext<'_>,
        known: &[SolutionId],
    ) -> Result<Option<LiveVersion>, ReadError> {
        let named = context.reader.named(&self.after.identity.name).await?;
        Ok(self.made_among(named, known))
    }

    /// Returns the new record that the deploy made among the records of its name.
    fn made_among(&self, named: Vec<LiveVersion>, known: &[SolutionId]) -> Option<LiveVersion> {
        self.record_among(&without(named, known)).cloned()
    }

    /// Classifies a new record as the declared version or another solution.
    fn judge(&self, live: LiveVersion) -> Made {
        if self.is_met_by(&live) {
            return Ok(live);
        }
        Err(self.other_identity(live.identity.full_address().to_string(), live.id))
    }

    fn other_identity(&self, found: String, id: SolutionId) -> StepError {
        StepError::OtherIdentity {
            declared: Box::new(self.after.identity.clone()),
            found,
            id,
        }
    }
}

/// A record that a deploy made, or the failure of a deploy that made another solution than the
/// declared one.
pub(in crate::apply) type Made = Result<LiveVersion, StepError>;

impl ApplyContext<'_> {
    /// Reads the record that the deploy's job named. It may be one that no manifest can declare.
    pub(in crate::apply) async fn fetch_made(
        &self,
        id: &SolutionId,
        target: DeployTarget<'_>,
    ) -> Result<Option<Made>, ReadError> {
        match self.reader.get_any(id).await {
            Ok(Some(AnyRecord::Unmanageable(record))) => {
                Ok(Some(Err(target.other_identity(record.label, record.id))))
            }
            // Other records are read with retries: a read may lag behind the list.
            Ok(Some(AnyRecord::Version(live))) => Ok(Some(target.judge(live))),
            Ok(None) | Err(_) => {
                let live = self.fetch(id, &target.after.identity.name).await?;
                Ok(live.map(|live| target.judge(live)))
            }
        }
    }

    /// Returns the record that a deploy made: one of `ids`, which its job named, or a new record of
    /// the version. `known` are the records of the name before the deploy.
    pub(in crate::apply) async fn look_for_made(
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
        let mut fresh = without(self.reader.named(&declared.name).await?, known);
        fresh.retain(|live| live.identity.version == declared.version);
        // The declared version is preferred. If only another one exists, it is reported.
        let made = target.record_among(&fresh);
        let made = made.or_else(|| LiveVersion::newest(&fresh));
        Ok(made.map(|live| target.judge(live.clone())))
    }

    /// Returns the new record of another version, if there is exactly one: a package that was not
    /// inspected may contain it.
    pub(in crate::apply) async fn look_for_other_version(
        &self,
        target: DeployTarget<'_>,
        known: &[SolutionId],
    ) -> Result<Option<Made>, ReadError> {
        if target.after.package.is_some() {
            return Ok(None);
        }
        let named = self.reader.named(&target.after.identity.name).await?;
        let mut others = without(named, known);
        others.retain(|live| !self.shared.planned.contains(&live.identity));
        let other = others.pop().filter(|_| others.is_empty());
        Ok(other.map(|live| target.judge(live)))
    }
}

/// Returns the records that did not exist before a deploy.
fn without(mut named: Vec<LiveVersion>, known: &[SolutionId]) -> Vec<LiveVersion> {
    named.retain(|live| !known.contains(&live.id));
    named
}

impl Step<'_> {
    /// Fails if an earlier deploy of this package made another solution that still exists.
    async fn check_made_before(&self, path: &str, after: &AfterImage) -> Result<(), Outcome> {
        let context = self.context;
        let is_redeployed = context.options.is_redeployed(&after.identity);
        let made = context.history.made_instead(path, after, is_redeployed);
        let Some(made) = made else { return Ok(()) };
        if let Some((id, _)) = &made.record
            && context.reader.get_any(id).await?.is_none()
        {
            return Ok(());
        }
        Err(Outcome::Failed(StepError::DeployedBefore(made.problem())))
    }

    /// Deploys a version. In a replace, `replaced` is the record that was deleted before.
    pub(in crate::apply) async fn deploy(
        &mut self,
        path: &str,
        target: DeployTarget<'_>,
        replaced: Option<&SolutionId>,
    ) -> Result<Done, Outcome> {
        let DeployTarget { after, .. } = target;
        let context = self.context;
        let look = async || -> Result<(Vec<LiveVersion>, PreconditionResult), Outcome> {
            let mut named = context.reader.named(&after.identity.name).await?;
            let result = match replaced {
                Some(id) => {
                    // The record is confirmed gone: a list that still shows it lags.
                    named.retain(|live| live.id != *id);
                    target.check_redeploy(&named)
                }
                None => target.check_create(&named),
            };
            Ok((named, result))
        };
        let (named, mut result) = look().await?;
        let newest = target.record_among(&named);
        if let (PreconditionResult::Moved(_), Some(live)) = (&result, newest) {
            // The record may already be as declared, but its visibility must be read separately.
            let live = context.seen(after.visibility, live.clone()).await?;
            if after.is_proven_by(&live) {
                result = PreconditionResult::Done;
            }
        }
        let unfinished = &context.history.unfinished;
        let begun = newest.filter(|live| unfinished.contains(&live.id));
        match result {
            // An interrupted apply deployed it, and did not verify it.
            PreconditionResult::Done if after.verification.is_some() && begun.is_some() => {
                let Some(live) = begun.cloned() else {
                    return Ok(Done::already(None));
                };
                return self.complete(live, after).await;
            }
            PreconditionResult::Done => {
                return Ok(Done::already(newest.map(|live| live.id.clone())));
            }
            PreconditionResult::Moved(differences) => {
                // The record is not a conflict: an interrupted apply deployed it, and only the
                // patch is missing.
                let Some(live) = begun else {
                    return Err(Outcome::Refused(differences));
                };
                return self.complete(live.clone(), after).await;
            }
            PreconditionResult::Ready => self.check_made_before(path, after).await?,
        }
        let check = async || match look().await? {
            (_, PreconditionResult::Ready) => Ok(()),
            (_, PreconditionResult::Moved(differences)) => Err(Outcome::Refused(differences)),
            (named, PreconditionResult::Done) => {
                let made = target.record_among(&named).map(Difference::appeared);
                Err(Outcome::Refused(made.into_iter().collect()))
            }
        };
        if let Some(upload) = after.upload.as_ref().filter(|_| replaced.is_none())
            && self.upload(path, upload).await?
        {
            // The upload may have taken long.
            check().await?;
        }
        // The time of the deploy begins when its package is there.
        let deadline = Instant::now() + context.settings.deploy;
        let known = named.iter().map(|live| &live.id).chain(replaced);
        let known: Vec<SolutionId> = known.cloned().collect();
        self.known.clone_from(&known);
        let sent = self
            .send(
                WriteKind::Deploy,
                deadline,
                async || context.writer().deploy(path).await,
                async || target.find_made(context, &known).await,
                check,
            )
            .await?;
        let live = match sent {
            Sent::Refused(error) => return Err(refused(WriteKind::Deploy, error)),
            Sent::Found(live) => self.await_found(live, target, deadline).await?,
            Sent::Accepted(job) => self.await_deploy(job, target, &known, deadline).await?,
        };
        let id = live.id.clone();
        let recording = context.record_contents(&id, after);
        let (completed, ()) = tokio::join!(self.complete(live, after), recording);
        completed
    }

    /// Waits for a deploy whose answer, with the name of the job, was lost: only the record can be
    /// read. If the record still exists after `propagation`, the deploy counts as done.
    async fn await_found(
        &self,
        live: LiveVersion,
        target: DeployTarget<'_>,
        deadline: Instant,
    ) -> Result<LiveVersion, Outcome> {
        let context = self.context;
        let propagated = pause(context.settings.propagation, deadline, &context.interrupt);
        if propagated.await == Err(Stopped::Interrupted) {
            return Err(Outcome::unknown(None));
        }
        let found = context.fetch(&live.id, &live.identity.name).await;
        match found? {
            Some(live) => target.judge(live).map_err(Outcome::Failed),
            None => Err(Outcome::Failed(StepError::Vanished { id: live.id })),
        }
    }

    /// Polls a deploy's job until it ends, and finds the record that it made.
    async fn await_deploy(
        &mut self,
        job: Option<JobId>,
        target: DeployTarget<'_>,
        known: &[SolutionId],
        deadline: Instant,
    ) -> Result<LiveVersion, Outcome> {
        let context = self.context;
        let named_ids = match self.await_job(WriteKind::Deploy, job, deadline).await {
            Ok(named_ids) => named_ids,
            Err(JobFailure::Unknown(outcome)) => return Err(outcome),
            Err(JobFailure::Failed { job, message }) => {
                // If this read fails, the failure of the job is reported without the record.
                let made = target.find_made(context, known).await.ok().flatten();
                // If the deploy was sent twice, the second job may fail because of the record of
                // the first.
                if let Some(live) = &made
                    && self.sent_twice.contains(&WriteKind::Deploy)
                {
                    return self.await_found(live.clone(), target, deadline).await;
                }
                return Err(Outcome::Failed(StepError::JobFailed {
                    call: WriteKind::Deploy,
                    job,
                    message,
                    orphan: made.map(|live| live.id),
                }));
            }
        };
        if named_ids.is_some() {
            self.release_permit();
        }
        let named_ids = named_ids.unwrap_or_default();
        if !self.is_awaited()
            && let Some(live) = context.find_listed(&named_ids).await
        {
            return target.judge(live).map_err(Outcome::Failed);
        }
        let look = async || {
            let made = context.look_for_made(target, known, &named_ids).await;
            Ok(made?)
        };
        let mut made = context.until_shown(look, self.job.as_ref()).await?;
        if made.is_none() {
            made = context.look_for_other_version(target, known).await?;
        }
        match made {
            Some(made) => made.map_err(Outcome::Failed),
            None => Err(self.not_confirmed(WriteKind::Deploy)),
        }
    }

    /// Verifies the version, and patches the fields that are not confirmed equal to the declared
    /// after-image.
    async fn complete(&mut self, live: LiveVersion, after: &AfterImage) -> Result<Done, Outcome> {
        self.deployed = Some(live.id.clone());
        self.verify(&live, after).await?;
        let live = match after.verification {
            // Its runs took a while, and may have needed another state.
            Some(_) => {
                let now = self.context.fetch(&live.id, &live.identity.name).await?;
                now.unwrap_or(live)
            }
            None => live,
        };
        let deadline = Instant::now() + self.context.settings.deploy;
        let live = self.context.seen(after.visibility, live).await?;
        match after.missing_in(&live.state, live.visibility.as_ref()) {
            Some(patch) => self.patch(&LiveImage::of(&live), patch, deadline).await,
            None => Ok(Done::now(Some(live.id))),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroI64;

    use super::*;
    use crate::attribute::{LiveStateWord, State};
    use crate::ident::{Identity, Owner, SolutionName, Version};

    fn record(owner: &str, id: &str, created_at_ms: i64) -> LiveVersion {
        LiveVersion {
            id: SolutionId::parse(id).unwrap(),
            identity: Identity {
                owner: Owner::parse(owner).unwrap(),
                name: SolutionName::parse("Form").unwrap(),
                version: Version::parse("1").unwrap(),
            },
            author: None,
            state: LiveStateWord::Active,
            visibility: None,
            created_at_ms: NonZeroI64::new(created_at_ms),
            updated_at_ms: None,
        }
    }

    /// The precondition and the confirmation must find the same one of several new records.
    #[test]
    fn a_deploy_made_the_newest_record() {
        let known = [SolutionId::parse("known").unwrap()];
        let records = [
            record("team", "b", 2000),
            record("team", "a", 2000),
            record("team", "0", 1000),
            record("team", "known", 3000),
        ];
        let after = AfterImage {
            identity: records[0].identity.clone(),
            state: State::Active,
            visibility: None,
            package: None,
            upload: None,
            verification: None,
        };
        let target = DeployTarget {
            after: &after,
            other_owner: None,
        };
        for first in 0..records.len() {
            let mut named = records.to_vec();
            named.rotate_left(first);
            let made = target.made_among(named, &known).map(|live| live.id);
            assert_eq!(made, SolutionId::parse("a").ok(), "rotated by {first}");
        }
    }
}
