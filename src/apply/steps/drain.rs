//! Handles the RUNNING runs of a version right before a write takes the version away from them.

use std::error::Error;

use tokio::time::Instant;

use super::super::context::ApplyContext;
use super::super::event::ApplyEvent;
use super::super::report::Outcome;
use super::super::step::Step;
use super::super::step_error::StepError;
use crate::api::ApiError;
use crate::delivery::{Pauses, Stopped, pause};
use crate::ident::JobId;
use crate::job::RunFilter;
use crate::manifest::{Drain, DrainMode};
use crate::outcome::WriteKind;
use crate::plan::{Change, LiveImage};

/// The reason why it is not known which runs of a version are RUNNING.
enum Unseen {
    /// Their list could not be read.
    NotRead(ApiError),
    /// Their list may not contain all runs.
    Incomplete(String),
}

impl Unseen {
    /// Returns whether a later read may succeed.
    fn may_pass(&self) -> bool {
        match self {
            Self::NotRead(error) => error.is_retryable(),
            Self::Incomplete(_) => false,
        }
    }
}

impl Step<'_> {
    /// Handles the RUNNING runs of a record before a call, as `drain` declares: waits until there
    /// are none, or fails. Returns whether it waited, so that the precondition must be checked
    /// again.
    ///
    /// Each look has the permit of the step, and comes right before the call. A wait does not hold
    /// the permit.
    pub(in crate::apply) async fn drain(
        &mut self,
        before: &LiveImage,
        call: WriteKind,
    ) -> Result<bool, Outcome> {
        let context = self.context;
        let Some(drain) = drain_of(self.change, before) else {
            return Ok(false);
        };
        let limit = drain.limit(context.settings.run);
        // The limit is that of the whole step, whatever its number of writes.
        let until = *self
            .drains_until
            .get_or_insert_with(|| Instant::now() + limit);
        let mut pauses = Pauses::new(context.settings.poll, &context.shared.random);
        let mut last_count = None;
        let mut has_waited = false;
        loop {
            let is_last = drain.mode == DrainMode::Fail || Instant::now() >= until;
            match context.running_runs(before, drain).await {
                Ok(runs) if runs.is_empty() => return Ok(has_waited),
                Ok(runs) if is_last => return Err(still_running(drain, call, runs)),
                Ok(runs) => {
                    if last_count != Some(runs.len()) {
                        last_count = Some(runs.len());
                        context.emit(&ApplyEvent::WaitingForRuns {
                            address: self.change.address.clone(),
                            runs: runs.len(),
                        });
                    }
                }
                Err(why) if is_last || !why.may_pass() => return Err(not_known(call, why)),
                Err(_) => {}
            }
            has_waited = true;
            self.release_permit();
            let over = pause(pauses.next(), until, &context.interrupt);
            tokio::select! {
                biased;
                // Nothing was written, so nothing must be completed.
                () = context.interrupt.raised(), if !self.has_begun() => {
                    return Err(Outcome::Cancelled);
                }
                ended = over => if ended == Err(Stopped::Interrupted) {
                    return Err(Outcome::unknown(None));
                },
            }
            self.acquire_permit().await;
        }
    }
}

impl ApplyContext<'_> {
    /// Fails if a run of a record is RUNNING: a write that is sent again must not take the version
    /// away from a run that started meanwhile.
    pub(in crate::apply) async fn check_drained(
        &self,
        change: &Change,
        before: &LiveImage,
        call: WriteKind,
    ) -> Result<(), Outcome> {
        let Some(drain) = drain_of(change, before) else {
            return Ok(());
        };
        match self.running_runs(before, drain).await {
            Ok(runs) if runs.is_empty() => Ok(()),
            Ok(runs) => Err(still_running(drain, call, runs)),
            Err(why) => Err(not_known(call, why)),
        }
    }

    /// Returns the RUNNING runs of a record.
    async fn running_runs(&self, before: &LiveImage, drain: &Drain) -> Result<Vec<JobId>, Unseen> {
        let filter = RunFilter::running(&before.id, drain.spaces.iter().cloned());
        let list = self.reader.runs(&filter).await.map_err(Unseen::NotRead)?;
        match list.incomplete {
            Some(why) => Err(Unseen::Incomplete(why)),
            None => Ok(list.runs.into_iter().map(|run| run.id).collect()),
        }
    }
}

/// Returns the handling of RUNNING runs, if the record is the one of the plan. A record that the
/// step itself deployed has only the runs of its verification.
fn drain_of<'a>(change: &'a Change, before: &LiveImage) -> Option<&'a Drain> {
    let (drain, record) = change.drained()?;
    (*record == before.id).then_some(drain)
}

fn still_running(drain: &Drain, call: WriteKind, runs: Vec<JobId>) -> Outcome {
    Outcome::Failed(StepError::RunsInProgress {
        mode: drain.mode,
        call,
        runs,
    })
}

fn not_known(call: WriteKind, why: Unseen) -> Outcome {
    let source: Box<dyn Error + Send + Sync> = match why {
        Unseen::NotRead(error) => Box::new(error),
        Unseen::Incomplete(why) => why.into(),
    };
    Outcome::Failed(StepError::RunsNotKnown { call, source })
}
