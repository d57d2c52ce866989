//! Checks that the successor of a version is live, right before the version is taken out of
//! service.

use tokio::time::Instant;

use super::executor::Run;
use super::report::{NotReleased, Outcome, SkipReason, StepError};
use super::wait::{Pauses, Stopped, pause};
use crate::api::{ApiErrorKind, ReadError};
use crate::ident::{SolutionId, SolutionName};
use crate::live::LiveVersion;
use crate::plan::{AfterImage, Change, LiveImage, Successor};

/// The maximum number of reads for an unknown visibility before a write.
const VISIBILITY_LOOKS: u32 = 4;

impl Run<'_> {
    /// Checks every successor of a change. A successor must be live with its full, declared
    /// after-image. An unknown state or visibility does not suffice, nor does a young record that
    /// no apply of solform confirmed.
    pub(super) async fn check_successors(&self, change: &Change) -> Result<(), Outcome> {
        for successor in &change.successors {
            let verdict = match self.brought_in(&successor.after.identity) {
                // This apply confirmed it live, so a list that does not show it lags.
                Some(id) => self.await_brought_in(successor, &id).await?,
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
        let named = self
            .reader
            .named(&successor.after.identity.name)
            .await
            .map_err(not_read)?;
        let version = &successor.after.identity.version;
        let deployed = named
            .iter()
            .find(|live| live.identity.version == *version && self.is_vouched(&live.id));
        let deployed = deployed.map(|live| &live.id);
        match successor.record_among(&named, deployed) {
            None => Ok(Err(NotReleased::NotLive)),
            Some(live) => {
                let live = self.with_visibility(&successor.after, live.clone()).await?;
                Ok(self.judge_successor(&successor.after, &live))
            }
        }
    }

    async fn await_brought_in(
        &self,
        successor: &Successor,
        id: &SolutionId,
    ) -> Result<Result<(), NotReleased>, Outcome> {
        let mut pauses = Pauses::new(self.propagation_pauses(), &self.random);
        let deadline = Instant::now() + self.settings.propagation;
        loop {
            let verdict = match self
                .fetch(id, &successor.after.identity.name)
                .await
                .map_err(not_read)?
            {
                None => Err(NotReleased::NotLive),
                Some(live) => {
                    let live = self.with_visibility(&successor.after, live).await?;
                    self.judge_successor(&successor.after, &live)
                }
            };
            if verdict.is_ok() {
                return Ok(verdict);
            }
            match pause(pauses.next(), deadline, &self.interrupt).await {
                Ok(()) => {}
                Err(Stopped::OutOfTime) => return Ok(verdict),
                Err(Stopped::Interrupted) => return Err(Outcome::Cancelled),
            }
        }
    }

    /// Returns the record of an id, or `None` if neither a read nor its list shows it. A read may
    /// lag behind a write (docs/platform.md, U10), and an error inside a success (U15) proves
    /// nothing.
    pub(super) async fn fetch(
        &self,
        id: &SolutionId,
        name: &SolutionName,
    ) -> Result<Option<LiveVersion>, ReadError> {
        match self.reader.get(id).await {
            Ok(Some(live)) => return Ok(Some(live)),
            Ok(None) => {}
            Err(error) if matches!(error.kind(), ApiErrorKind::Refused) => {}
            Err(error) => return Err(error.into()),
        }
        let named = self.reader.named(name).await?;
        Ok(named.into_iter().find(|live| live.id == *id))
    }

    /// Returns the current record of an image, with its visibility if the image has one.
    pub(super) async fn current(&self, before: &LiveImage) -> Result<Option<LiveVersion>, Outcome> {
        let mut pauses = Pauses::new(self.propagation_pauses(), &self.random);
        let deadline = Instant::now() + self.settings.propagation;
        let mut looks = 1;
        loop {
            let found = self.fetch(&before.id, &before.identity.name).await;
            let Some(mut live) = found.map_err(not_read)? else {
                return Ok(None);
            };
            let Some(planned) = &before.visibility else {
                return Ok(Some(live));
            };
            let visibility = self.reader.visibility_before_write(&live, planned).await;
            live.visibility = visibility.map_err(not_read)?;
            if live.visibility.is_some() || looks == VISIBILITY_LOOKS {
                return Ok(Some(live));
            }
            // The record may be gone while its reads lag behind.
            looks += 1;
            if pause(pauses.next(), deadline, &self.interrupt)
                .await
                .is_err()
            {
                return Ok(Some(live));
            }
        }
    }

    /// Reads the visibility if one is declared and the record has none.
    pub(super) async fn with_visibility(
        &self,
        after: &AfterImage,
        live: LiveVersion,
    ) -> Result<LiveVersion, Outcome> {
        let is_needed = after.visibility.is_some();
        self.seen(is_needed, live).await.map_err(not_read)
    }

    /// Returns a record with its visibility, if needed: from the record itself, or from lists.
    pub(super) async fn seen(
        &self,
        is_needed: bool,
        mut live: LiveVersion,
    ) -> Result<LiveVersion, ReadError> {
        if is_needed {
            live.visibility = self.reader.visibility_of(&live).await?;
        }
        Ok(live)
    }

    fn judge_successor(&self, after: &AfterImage, live: &LiveVersion) -> Result<(), NotReleased> {
        if self.in_flight.contains_key(&live.identity) {
            return Err(NotReleased::InFlight);
        }
        if self.orphaned.contains(&live.id) {
            return Err(NotReleased::Suspect);
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
        let now = i64::try_from(self.now_ms()).unwrap_or(i64::MAX);
        let is_young = live
            .created_at_ms
            .is_some_and(|created| now.saturating_sub(created) < propagation);
        if is_young && !self.is_vouched(&live.id) {
            return Err(NotReleased::TooYoung);
        }
        Ok(())
    }
}

/// Ends the step with a read error that is not retried.
pub(super) fn not_read(error: impl std::error::Error + Send + Sync + 'static) -> Outcome {
    Outcome::Failed(StepError::NotRead {
        source: Box::new(error),
    })
}
