//! Checks that the successor of a version is live, right before the version is taken out of
//! service.

use super::context::ApplyContext;
use super::report::{NotReleased, Outcome, SkipReason};
use crate::delivery::Stopped;
use crate::ident::SolutionId;
use crate::live::LiveVersion;
use crate::plan::{AfterImage, Change, Successor};

impl ApplyContext<'_> {
    /// Checks every successor of a change. A successor must be live with its full, declared
    /// after-image. An unknown state or visibility does not suffice, nor does a young record that
    /// no apply of solform confirmed.
    pub(super) async fn check_successors(&self, change: &Change) -> Result<(), Outcome> {
        for successor in &change.successors {
            let verdict = match self.confirmed_record(&successor.after.identity) {
                // This apply confirmed it live, so a list that does not show it lags.
                Some(id) => self.await_confirmed(successor, &id).await?,
                None => self.judge_listed(successor).await?,
            };
            verdict.map_err(|why| {
                Outcome::Skipped(SkipReason::SuccessorNotLive {
                    successor: successor.address.clone(),
                    why,
                })
            })?;
        }
        Ok(())
    }

    async fn judge_listed(
        &self,
        successor: &Successor,
    ) -> Result<Result<(), NotReleased>, Outcome> {
        let named = self.reader.named(&successor.after.identity.name).await?;
        let version = &successor.after.identity.version;
        let deployed = named
            .iter()
            .find(|live| live.identity.version == *version && self.is_confirmed(&live.id));
        let deployed = deployed.map(|live| &live.id);
        match successor.record_among(&named, deployed) {
            None => Ok(Err(NotReleased::NotLive)),
            Some(live) => {
                let live = self.seen(successor.after.visibility, live.clone()).await?;
                Ok(self.judge_successor(&successor.after, &live))
            }
        }
    }

    async fn await_confirmed(
        &self,
        successor: &Successor,
        id: &SolutionId,
    ) -> Result<Result<(), NotReleased>, Outcome> {
        let mut wait = self.propagation_wait();
        loop {
            let found = self.fetch(id, &successor.after.identity.name).await?;
            let verdict = match found {
                None => Err(NotReleased::NotLive),
                Some(live) => {
                    let live = self.seen(successor.after.visibility, live).await?;
                    self.judge_successor(&successor.after, &live)
                }
            };
            if verdict.is_ok() {
                return Ok(verdict);
            }
            match wait.pause().await {
                Ok(()) => {}
                Err(Stopped::OutOfTime) => return Ok(verdict),
                Err(Stopped::Interrupted) => return Err(Outcome::Cancelled),
            }
        }
    }

    fn judge_successor(&self, after: &AfterImage, live: &LiveVersion) -> Result<(), NotReleased> {
        if self.history.write_in_flight(&live.identity).is_some() {
            return Err(NotReleased::InFlight);
        }
        if self.history.orphaned.contains_key(&live.id) {
            return Err(NotReleased::Orphaned);
        }
        if after.verification.is_some() && self.confirmed_record(&after.identity).is_none() {
            return Err(NotReleased::NotVerified);
        }
        if !live.state.satisfies(after.state) {
            return Err(NotReleased::State(live.state.to_string()));
        }
        match (&after.visibility, &live.visibility) {
            (Some(_), None) => return Err(NotReleased::VisibilityNotKnown),
            (Some(declared), Some(word)) if !word.satisfies(*declared) => {
                return Err(NotReleased::Visibility(word.to_string()));
            }
            (None, _) | (Some(_), Some(_)) => {}
        }
        let propagation = i64::try_from(self.settings.propagation.as_millis()).unwrap_or(i64::MAX);
        let now = i64::try_from((self.now_ms)()).unwrap_or(i64::MAX);
        let is_young = live
            .created_at_ms
            .is_some_and(|created| now.saturating_sub(created.get()) < propagation);
        if is_young && !self.is_confirmed(&live.id) {
            return Err(NotReleased::TooYoung);
        }
        Ok(())
    }
}
